"""Files of headlines as data frames. A new format is a row in READERS."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.base.errors import DataError
from pipeline.data.splitting import SPLITS, split_name
from pipeline.data.text_files import format_ending, open_text, reading


@dataclass(frozen=True)
class Reader:
    """A row of READERS. `is_text`: the format is UTF-8 text, not binary."""

    read: Callable[[Path], pd.DataFrame]
    is_text: bool = True


def read_csv(path: Path, separator: str = ",") -> pd.DataFrame:
    """Read every field as text: "None", "NA" and "1984" are headlines as well.

    pandas would let a row with a separator or quote too many shift its fields. This is an error
    here, with its line.
    """
    body = []
    with open_text(path) as lines:
        rows = csv.reader(lines, delimiter=separator, strict=True)
        try:
            header = next(rows, [])
            for row in rows:
                if row and len(row) != len(header):
                    raise DataError(
                        f"{path}, line {rows.line_num}: expected {len(header)} fields, as in line 1, "
                        f"got {len(row)}: put headlines that hold {separator!r} in double quotes"
                    )
                if row:
                    body.append(row)
        except csv.Error as error:
            raise DataError(
                f"{path}, line {rows.line_num}: expected quotes in pairs ({error}): write a quote "
                'inside a quoted field twice ("")'
            ) from error
    return pd.DataFrame(body, columns=header, dtype=object)


def read_json_lines(path: Path) -> pd.DataFrame:
    """Read one JSON object a line; strings stay strings."""
    return pd.read_json(path, lines=True, dtype=False, convert_dates=False)


def read_json(path: Path) -> pd.DataFrame:
    """Read a JSON list of objects; strings stay strings."""
    return pd.read_json(path, orient="records", dtype=False, convert_dates=False)


READERS = {
    ".csv": Reader(read_csv),
    ".tsv": Reader(partial(read_csv, separator="\t")),
    ".json": Reader(read_json),
    ".jsonl": Reader(read_json_lines),
    ".ndjson": Reader(read_json_lines),
    ".parquet": Reader(pd.read_parquet, is_text=False),
}


def is_table(path: Path) -> bool:
    """Whether the name of a file ends as one that `read_table` reads."""
    return format_ending(path) in READERS


def read_table(path: Path) -> pd.DataFrame:
    """Read a file in a format of READERS, plain or compressed.

    Raises DataError: there is no such file, it is empty or damaged, or has another format.
    """
    if not path.is_file():
        raise DataError(f"expected a file of headlines, there is none at {path}")
    if path.stat().st_size == 0:
        raise DataError(f"{path}: expected a file of headlines, it is empty")
    ending = format_ending(path)
    if ending not in READERS:
        raise DataError(
            f"{path}: expected a name that ends in {', '.join(READERS)}, got {path.name!r}"
        )
    reader = READERS[ending]
    with reading(path, ending[1:]):
        if reader.is_text and path.suffix.lower() == ending and _is_binary(path):
            raise DataError(f"{path}: expected UTF-8 text, got binary data or UTF-16")
        return reader.read(path)


def read_split_files(
    folder: Path, text: str, label: str, group: str | None = None
) -> dict[str, pd.DataFrame]:
    """Read the files train.*, validation.* and test.* of a folder, in any format of READERS.

    `text`, `label`, `group`: the columns, as for `select_columns`.

    Raises DataError: there is no file for train or more than one for a split, or as `read_table`.
    """
    frames = {}
    for path in sorted(folder.iterdir()):
        split = split_name(path.name.split(".")[0])
        if split in SPLITS and format_ending(path) in READERS:
            if split in frames:
                raise DataError(f"{folder}: expected one file for {split}, found several")
            frames[split] = select_columns(read_table(path), text, label, str(path), group)
    if "train" not in frames:
        *endings, last = READERS
        raise DataError(
            f"{folder}: expected a file train{', '.join(endings)} or {last}, found "
            f"{', '.join(sorted(path.name for path in folder.iterdir())[:8]) or 'nothing'}"
        )
    return frames


def select_columns(
    frame: pd.DataFrame, text: str, label: str | None, where: str, group: str | None = None
) -> pd.DataFrame:
    """The wanted columns under the names `text` and, where they are wanted, `label` and `group`.

    Args:
        frame: any table with these columns.
        text: its column with the headlines. Missing ones become None.
        label: its column with the labels, or None.
        where: where the table is from, for messages.
        group: its column with the publisher or author, or None.

    Raises:
        DataError: a column is missing or there twice, there are no rows, or a headline is not text.
    """
    wanted = {"text": text, "label": label, "group": group}
    columns = {name: column for name, column in wanted.items() if column}
    for column in columns.values():
        if column not in frame.columns:
            options = "data.text and data.label (with --file: --text and --label)"
            raise DataError(
                f"{where}: there is no column {column!r}, it has "
                f"{', '.join(map(repr, frame.columns))}: "
                f"set {'data.group' if column == group else options}"
            )
        if list(frame.columns).count(column) > 1:
            raise DataError(f"{where}: expected one column {column!r}, there are several")
    if frame.empty:
        raise DataError(f"{where}: expected rows of headlines, found none")
    selected = {
        name: frame[column].astype(object).where(frame[column].notna(), None).to_list()
        for name, column in columns.items()
    }
    for row, value in enumerate(selected["text"]):
        if value is not None and not isinstance(value, str):
            raise DataError(
                f"{where}: expected text in column {text!r}, got {value!r} in row {row + 1}: "
                "set data.text (with --file: --text) to the column that holds the headlines"
            )
    return pd.DataFrame(selected, dtype=object)


def make_frame(texts: Sequence[str], labels: Sequence[Any]) -> pd.DataFrame:
    """A table with the columns `text` and `label`, whose values stay as they are."""
    return pd.DataFrame({"text": list(texts), "label": list(labels)}, dtype=object)


def _is_binary(path: Path) -> bool:
    with path.open("rb") as file:
        return b"\0" in file.read(1 << 16)
