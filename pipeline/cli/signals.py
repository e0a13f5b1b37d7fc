"""Ctrl-C and the like: a signal ends the work at the next place where that is safe."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, ParamSpec

Arguments = ParamSpec("Arguments")


class Interrupts:
    """The signals that asked for the end. `main` makes one, and hands it to the commands.

    A signal raises KeyboardInterrupt. Where Python cannot pass an exception on, as in a destructor
    or in a callback from C++, it is dropped. So long work asks again with `checked`.
    """

    def __init__(self) -> None:
        self._received: list[int] = []

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear SIGINT and SIGTERM meanwhile. A SIGINT that is ignored, as in a shell's background
        job, stays ignored."""
        numbers = [signal.SIGTERM]
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            numbers.append(signal.SIGINT)
        before = {number: signal.signal(number, self.receive) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def receive(self, number: int, _: Any = None) -> NoReturn:
        """Keep the signal and raise KeyboardInterrupt."""
        self._received.append(number)
        self._raise(number)

    def checked(self, callback: Callable[Arguments, None]) -> Callable[Arguments, None]:
        """`callback`, which afterwards raises KeyboardInterrupt where a signal was received."""

        def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
            callback(*args, **kwargs)
            if self._received:
                self._raise(self._received[0])

        return call

    def _raise(self, number: int) -> NoReturn:
        if number == signal.SIGTERM:
            raise KeyboardInterrupt("by SIGTERM")
        raise KeyboardInterrupt
