"""What decides between epochs, phases, and the ensemble: a score on the validation texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from pipeline.classifier.options import Select

Counts = NDArray[np.floating]
"""Of each label how many texts were given it rightly, were given it, and have it: (3, n_labels)."""


def count_labels(
    predicted: NDArray[np.integer], labels: NDArray[np.integer], weights: NDArray[np.float64]
) -> Counts:
    """`predicted`, `labels`, `weights`: of each text, (n,)."""
    n_labels = int(max(predicted.max(initial=0), labels.max(initial=0))) + 1
    right = weights * (predicted == labels)
    pairs = ((labels, right), (predicted, weights), (labels, weights))
    return np.stack([np.bincount(each, values, n_labels) for each, values in pairs])


def score(select: Select, counts: Counts, loss: float) -> float:
    """How good a result is; higher is better. `loss`: the mean cross-entropy."""
    return _SCORES[select](counts, loss)


def all_scores(counts: Counts, loss: float) -> dict[str, float]:
    """All that can decide, by name. Of the log loss, in nats, lower is better; of all else,
    higher."""
    figures = {name: score(name, counts, loss) for name in get_args(Select)}
    return {**figures, "log_loss": loss}


def _balanced(counts: Counts, loss: float) -> float:
    right, _, present = counts[:, counts[2] > 0]
    return float((right / present).mean())


def _macro_f1(counts: Counts, loss: float) -> float:
    right, given, present = counts[:, counts[2] > 0]
    return float((2 * right / (given + present)).mean())


_SCORES: Mapping[Select, Callable[[Counts, float], float]] = {
    "accuracy": lambda counts, loss: float(counts[0].sum() / counts[2].sum()),
    "balanced_accuracy": _balanced,
    "macro_f1": _macro_f1,
    "log_loss": lambda counts, loss: -loss,
}
