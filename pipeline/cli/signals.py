"""Ctrl-C and the like: a signal ends the work at the next place where that is safe, or soon
anyway."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, ParamSpec

Arguments = ParamSpec("Arguments")

PATIENCE_SECONDS = 1.5  # for the main thread to end by itself
LAST_SECONDS = 1.0  # for the store to note the end, where the main thread does not end
_AGAIN_SECONDS = 0.01  # until a signal is sent once more
INTERRUPTED = 130  # the exit code


class Interrupts:
    """The signals that asked for the end. `main` makes one, and hands it to the commands.

    The first signal raises KeyboardInterrupt; later ones change nothing, as the end is under way.
    Where Python cannot pass an exception on, as in a destructor or in a callback of weakref, it is
    dropped: then the signal is sent once more. In a callback from C++ nobody tells. So long work
    asks again with `checked`. Where the main thread is in long compiled code, another thread ends
    the run and the process.
    """

    def __init__(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._received: list[int] = []
        self._raises = True
        self._patience_seconds = patience_seconds

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear SIGINT, SIGTERM and SIGHUP meanwhile. A signal that is ignored, as SIGINT in a
        shell's background job and SIGHUP under nohup, stays ignored."""
        wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        numbers = [number for number in wanted if signal.getsignal(number) is not signal.SIG_IGN]
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        over = threading.Event()
        watch = threading.Thread(target=self._watch, args=(reader, numbers, over), daemon=True)
        watch.start()
        before = {number: signal.signal(number, self.receive) for number in numbers}
        # Python's own part of a handler runs in the main thread only. This is told at once.
        file_before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        hook_before = sys.unraisablehook
        sys.unraisablehook = partial(self._dropped, hook_before)
        try:
            yield
        finally:
            over.set()
            sys.unraisablehook = hook_before
            signal.set_wakeup_fd(file_before)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(writer)
            watch.join()
            os.close(reader)

    def receive(self, number: int, _: Any = None) -> None:
        """Keep the signal. The first one raises KeyboardInterrupt."""
        self._received.append(number)
        if self._raises:
            self._raises = False
            raise KeyboardInterrupt(_reason(number))

    def _dropped(self, otherwise: Callable[[Any], object], unraisable: Any) -> None:
        """Python could not pass an exception on. If it is the interrupt, the signal comes again."""
        if not self._received or not isinstance(unraisable.exc_value, KeyboardInterrupt):
            otherwise(unraisable)
            return
        self._raises = True
        # Here it would be dropped again.
        main = threading.main_thread().ident
        again = threading.Timer(_AGAIN_SECONDS, signal.pthread_kill, [main, self._received[0]])
        again.daemon = True
        again.start()

    def checked(self, callback: Callable[Arguments, None]) -> Callable[Arguments, None]:
        """`callback`, which afterwards raises KeyboardInterrupt where a signal was received."""

        def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
            callback(*args, **kwargs)
            if self._received:
                raise KeyboardInterrupt(_reason(self._received[0]))

        return call

    def _watch(self, reader: int, numbers: list[signal.Signals], over: threading.Event) -> None:
        """Wait for a signal, and then for the main thread. Where that does not end, end the
        process."""
        while received := os.read(reader, 1):  # nothing: the other side was closed
            if received[0] in numbers:
                if not over.wait(self._patience_seconds):
                    _end_process(received[0])
                return


def _reason(number: int) -> str:
    """What an interrupt says. Ctrl-C needs no words."""
    return "" if number == signal.SIGINT else f"by {signal.Signals(number).name}"


def _end_process(number: int) -> None:
    """End the runs of this process, its children and itself."""

    def end_runs() -> None:
        if "pipeline.tracking.leftovers" in sys.modules:  # else there is no run
            from pipeline.tracking.leftovers import kill_own_runs

            kill_own_runs(f"interrupted {_reason(number)}".strip())

    last = threading.Thread(target=end_runs, daemon=True)
    last.start()
    last.join(LAST_SECONDS)
    if "psutil" in sys.modules:
        import psutil

        for child in psutil.Process().children(recursive=True):
            child.kill()
    os.write(2, b"error: interrupted\n")
    os._exit(INTERRUPTED)
