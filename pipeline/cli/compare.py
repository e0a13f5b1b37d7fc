"""`pipeline compare`: what starting from pretrained vectors is worth."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from pipeline.cli.arguments import OVERRIDES, config_of
from pipeline.cli.terminal import print_run, print_table, quiet_start, trial_display


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@OVERRIDES
def compare(as_json: bool, overrides: tuple[str, ...]) -> None:
    """Say whether transfer helps on your data, and how many labels it is worth.

    \b
      pipeline compare
      pipeline compare data=file data.path=my.csv data.text=headline data.label=topic
      pipeline compare compare.sizes=[100,1000] compare.seeds=3

    Trains from scratch, from frozen vectors and fine-tuned ones with growing numbers of headlines,
    several times each, beside TF-IDF with a linear model, the commonest label and, where it is
    installed, fastText. Everything is in one MLflow run with a run below it for each score; one
    that was cut off goes on when the same command is given again.
    """
    config = config_of(overrides)
    with quiet_start():
        from pipeline import report
        from pipeline.data.headlines import load_headlines
        from pipeline.embedding.choice import vectors_name
        from pipeline.studies.compare import compare as run_comparison

    headlines = load_headlines(**asdict(config.data))
    with trial_display("compare") as on_trial:
        found = run_comparison(
            headlines,
            config.compare,
            vectors=config.vectors,
            model=config.model,
            training=config.training,
            tracking=config.tracking,
            seed=config.seed,
            parameters=asdict(config),
            on_trial=on_trial,
        )
    name = vectors_name(config.vectors)
    if as_json:
        click.echo(json.dumps(report.comparison_values(found.outcomes, found.headlines, name)))
        return
    print_table(*report.means_by_size(found.outcomes))
    click.echo()
    print_table(*report.significance_by_size(found.outcomes, found.headlines))
    click.echo()
    click.echo(report.comparison_sentence(found.outcomes, found.headlines, name))
    click.echo()
    print_run(found.run_id, found.experiment_id, found.tracking_uri)
