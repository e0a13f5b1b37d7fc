"""Ctrl-C and the like: a signal ends the work at the next place where that is safe."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.training.history import Epoch

received: list[int] = []  # signals that asked for the end


def interrupt(number: int, _: object) -> None:
    received.append(number)
    raise KeyboardInterrupt(*["by SIGTERM"] * (number == signal.SIGTERM))


def interruptible(on_epoch: Callable[[Epoch], None]) -> Callable[[Epoch], None]:
    """Ask again after each epoch: an exception that a signal raises where Python cannot pass it
    on, as in a destructor or a callback from C++, is dropped there."""

    def checked(epoch: Epoch) -> None:
        on_epoch(epoch)
        if received:
            interrupt(received[0], None)

    return checked
