"""How TensorFlow uses the cores: the same from whichever stage it starts."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.slow
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


def in_a_new_process(script: str) -> str:
    command = [
        sys.executable,
        "-c",
        f"from pipeline.embedding.threads import set_threads\n{script}",
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.slow
def test_a_new_process_gets_one_thread_an_operation() -> None:
    assert in_a_new_process("print(set_threads())\nprint(set_threads())").splitlines() == [
        str((1, os.cpu_count()))
    ] * 2  # fmt: skip


@pytest.mark.slow
def test_the_threads_that_someone_chose_stay() -> None:
    chosen = "import tensorflow as tf\ntf.config.threading.set_intra_op_parallelism_threads(3)\n"
    assert in_a_new_process(f"{chosen}print(set_threads())") == "(3, 0)"
    computed = "import tensorflow as tf\ntf.constant(1) + 1\nprint(set_threads())"
    assert in_a_new_process(computed) == "(0, 0)"
