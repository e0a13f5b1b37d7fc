"""What people see of long work and of results."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

logger = logging.getLogger(__name__)

_LINE_EVERY = 5.0  # seconds between two lines of progress where there is no terminal


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Left-aligned columns under their names; nothing is cut, so that a pipe gets everything."""
    cells = [[str(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    for row in (columns, ["-" * width for width in widths], *cells):
        click.echo("  ".join(v.ljust(w) for v, w in zip(row, widths, strict=True)).rstrip())


def megabytes(size: float) -> str:
    """Bytes for people.

    >>> megabytes(1_234_567)
    '1.2 MB'
    """
    return f"{size / 1e6:,.1f} MB"


@contextmanager
def byte_progress(
    doing: str, name: str, total: int, start: int = 0
) -> Iterator[Callable[[int], None]]:
    """Gives what is to be called with the bytes done so far: a bar with the rate and the time left
    on a terminal, else a line at times.
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
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        progress.add_task(name, total=total, completed=start)
        (task,) = progress.tasks
        said = time.monotonic()

        def show(done: int) -> None:
            nonlocal said
            progress.update(task.id, completed=done)
            if console.is_terminal or time.monotonic() - said < _LINE_EVERY:
                return
            said = time.monotonic()
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
