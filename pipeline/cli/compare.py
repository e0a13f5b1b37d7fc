"""`pipeline compare`: what pretrained vectors are worth."""

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
from pipeline.cli.terminal import print_json, print_report, print_run, print_table, quiet_start


@click.command(cls=RunCommand)
@JSON
@OVERRIDES
@click.pass_obj
def compare(interrupts: Interrupts, as_json: bool, overrides: tuple[str, ...]) -> None:
    """Compare training from scratch with pretrained vectors.

    \b
      pipeline compare
      pipeline compare data=file data.path=my.csv data.text=headline data.label=topic
      pipeline compare 'compare.sizes=[100,1000]' compare.seeds=3
      pipeline compare 'compare.also=[mine:bayes]'

    It answers whether transfer helps on your headlines, and how many labels it is worth. Each
    method learns from growing numbers of headlines, several times each: the network from scratch,
    with frozen and with fine-tuned vectors, TF-IDF with a linear model, the commonest label
    and, where it is installed, fastText. compare.also adds estimators of your own, and sentence
    encoders. One MLflow run has it all, with a run below it for each
    score. A comparison that was cut off goes on when the same command is given again.
    """
    config = load_command_config("compare", overrides)
    headlines = load_command_headlines(config)
    with quiet_start():
        from pipeline import report
        from pipeline.embedding.loading import vectors_name
        from pipeline.studies.compare import compare as run_comparison

    with trial_display("compare") as on_trial:
        comparison = run_comparison(
            headlines,
            config.compare,
            vectors=config.vectors,
            model=config.model,
            training=config.training,
            tracking=config.tracking,
            seed=config.seed,
            parameters=asdict(config),
            on_trial=interrupts.checked(on_trial),
        )
    name = vectors_name(config.vectors)
    if as_json:
        print_json(report.comparison_values(comparison.outcomes, comparison.headlines, name))
        return
    print_table(*report.means_by_size(comparison.outcomes))
    click.echo()
    print_table(*report.significance_by_size(comparison.outcomes, comparison.headlines))
    click.echo()
    print_table(*report.seconds_by_size(comparison.outcomes))
    click.echo()
    click.echo(report.comparison_sentence(comparison.outcomes, comparison.headlines, name))
    click.echo()
    print_run(comparison.run_id, comparison.experiment_id, comparison.tracking_uri)
    print_report(comparison.run_id, comparison.experiment_id, comparison.tracking_uri)
