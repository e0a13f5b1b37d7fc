"""`pipeline sweep`: which options are better than the defaults?"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import click

from pipeline.cli.arguments import (
    OVERRIDES,
    RunCommand,
    load_command_config,
    load_command_headlines,
)
from pipeline.cli.progress import trial_display
from pipeline.cli.searched import search_overrides
from pipeline.cli.signals import Interrupts
from pipeline.cli.terminal import print_facts, print_report, print_run, print_table, quiet_start

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.studies.space import Space, TrialOptions
    from pipeline.studies.study import OnTrial

logger = logging.getLogger(__name__)

HELPER_SECONDS = 0.5  # for a process that helps to end its trial, when this one was interrupted
LAST_SECONDS = 10.0  # for it to end by itself, when all trials are done


@click.command(cls=RunCommand)
@click.option(
    "--resume",
    metavar="RUN_ID",
    help="Go on with a search that was cut off, with its own options. Only tracking.uri and how long "
    "it goes on (sweep.trials, sweep.minutes, sweep.processes) may be given.",
)
@click.option("--helper", is_flag=True, hidden=True)
@OVERRIDES
@click.pass_obj
def sweep(
    interrupts: Interrupts, resume: str | None, helper: bool, overrides: tuple[str, ...]
) -> None:
    """Search for better options than the defaults, with Optuna.

    \b
      pipeline sweep
      pipeline sweep data=file data.path=my.csv data.text=headline data.label=topic
      pipeline sweep sweep.space=size sweep.trials=50
      pipeline sweep sweep.space=my.yaml sweep.minutes=30 sweep.processes=2
      pipeline train sweep=RUN_ID

    A space is a file that names options and what to try for each. One MLflow run has the result,
    with a run below it for each trial. The same command goes on with a search that was cut off;
    given in a second terminal meanwhile, it helps. Trials are compared on the validation headlines:
    the test headlines are not looked at. `pipeline train sweep=RUN_ID` trains with the best
    options.
    """
    given = search_overrides(resume, overrides)
    config = load_command_config("sweep", given)
    space = _space(config, given)
    headlines = load_command_headlines(config)
    with quiet_start():
        from pipeline import report
        from pipeline.config import load_config
        from pipeline.studies.sweep import Joined
        from pipeline.studies.sweep import sweep as run_search

    n_helpers = 0 if helper else config.sweep.processes - 1
    start = [*(["--resume", resume] if resume else []), *overrides, "sweep.processes=1"]

    def compose(more: Sequence[str]) -> TrialOptions:
        return load_config([*given, *more])

    with _ends_with_its_parent() if helper else nullcontext(), _display(helper) as on_trial:
        result = run_search(
            headlines,
            space,
            compose,
            config.sweep,
            tracking=config.tracking,
            seed=config.seed,
            given=[text for text in given if not text.startswith("tracking.")],
            parameters=asdict(config),
            run_id=resume,
            on_start=lambda: _helpers(n_helpers, start),
            on_trial=interrupts.checked(on_trial),
        )
    if isinstance(result, Joined):
        print_facts(
            [
                ("search", f"process {result.process} has it, and reports it when all are done"),
                ("trials", f"{result.n_trials} by this process"),
            ]
        )
    else:
        print_table(*report.search_rows(result.result))
        click.echo()
        click.echo(report.search_sentence(result.result))
        click.echo()
        print_facts([("train it", f"pipeline train sweep={result.run_id}")])
    print_run(result.run_id, result.experiment_id, result.tracking_uri)
    if not isinstance(result, Joined):
        print_report(result.run_id, result.experiment_id, result.tracking_uri)


def _space(config: Config, given: Sequence[str]) -> Space:
    """The space, checked as far as that needs no TensorFlow."""
    from pipeline.base.errors import ConfigError
    from pipeline.config import load_config, unused_overrides
    from pipeline.studies.space import check_optuna, check_space, load_space

    check_optuna()
    space = load_space(config.sweep.space, config.training.select)
    training = [f"{name}=" for name in space.options if name.startswith("training.")]
    for name in unused_overrides(training, config, ("training",)):
        phases = ",".join(config.training.phases)
        logger.warning("sweep: %s is left out: training.phases=[%s] does not use it", name, phases)
        left = {option: row for option, row in space.options.items() if option != name}
        space = replace(space, options=left)
    for name in space.options:
        for text in given:
            own = text.partition("=")[0].lstrip("+~")
            if f"{name}.".startswith(f"{own}.") and ("." in own or own == name):
                raise ConfigError(
                    f"{text}: the space {space.file} searches {name}: leave one of both out"
                )
    check_space(space, lambda more: load_config([*given, *more]))
    return space


@contextmanager
def _display(helper: bool) -> Iterator[OnTrial]:
    """How far the search is. A process that helps says only what goes wrong."""
    with trial_display("sweep") as on_trial:
        if not helper:
            yield on_trial
            return
        logging.getLogger("pipeline").setLevel(logging.WARNING)
        yield lambda *_: None


@contextmanager
def _helpers(number: int, arguments: Sequence[str]) -> Iterator[None]:
    """Processes with the same command, which join the search. They end with the block."""
    command = [sys.executable, "-m", "pipeline.cli", "sweep", "--helper", *arguments]
    helpers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        for _ in range(number)
    ]
    try:
        yield
        for process in helpers:
            with suppress(subprocess.TimeoutExpired):
                process.wait(LAST_SECONDS)
    finally:
        for process in helpers:
            process.terminate()
        for process in helpers:
            with suppress(subprocess.TimeoutExpired):
                process.wait(HELPER_SECONDS)
            process.kill()
            process.wait()


@contextmanager
def _ends_with_its_parent() -> Iterator[None]:
    """End this process when the one that started it is gone: then its standard input closes."""

    def watch() -> None:
        while os.read(0, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
    yield
