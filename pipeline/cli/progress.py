"""How far the work is: a bar on a terminal, a line at a time elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.training.history import Epoch

logger = logging.getLogger(__name__)

# The rooms that say something in each training.
_CHATTY = ("embedding", "classifier", "training")


@contextmanager
def epoch_display() -> Iterator[Callable[[Epoch], None]]:
    """A function to call after each epoch. It shows a bar a phase on a terminal, and a line an epoch
    elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _print_epoch
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


def _print_epoch(epoch: Epoch) -> None:
    logger.info(
        "%s: epoch %d of %d, loss %.4f, validation accuracy %.4f",
        epoch.phase,
        epoch.number,
        epoch.planned,
        epoch.loss,
        epoch.val_accuracy,
    )


@contextmanager
def trial_display(command: str) -> Iterator[Callable[[int, int, str], None]]:
    """A function to call after each trial: how many are done, of how many, and what came out.

    It shows a bar with the time left on a terminal, and a line a trial elsewhere. Meanwhile the
    stages of a training only warn.
    """
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
        TextColumn(command),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    progress = Progress(*columns, console=console, disable=not console.is_terminal)
    bar = progress.add_task("", total=None)

    def advance(done: int, total: int, outcome: str) -> None:
        progress.start()  # not before: until then a download may show a bar of its own
        progress.update(bar, completed=done, total=total, description=outcome)
        if not console.is_terminal:
            logger.info("%s: %d of %d: %s", command, done, total, outcome)

    rooms = [logging.getLogger(f"pipeline.{room}") for room in _CHATTY]
    levels = [room.level for room in rooms]
    try:
        for room in rooms:
            room.setLevel(max(logging.WARNING, room.getEffectiveLevel()))
        yield advance
    finally:
        progress.stop()
        for room, level in zip(rooms, levels, strict=True):
            room.setLevel(level)
