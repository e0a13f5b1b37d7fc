"""The portable classifier: its size and accuracy by the type of its numbers, and how soon it answers.

python -m bench --only prediction --headlines FOLDER
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from bench.load import measure_load, serving
from bench.measure import table
from bench.predictors import train_options

EXPORTS = (
    ("float32", None),
    ("float16", None),
    ("int8", None),
    ("float16", 75_000),
    ("int8", 75_000),
    ("int8", 0),
)
NAME = "headlines-bench"
_STARTS = 5  # processes that are timed
_LOAD_SECONDS = 20  # how long a server is asked
_RUN = """
import os, sys, time
started = time.perf_counter()
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(process, 0)
print(time.perf_counter() - started, usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
_START = """
import sys, time
started = time.perf_counter()
import numpy
with_numpy = time.perf_counter()
from pipeline import load_classifier
imported = time.perf_counter()
classifier = load_classifier(sys.argv[1])
loaded = time.perf_counter()
classifier.predict(["Alps may lose 70% of snow by end of the century"])
answered = time.perf_counter()
lines = open("/proc/self/status").read().splitlines()
most = next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
print(with_numpy - started, imported - with_numpy, loaded - imported, answered - loaded, most)
"""


def print_portable(task: dict[str, Any]) -> None:
    """Three tables: sizes and answers by the type of the numbers, the start of a process, commands."""
    print_sizes(task)
    print_commands(task)


def print_sizes(task: dict[str, Any]) -> None:
    """Train by the defaults, export in several ways, and compare the answers on test headlines."""
    from pipeline.classifier.export import export_classifier
    from pipeline.data.headlines import load_headlines
    from pipeline.portable import load_classifier
    from pipeline.training.fit import fit

    headlines = load_headlines(**task["data"])
    fitted = fit(headlines.examples("train"), headlines.examples("validation"), task["vectors"])
    test = headlines.examples("test")
    expected, truth = fitted.classifier.predict_proba(test.texts), np.asarray(test.labels)
    rows: list[list[object]] = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (dtype, words) in enumerate(EXPORTS):
            path = export_classifier(
                fitted.classifier, Path(folder, str(number)), dtype=dtype, extra_words=words
            )
            given = load_classifier(path).predict_proba(test.texts)
            labels = given.argmax(axis=1)
            rows.append(
                [
                    dtype,
                    "all" if words is None else f"{words:,}",
                    f"{sum(file.stat().st_size for file in path.iterdir()) / 1e6:.1f}",
                    f"{(labels == truth).mean():.4f}",
                    f"{int((labels != expected.argmax(axis=1)).sum())} of {len(truth):,}",
                    f"{abs(given - expected).max():.1g}",
                ]
            )
        print_start(Path(folder, "1"))
    table(
        ["numbers", "extra words", "MB", "test accuracy", "other labels", "largest difference"],
        rows,
    )


def print_start(folder: Path) -> None:
    """The best times from the start of a process to its first answer."""
    runs = [_start(folder) for _ in range(_STARTS)]
    names = ("import numpy", "import the rest", "load", "first answer")
    seconds = [f"{min(run[i] for run in runs):.3f}" for i in range(len(names))]
    table([*names, "peak MB"], [[*seconds, f"{max(run[-1] for run in runs):.0f}"]])


def _start(folder: Path) -> Sequence[float]:
    command = [sys.executable, "-c", _START, str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    return [float(number) for number in ran.stdout.split()]


def print_commands(task: dict[str, Any]) -> None:
    """The best time and the highest memory of commands, with a folder and with a registered name."""
    python = [sys.executable, "-c"]
    pipeline = [sys.executable, "-m", "pipeline.cli"]
    predict = [*pipeline, "predict", "Alps may lose 70% of snow", "--model"]
    with tempfile.TemporaryDirectory() as folder:
        store = ["--tracking-uri", f"sqlite:///{folder}/mlflow.db"]
        options = [
            *train_options(task),
            f"tracking.uri={store[1]}",
            f"tracking.registered_model={NAME}",
        ]
        _timed([*pipeline, "train", *options], folder)
        _timed([*pipeline, "export", NAME, "model", *store], folder)
        commands = {
            "import numpy": [*python, "import numpy"],
            "predict with a folder": [*predict, "model"],
            "import mlflow": [*python, "import mlflow"],
            "predict with a registered name": [*predict, NAME, *store],
        }
        rows = []
        for what, command in commands.items():
            seconds, megabytes = zip(
                *(_timed(command, folder) for _ in range(_STARTS)), strict=True
            )
            rows.append([what, f"{min(seconds):.2f}", f"{max(megabytes):.0f}"])
        for what, model in (("folder", [f"{folder}/model"]), ("registered name", [NAME, *store])):
            with serving(*model) as (port, process, seconds):
                load = measure_load(port, process, _LOAD_SECONDS)
            highest = f"{load.memory['highest'] / 1e6:.0f}"
            rows.append([f"serve with a {what}, until it answers", f"{seconds:.2f}", highest])
    table(["command", "seconds", "peak MB"], rows)


def _timed(command: Sequence[str], folder: str) -> tuple[float, float]:
    """The seconds and the peak megabytes of a process."""
    # A process counts the memory of the one that starts it as its own. So a small one does that.
    ran = subprocess.run(
        [sys.executable, "-c", _RUN, *command], cwd=folder, capture_output=True, text=True
    )
    if ran.returncode:
        raise click.ClickException(f"{' '.join(command)} failed: {ran.stderr.strip()[-2000:]}")
    seconds, kilobytes = map(float, ran.stdout.split()[-2:])
    return seconds, kilobytes / 1024
