"""The portable classifier: its size and accuracy by the type of its numbers, and how soon it answers.

python -m bench --only portable --headlines FOLDER
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from bench.measure import table

EXPORTS = (
    ("float32", None),
    ("float16", None),
    ("int8", None),
    ("float16", 75_000),
    ("int8", 75_000),
    ("int8", 0),
)
_STARTS = 5  # processes that are timed
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
    """The median times from the start of a process to its first answer."""
    runs = [_start(folder) for _ in range(_STARTS)]
    names = ("import numpy", "import the rest", "load", "first answer")
    seconds = [f"{median(run[i] for run in runs):.2f}" for i in range(len(names))]
    table([*names, "peak MB"], [[*seconds, f"{max(run[-1] for run in runs):.0f}"]])


def _start(folder: Path) -> Sequence[float]:
    command = [sys.executable, "-c", _START, str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    return [float(number) for number in ran.stdout.split()]
