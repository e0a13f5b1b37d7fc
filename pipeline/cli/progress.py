"""How far the work is: a bar on a terminal, a line at a time elsewhere."""

from __future__ import annotations

import logging
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
