"""Progress: lines in a log, bars on a terminal."""

from __future__ import annotations

import logging
import os
import pty
import subprocess
import sys

import pytest
from builders import ROOT, read_terminal

from pipeline.base.progress import byte_progress, megabytes, step_progress


@pytest.fixture(autouse=True)
def _lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pipeline")


def test_megabytes() -> None:
    assert megabytes(1_234_567) == "1.2 MB"
    assert megabytes(2e9) == "2,000.0 MB"


def test_lines_for_bytes(caplog: pytest.LogCaptureFixture) -> None:
    with byte_progress("fetching", "vectors.gz", 1_000_000, line_seconds=0) as show:
        for done in (250_000, 500_000, 1_000_000):
            show(done)
    assert len(caplog.messages) == 3
    assert caplog.messages[0].startswith("fetching: vectors.gz: 0.2 MB of 1.0 MB, ")
    assert caplog.messages[2].startswith("fetching: vectors.gz: 1.0 MB of 1.0 MB, ")
    assert caplog.messages[2].endswith(" MB/s, 0 s left")


def test_lines_for_bytes_are_rare(caplog: pytest.LogCaptureFixture) -> None:
    with byte_progress("fetching", "vectors.gz", 1_000) as show:
        for done in range(1_000):
            show(done)
    assert caplog.messages == []


def test_a_line_for_each_step(caplog: pytest.LogCaptureFixture) -> None:
    with step_progress() as show:
        show("frozen: epoch", 1, 2, "loss 0.5")
        show("frozen: epoch", 2, 2, "loss 0.25")
        show("fine_tuned: epoch", 1, 9)
    assert caplog.messages == [
        "frozen: epoch 1 of 2: loss 0.5",
        "frozen: epoch 2 of 2: loss 0.25",
        "fine_tuned: epoch 1 of 9",
    ]


@pytest.mark.parametrize(
    ("total", "steps"), [(12, [3, 6, 9, 12]), (11, [3, 6, 9, 11]), (4, [1, 2, 3, 4]), (1, [1])]
)
def test_a_few_lines(total: int, steps: list[int], caplog: pytest.LogCaptureFixture) -> None:
    with step_progress(lines=5) as show:
        for done in range(1, total + 1):
            show("epoch", done, total)
    assert caplog.messages == [f"epoch {done} of {total}" for done in steps]


def test_lines_go_to_the_logger_of_the_caller(caplog: pytest.LogCaptureFixture) -> None:
    with step_progress(log=logging.getLogger("pipeline.mine")) as show:
        show("epoch", 1, 1)
    assert [record.name for record in caplog.records] == ["pipeline.mine"]


SCRIPT = """
import logging
from pipeline.base.progress import byte_progress, step_progress
logging.basicConfig(level=logging.INFO)
with step_progress() as show:
    with byte_progress("fetching", "vectors.gz", 1_000_000, line_seconds=0) as show_bytes:
        show_bytes(1_000_000)
    show("frozen: epoch", 1, 2, "loss 0.5")
    show("frozen: epoch", 2, 2, "loss 0.25")
    show("fine_tuned: epoch", 1, 9)
"""


def test_bars_on_a_terminal() -> None:
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        stderr=child,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(child)
    shown = read_terminal(parent).decode()
    assert process.wait(30) == 0
    for text in (
        "1.0/1.0 MB",
        "frozen: epoch",
        "2 of 2",
        "loss 0.25",
        "fine_tuned: epoch",
        "1 of 9",
    ):
        assert text in shown
    assert "━" in shown
    assert "INFO" not in shown  # no lines beside the bars
