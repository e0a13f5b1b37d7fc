"""CSV and TSV: rows of fields, read exactly, or an error that names the line."""

from __future__ import annotations

import csv
import io
import logging
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

from pipeline.base.errors import DataError
from pipeline.data.content import line_number, shown

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

SEPARATORS = (",", ";", "\t", "|")


def read_delimited(text: str, name: str, separator: str = ",") -> pd.DataFrame:
    """Read every field as text: "None", "NA" and "1984" are headlines as well.

    A row is a row: a separator or a quote too many is an error with its line, and never shifts the
    fields. A line without text is a row of None.

    Args:
        text: of the whole file, with its line ends.
        name: how messages call the file.
        separator: between fields. Where it does not cut the first rows into fields, but exactly one
            other of `SEPARATORS` does, that one is taken. A first line such as `sep=;` names it.

    Raises:
        DataError: a row has more or fewer fields than the first or is the same, a quote is not
            closed, a quoted field swallows the rows after it, or a line ends in CR alone where
            others do not.
    """
    import pandas as pd

    first_line, text, separator = find_separator(text, separator)
    lines = list(io.StringIO(text, newline=""))
    body: list[list[str] | None] = []
    header: list[str] = []
    long_rows: list[tuple[int, int, list[str]]] = []
    is_mixed = "\n" in text and re.search(r"\r(?!\n)", text) is not None
    end = 0
    rows = csv.reader(lines, delimiter=separator, strict=True)
    with fields_of_any_length(len(text)):
        try:
            for row in rows:
                start, end = end, rows.line_num
                if is_mixed and lines[end - 1].endswith("\r"):
                    raise DataError(
                        f"{_lone_return(name, end + first_line)}, or put the field that holds it "
                        "in double quotes"
                    )
                if not header:
                    header = row
                elif row == header and len(row) > 1:
                    raise DataError(
                        f"{name}, line {start + 1 + first_line}: expected a row, got the names of "
                        "the columns again, as where files are put together: take the line out"
                    )
                elif len(row) == len(header):
                    body.append(row)
                    if end - start > 1:
                        long_rows.append((start, end, row))
                elif not any(field.strip() for field in row):
                    body.append(None)
                else:
                    raise DataError(
                        f"{name}, line {start + 1 + first_line}: expected {_fields(len(header))}, "
                        f"as in line {1 + first_line}, got "
                        f"{len(row)}{_reason(row, header, separator)}"
                    )
        except csv.Error as error:
            raise DataError(_bad_quotes(name, lines, end, separator, first_line)) from error
    if long_rows:
        _check_long_rows(name, lines, long_rows, body, separator, first_line)
    empty = [None] * len(header)
    return pd.DataFrame([row or empty for row in body], columns=header, dtype=object)


def read_lines(text: str, name: str) -> list[str]:
    """The lines of a text, one headline each, also the blank ones.

    A warning says where each line is cut into the same fields, as those of a table are.

    Raises DataError: a line ends in CR alone where others do not.
    """
    lines = list(io.StringIO(text, newline=""))
    if "\n" in text:
        for number, line in enumerate(lines, 1):
            if line.endswith("\r"):
                raise DataError(_lone_return(name, number))
    lines = [line.rstrip("\r\n") for line in lines]
    filled = [line for line in lines if line.strip()]
    for separator in SEPARATORS:
        counts = {line.count(separator) for line in filled}
        if len(filled) > 1 and len(counts) == 1 and counts != {0}:
            logger.warning(
                "data: %s: each line is read as a headline, and each has %d %r: if it is a table, "
                "name its column with --text",
                name,
                counts.pop(),
                separator,
            )
    return lines


def _lone_return(name: str, line: int) -> str:
    return (
        f"{name}, line {line}: expected a line that ends in LF, as others do, got a carriage "
        "return (CR) alone: take it out"
    )


def find_separator(text: str, separator: str) -> tuple[int, str, str]:
    """Lines before the table, the text of the table, and its separator.

    `text`: the table or its beginning. `separator`: the one that is expected.
    """
    named = re.match(r'"?sep=([^\w\s"]|\t)"?(\r\n|\n|\r)', text)
    if named:
        return 1, text[named.end() :], named[1]
    beginning = text[:BEGINNING]

    def has_fields(candidate: str) -> bool:
        """Whether the first row is cut into several fields, and most of the next into as many."""
        rows = csv.reader(io.StringIO(beginning, newline=""), delimiter=candidate)
        try:
            first, *rest = [len(row) for row in islice(filter(None, rows), 20)] or [0]
        except csv.Error:
            return False
        return first > 1 and 2 * rest.count(first) >= len(rest)

    if not has_fields(separator):
        others = [sign for sign in SEPARATORS if sign != separator and has_fields(sign)]
        if len(others) == 1:
            return 0, text, others[0]
    return 0, text, separator


