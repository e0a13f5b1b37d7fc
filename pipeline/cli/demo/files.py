"""A file of headlines comes back as CSV: all its rows and columns, and beside them the labels."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Iterator, Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from pipeline.base.cells import escape_cell
from pipeline.base.errors import DataError
from pipeline.portable.answers import Answers, shorten
from pipeline.tracking.scoring import TEXT_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

MOST_BYTES = 256 * 2**20
"""Bytes of a file when it is unpacked."""
NAMES = ("predicted_label", "predicted_probability")
"""The new columns. `predicted_probability_LABEL` is that of a label."""
MOST_COLUMNS = 50
"""Labels that get a column of probabilities each. With more there are none."""


def label_file(
    classifier: Answers, data: bytes, name: str, column: str | None = None
) -> tuple[str, str]:
    """Label a file: the name of the new one, and its content as CSV.

    There is one row for each row of the file, in order. A row without a headline gets no label. The
    new columns are those of `pipeline score --probabilities --prefix predicted_`.

    Args:
        classifier: gives the labels.
        data: the bytes of a table or of lines, as `pipeline.data.reading.read_texts` takes them.
        name: that of the file.
        column: the column of headlines. None: the one with a usual name, or the only one.

    Raises:
        DataError: the file cannot be used; the message says why.
    """
    from pipeline.data.cleaning import clean_texts
    from pipeline.data.content import unpack
    from pipeline.data.reading import read_frame
    from pipeline.data.tables import select_columns

    name = PurePosixPath(PureWindowsPath(name).name).name or "file"
    if not data:
        raise DataError(f"{name}: expected a file of headlines, it is empty")
    frame = read_frame(unpack(data, name, name, MOST_BYTES), column)
    chosen = select_columns(frame, _find_column(frame, column, name), None, name)
    texts = clean_texts(chosen["text"])
    if not any(texts):
        raise DataError(f"{name}: expected headlines, found none")
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\n")
    labels = classifier.label_names if len(classifier.label_names) <= MOST_COLUMNS else ()
    old = [str(column) for column in frame.columns]
    new = _free_names([*NAMES, *(f"{NAMES[1]}_{label}" for label in labels)], old)
    rows.writerow(map(escape_cell, [*old, *new]))
    values = frame.itertuples(index=False, name=None)
    for row, added in zip(values, _added(classifier, texts, bool(labels)), strict=True):
        rows.writerow([*map(_cell, row), *added])
    content = written.getvalue().encode("utf-8", "replace").decode()  # halves of characters
    return f"{name.partition('.')[0] or 'file'}-labelled.csv", content


def _find_column(frame: pd.DataFrame, column: str | None, name: str) -> str:
    """The column of that name, else one with a usual name, or the only one.

    Raises DataError: there is none.
    """
    columns = [str(each) for each in frame.columns]
    wanted = (column,) if column else TEXT_COLUMNS
    same = [c for c in columns if c == column or (not column and c.strip().lower() in wanted)]
    if not same and (column or len(columns) != 1):
        raise DataError(
            f"{name}: expected a column named {', '.join(wanted)}, it has "
            f"{', '.join(map(shorten, columns[:20]))}: write the name of the column of headlines"
        )
    return (same or columns)[0]


def _free_names(names: Sequence[str], taken: Collection[str]) -> list[str]:
    """The names, with an underscore behind for each time that one is taken."""
    used, free = set(taken), []
    for name in names:
        while name in used:
            name += "_"
        used.add(name)
        free.append(name)
    return free


def _added(classifier: Answers, texts: Sequence[str], each: bool) -> Iterator[list[Any]]:
    """The new cells of each row. `each`: also the probability of each label."""
    names = classifier.label_names
    probabilities = classifier.predict_proba(texts)
    best = probabilities.argmax(axis=1).tolist()
    for text, label, row in zip(texts, best, probabilities, strict=True):
        if not text:
            yield [""] * (2 + len(names) * each)
            continue
        yield [
            escape_cell(names[label]),
            f"{row[label]:.4f}",
            *([f"{value:.4f}" for value in row.tolist()] if each else []),
        ]


def _cell(value: Any) -> Any:
    if value is None or value != value:  # missing; NaN is no number equal to itself
        return ""
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False, default=str)
    return escape_cell(value)
