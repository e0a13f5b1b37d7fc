"""Labelled headlines from further files, which are only learned from."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.base.cells import unescape_cell
from pipeline.base.errors import DataError, nearest
from pipeline.data.cleaning import ADDED, clean_rows
from pipeline.data.content import shown
from pipeline.data.options import DataOptions
from pipeline.data.tables import read_columns

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

logger = logging.getLogger(__name__)


def read_added(options: DataOptions) -> dict[str, pd.DataFrame]:
    """The rows of the files of `options.added` in one table, under ADDED; empty where there is none.

    Raises DataError: a file cannot be read, has no such columns, or none of its rows has a label.
    """
    import pandas as pd

    frames = []
    for name in options.added:
        frame = read_columns(Path(name), options.text, options.label, weight=options.weight)
        if not len(clean_rows(frame).table):
            raise DataError(
                f"{name}: expected labels in the column {options.label!r}, none of {len(frame):,} "
                "headlines has one: fill them in, or leave the file out of data.added"
            )
        frame = frame.astype(object)
        frames.append(frame.map(unescape_cell))  # `pipeline suggest` escapes cells
    if not frames:
        return {}
    added = pd.concat(frames, ignore_index=True)
    return {ADDED: added if options.group is None else added.assign(group=None)}


def join_added(splits: Mapping[str, pa.Table], added: pa.Table | None) -> dict[str, pa.Table]:
    """The splits, with added rows at the end of train."""
    import pyarrow as pa

    if added is None:
        return dict(splits)
    return {**splits, "train": pa.concat_tables([splits["train"], added])}


def warn_of_new_labels(train: pa.Table, added: pa.Table) -> None:
    """Warn of a label that only added headlines have: it may be misspelt."""
    present = set(train["label"].unique().to_pylist())
    for label in sorted(set(added["label"].unique().to_pylist()) - present):
        logger.warning(
            "data: only added headlines have the label %s: is it new%s",
            shown(label),
            nearest(label, present) or "?",
        )
