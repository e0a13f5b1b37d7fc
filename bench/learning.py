"""How fast the classifier learns and predicts, against plain Keras, fastText and scikit-learn.

    python -m bench --only training,steps,level,prediction --headlines FOLDER --vectors FILE

Each way has the same headlines, in a process of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from bench.measure import measure, table
from bench.predictors import MANY

WAYS, PREDICTORS = "bench.learners", "bench.predictors"
TABLES = (20_000, 400_000)  # rows
STEPS = 600  # in an epoch, where steps are timed
KERAS_STEPS = 60  # likewise, for plain Keras, which takes longer
Task = dict[str, Any]
Figures = dict[str, Any]


def figures(function: str, *arguments: Any) -> Figures | None:
    """The figures of a way; None where its package is not installed."""
    if "fasttext" in function and find_spec("fasttext") is None:
        return None
    return json.loads(measure(function, *arguments, repeats=1).answer)


def print_training(task: Task) -> None:
    """Headlines a second in the fine-tuned phase."""
    rows: list[list[object]] = []
    for encoder, batch_size in (("mean", 128), ("cnn", 32), ("cnn", 128)):
        arguments = task, encoder, batch_size
        ours = figures(f"{WAYS}:train_ours", *arguments)
        ways = {
            "pipeline": ours,
            "pipeline, with adversarial steps": figures(f"{WAYS}:train_ours", *arguments, None),
            "Keras fit": figures(f"{WAYS}:train_keras", *arguments),
        }
        if encoder == "mean":
            fasttext = {
                "fastText": (False, False),
                "fastText, character 2-5-grams": (True, False),
                "fastText from the vectors": (False, True),
            }
            ways |= {
                way: figures(f"{WAYS}:train_fasttext", task, *options)
                for way, options in fasttext.items()
            }
        rows += compare_ways(f"{encoder}, batches of {batch_size}", ours, ways)
    table(
        ["network", "way", "headlines a second", "speed of the pipeline in multiples of it"], rows
    )


def compare_ways(
    network: str, ours: Figures | None, ways: Mapping[str, Figures | None]
) -> list[list[object]]:
    """A row for each way: its speed, and that of `ours` in multiples of it."""
    rows: list[list[object]] = []
    for way, values in ways.items():
        shown = ["not installed", ""]
        if values is not None and ours is not None:
            speed = values["per_second"]
            shown = [f"{speed:,.0f}", f"{ours['per_second'] / speed:.2f} x"]
        rows.append([network, way, *shown])
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
                1000
                * _own_figures(f"{WAYS}:{way}", task, encoder, batch_size, *options, size, n)[
                    "step"
                ]
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
    table(["network", "way", *sizes, "time with the larger, in multiples"], rows)


def _own_figures(function: str, *arguments: Any) -> Figures:
    values = figures(function, *arguments)
    assert values is not None  # it needs no package that may be missing
    return values


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
        values = figures(f"{WAYS}:{way}", task, *options)
        if values is None:
            rows.append([name, "not installed", ""])
            continue
        seconds = values["seconds"]
        rows.append(
            [name, "not reached" if seconds is None else f"{seconds:.1f}", f"{values['best']:.4f}"]
        )
    reached = f"seconds to validation accuracy {level:g}"
    table(["way", reached, "best validation accuracy"], rows)


def print_prediction(task: Task) -> None:
    """Milliseconds for one headline, and headlines a second."""
    ways: Sequence[tuple[str, str, tuple[Any, ...]]] = (
        ("pipeline, mean, the network alone", "ours", ("mean", False)),
        ("pipeline, cnn, the network alone", "ours", ("cnn", False)),
        ("pipeline, mean, the ensemble", "ours", ("mean", True)),
        ("pipeline, cnn, the ensemble (the default)", "ours", ("cnn", True)),
        ("portable, mean, the ensemble", "ours", ("mean", True, True)),
        ("portable, cnn, the ensemble (the default)", "ours", ("cnn", True, True)),
        ("fastText, character 2-5-grams", "fasttext", ()),
        ("TF-IDF and LinearSVC", "svc", ()),
        ("the logged model, 100,000 in a call", "logged", (False, MANY)),
        ("the logged model, 1,000 in a call", "logged", (False,)),
        ("the logged model, on MLflow's scoring server", "logged", (True,)),
    )
    rows: list[list[object]] = []
    for name, way, options in ways:
        values = figures(f"{PREDICTORS}:{way}", task, *options)
        shown = ["not installed", "", ""]
        if values is not None:
            shown = [f"{values['one']:.2f}", f"{values['per_second']:,.0f}", f"{values['n']:,}"]
        rows.append([name, *shown])
    columns = ["ms for one headline", "headlines a second", "number of headlines"]
    table(["strings in, labels out", *columns], rows)
