"""How good the predictions for labelled texts are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pipeline.base.calls import checked
from pipeline.base.errors import DataError, nearest
from pipeline.classifier.readme import accuracy_interval
from pipeline.data.examples import Examples
from pipeline.portable.conformal import Calibration, label_sets

COVERAGES = (0.8, 0.9, 0.95, 0.99)
"""How often sets of labels shall hold the right one, in the table of an evaluation."""
_SETS_COLUMNS = (
    "coverage_asked",
    "coverage_reached",
    "worst_label_coverage",
    "labels_per_set",
    "empty_sets",
    "one_label_sets",
)
N_BINS = 15  # of the reliability diagram, as in Guo et al. (2017), arXiv 1706.04599


@dataclass(frozen=True)
class Bin:
    """`count` predictions of similar confidence. `confidence`, `accuracy`: their means."""

    confidence: float
    accuracy: float
    count: int


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Predictions for labelled texts, and what follows from them.

    `texts`: object array, (n,). `labels`: int array, (n,), positions in `label_names`.
    `probabilities`: float array, (n, n_labels). `calibration`: of the classifier, for sets of
    labels. `marks`: why an answer means little, or None: object array, (n,).
    """

    texts: NDArray[np.object_]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    label_names: tuple[str, ...]
    calibration: Calibration | None = None
    marks: NDArray[np.object_] | None = None

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """The most probable label of each text: int array, (n,)."""
        return self.probabilities.argmax(axis=1)

    @cached_property
    def confidence(self) -> NDArray[np.float64]:
        """The probability of the predicted label of each text: float array, (n,)."""
        return self.probabilities.max(axis=1)

    @property
    def accuracy(self) -> float:
        """The fraction of texts with the right label."""
        return float((self.predicted == self.labels).mean())

    @property
    def accuracy_interval(self) -> tuple[float, float]:
        """Wilson's 95% interval of the accuracy."""
        hits = int((self.predicted == self.labels).sum())
        return accuracy_interval(hits, len(self.labels))

    @property
    def macro_f1(self) -> float:
        """The F1 of each label that occurs, averaged. F1 is the harmonic mean of precision and
        recall."""
        from sklearn.metrics import f1_score

        labels = np.unique(self.labels)
        return float(
            f1_score(self.labels, self.predicted, labels=labels, average="macro", zero_division=0)
        )

    @property
    def balanced_accuracy(self) -> float:
        """The recall of each label that occurs, averaged: each label counts the same."""
        right = self.predicted == self.labels
        return float(np.mean([right[self.labels == label].mean() for label in set(self.labels)]))

    @property
    def log_loss(self) -> float:
        """The mean of -log(probability of the right label), in nats."""
        from sklearn.metrics import log_loss

        return float(log_loss(self.labels, self.probabilities, labels=range(len(self.label_names))))

    @cached_property
    def bins(self) -> tuple[Bin, ...]:
        """The predictions in 15 bins of equal width, by confidence. Empty bins are left out."""
        index = np.minimum((self.confidence * N_BINS).astype(int), N_BINS - 1)
        right = self.predicted == self.labels
        return tuple(
            Bin(float(self.confidence[rows].mean()), float(right[rows].mean()), int(rows.sum()))
            for rows in (index == i for i in range(N_BINS))
            if rows.any()
        )

    @property
    def ece(self) -> float:
        """Expected calibration error: the mean distance of confidence and accuracy over the bins.

        Each bin counts by its number of predictions.
        """
        return sum(b.count * abs(b.confidence - b.accuracy) for b in self.bins) / len(self.labels)

    @property
    def confusion(self) -> NDArray[np.int64]:
        """How often a label (row) was predicted as a label (column):
        int array, (n_labels, n_labels)."""
        from sklearn.metrics import confusion_matrix

        return confusion_matrix(self.labels, self.predicted, labels=range(len(self.label_names)))

    def per_class(self) -> dict[str, list[Any]]:
        """Columns with one row for each label: precision, recall, F1 and number of headlines."""
        from sklearn.metrics import precision_recall_fscore_support

        scores = precision_recall_fscore_support(
            self.labels, self.predicted, labels=range(len(self.label_names)), zero_division=0
        )
        precision, recall, f1, support = (values.tolist() for values in scores)
        return {
            "label": list(self.label_names),
            "precision": precision,
            "recall": recall,
            "f1": f1,
            "headlines": [int(n) for n in support],
        }

    def label_sets(self) -> dict[str, list[Any]]:
        """Columns with one row for each of COVERAGES that the calibration can tell.

        `coverage_asked`: how often the sets shall hold the right label; `coverage_reached`: how
        often they do; `worst_label_coverage`: the same for the headlines of the label with the
        least. `labels_per_set`: on average. `empty_sets`, `one_label_sets`: the fraction of sets
        with no label, with one label.
        """
        rows = []
        for asked in COVERAGES:
            if self.calibration is None or asked > self.calibration.most:
                continue
            sets = label_sets(self.probabilities, self.calibration, asked)
            holds, sizes = sets[np.arange(len(sets)), self.labels], sets.sum(axis=1)
            by_label = [holds[self.labels == label].mean() for label in np.unique(self.labels)]
            rows.append(
                (
                    asked,
                    holds.mean(),
                    min(by_label),
                    sizes.mean(),
                    *((sizes == n).mean() for n in (0, 1)),
                )
            )
        return {name: [float(row[i]) for row in rows] for i, name in enumerate(_SETS_COLUMNS)}

    def by_share(self) -> dict[str, list[float]]:
        """Accuracy by the share that is answered, the surest texts first: selective accuracy.

        Columns with one row for each tenth: `share_answered`; `threshold`, the probability from
        which on a label is given; `accuracy` of these texts (El-Yaniv and Wiener 2010).
        """
        order = np.argsort(-self.confidence, kind="stable")
        right = (self.predicted == self.labels)[order].cumsum()
        counts = [max(round(len(order) * tenth / 10), 1) for tenth in range(10, 0, -1)]
        return {
            "share_answered": [count / len(order) for count in counts],
            "threshold": [float(self.confidence[order[count - 1]]) for count in counts],
            "accuracy": [float(right[count - 1] / count) for count in counts],
        }

    def by_mark(self) -> dict[str, list[Any]]:
        """Columns with one row for each mark that there is: number of texts and their accuracy."""
        marks = np.full(len(self.labels), None, object) if self.marks is None else self.marks
        names = sorted({str(mark) for mark in marks if mark is not None})
        right = self.predicted == self.labels
        return {
            "mark": names,
            "headlines": [int((marks == name).sum()) for name in names],
            "accuracy": [float(right[marks == name].mean()) for name in names],
        }

    def metrics(self) -> dict[str, float]:
        """The numbers that a run logs, by name."""
        return {
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
            "balanced_accuracy": self.balanced_accuracy,
            "log_loss": self.log_loss,
            "ece": self.ece,
        }


