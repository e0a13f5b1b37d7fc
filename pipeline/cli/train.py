"""`pipeline train`: the whole pipeline as one run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.cli.arguments import (
    OVERRIDES,
    RunCommand,
    load_command_config,
    load_command_headlines,
)
from pipeline.cli.progress import epoch_display
from pipeline.cli.searched import best_overrides
from pipeline.cli.signals import Interrupts
from pipeline.cli.terminal import print_facts, print_report, print_run, print_table, quiet_start
from pipeline.training.cluster import read_cluster

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.run import RunResult


@click.command(cls=RunCommand)
@click.option(
    "--resume",
    metavar="RUN_ID",
    help="Go on with a run that was cut off, with its own options. Only tracking.uri may be given.",
)
@OVERRIDES
@click.pass_obj
def train(interrupts: Interrupts, resume: str | None, overrides: tuple[str, ...]) -> None:
    """Train a classifier and log it as one MLflow run.

    \b
      pipeline train
      pipeline train data=file data.path=my.csv data.text=headline data.label=topic
      pipeline train vectors=file vectors.path=glove.6B.100d.txt
      pipeline train insight=none
      pipeline train sweep=RUN_ID
      pipeline train start=NAME
      pipeline train --resume RUN_ID

    The run loads and audits the headlines, builds the embedding matrix, trains, evaluates on the
    test headlines, and registers the model. insight=none leaves out what looks beyond accuracy,
    and is faster. sweep=RUN_ID takes the data and the best options of a search, sweep=RUN_ID/7
    those of its trial 7. start=NAME begins from a registered model, start=MODEL from another
    address, run or folder: what it learned goes on. The same command goes on with a run that was
    cut off. training.workers=2 trains in two processes, which the environment variable TF_CONFIG
    names.
    """
    headlines = None
    tags: dict[str, str] = {}
    if resume is None:
        given, tags = best_overrides(overrides)
        config = load_command_config("train", given)
        cluster = read_cluster(config.training.workers)
        headlines = load_command_headlines(config)
    else:
        config = _resumed(resume, overrides)
        cluster = read_cluster(config.training.workers)
    with quiet_start():
        from pipeline.run import assist, run

    with epoch_display() as on_epoch:
        if not cluster.is_chief:
            assist(config, interrupts.checked(on_epoch), headlines)
            click.echo("trained with worker 0, which has the run")
            return
        result = run(config, interrupts.checked(on_epoch), resume, headlines, tags)
    if tags:
        own = [text for text in overrides if not text.startswith("sweep=")]
        besides = f"; besides: {' '.join(own)}" if own else ""
        print_facts([("options", tags["options_from"] + besides)])
    _print_summary(result)


def _resumed(run_id: str, overrides: tuple[str, ...]) -> Config:
    """The options of a run, at the address of the store that is given now."""
    from pipeline.base.imports import quick_imports
    from pipeline.base.options import check_options
    from pipeline.config import Config, load_config

    with quick_imports():
        from pipeline.tracking.addresses import run_options

    for override in overrides:
        if not override.startswith("tracking.uri="):
            raise click.UsageError(
                f"--resume takes the options of the run, {override!r} would be another one: leave "
                "it out"
            )
    uri = load_config(overrides).tracking.uri
    options = run_options(run_id, uri)
    options["tracking"]["uri"] = uri
    return check_options(Config, options)


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
    print_facts([*facts, *([("start", result.start)] if result.start else [])])
    if result.audit and (warnings := result.audit.warnings(result.evaluation.accuracy)):
        print_facts([("audit", "; ".join(warnings))])
    click.echo()
    print_table(list(phases.columns), phases.to_numpy().tolist())
    click.echo()
    registered = result.registered
    role = "is the champion" if registered.champion else "is not the champion"
    print_facts([("model", f"{registered.uri} {role}: {registered.reason}")])
    print_run(result.run_id, result.experiment_id, result.tracking_uri)
    print_report(result.run_id, result.experiment_id, result.tracking_uri)
