"""Trainings that are killed at any moment and started again give what an undisturbed one gives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from builders import ROOT


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "script", [["kills.py", "8"], ["kills.py", "6", "1", "INT", "TERM", "HUP"], ["points.py"]]
)
def test_killed_at_moments_over_all_of_its_time(script: list[str]) -> None:
    """In a process of its own: it forks, which TensorFlow allows only before it has computed."""
    name, *arguments = script
    path = str(Path(__file__).with_name(name))
    done = subprocess.run(
        [sys.executable, path, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
