"""Ctrl-C and SIGTERM: where they are heard, and what a run leaves."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest
from builders import ROOT, free_port, small_overrides
from mlflow import MlflowClient
from portable_folder import write_folder

from pipeline.cli.signals import Interrupts


def _running_training(small: dict[str, Path], store: str, cwd: Path) -> subprocess.Popen[str]:
    """A process in the middle of a training that would take very long."""
    overrides = small_overrides(
        small, store, "training.frozen.epochs=100000", "training.frozen.patience=100000"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", "train", *overrides],
        cwd=cwd,
        env=os.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background job, which a test run may be, would pass on that it ignores SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "frozen: epoch 2 of" in line:
            return process
    raise AssertionError("the training ended")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_runs_end_as_killed(
    number: signal.Signals, small: dict[str, Path], store: str, tmp_path: Path
) -> None:
    process = _running_training(small, store, tmp_path)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    try:
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "tracking: the run headlines-vectors.txt-mean-0 ended as KILLED" in err
    assert err.rstrip().endswith("error: interrupted")
    assert "Traceback" not in err
    assert not [child for child in children if child.is_running()]
    (record,) = MlflowClient(store).search_runs(["1"])
    assert record.info.status == "KILLED"
    assert record.data.tags["pipeline.end_reason"].startswith("interrupted")
    assert "epochs/loss" in record.data.metrics  # what was known by then is there


def test_an_interrupt_that_was_dropped_is_heard_after_the_epoch() -> None:
    interrupts, epochs = Interrupts(), []
    on_epoch = interrupts.checked(epochs.append)
    on_epoch(1)
    with contextlib.suppress(KeyboardInterrupt):  # as a destructor would
        interrupts.receive(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt, match="by SIGTERM"):
        on_epoch(2)
    interrupts.receive(signal.SIGINT)  # a second one disturbs the end no more
    assert epochs == [1, 2]
    Interrupts().checked(epochs.append)(3)  # another command knows nothing of it


class Ends:
    """Python drops what is raised while it removes this."""

    def __init__(self, number: signal.Signals) -> None:
        self.number = number

    def __del__(self) -> None:
        signal.raise_signal(self.number)
        time.sleep(0.001)


def test_an_interrupt_that_python_dropped_comes_again(capfd: pytest.CaptureFixture[str]) -> None:
    before = sys.unraisablehook

    def work() -> None:
        Ends(signal.SIGTERM)
        time.sleep(30)

    with Interrupts().listening(), pytest.raises(KeyboardInterrupt, match="by SIGTERM"):
        work()
    assert "Traceback" not in capfd.readouterr().err
    assert sys.unraisablehook is before


def test_signals_are_heard_only_meanwhile() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    interrupts = Interrupts()
    with interrupts.listening(), pytest.raises(KeyboardInterrupt, match="by SIGTERM"):
        signal.raise_signal(signal.SIGTERM)
    assert [signal.getsignal(number) for number in numbers] == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_an_ignored_signal_stays_ignored(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with Interrupts().listening():
            assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


IN_COMPILED_CODE = """
import ctypes, os, signal
from pipeline.cli.signals import Interrupts
with Interrupts(patience_seconds=0.1).listening():
    print("ready", flush=True)
    mask = ctypes.create_string_buffer(128)
    libc = ctypes.CDLL(None)
    libc.sigfillset(mask)
    libc.pthread_sigmask(signal.SIG_BLOCK, mask, None)  # so that the call is not cut short
    libc.sleep(60)
"""


def test_the_process_ends_where_python_cannot_raise() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", IN_COMPILED_CODE],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # nohup ignores it
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGHUP)
    assert process.communicate(timeout=20)[1] == "error: interrupted\n"
    assert process.returncode == 130


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_server_ends_without_a_word_of_python(number: signal.Signals, tmp_path: Path) -> None:
    write_folder(tmp_path / "model")
    port = free_port()
    command = ["serve", "--model", str(tmp_path / "model"), "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", *command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A shell's background job, which a test run may be, would pass on that it ignores SIGINT.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    while process.poll() is None:
        with contextlib.suppress(OSError):
            urlopen(f"http://127.0.0.1:{port}/ping", timeout=10).close()
            break
        time.sleep(0.05)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert output.splitlines()[1:] == []
