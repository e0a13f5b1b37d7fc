"""Texts, labels and weights as scikit-learn takes them: lists, arrays, and columns of tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.base.errors import DataError
from pipeline.data.cleaning import is_missing, label_text
from pipeline.data.content import shown
from pipeline.data.examples import Examples, check_weights

# The kinds of labels. A truth value is an integer to Python.
_LABELS: Mapping[str, tuple[type, ...]] = {
    "truth values": (bool, np.bool_),
    "strings": (str,),
    "whole numbers": (int, np.integer, float, np.floating),
}


def list_labelled(
    given_texts: Any, given_labels: Any, sample_weight: Any = None
) -> tuple[list[str], NDArray[Any], list[float] | None]:
    """Texts, and for each a label, array (n,), and a weight, if there are any.

    Raises DataError: there is not one label or weight for each text, or one cannot be used.
    """
    texts, labels = list_texts(given_texts), _labels(given_labels)
    if len(labels) != len(texts):
        raise DataError(f"expected one label a text, got {len(texts)} and {len(labels)}")
    if sample_weight is None:
        return texts, labels, None
    weights = _column(sample_weight, "weights")
    for i, weight in enumerate(weights):
        if not isinstance(weight, int | float | np.integer | np.floating):
            raise DataError(f"sample_weight: expected numbers, got {shown(weight)} at position {i}")
    weights = [weight.item() if isinstance(weight, np.generic) else weight for weight in weights]
    check_weights(weights, len(texts), "sample_weight")
    return texts, labels, [float(weight) for weight in weights]


def held_out_examples(data: Any, classes: list[Any], names: tuple[str, ...]) -> Examples:
    """Texts and labels that the caller holds out, and perhaps weights: `validation_data`.

    `classes`, `names`: the labels of the training texts, and how they are called.

    Raises DataError: they cannot be used, or a label is none of `classes`.
    """
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        raise DataError(
            "validation_data: expected (texts, labels) or (texts, labels, weights), got "
            f"{shown(data)}"
        )
    try:
        texts, labels, weights = list_labelled(*data)
        if not texts:
            raise DataError("expected at least one text, got none")
        for i, label in enumerate(labels.tolist()):
            if label not in classes:
                raise DataError(
                    f"expected a label of the training texts, got {shown(label)} at position {i}"
                )
    except DataError as error:
        raise DataError(f"validation_data: {error}") from error
    return Examples(texts, [classes.index(label) for label in labels.tolist()], names, weights)


def list_texts(values: Any) -> list[str]:
    """Texts as a list. Raises DataError: there is something else among them."""
    texts = _column(values, "texts")
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(f"expected texts, got {shown(text)} at position {i}")
    return texts


def _labels(values: Any) -> NDArray[Any]:
    """Labels of one kind: array, (n,)."""
    labels = _column(values, "labels")
    kinds = set()
    for i, label in enumerate(labels):
        if is_missing(label) or (isinstance(label, str) and not label.strip()):
            raise DataError(
                f"expected a label for each text, got {label!r} at position {i}: leave that text "
                "out"
            )
        kind = next((kind for kind, types in _LABELS.items() if isinstance(label, types)), None)
        whole = not isinstance(label, float | np.floating) or float(label).is_integer()
        kinds.add(kind)
        if kind is None or not whole or len(kinds) > 1:
            raise DataError(
                "expected labels that are all strings, all whole numbers or all truth values, got "
                f"{shown(label)} at position {i}"
            )
    # An array of strings has the width of the longest one in every row.
    strings = "strings" in kinds
    array = np.array([str(label) for label in labels], object) if strings else np.array(labels)
    whole = not all(isinstance(label, float | np.floating) for label in labels)
    if array.dtype.kind == "f" and whole:  # NumPy's type for both would make large integers equal
        array = np.array([int(label) for label in labels], object)
    return array


def name_labels(classes: Sequence[Any]) -> tuple[str, ...]:
    """The names of the labels, as a file or a list of headlines gives them.

    Raises DataError: two have the same name.
    """
    values: dict[str, Any] = {}
    for value in classes:
        name = label_text(value)
        if name in values:
            raise DataError(
                f"expected labels of different names, got {shown(values[name])} and "
                f"{shown(value)}, which are both {name!r}: write them in one form"
            )
        values[name] = value
    return tuple(values)


def _column(values: Any, what: str) -> list[Any]:
    """The items of a list, of an array (n,), or of the one column of a table or an array (n, 1)."""
    if isinstance(values, str | bytes):
        raise DataError(f"expected a list of {what}, got one string: put it in a list")
    if isinstance(values, Mapping | Set) or not isinstance(values, Iterable):
        raise DataError(
            f"expected a list of {what}, got {shown(values)}: give a list, an array or a column"
        )
    shape = tuple(getattr(values, "shape", (0,)))
    if len(shape) == 2 and shape[1] == 1 and hasattr(values, "__array__"):
        values, shape = list(np.asarray(values)), shape[:1]
    if len(shape) != 1:
        raise DataError(
            f"expected a list of {what}, got an array or table of shape {shape}: give one of its "
            "columns"
        )
    items = list(values)
    # A column as scikit-learn takes it: (n, 1).
    if items and all(isinstance(item, list | np.ndarray) and len(item) == 1 for item in items):
        return [item[0] for item in items]
    return items
