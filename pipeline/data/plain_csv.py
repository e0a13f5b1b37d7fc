"""CSV and TSV with nothing odd in them, read by pyarrow: the rows that `delimited` gives, in less
time.

Whatever is odd is left to `delimited`, which knows each case and its message.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Collection
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from pipeline.data.content import Content
from pipeline.data.delimited import BEGINNING, find_separator

if TYPE_CHECKING:
    import pandas as pd

_BLOCK = 2**24  # bytes that are looked at together
_QUOTE, _LINE_END = ord('"'), ord("\n")


def read_plain(content: Content, separator: str, columns: Collection[str]) -> pd.DataFrame | None:
    """Some columns of a plain file, as text columns of Arrow; None where the file is not plain.

    Plain is UTF-8 with a row on each line. All rows have as many fields, and quotes stand around
    whole fields. The first line names each of `columns` once.

    `separator`: as `delimited.read_delimited` takes it.
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv as arrow_csv

    data = content.data.removeprefix(codecs.BOM_UTF8)
    if not _is_plain_text(data):
        return None
    beginning = data[: 4 * BEGINNING].decode(errors="ignore")  # a character has up to four bytes
    lines_before, _, separator = find_separator(beginning, separator)
    header = next(csv.reader([data[: data.find(b"\n") + 1].decode()], delimiter=separator), [])
    if lines_before or any(header.count(column) != 1 for column in columns):
        return None
    has_quotes = b'"' in data
    if has_quotes and not _stand_around_fields(data, separator):
        return None
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(data),
            parse_options=arrow_csv.ParseOptions(
                delimiter=separator, newlines_in_values=has_quotes, ignore_empty_lines=False
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()), include_columns=[*columns]
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError):  # such as a row with another number of fields
        return None
    n_lines = data.count(b"\n") + (not data.endswith(b"\n"))
    is_header = reduce(pc.and_, [pc.equal(table[column], column) for column in columns])
    if len(table) != n_lines - 1 or pc.any(is_header).as_py():
        return None
    text_type = pd.ArrowDtype(pa.string())
    return pd.DataFrame({c: pd.Series(table[c], dtype=text_type) for c in columns})


def _is_plain_text(data: bytes) -> bool:
    """UTF-8 without zeros, blank lines, lone carriage returns, or what only looks like a table."""
    looks_like_table = re.match(rb'["\w]', data) and not data.startswith(b"version https")
    if not looks_like_table or data[257:262] == b"ustar" or b"\0" in data or b"<<<<<<< " in data:
        return False
    if b"\n\n" in data or b"\n\r\n" in data:
        return False
    if b"\r" in data and data.count(b"\r") != data.count(b"\r\n"):
        return False
    if data.isascii():
        return True
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(data), _BLOCK):
            decoder.decode(data[start : start + _BLOCK])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _stand_around_fields(data: bytes, separator: str) -> bool:
    """Whether each quote opens a field, closes one, or is one of two inside a field.

    Quotes take turns to open and to close. Two inside a field close it and open it again.
    """
    codes = np.frombuffer(data, np.uint8)
    blocks = range(0, len(codes), _BLOCK)
    places = np.concatenate(
        [np.flatnonzero(codes[start : start + _BLOCK] == _QUOTE) + start for start in blocks]
    )
    before = codes[np.maximum(places[::2] - 1, 0)]  # the first character of all may be a quote
    after = codes[np.minimum(places[1::2] + 1, len(codes) - 1)]
    ends = [ord(separator), _LINE_END, _QUOTE]
    is_even = len(places) % 2 == 0
    return bool(is_even and np.isin(before, ends).all() and np.isin(after, [*ends, 13]).all())
