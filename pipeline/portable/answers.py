"""What a served classifier takes and gives: texts in any usual form, and one row for each of
them."""

from __future__ import annotations

import gc
import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..base.errors import DataError, written
from .conformal import Calibration, label_sets
from .text import normalize

WHY_CHARACTERS = 100_000
"""With `why`, the texts of a request have at most so many characters: each word gives a row."""

PARAMS: Mapping[str, int | float | bool] = {
    "top_k": 0,
    "threshold": 0.0,
    "coverage": 0.0,
    "why": False,
}
"""The parameters of a request, with their defaults. See `answer`."""

_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother = 2, 60, 60
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = 3


class Answers(Protocol):
    """What gives answers, as a `PortableClassifier` does."""

    @property
    def label_names(self) -> tuple[str, ...]:
        """Label i of the outputs is `label_names[i]`."""

    @property
    def calibration(self) -> Calibration | None:
        """For sets of labels; None: there is none."""

    def predict_proba(self, texts: Iterable[str], /) -> NDArray[np.float32]:
        """Probabilities of each label: float32 array, (n, n_labels)."""

    def predict_marked(
        self, texts: Iterable[str], /
    ) -> tuple[NDArray[np.float32], NDArray[np.object_]]:
        """Probabilities of each label, (n, n_labels), and the mark of each text or None, (n,)."""

    def why(self, texts: Iterable[str], /) -> list[dict[str, Any]]:
        """What each word of each text gives to each label."""


def read_payload(payload: Any) -> list[str]:
    """The texts of what a caller sends: one text, or a sequence or a table with one column of them.

    One column: a pandas Series with any index, a frame or array with one column, a mapping with one
    key, a list of mappings with the same one key, a list of lists of one text. Nothing is
    converted: only strings are texts, and "2021-03-04", "true" and "null" are strings.

    Raises DataError: several columns, or something that is no string.

    >>> read_payload("Alps"), read_payload([{"text": "Alps"}, {"text": "null"}]), read_payload([])
    (['Alps'], ['Alps', 'null'], [])
    """
    if isinstance(payload, str):
        return [str(payload)]
    if hasattr(payload, "columns") and hasattr(payload, "iloc"):
        return _strings(_frame_column(payload))
    if isinstance(payload, Mapping):
        (column,) = _one_column(list(payload), payload.values())
        return [column] if isinstance(column, str) else _strings(_items(column))
    items = _items(payload)
    if items and isinstance(items[0], Mapping):
        return _strings(_records_column(items))
    if items and isinstance(items[0], list | tuple | np.ndarray):
        return _strings(_rows_column(items))
    return _strings(items)


def answer(
    classifier: Answers,
    texts: Sequence[str],
    *,
    top_k: Any = 0,
    threshold: Any = 0.0,
    coverage: Any = 0.0,
    why: Any = False,
) -> list[dict[str, Any]]:
    """One row for each text, in order: its `label`, `probability`, `probabilities` by label, and
    `mark`.

    The mark is None, or says why the answer means little: "empty", or "no_known_word".

    Args:
        classifier: gives the probabilities.
        texts: strings; none gives no rows.
        top_k: keep only so many `probabilities`, the highest first; 0: all, in the order of the
            labels.
        threshold: from 0 to 1. Where no label is as probable, `label` is None.
        coverage: above 0 and below 1, as 0.9: add `labels`, those that are as probable as it takes
            to have the right one among them in 90% of the texts, the most probable first. There may
            be none. 0: `labels` is not added.
        why: add `why`: the `words`, each with its `tokens` and its `contributions`, which is what
            it gives to each label, in nats; and the `bias`, which is what no word gives.

    Raises:
        DataError: a parameter has another type or is out of range, there are too many texts for
            `why`, or the classifier has no calibration, or too little, for this coverage.
    """
    _check("top_k", top_k, int, "a whole number from 0", lambda value: value >= 0)
    _check("threshold", threshold, int | float, "a number from 0 to 1", lambda v: 0 <= v <= 1)
    _check(
        "coverage", coverage, int | float, "a number from 0 to below 1, as 0.9 for 90%",
        lambda v: 0 <= v < 1,
    )  # fmt: skip
    _check("why", why, bool, "true or false", lambda _: True)
    texts = normalize(texts)
    if why and (size := sum(map(len, texts))) > WHY_CHARACTERS:
        raise DataError(
            f"expected texts of at most {WHY_CHARACTERS:,} characters together with why, got "
            f"{size:,}: ask for fewer at a time"
        )
    if not texts:
        return []
    probabilities, marks = classifier.predict_marked(texts)
    sets = label_sets(probabilities, classifier.calibration, coverage) if coverage else None
    rows = _rows(classifier.label_names, probabilities, marks, top_k, threshold)
    if sets is not None:
        for row, chosen, values in zip(rows, sets, probabilities, strict=True):
            ranked = np.argsort(-values, kind="stable")
            row["labels"] = [classifier.label_names[i] for i in ranked[chosen[ranked]]]
    if why:
        for row, words in zip(rows, classifier.why(texts), strict=True):
            row["why"] = words
    return rows


