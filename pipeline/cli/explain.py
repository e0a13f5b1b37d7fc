"""`pipeline explain`: what a transferred embedding knows, and what one from scratch knows."""

from __future__ import annotations

from dataclasses import asdict

import click

from pipeline.cli.arguments import (
    JSON,
    OVERRIDES,
    RunCommand,
    load_command_config,
    load_command_headlines,
)
from pipeline.cli.progress import trial_display
from pipeline.cli.signals import Interrupts
from pipeline.cli.terminal import (
    print_facts,
    print_json,
    print_report,
    print_run,
    print_table,
    quiet_start,
)


@click.command(cls=RunCommand)
@JSON
@OVERRIDES
@click.pass_obj
def explain(interrupts: Interrupts, as_json: bool, overrides: tuple[str, ...]) -> None:
    """Show what the embedding has learned.

    \b
      pipeline explain data=stop_clickbait data.path=FOLDER
      pipeline explain data=file data.path=my.csv explain.seeds=3 'insight.words=[alps,snow]'

    It trains from scratch, with frozen and with fine-tuned vectors, several times each on all
    training headlines. Then it measures three things: how close headlines are that mean the same
    in other words, how well the words agree with people's judgements, and how far training moved
    them. One MLflow run has the tables and pictures, with a run below it for each method and seed.
    A run that was cut off goes on when the same command is given again.
    """
    config = load_command_config("explain", overrides)
    headlines = load_command_headlines(config)
    with quiet_start():
        from pipeline import report
        from pipeline.studies.explain import explain as run_explanation

    with trial_display("explain") as on_trial:
        explanation = run_explanation(
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
            on_trial=interrupts.checked(on_trial),
        )
    if as_json:
        rows = report.metrics_over_seeds(explanation.reports).to_dict("records")
        metrics = [{k: None if v != v else v for k, v in row.items()} for row in rows]
        sentence = report.explanation_sentence(explanation.reports)
        print_json({"metrics": metrics, "in_words": sentence})
        return
    print_facts(report.explained_headlines(explanation.reports))
    click.echo()
    print_table(*report.explanation_rows(explanation.reports))
    click.echo()
    print_table(*report.neighbours_rows(explanation.reports))
    click.echo()
    click.echo(report.explanation_sentence(explanation.reports))
    click.echo()
    print_run(explanation.run_id, explanation.experiment_id, explanation.tracking_uri)
    print_report(explanation.run_id, explanation.experiment_id, explanation.tracking_uri)
