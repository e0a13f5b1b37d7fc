"""How far some work has come: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

logger = logging.getLogger(__name__)


def megabytes(size: float) -> str:
    """A number of bytes as people read it.

    >>> megabytes(1_234_567)
    '1.2 MB'
    """
    return f"{size / 1e6:,.1f} MB"


@contextmanager
def byte_progress(
    doing: str, name: str, total: int, start: int = 0, *, line_seconds: float = 5.0
) -> Iterator[Callable[[int], None]]:
    """Show the progress of work that is counted in bytes, with the rate and the time left.

    The block gets a function, and calls it with the number of bytes that are done.

    Args:
        doing: the first word of a line, such as `fetching`.
        name: the name of the file.
        total: bytes in all.
        start: bytes that were done before.
        line_seconds: the time between two lines, where there is no terminal.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    # Without a terminal, rich still measures the rate and the time left.
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        progress.add_task(name, total=total, completed=start)
        (task,) = progress.tasks
        last_line = time.monotonic()

        def show(done: int) -> None:
            nonlocal last_line
            progress.update(task.id, completed=done)
            if console.is_terminal or time.monotonic() - last_line < line_seconds:
                return
            last_line = time.monotonic()
            logger.info(
                "%s: %s: %s of %s, %s/s, %.0f s left",
                doing,
                name,
                megabytes(done),
                megabytes(total),
                megabytes(task.speed or 0),
                task.time_remaining or 0,
            )

        yield show


class ShowStep(Protocol):
    """What `step_progress` gives: call it after each step."""

    def __call__(self, name: str, done: int, total: int, outcome: str = "") -> None:
        """`name`: of the work, such as `frozen: epoch`. `outcome`: of the last step."""


@contextmanager
def step_progress(
    *, lines: int | None = None, transient: bool = False, log: logging.Logger = logger
) -> Iterator[ShowStep]:
    """Show the progress of work that is counted in steps, with the time left.

    The block gets a function, and calls it after each step. Each name has a bar of its own, which
    appears with the first call, so that other bars can be shown before. Without a terminal, a step
    is a line such as `frozen: epoch 3 of 20: loss 0.1`.

    Args:
        lines: about how many lines a name has, without a terminal. None: a line for each step.
        transient: whether the bars go away at the end.
        log: the logger that gets the lines.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:

        def write_line(name: str, done: int, total: int, outcome: str = "") -> None:
            if lines is None or done == total or done % -(-total // lines) == 0:
                log.info("%s %d of %d%s", name, done, total, outcome and f": {outcome}")

        yield write_line
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} of {task.total:.0f}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[outcome]}"),
    )
    progress = Progress(*columns, console=console, transient=transient)
    bars: dict[str, Any] = {}

    def move_bar(name: str, done: int, total: int, outcome: str = "") -> None:
        progress.start()
        if name not in bars:
            bars[name] = progress.add_task(name, total=total, outcome="")
        progress.update(bars[name], completed=done, total=total, outcome=outcome)

    try:
        yield move_bar
    finally:
        progress.stop()