BEGINNING = 100_000  # characters in which the separator is looked for


def _fields(number: int) -> str:
    return f"{number} field{'s' if number != 1 else ''}"


def _reason(row: Sequence[str], header: Sequence[str], separator: str) -> str:
    if len(row) < len(header):
        return f" ({shown(separator.join(row))}): fill in what is missing, or leave the line out"
    return f": put headlines that hold {separator!r} in double quotes"


@contextmanager
def fields_of_any_length(most: int) -> Iterator[None]:
    """Lift the limit of the module csv, 131,072 characters a field, which is one for the
    process."""
    with _LIMIT:
        limit = csv.field_size_limit()
        csv.field_size_limit(max(limit, most))
        try:
            yield
        finally:
            csv.field_size_limit(limit)


_LIMIT = threading.Lock()


def _bad_quotes(
    name: str, lines: Sequence[str], start: int, separator: str, first_line: int
) -> str:
    """The message about the first quoted field after `start` lines that does not end as it
    should."""
    text = "".join(lines[start:])
    field = re.compile(
        rf'(?:"(?:[^"]|"")*+"|(?!")[^{re.escape(separator)}\r\n]*+)(?:{re.escape(separator)}|\r\n|\r|\n|\Z)'
    )
    at = 0
    while at < len(text) and (match := field.match(text, at)):
        at = match.end()
    opens = start + first_line + line_number(text, at)
    where = f"{name}, line {opens}: expected quotes in pairs, got a field that opens with a quote"
    advice = 'close it, or write a quote inside a quoted field twice ("")'
    closing = re.compile(r'"(?:[^"]|"")*+"').match(text, at)
    if closing is None:
        return f"{where} and is never closed: {advice}"
    line = start + first_line + line_number(text, closing.end())
    rest = re.split(r"[\r\n]", text[closing.end() : closing.end() + 200])[0]
    place = "on this line" if line == opens else f"in line {line}"
    return f"{where} and goes on after its closing quote {place} ({shown(rest)}): {advice}"


def _check_long_rows(
    name: str,
    lines: Sequence[str],
    long_rows: Sequence[tuple[int, int, list[str]]],
    body: Sequence[list[str] | None],
    separator: str,
    first_line: int,
) -> None:
    """Tell a headline that goes over several lines from a quote that swallows rows.

    One that `count_swallowed` finds is an error. Else a warning says where the fields are.

    `long_rows`: how many lines come before each, how many have come after it, its fields.
    """
    long = {id(row) for _, _, row in long_rows}
    values: list[set[str]] = [set() for _ in long_rows[0][2]]
    for row in body:
        if row is not None and id(row) not in long:
            for value, column in zip(row, values, strict=True):
                column.add(value)
    for start, end, row in long_rows:
        if alike := count_swallowed(lines[start:end], row, separator, values):
            raise DataError(
                f"{name}, line {start + 1 + first_line}: expected quotes in pairs, got a field "
                f"that opens with a quote here and goes on to line {end + first_line}, over "
                f"{alike:,} lines "
                'that look like rows: close it, or write a quote inside a quoted field twice ("")'
            )
    start, end, _ = max(long_rows, key=lambda row: row[1] - row[0])
    logger.warning(
        "data: %s: %s rows on %s lines; rows over several lines: %s, the longest from line %d to "
        "%d: if that is wrong, look at the quotes",
        name,
        f"{len(body):,}",
        f"{len(lines) - 1:,}",
        f"{len(long_rows):,}",
        start + 1 + first_line,
        end + first_line,
    )


def count_swallowed(
    lines: Sequence[str], row: Sequence[str], separator: str, values: Sequence[set[str]]
) -> int:
    """How many lines of a row over several lines look like rows; 0 where they are too few for that.

    A line inside a quoted field looks like a row of its own if it has as many fields, and one of
    them is a value of the same column in other rows, such as a label. Two or more have to, and more
    than half of the lines.

    `lines`: those of the row. `row`: its fields. `values`: of each column, in rows of one line.
    """
    place = next((i for i, field in enumerate(row) if "\n" in field or "\r" in field), 0)
    # The first line also holds the fields before, and the last one those behind: where all others
    # are there, that line looks like a row anyway.
    inside = lines[place == len(row) - 1 : len(lines) - (place == 0)]
    alike = sum(_looks_like_row(line, separator, values) for line in inside)
    return alike if alike > 1 and 2 * alike > len(inside) else 0


def _looks_like_row(line: str, separator: str, values: Sequence[set[str]]) -> bool:
    fields = line.rstrip("\r\n").replace('"', "").split(separator)
    return len(fields) == len(values) > 1 and any(
        field and field in column for field, column in zip(fields, values, strict=True)
    )
