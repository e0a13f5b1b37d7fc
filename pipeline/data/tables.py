"""Files of headlines as data frames. A new format is a row in READERS."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.base.errors import DataError
from pipeline.data.content import Content, format_ending, read_content, shown
from pipeline.data.delimited import read_delimited
from pipeline.data.examples import MOST_WEIGHT
from pipeline.data.json_rows import looks_like_json, read_json
from pipeline.data.plain_csv import read_plain
from pipeline.portable.text import normalize

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def _read_parquet(content: Content) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet

    try:
        return frame_from_arrow(
            pyarrow.parquet.read_table(io.BytesIO(content.data), page_checksum_verification=True)
        )
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"{content.name}: expected Parquet, could not read it ({reason})"
        ) from error


def frame_from_arrow(table: pa.Table) -> pd.DataFrame:
    """A table of pyarrow as a data frame whose values are exact.

    Integers stay integers where values are missing. Numbers of 32 bits keep their short form.
    """
    import pandas as pd
    import pyarrow as pa

    def values(column: pa.ChunkedArray) -> list[Any]:
        if pa.types.is_nested(column.type):
            return list(column.to_pandas())
        if pa.types.is_float16(column.type) or pa.types.is_float32(column.type):
            return list(column.to_numpy())
        return list(column.to_pylist())

    frame = pd.DataFrame(dict(enumerate(map(values, table.columns))), dtype=object)
    return frame.set_axis(table.column_names, axis=1)


def _read_text(content: Content, separator: str | None) -> pd.DataFrame:
    """Read JSON where the text begins as that, else fields between separators (None: it has
    none)."""
    text = content.text()
    if separator is None or looks_like_json(text):
        return read_json(text, content.name)
    return read_delimited(text, content.name, separator)


@dataclass(frozen=True)
class Reader:
    """A row of READERS.

    `read`: makes a table of the content of a file. `begins`: the first bytes of such a file, where
    it is not text. `read_columns`: makes a table of some columns of a file that is easy to read, in
    less time and memory; None for another file.
    """

    read: Callable[[Content], pd.DataFrame]
    begins: bytes = b""
    read_columns: Callable[[Content, Collection[str]], pd.DataFrame | None] = lambda *_: None


def _delimited(separator: str) -> Reader:
    def read_columns(content: Content, columns: Collection[str]) -> pd.DataFrame | None:
        return read_plain(content, separator, columns)

    return Reader(partial(_read_text, separator=separator), read_columns=read_columns)


_JSON = Reader(partial(_read_text, separator=None))

READERS = {
    ".csv": _delimited(","),
    ".tsv": _delimited("\t"),
    ".json": _JSON,
    ".jsonl": _JSON,
    ".ndjson": _JSON,
    ".parquet": Reader(_read_parquet, b"PAR1"),
}
"""The formats of tables by the endings of their names."""


def is_table(path: Path) -> bool:
    """Whether the name of a file ends as one that `read_table` reads."""
    return format_ending(path) in READERS


def read_table(path: Path) -> pd.DataFrame:
    """Read a file of headlines, plain or compressed, by its content and the ending of its name.

    What the content is decides: Parquet and JSON are read as such under any name. Each row of the
    file is a row of the table; blank lines are rows without values.

    Raises DataError: there is no such file, it is empty or damaged, or has another format.
    """
    return table_of(read_content(path))


def read_columns(
    path: Path,
    text: str,
    label: str,
    group: str | None = None,
    weight: str | None = None,
    *,
    option: str = "data.{}",
) -> pd.DataFrame:
    """Read some columns of a file of headlines, as `read_table` and `select_columns` together.

    Raises DataError: as both.
    """
    content = read_content(path)
    own = READERS.get(content.ending)
    wanted = {column: None for column in (text, label, group, weight) if column}
    frame = own.read_columns(content, wanted) if own else None
    if frame is None:
        frame = table_of(content)
    return select_columns(frame, text, label, str(path), group, weight, option=option)


def holds_table(content: Content) -> bool:
    """Whether a file is a table by its name or content, and not headlines one a line."""
    if content.ending in READERS or content.kind():
        return True
    return looks_like_json(content.text())


def table_of(content: Content) -> pd.DataFrame:
    """The table that the content of a file holds, as `read_table`."""
    return reader_of(content).read(content)


def reader_of(content: Content, instead: str = "") -> Reader:
    """The reader for the content of a file.

    `instead`: what to do with a text of another name, for the message.

    Raises DataError: there is none; the message says what the file is.
    """
    name = content.name
    for reader in READERS.values():
        if reader.begins and content.data.startswith(reader.begins) and not content.is_text():
            return reader
    own = READERS.get(content.ending)
    if own is None:
        if not content.kind() and looks_like_json(content.text()):
            return _JSON
        got = content.kind() or f"the name {shown(Path(name).name)}{instead}"
        raise DataError(f"{name}: expected a name that ends in {', '.join(READERS)}, got {got}")
    text = content.text()
    if own.begins:
        raise DataError(
            f"{name}: expected {content.ending[1:]}, could not read it: got the text "
            f"{shown(text[:100])}"
        )
    return own


IN_PYTHON = "{}=..."
"""How messages of `select_columns` call the options of one who has a table in memory."""


def select_columns(
    frame: pd.DataFrame,
    text: str,
    label: str | None,
    where: str,
    group: str | None = None,
    weight: str | None = None,
    *,
    option: str = "data.{}",
) -> pd.DataFrame:
    """The wanted columns under the names `text` and, where they are wanted, `label`, `group`,
    `weight`.

    Args:
        frame: any table with these columns. Arrow columns of text stay what they are.
        text: its column with the headlines. Missing ones become None.
        label: its column with the labels, or None.
        where: where the table is from, for messages.
        group: its column with the publisher or author, or None.
        weight: its column that says how much a headline counts, or None. It becomes numbers.
        option: how messages call the options that name columns.

    Raises:
        DataError: a column is missing or there twice, there are no rows, or a headline is not text,
            or a label is a list, bytes or the like, or a weight is no finite number of at least 0.
    """
    import pandas as pd

    wanted = {"text": text, "label": label, "group": group, "weight": weight}
    columns = {name: column for name, column in wanted.items() if column}
    if not len(frame.columns):
        raise DataError(f"{where}: expected rows of headlines, found none")
    for column in columns.values():
        if column not in frame.columns:
            wrong = [name for name, asked in columns.items() if asked not in frame.columns]
            raise DataError(
                f"{where}: there is no column {column!r}, it has {_listed(list(frame.columns))}: "
                f"set {_settings(wrong, option)}"
            )
        if list(frame.columns).count(column) > 1:
            raise DataError(f"{where}: expected one column {column!r}, there are several")
    if frame.empty:
        raise DataError(f"{where}: expected rows of headlines, found none")
    if all(is_arrow_text(frame[column]) for column in columns.values()):
        chosen = pd.DataFrame({name: frame[column] for name, column in columns.items()})
        return _with_weights(chosen, weight, where)
    selected = {name: _values_or_none(frame[column]) for name, column in columns.items()}
    for row, value in enumerate(selected["text"]):
        if value is not None and not isinstance(value, str):
            raise DataError(
                f"{where}: expected text in column {text!r}, got {shown(value)} in row {row + 1}: "
                f"name the column that holds the headlines: set {_settings(['text'], option)}"
            )
    for name in ("label", "group"):
        for row, value in enumerate(selected.get(name, ())):
            if not isinstance(value, str) and isinstance(value, Collection):
                raise DataError(
                    f"{where}: expected one text or number in column {columns[name]!r}, got "
                    f"{shown(value)} ({type(value).__name__}) in row {row + 1}"
                )
    return _with_weights(pd.DataFrame(selected, dtype=object), weight, where)


def _with_weights(frame: pd.DataFrame, weight: str | None, where: str) -> pd.DataFrame:
    """The frame with its column `weight`, where it has one, as numbers. `weight`: its name for
    messages.

    A row without a text or label may have any weight, as it is dropped.
    """
    if weight is None:
        return frame
    import numpy as np
    import pandas as pd

    given = frame["weight"]
    if not is_arrow_text(given):  # pandas takes no integer that is larger than every float
        given = given.map(lambda v: np.inf if isinstance(v, int) and abs(v) > MOST_WEIGHT else v)
    numbers = pd.to_numeric(given, errors="coerce").to_numpy(np.float64, na_value=np.nan, copy=True)
    wrong = np.flatnonzero(~((numbers >= 0) & (numbers <= MOST_WEIGHT)))
    rows = frame.iloc[wrong]
    for row, *values, value in zip(wrong, rows["text"], rows["label"], rows["weight"], strict=True):
        if not any(map(is_blank, values)):
            raise DataError(
                f"{where}: expected a number from 0 to {MOST_WEIGHT:g} in column {weight!r}, got "
                f"{shown(value)} in row {row + 1}: mend it, or leave data.weight (in Python: "
                "weight) out"
            )
    numbers[wrong] = 1.0
    return frame.assign(weight=numbers)


def is_blank(value: Any) -> bool:
    """Whether a headline or label is missing, or empty when it is cleaned.

    >>> is_blank(None), is_blank(" \\u00ad\\n"), is_blank(0)
    (True, True, False)
    """
    import pandas as pd

    if isinstance(value, str):
        return not "".join(normalize([value])).split()
    return value is None or value is pd.NA


def is_arrow_text(column: pd.Series[Any]) -> bool:
    """Whether a column is an Arrow column of text."""
    import pandas as pd
    import pyarrow as pa

    return isinstance(column.dtype, pd.ArrowDtype) and column.dtype.pyarrow_dtype == pa.string()


def _values_or_none(column: pd.Series[Any]) -> list[Any]:
    """The values of a column, None for missing ones. Numbers of 32 bits keep their short form."""
    import numpy as np

    if column.dtype in (np.float16, np.float32):
        return [value if value == value else None for value in column.to_numpy()]
    column = column.astype(object)
    if any(isinstance(value, Decimal) for value in column):  # pandas compares, which sNaN refuses
        column = column.map(lambda v: None if isinstance(v, Decimal) and v.is_nan() else v)
    values: list[Any] = column.where(column.notna(), None).to_list()
    return values


def _settings(names: Sequence[str], option: str) -> str:
    """What to set, as the caller calls it: `data.text and data.label (in Python: text, label)`."""
    python = f" (in Python: {', '.join(names)})" if option != IN_PYTHON else ""
    return " and ".join(map(option.format, names)) + python


def _listed(columns: Sequence[Any]) -> str:
    more = f" and {len(columns) - _MOST:,} more" if len(columns) > _MOST else ""
    return ", ".join(shown(column) for column in columns[:_MOST]) + more


_MOST = 20  # columns that a message lists


def make_frame(texts: Sequence[str], labels: Sequence[Any]) -> pd.DataFrame:
    """A table with the columns `text` and `label`, whose values stay as they are."""
    import pandas as pd

    return pd.DataFrame({"text": list(texts), "label": list(labels)}, dtype=object)
