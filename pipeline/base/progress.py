"""Progress of work that is counted in bytes: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)


def megabytes(size: float) -> str:
    """Bytes for people.

    >>> megabytes(1_234_567)
    '1.2 MB'
    """
    return f"{size / 1e6:,.1f} MB"


@contextmanager
def byte_progress(
    doing: str, name: str, total: int, start: int = 0, *, line_seconds: float = 5.0
) -> Iterator[Callable[[int], None]]:
    """Gives what is to be called with the bytes done so far: a bar with the rate and the time left
    on a terminal, else a line every `line_seconds`.
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
            if console.is_terminal or time.monotonic() - said < line_seconds:
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
