"""What the commands share: tables, progress, the quiet start of the libraries, and Ctrl-C."""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pipeline.training.history import Epoch

from pipeline.cli.signals import interrupt, received

logger = logging.getLogger(__name__)

# An argument that is an option of a run, such as data.path=my.csv.
OVERRIDE = re.compile(r"[+~]{0,2}[a-z_]+(\.[a-z_]+)*=\S*|~[a-z_.]+")
_CHATTY = ("matrix", "training", "blending", "wide")  # stages that say something in each run


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Left-aligned columns under their names; nothing is cut, so that a pipe gets everything."""
    cells = [[str(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    for row in (columns, ["-" * width for width in widths], *cells):
        click.echo("  ".join(v.ljust(w) for v, w in zip(row, widths, strict=True)).rstrip())


def print_run(run_id: str, experiment_id: str, tracking_uri: str) -> None:
    """Where a run is, and how to see it."""
    click.echo(f"run        {run_id} at {tracking_uri}")
    if tracking_uri.startswith("http"):
        address = f"{tracking_uri.rstrip('/')}/#/experiments/{experiment_id}/runs/{run_id}"
        click.echo(f"see it     {address}")
    else:
        click.echo("see it     make ui, then open the address that it prints")


@contextmanager
def epoch_display() -> Iterator[Callable[[Epoch], None]]:
    """A bar for the epochs on a terminal, a line an epoch elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    logger = logging.getLogger("pipeline")
    console = Console(stderr=True)
    if not console.is_terminal:

        def line(epoch: Epoch) -> None:
            logger.info(
                "%s: epoch %d of %d, loss %.4f, validation accuracy %.4f",
                epoch.phase, epoch.number, epoch.planned, epoch.loss, epoch.val_accuracy,
            )  # fmt: skip

        yield line
        return
    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(),
        TextColumn("epoch {task.fields[shown]}"),
        TimeElapsedColumn(),
    )
    progress = Progress(*columns, console=console)
    bars: dict[str, Any] = {}

    def advance(epoch: Epoch) -> None:
        progress.start()  # not before: until then a download may show a bar of its own
        if epoch.phase not in bars:
            bars[epoch.phase] = progress.add_task(epoch.phase, total=epoch.planned, shown="")
        shown = f"{epoch.number} of {epoch.planned}, validation accuracy {epoch.val_accuracy:.4f}"
        progress.update(bars[epoch.phase], completed=epoch.number, shown=shown)

    try:
        yield advance
    finally:
        progress.stop()


@contextmanager
def trial_display(doing: str) -> Iterator[Callable[[int, int, str], None]]:
    """Gives what is to be called after each trial: how many are done, of how many, and what came
    out. A bar with the time left on a terminal, a line a trial elsewhere, and meanwhile nothing
    that the stages say. Ctrl-C is heard here too (see `interruptible`)."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn(doing),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    progress = Progress(*columns, console=console, disable=not console.is_terminal)
    bar = progress.add_task("", total=None)
    stages = [logging.getLogger(f"pipeline.{name}") for name in _CHATTY]

    def advance(done: int, of: int, found: str) -> None:
        progress.start()  # not before: until then a download may show a bar of its own
        progress.update(bar, completed=done, total=of, description=found)
        if not console.is_terminal:
            logger.info("%s: %d of %d: %s", doing, done, of, found)
        if received:
            interrupt(received[0], None)

    levels = [stage.level for stage in stages]
    try:
        for stage in stages:
            stage.setLevel(max(logging.WARNING, stage.getEffectiveLevel()))
        yield advance
    finally:
        progress.stop()
        for stage, level in zip(stages, levels, strict=True):
            stage.setLevel(level)


@contextmanager
def quiet_start() -> Iterator[None]:
    """Keep aside what TensorFlow's C++ code prints when it is imported, which no setting stops.

    It is shown after all where the import fails, and with --debug.
    """
    if logging.getLogger().isEnabledFor(logging.INFO):
        yield
        return
    if sys.stderr.isatty():
        click.echo("starting TensorFlow and MLflow ...", err=True)
    with tempfile.TemporaryFile() as aside:
        stderr = os.dup(2)
        os.dup2(aside.fileno(), 2)
        try:
            yield
        except ImportError:
            aside.seek(0)
            os.write(stderr, aside.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
