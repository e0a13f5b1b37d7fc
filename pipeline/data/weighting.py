"""How much labelled texts count: weights of labels, and of single texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.base.errors import DataError, nearest
from pipeline.data.content import shown
from pipeline.data.examples import Examples
from pipeline.data.sampling import take_examples

ClassWeight = Literal["balanced"] | Mapping[str, float]
"""`balanced`, or the weight of each label by its name; a label that is not named has the weight
1."""


def weigh_labels(
    training: Examples, validation: Examples, class_weight: ClassWeight | None
) -> tuple[Examples, Examples]:
    """Multiply the weights of texts by those of their labels; texts of weight 0 are left out.

    `balanced` weighs a label with n / (n_labels x its texts), as scikit-learn does (King and Zeng
    2001, doi 10.1093/oxfordjournals.pan.a004868): all labels then count the same. The texts of
    training decide on the weights of both.

    Returns: training and validation. Where all weights are 1 they have none.

    Raises DataError: a name is no label, or no text of training or validation has a weight above 0.
    """
    check_class_weight(class_weight, training.label_names)
    if class_weight is None and training.weights is None and validation.weights is None:
        return training, validation
    by_label = _by_label(training, class_weight)
    return _weighed(training, by_label, "training"), _weighed(validation, by_label, "validation")


def counted_sha256(
    training: Examples, validation: Examples, class_weight: ClassWeight | None
) -> str:
    """The digest of the validation texts that count at all: their weight is above 0."""
    _, counted = weigh_labels(training, validation, class_weight)
    return replace(counted, weights=None).sha256


def check_class_weight(class_weight: ClassWeight | None, label_names: Sequence[str]) -> None:
    """Raises DataError: a weight is for a name that no label has."""
    for name in class_weight if isinstance(class_weight, Mapping) else ():
        if name not in label_names:
            raise DataError(
                "training.class_weight: expected names of labels, "
                f"{shown(', '.join(label_names))}, got {name!r}{nearest(name, label_names)}"
            )


def label_weights(training: Examples, class_weight: ClassWeight | None) -> dict[str, float]:
    """The weight of each label by its name, as `weigh_labels` takes it.

    >>> label_weights(Examples(["a", "b", "c"], [0, 0, 1], ("money", "nature")), "balanced")
    {'money': 0.75, 'nature': 1.5}
    """
    return dict(zip(training.label_names, _by_label(training, class_weight).tolist(), strict=True))


def text_weights(examples: Examples) -> NDArray[np.float64]:
    """The weight of each text, also where all are 1: float64 array, (n,)."""
    if examples.weights is None:
        return np.ones(len(examples))
    return np.asarray(examples.weights, np.float64)


def given_weights(examples: Examples) -> NDArray[np.float64] | None:
    """The weight of each text, float64 array (n,); None: all count once."""
    return None if examples.weights is None else text_weights(examples)


def without_zeros(examples: Examples) -> Examples:
    """The examples that count: those whose weight is above 0."""
    weights = given_weights(examples)
    if weights is None or weights.all():
        return examples
    return take_examples(examples, np.flatnonzero(weights))


def take(
    weights: NDArray[np.float64] | None, rows: NDArray[np.integer]
) -> NDArray[np.float64] | None:
    """The weights of some texts, where there are weights."""
    return None if weights is None else weights[rows]


def _by_label(training: Examples, class_weight: ClassWeight | None) -> NDArray[np.float64]:
    """The weight of each label: float64 array, (n_labels,)."""
    names = training.label_names
    if class_weight is None:
        return np.ones(len(names))
    if isinstance(class_weight, Mapping):
        return np.array([class_weight.get(name, 1.0) for name in names], np.float64)
    counts = np.bincount(training.labels, text_weights(training), len(names))
    n_present = np.count_nonzero(counts)
    # A label without a text can only be among those of validation.
    return np.where(counts > 0, counts.sum() / (n_present * np.maximum(counts, 1e-300)), 1.0)


def _weighed(examples: Examples, by_label: NDArray[np.float64], what: str) -> Examples:
    weights = text_weights(examples) * by_label[np.asarray(examples.labels, np.intp)]
    rows = np.flatnonzero(weights)
    if len(examples) and not len(rows):
        raise DataError(
            f"expected a text of {what} with a weight above 0, all {len(examples):,} have 0: "
            "change the weights of the texts or labels"
        )
    if len(rows) < len(examples):
        examples = take_examples(replace(examples, weights=None), rows)
    weights = weights[rows]
    return replace(examples, weights=None if (weights == 1).all() else weights.tolist())