def _rows(
    labels: Sequence[str],
    probabilities: NDArray[np.float32],
    marks: NDArray[np.object_],
    top_k: int,
    threshold: float,
) -> list[dict[str, Any]]:
    """`probabilities`: (n, n_labels)."""
    # While many objects are made, Python looks for cycles again and again. These have none.
    collecting = gc.isenabled()
    gc.disable()
    try:
        rows: list[dict[str, Any]] = [
            {
                "label": labels[best] if values[best] >= threshold else None,
                "probability": values[best],
                "probabilities": dict(zip(labels, values, strict=True)),
                "mark": mark,
            }
            for best, values, mark in zip(
                probabilities.argmax(axis=1).tolist(),
                probabilities.tolist(),
                marks.tolist(),
                strict=True,
            )
        ]
    finally:
        if collecting:
            gc.enable()
    for row in rows if top_k else ():
        ranked = sorted(row["probabilities"].items(), key=lambda item: -item[1])
        row["probabilities"] = dict(ranked[:top_k])
    return rows


def _check(
    name: str, value: Any, types: Any, expected: str, accepts: Callable[[Any], bool]
) -> None:
    # True is an int in Python, and no number here.
    wrong = isinstance(value, bool) and types is not bool
    if wrong or not isinstance(value, types) or not accepts(value):
        raise DataError(f"{name}: expected {expected}, got {shorten(value)}")


def _items(payload: Any) -> list[Any]:
    """The items of a sequence, an array or a Series."""
    if isinstance(payload, list | tuple):
        return list(payload)
    if isinstance(payload, np.ndarray) and payload.ndim == 0:
        return [payload.item()]
    if isinstance(payload, np.ndarray) or (hasattr(payload, "index") and hasattr(payload, "array")):
        return list(payload.tolist())
    raise DataError(f"expected a text or a list of texts, got {shorten(payload)}")


def _frame_column(frame: Any) -> list[Any]:
    """The one column of a data frame."""
    names = list(frame.columns)
    # pandas takes the first fields of a CSV file as an unnamed index where rows have more fields
    # than the header.
    first = frame.index[0] if len(frame) else ()
    parts = first if isinstance(first, tuple) else (first,)
    if not any(frame.index.names) and any(isinstance(part, str) for part in parts):
        raise DataError(
            f"expected one column of texts, got {shorten(names)} and an index of texts, beginning "
            f"with {shorten(first)}: put texts with commas in double quotes; leave an index that "
            "is meant out (reset_index)"
        )
    if not names and not len(frame):
        return []
    _one_column(names, names)
    return list(frame.iloc[:, 0].tolist())


def _records_column(records: Sequence[Any]) -> list[Any]:
    """The one column of a list of mappings."""
    values = []
    names = list(records[0])
    for number, record in enumerate(records, 1):
        if not isinstance(record, Mapping) or list(record) != names:
            raise DataError(
                f"expected the column {shorten(names)} in every row, got {shorten(record)} in row "
                f"{number}"
            )
        values += _one_column(names, record.values())
    return values


def _rows_column(rows: Sequence[Any]) -> list[Any]:
    """The one column of a list of rows."""
    values = []
    for number, row in enumerate(rows, 1):
        if not isinstance(row, list | tuple | np.ndarray) or len(row) != 1:
            raise DataError(f"expected one text in row {number}, got {shorten(row)}")
        values.append(row[0])
    return values


def _one_column(names: Sequence[Any], values: Iterable[Any]) -> list[Any]:
    """The values, of which there has to be one."""
    if len(names) != 1:
        columns = ", ".join(map(repr, names[:5])) or "none"
        raise DataError(
            f"expected one column of texts, got {len(names)} ({columns[:200]}): send only the "
            "column of the texts"
        )
    return list(values)


def _strings(values: list[Any]) -> list[str]:
    for number, value in enumerate(values, 1):
        if not isinstance(value, str):
            kind = type(value).__name__
            is_nan = isinstance(value, float | np.floating) and value != value
            missing = value is None or is_nan or kind in ("NaTType", "NAType")
            way = 'write "" for an empty text' if missing else "put it in quotes"
            raise DataError(
                f"expected texts, got {shorten(value)} in row {number}: {way}, or leave it out"
            )
    return [str(value) for value in values]


def shorten(value: Any) -> str:
    """A value as Python writes it, in one short line."""
    try:
        return " ".join(_SHORT.repr(value).split())
    except ValueError:  # an integer of more digits than Python writes
        return written(value)
