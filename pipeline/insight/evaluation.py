"""What a classifier is worth on headlines that it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.base.errors import DataError

N_BINS = 15  # of the reliability diagram, as in Guo et al. (2017), arXiv 1706.04599


@dataclass(frozen=True)
class Bin:
    """Predictions of similar confidence. `confidence`, `accuracy`: means over the `count`."""

    confidence: float
    accuracy: float
    count: int


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Predictions for labelled headlines and what follows from them.

    `texts`: object array, (n,); `labels`: int array, (n,); `probabilities`: float array,
    (n, n_classes), in the order of `label_names`.
    """

    texts: NDArray[np.object_]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    label_names: tuple[str, ...]

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """The most probable label of each headline: int array, (n,)."""
        return self.probabilities.argmax(axis=1)

    @cached_property
    def confidence(self) -> NDArray[np.float64]:
        """The probability of the predicted label: float array, (n,)."""
        return self.probabilities.max(axis=1)

    @property
    def accuracy(self) -> float:
        """Fraction of headlines with the right label."""
        return float((self.predicted == self.labels).mean())

    @property
    def accuracy_interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the accuracy."""
        from scipy.stats import binomtest

        hits = int((self.predicted == self.labels).sum())
        interval = binomtest(hits, len(self.labels)).proportion_ci(0.95, "wilson")
        return float(interval.low), float(interval.high)

    @property
    def macro_f1(self) -> float:
        """Mean over the labels that occur of the harmonic mean of precision and recall."""
        from sklearn.metrics import f1_score

        return float(f1_score(self.labels, self.predicted, average="macro", zero_division=0))

    @property
    def log_loss(self) -> float:
        """Mean negative log probability of the right label, in nats."""
        from sklearn.metrics import log_loss

        return float(log_loss(self.labels, self.probabilities, labels=range(len(self.label_names))))

    @cached_property
    def bins(self) -> tuple[Bin, ...]:
        """The predictions in 15 bins of equal width by confidence, empty ones left out."""
        index = np.minimum((self.confidence * N_BINS).astype(int), N_BINS - 1)
        right = self.predicted == self.labels
        return tuple(
            Bin(float(self.confidence[of].mean()), float(right[of].mean()), int(of.sum()))
            for of in (index == i for i in range(N_BINS))
            if of.any()
        )

    @property
    def ece(self) -> float:
        """Expected calibration error: mean distance of confidence and accuracy over the bins."""
        return sum(b.count * abs(b.confidence - b.accuracy) for b in self.bins) / len(self.labels)

    @property
    def confusion(self) -> NDArray[np.int64]:
        """Counts, (n_classes, n_classes): row the true label, column the predicted one."""
        from sklearn.metrics import confusion_matrix

        return confusion_matrix(self.labels, self.predicted, labels=range(len(self.label_names)))

    def metrics(self) -> dict[str, float]:
        """The figures by name."""
        return {
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
            "log_loss": self.log_loss,
            "ece": self.ece,
        }


def evaluate(
    model: Any, texts: Sequence[str], labels: Sequence[int], label_names: Sequence[str]
) -> Evaluation:
    """Evaluate a classifier (or its Keras model) on headlines and labels 0 ... n_classes - 1."""
    return score(model.predict_proba(texts), texts, labels, label_names)


def score(
    probabilities: NDArray[Any] | Sequence[Sequence[float]],
    texts: Sequence[str],
    labels: Sequence[int],
    label_names: Sequence[str],
) -> Evaluation:
    """Evaluate predictions: `probabilities` is a float array, (len(texts), len(label_names)).

    Raises DataError: no headlines at all; ValueError: shapes that do not fit.
    """
    if len(texts) == 0:
        raise DataError("expected headlines to evaluate, got none")
    values = np.asarray(probabilities, np.float64)
    if values.shape != (len(texts), len(label_names)) or len(labels) != len(texts):
        raise ValueError(
            f"expected probabilities of shape {(len(texts), len(label_names))} and as many "
            f"labels, got {values.shape} and {len(labels)}"
        )
    values = values / values.sum(axis=1, keepdims=True)  # to one in double precision as well
    return Evaluation(
        np.array(list(texts), dtype=object),
        np.asarray(labels, np.int64),
        values,
        tuple(label_names),
    )
