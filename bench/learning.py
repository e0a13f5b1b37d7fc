"""How fast the classifier learns and predicts, against plain Keras, fastText and scikit-learn.

    python -m bench --only training,steps,level,prediction --headlines FOLDER --vectors FILE

Each way has the same headlines, in a process of its own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from bench.measure import measure, table

WAYS, PREDICTORS = "bench.learners", "bench.predictors"
TABLES = (20_000, 400_000)  # rows
STEPS = 600  # of which an epoch consists when steps are timed, and for plain Keras, some of them
KERAS_STEPS = 60
Task = dict[str, Any]
Figures = dict[str, Any]


def figures(function: str, *arguments: Any) -> Figures | None:
    """What a way's JSON says; None where its package is not installed."""
    if "fasttext" in function and find_spec("fasttext") is None:
        return None
    return json.loads(measure(function, *arguments, repeats=1).answer)


def print_training(task: Task) -> None:
    """Headlines a second in the fine-tuned phase."""
    rows: list[list[object]] = []
    for encoder, batch_size in (("mean", 128), ("cnn", 32), ("cnn", 128)):
        arguments = task, encoder, batch_size
        ours = figures(f"{WAYS}:train_ours", *arguments)
        name = f"{encoder}, batches of {batch_size}"
        rows += against(
            name,
            ours,
            ("pipeline", ours),
            ("pipeline, with adversarial steps", figures(f"{WAYS}:train_ours", *arguments, None)),
            ("Keras fit", figures(f"{WAYS}:train_keras", *arguments)),
        )
        if encoder == "mean":
            fasttext = {
                "fastText": (False, False),
                "fastText, character 2-5-grams": (True, False),
                "fastText from the vectors": (False, True),
            }
            others = [
                (name, figures(f"{WAYS}:train_fasttext", task, *options))
                for name, options in fasttext.items()
            ]
            rows += against("", ours, *others)
    table(["fine-tuning", "way", "headlines/s", "ours against it"], rows)


def against(
    name: str, ours: Figures | None, *ways: tuple[str, Figures | None]
) -> list[list[object]]:
    """Lines of a table, the first of which has the name."""
    rows: list[list[object]] = []
    for way, found in ways:
        shown = ["not installed", ""]
        if found is not None and ours is not None:
            speed = found["per_second"]
            shown = [f"{speed:,.0f}", f"{ours['per_second'] / speed:.2f} x"]
        rows.append([name if not rows else "", way, *shown])
    return rows


def print_steps(task: Task) -> None:
    """Milliseconds a step, with a small table and a large one."""
    rows: list[list[object]] = []
    for encoder, batch_size in (("mean", 128), ("cnn", 32)):
        for name, way, options, steps in (
            ("pipeline", "train_ours", (0.0,), STEPS),
            ("Keras fit", "train_keras", (), KERAS_STEPS),
        ):
            times = [
                1000 * _of(f"{WAYS}:{way}", task, encoder, batch_size, *options, size, n)["step"]
                for size, n in ((size, steps * batch_size) for size in TABLES)
            ]
            shown = [f"{ms:.2f}" for ms in times]
            rows.append(
                [
                    f"{encoder}, batches of {batch_size}",
                    name,
                    *shown,
                    f"{times[1] / times[0]:.2f} x",
                ]
            )
    sizes = [f"ms a step, {size:,} rows" for size in TABLES]
    table(["fine-tuning", "way", *sizes, "of the smaller"], rows)


def _of(function: str, *arguments: Any) -> Figures:
    found = figures(function, *arguments)
    assert found is not None  # it is the project's own
    return found


def print_level(task: Task, level: float) -> None:
    """Seconds from strings in memory until validation accuracy reaches the level."""
    ways: Sequence[tuple[str, str, tuple[Any, ...]]] = (
        ("pipeline, cnn (the default)", "reach_ours", ("cnn", level)),
        ("pipeline, mean", "reach_ours", ("mean", level)),
        ("Keras fit, the same cnn", "reach_keras", ("cnn", level)),
        ("Keras fit, the same mean", "reach_keras", ("mean", level)),
        ("fastText", "reach_fasttext", (level, False, False)),
        ("fastText, character 2-5-grams", "reach_fasttext", (level, True, False)),
        ("fastText from the vectors", "reach_fasttext", (level, False, True)),
        ("TF-IDF and LinearSVC", "reach_svc", (level,)),
    )
    rows: list[list[object]] = []
    for name, way, options in ways:
        found = figures(f"{WAYS}:{way}", task, *options)
        if found is None:
            rows.append([name, "not installed", ""])
            continue
        seconds = found["seconds"]
        rows.append(
            [name, "not reached" if seconds is None else f"{seconds:.1f}", f"{found['best']:.4f}"]
        )
    table(["way", f"seconds to {level:g} on validation", "best seen"], rows)


def print_prediction(task: Task) -> None:
    """Milliseconds for one headline, and headlines a second."""
    ways: Sequence[tuple[str, str, tuple[Any, ...]]] = (
        ("pipeline, mean, the network alone", "ours", ("mean", False)),
        ("pipeline, cnn, the network alone", "ours", ("cnn", False)),
        ("pipeline, mean, with all parts", "ours", ("mean", True)),
        ("pipeline, cnn, with all parts (the default)", "ours", ("cnn", True)),
        ("fastText, character 2-5-grams", "fasttext", ()),
        ("TF-IDF and LinearSVC", "svc", ()),
        ("the logged model, in this process", "logged", (False,)),
        ("the logged model, on MLflow's scoring server", "logged", (True,)),
    )
    rows: list[list[object]] = []
    for name, way, options in ways:
        found = figures(f"{PREDICTORS}:{way}", task, *options)
        shown = ["not installed", "", ""]
        if found is not None:
            shown = [f"{found['one']:.2f}", f"{found['per_second']:,.0f}", f"{found['n']:,}"]
        rows.append([name, *shown])
    table(["strings in, labels out", "ms for one headline", "headlines/s", "of so many"], rows)
