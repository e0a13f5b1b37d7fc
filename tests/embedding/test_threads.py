"""How TensorFlow uses the cores: the same from whichever stage it starts."""

from __future__ import annotations

import subprocess
import sys


def test_a_stage_before_training_leaves_the_threads_as_training_sets_them() -> None:
    script = """
from pipeline import build_vocabulary
from pipeline.embedding.threads import set_threads
build_vocabulary(["alps lose snow"])
assert set_threads()[0] == 1, set_threads()
"""
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
