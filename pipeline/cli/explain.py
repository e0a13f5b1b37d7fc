"""`pipeline explain`: what an embedding knows that was transferred, and one that was not."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from pipeline.cli.arguments import OVERRIDES, config_of
from pipeline.cli.terminal import print_run, print_table, quiet_start, trial_display


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@OVERRIDES
def explain(as_json: bool, overrides: tuple[str, ...]) -> None:
    """Look at what the embedding knows: from scratch, frozen and fine-tuned, side by side.

    \b
      pipeline explain data=stop_clickbait data.path=FOLDER
      pipeline explain data=file data.path=my.csv explain.seeds=3 insight.words=[alps,snow]

    Trains each start several times on all training headlines, and measures how close headlines are
    that mean the same in other words, how well the words agree with people's judgements, and how
    far training moved them. Pictures and tables are in one MLflow run with a run below it for each
    start and seed; one that was cut off goes on when the same command is given again.
    """
    config = config_of(overrides)
    with quiet_start():
        from pipeline import report
        from pipeline.data.headlines import load_headlines
        from pipeline.studies.explain import explain as run_explanation

    headlines = load_headlines(**asdict(config.data))
    with trial_display("explain") as on_trial:
        found = run_explanation(
            headlines,
            config.explain,
            vectors=config.vectors,
            model=config.model,
            training=config.training,
            tracking=config.tracking,
            probes=config.insight.probes,
            words=config.insight.words,
            seed=config.seed,
            parameters=asdict(config),
            on_trial=on_trial,
        )
    if as_json:
        rows = report.metrics_over_seeds(found.reports).to_dict("records")
        metrics = [{k: None if v != v else v for k, v in row.items()} for row in rows]
        sentence = report.explanation_sentence(found.reports)
        click.echo(json.dumps({"metrics": metrics, "in_words": sentence}))
        return
    print_table(*report.explanation_rows(found.reports))
    click.echo()
    click.echo(report.explanation_sentence(found.reports))
    click.echo()
    print_run(found.run_id, found.experiment_id, found.tracking_uri)