@runtime_checkable
class Predicts(Protocol):
    """Anything that gives probabilities of the labels: a Network or a Classifier."""

    def predict_proba(self, texts: Sequence[str], /) -> NDArray[np.floating]:
        """Texts to probabilities, (n, n_labels)."""


@checked
def evaluate(classifier: Predicts, examples: Examples) -> Evaluation:
    """Evaluate a classifier or a network on labelled texts.

    Where the classifier has `label_names`, labels are matched by their names.

    Raises DataError: there are no examples, or one has a label that the classifier does not have.
    """
    names = tuple(getattr(classifier, "label_names", ()))
    if names and names != tuple(examples.label_names):
        labels = [examples.label_names[label] for label in examples.labels]
        examples = name_labels(examples.texts, labels, names)
    marks = getattr(classifier, "marks", None)
    return evaluate_probabilities(
        classifier.predict_proba(examples.texts),
        examples,
        calibration=getattr(classifier, "calibration", None),
        marks=None if marks is None else marks(examples.texts),
    )


def name_labels(
    texts: Sequence[str], labels: Sequence[str], label_names: Sequence[str], where: str = ""
) -> Examples:
    """Texts and their labels, which are names of a classifier, as examples.

    `where`: where the labels stand, for the message. Raises DataError: the classifier does not have
    one of the labels.
    """
    position = {name: number for number, name in enumerate(label_names)}
    if unknown := sorted(set(labels) - set(position)):
        count = sum(label not in position for label in labels)
        advice = nearest(unknown[0], label_names) or ": leave them out, or train with them"
        raise DataError(
            f"{where and f'{where}: '}expected the labels of the model, {', '.join(label_names)}, "
            f"got others for {count:,} of {len(labels):,} headlines, such as {unknown[0]!r}{advice}"
        )
    return Examples(texts, [position[label] for label in labels], tuple(label_names))


def evaluate_probabilities(
    probabilities: NDArray[Any] | Sequence[Sequence[float]],
    examples: Examples,
    *,
    calibration: Calibration | None = None,
    marks: NDArray[np.object_] | None = None,
) -> Evaluation:
    """Evaluate predictions that are there already.

    `probabilities`: float array, (n, n_labels), in the order of `examples.label_names`.
    `calibration`, `marks`: as in `Evaluation`.
    Raises DataError: there are no examples, the shapes do not fit, or a number is not finite.
    """
    if not len(examples):
        raise DataError("expected headlines to evaluate, got none")
    values = np.asarray(probabilities, np.float64)
    shape = (len(examples), len(examples.label_names))
    if values.shape != shape:
        raise DataError(f"expected probabilities of shape {shape}, got {values.shape}")
    if not np.isfinite(values).all():
        row = int((~np.isfinite(values)).any(axis=1).argmax())
        raise DataError(f"expected finite probabilities, got {values[row].tolist()} for text {row}")
    values = values / values.sum(axis=1, keepdims=True)  # they add up to 1 in double precision too
    return Evaluation(
        np.array(list(examples.texts), dtype=object),
        np.asarray(examples.labels, np.int64),
        values,
        tuple(examples.label_names),
        calibration,
        marks,
    )
