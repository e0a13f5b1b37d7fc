"""Headlines that are in memory already: lists, data frames, data sets of the hub's library."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Any

import pandas as pd
from datasets import ClassLabel, Dataset, DatasetDict

from pipeline.base.errors import DataError
from pipeline.data.content import shown
from pipeline.data.sources.request import Loaded, Request
from pipeline.data.splitting import SPLITS, split_name
from pipeline.data.tables import IN_PYTHON, frame_from_arrow, make_frame, select_columns


def load_memory(
    source: Iterable[str] | pd.DataFrame | Dataset | DatasetDict,
    labels: Iterable[Any] | None,
    request: Request,
) -> Loaded:
    """Headlines of a list (with `labels`), or of a table with the columns of `request`.

    Raises DataError: labels or columns are missing, or a headline is not text.
    """
    if isinstance(source, Dataset | DatasetDict):
        frames = frames_from_datasets(source, request, "dataset", option=IN_PYTHON)
        return Loaded("dataset", "memory", frames)
    if isinstance(source, pd.DataFrame):
        columns = (request.group, request.weight)
        frame = select_columns(
            source, request.text, request.label, "the data frame", *columns, option=IN_PYTHON
        )
        return Loaded("frame", "memory", {"train": frame})
    return Loaded("lists", "memory", {"train": _frame_from_lists(source, labels)})


def _frame_from_lists(texts: Iterable[str], labels: Iterable[Any] | None) -> pd.DataFrame:
    if labels is None and isinstance(texts, Iterable):
        raise DataError("a list of headlines needs labels: load_headlines(texts, labels)")
    for name, values in (("source", texts), ("labels", labels)):
        if isinstance(values, str | bytes) or not isinstance(values, Iterable):
            what = (
                "a name of a source, a list of headlines or a table"
                if name == "source"
                else "a list"
            )
            raise DataError(f"load_headlines: expected {what} as {name}, got {shown(values)}")
    if isinstance(texts, Set | Mapping) or isinstance(labels, Set | Mapping):
        raise DataError(
            "expected lists of headlines and labels, got a set or a dict, which has no order"
        )
    if (
        isinstance(texts, pd.Series)
        and isinstance(labels, pd.Series)
        and not texts.index.equals(labels.index)
    ):
        raise DataError(
            "expected headlines and labels with the same index, got two Series with other ones: "
            "put them in one order, as in labels.loc[texts.index]"
        )
    texts, labels = list(texts), list(labels)
    for row, text in enumerate(texts, 1):
        if not isinstance(text, str) and text is not None and text == text:
            raise DataError(f"expected a list of texts, got {shown(text)} in row {row}")
    if len(texts) != len(labels):
        raise DataError(f"expected one label a headline, got {len(texts)} and {len(labels)}")
    return select_columns(make_frame(texts, labels), "text", "label", "the lists")


def frames_from_datasets(
    loaded: Dataset | DatasetDict, request: Request, name: str, *, option: str = "data.{}"
) -> dict[str, pd.DataFrame]:
    """A data frame for each split of `loaded`. Class labels become their names.

    `name`, `option`: how messages call the data and its options, as for `select_columns`.
    Splits with another name than train, validation, test (or valid, val, dev) are left out.
    Raises DataError: there is no split train, or no such column.
    """
    parts = loaded if isinstance(loaded, Mapping) else {"train": loaded}
    columns = (request.text, request.label, request.group, request.weight)
    wanted = {column for column in columns if column}
    frames = {}
    for part, rows in parts.items():
        split = split_name(str(part))
        if split not in SPLITS:
            continue  # such as `unsupervised`
        # Only these columns are converted: the others may hold pictures.
        if wanted <= set(rows.column_names):
            table = frame_from_arrow(rows.select_columns(sorted(wanted)).with_format("arrow")[:])
        else:
            table = pd.DataFrame(columns=rows.column_names)  # the message lists its columns
        where = f"{name}, split {part}"
        frame = select_columns(
            table, request.text, request.label, where, request.group, request.weight, option=option
        )
        for column, origin in (("label", request.label), ("group", request.group)):
            feature = rows.features.get(origin)
            if isinstance(feature, ClassLabel):
                # The hub marks a secret label with -1.
                names = [
                    None if code is None or int(code) < 0 else feature.int2str(int(code))
                    for code in frame[column]
                ]
                frame[column] = pd.Series(names, index=frame.index, dtype=object)
        frames[split] = frame
    if "train" not in frames:
        raise DataError(f"{name}: expected a split named train, found {', '.join(map(str, parts))}")
    return frames
