"""Labelled headlines from further files, which are only learned from."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.base.cells import unescape_cell
from pipeline.base.errors import DataError, nearest
from pipeline.data.cleaning import ADDED, label_text
from pipeline.data.content import shown
from pipeline.data.options import DataOptions
from pipeline.data.tables import is_blank, read_table, select_columns

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

logger = logging.getLogger(__name__)

SUGGESTED = "suggested"
"""The column that tells a table of `pipeline suggest`, whose cells are escaped."""


def read_added(options: DataOptions) -> dict[str, pd.DataFrame]:
    """The rows of each file of `options.added`, by its name.

    Raises DataError: a file cannot be read, has no such columns, or none of its rows has a label.
    """
    frames = {}
    for name in options.added:
        table = read_table(Path(name))
        frame = select_columns(table, options.text, options.label, name, weight=options.weight)
        rows = zip(frame["text"], frame["label"], strict=True)
        if not any(not is_blank(text) and not is_blank(label) for text, label in rows):
            raise DataError(
                f"{name}: expected labels in the column {options.label!r}, none of {len(frame):,} "
                "headlines has one: fill them in, or leave the file out of data.added"
            )
        frame = frame.astype(object)
        frames[name] = frame.map(unescape_cell) if SUGGESTED in table else frame
    return frames


def added_rows(files: Mapping[str, pd.DataFrame], options: DataOptions) -> dict[str, pd.DataFrame]:
    """The rows of all files in one table, under ADDED; empty where there is none."""
    import pandas as pd

    if not files:
        return {}
    added = pd.concat(files.values(), ignore_index=True)
    return {ADDED: added if options.group is None else added.assign(group=None)}


def join_added(splits: Mapping[str, pa.Table], added: pa.Table | None) -> dict[str, pa.Table]:
    """The splits, with added rows at the end of train."""
    import pyarrow as pa

    if added is None:
        return dict(splits)
    return {**splits, "train": pa.concat_tables([splits["train"], added])}


def warn_of_new_labels(train: pa.Table, added: pa.Table, files: Mapping[str, pd.DataFrame]) -> None:
    """Warn of a label that only added headlines have, with the files that have it: it may be
    misspelt."""
    present = set(train["label"].unique().to_pylist())
    new = sorted(set(added["label"].unique().to_pylist()) - present)
    if not new:
        return
    counts = {name: Counter(map(label_text, frame["label"])) for name, frame in files.items()}
    for label in new:
        where = [f"{count[label]:,} in {name}" for name, count in counts.items() if count[label]]
        logger.warning(
            "data: only added headlines have the label %s (%s): is it new%s",
            shown(label),
            ", ".join(where),
            nearest(label, present) or "?",
        )
