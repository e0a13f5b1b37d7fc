"""How far the work is: a bar on a terminal, a line at a time elsewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipeline.base.progress import step_progress

if TYPE_CHECKING:
    from pipeline.training.history import Epoch

logger = logging.getLogger(__name__)

# The rooms that say something in each training.
_CHATTY = ("embedding", "classifier", "training")


@contextmanager
def epoch_display() -> Iterator[Callable[[Epoch], None]]:
    """A function to call after each epoch. It shows a bar for each phase on a terminal, and a line
    for each epoch elsewhere."""
    with step_progress(log=logger) as show:

        def show_epoch(epoch: Epoch) -> None:
            outcome = f"loss {epoch.loss:.4f}, validation accuracy {epoch.val_accuracy:.4f}"
            outcome += " (from before)" if epoch.earlier else ""
            show(f"{epoch.phase}: epoch", epoch.number, epoch.planned, outcome)

        yield show_epoch


@contextmanager
def trial_display(command: str) -> Iterator[Callable[[int, int, str], None]]:
    """A function to call after each trial: how many are done, of how many, and what came out.

    It shows a bar with the time left on a terminal, and a line for each trial elsewhere. Meanwhile
    the stages of a training only warn.
    """
    rooms = [logging.getLogger(f"pipeline.{room}") for room in _CHATTY]
    levels = [room.level for room in rooms]
    try:
        for room in rooms:
            room.setLevel(max(logging.WARNING, room.getEffectiveLevel()))
        with step_progress(log=logger) as show:
            yield lambda done, total, outcome: show(f"{command}:", done, total, outcome)
    finally:
        for room, level in zip(rooms, levels, strict=True):
            room.setLevel(level)


@contextmanager
def rate_display(command: str, line_seconds: float = 5.0) -> Iterator[Callable[[int, float], None]]:
    """A function to call with the number of headlines that are done, and the fraction of the input.

    It shows a bar with the rate and the time left on a terminal, and a line now and then elsewhere.
    `line_seconds`: between two lines.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[done]}"),
        TimeRemainingColumn(),
    )
    started = last_line = time.monotonic()
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(command, total=1.0, done="")

        def show(headlines: int, fraction: float) -> None:
            nonlocal last_line
            now = time.monotonic()
            done = f"{headlines:,} headlines, {headlines / max(now - started, 0.001):,.0f}/s"
            progress.update(task, completed=fraction, done=done)
            if not console.is_terminal and now - last_line >= line_seconds:
                last_line = now
                logger.info("%s: %s, %.0f%% of the input", command, done, 100 * fraction)

        yield show
