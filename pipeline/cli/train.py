"""`pipeline train`: the whole pipeline as one run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.cli.arguments import OVERRIDES, load_command_config
from pipeline.cli.progress import epoch_display
from pipeline.cli.signals import Interrupts
from pipeline.cli.terminal import print_facts, print_run, print_table, quiet_start

if TYPE_CHECKING:
    from pipeline.run import RunResult


@click.command()
@OVERRIDES
@click.pass_obj
def train(interrupts: Interrupts, overrides: tuple[str, ...]) -> None:
    """Train a classifier and log it as one MLflow run.

    \b
      pipeline train
      pipeline train data=file data.path=my.csv data.text=headline data.label=topic
      pipeline train vectors=file vectors.path=glove.6B.100d.txt
      pipeline train insight=none

    The run loads and audits the headlines, builds the embedding matrix, trains, evaluates on the
    test headlines, and registers the model. insight=none leaves out what looks beyond accuracy,
    and is faster.
    """
    config = load_command_config("train", overrides)
    with quiet_start():
        from pipeline.run import run

    with epoch_display() as on_epoch:
        result = run(config, interrupts.checked(on_epoch))
    _print_summary(result)


def _print_summary(result: RunResult) -> None:
    from pipeline.report import summary

    facts, phases = summary(
        result.headlines,
        result.fitted.matrix,
        result.fitted.history,
        result.fitted.ensemble,
        result.evaluations,
        result.seconds,
    )
    print_facts(facts)
    if result.audit and (warnings := result.audit.warnings(result.evaluation.accuracy)):
        print_facts([("audit", "; ".join(warnings))])
    click.echo()
    print_table(list(phases.columns), phases.to_numpy().tolist())
    click.echo()
    registered = result.registered
    role = "is the champion" if registered.champion else "is not the champion"
    print_facts([("model", f"{registered.uri} {role}: {registered.reason}")])
    print_run(result.run_id, result.experiment_id, result.tracking_uri)
