"""The rows of some lines of CSV, and which of them cannot be read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pipeline.data.delimited import count_swallowed


class ParsedRows(NamedTuple):
    """`unreadable`: pairs of a line, from 0, and a reason. `n_lines`: how many lines are done."""

    rows: list[list[str]]
    unreadable: list[tuple[int, str]]
    n_lines: int


class _Row(NamedTuple):
    """`start`, `end`: the lines that a row has."""

    start: int
    end: int
    fields: list[str]


def parse_rows(
    lines: Sequence[str],
    header: list[str],
    separator: str,
    is_damaged: bool,
    is_last: bool,
    most_lines: int,
    has_lone_returns: bool = False,
) -> ParsedRows:
    """The rows of the lines. A blank line is a row of empty fields, as in `read_delimited`.

    Args:
        lines: with their ends.
        header: the names of the columns.
        separator: between fields.
        is_damaged: whether lone surrogates stand for bytes that are no UTF-8, or there are bytes 0.
        is_last: whether a quote that is open at the end is never closed. Else the lines from there
            on are not done.
        most_lines: no row is begun after so many lines.
        has_lone_returns: whether there are carriage returns (CR) that no LF follows.
    """
    if not is_damaged and not has_lone_returns and most_lines == len(lines):
        rows = _parse_plain(lines, header, separator)
        if rows is not None:
            return ParsedRows(rows, [], len(lines))
    bad_lines: dict[int, str] = {}
    while True:
        parsed = _parse(lines, header, separator, is_damaged, is_last, most_lines, bad_lines)
        if not (swallowing := _swallowing_row(lines, header, separator, parsed[0])):
            break
        bad_lines.update([swallowing])  # and what it swallowed is read anew
    good, unreadable, n_lines = parsed
    return ParsedRows([row.fields for row in good], sorted(unreadable.items()), n_lines)


def _parse_plain(lines: Sequence[str], header: list[str], separator: str) -> list[list[str]] | None:
    """The rows, where each line is a row that can be read; else None."""
    try:
        rows = list(csv.reader(lines, delimiter=separator, strict=True))
    except csv.Error:
        return None
    is_plain = len(rows) == len(lines) and set(map(len, rows)) <= {len(header)}
    return rows if is_plain and (len(header) == 1 or header not in rows) else None


def _parse(
    lines: Sequence[str],
    header: list[str],
    separator: str,
    is_damaged: bool,
    is_last: bool,
    most_lines: int,
    bad_lines: dict[int, str],
) -> tuple[list[_Row], dict[int, str], int]:
    """Good rows, lines that are none with a reason, and how many lines are done.

    `bad_lines`: lines that begin no row. Those with quotes that are not closed are added.
    """
    good: list[_Row] = []
    unreadable: dict[int, str] = {}
    end = 0
    for row in _split(lines, separator, is_last, bad_lines):
        if row.start >= most_lines:
            break
        end = row.end
        reason = bad_lines.get(row.start) or (is_damaged and _damage(row.fields))
        if not reason and ends_in_lone_return(lines[end - 1]):
            reason = _LONE_RETURN
        if reason:
            unreadable[row.start] = reason
        elif row.fields == header and len(header) > 1:
            unreadable[row.start] = "expected a row, got the names of the columns again"
        elif len(row.fields) == len(header):
            good.append(row)
        elif not any(field.strip() for field in row.fields):
            good.append(row._replace(fields=[""] * len(header)))
        else:
            unreadable[row.start] = _wrong_number(row.fields, header, separator)
    return good, unreadable, end


def _split(
    lines: Sequence[str], separator: str, is_last: bool, bad_lines: dict[int, str]
) -> Iterator[_Row]:
    start = 0
    while start < len(lines):
        if start in bad_lines:
            yield _Row(start, start + 1, [])
            start += 1
            continue
        first = start
        rest = map(lines.__getitem__, range(first, len(lines)))
        reader = csv.reader(rest, delimiter=separator, strict=True)
        try:
            for fields in reader:
                end = first + reader.line_num
                yield _Row(start, end, fields)
                start = end
                if start in bad_lines:
                    break
        except csv.Error as error:
            if first + reader.line_num >= len(lines) and not is_last:
                return
            if "new-line character" in str(error):
                bad_lines[start] = _LONE_RETURN
                continue
            bad_lines[start] = (
                "expected quotes in pairs, got a field that opens with a quote and does not end "
                "with one"
            )


_LONE_RETURN = (
    "expected a row on one line, got a carriage return (CR) alone inside of it: take it out, or "
    "put the field that holds it in double quotes"
)


def ends_in_lone_return(line: str) -> bool:
    """Whether a carriage return stands before the end of a line. Python takes it for a part of
    that."""
    return line.removesuffix("\r\n").endswith("\r")


def _wrong_number(fields: Sequence[str], header: Sequence[str], separator: str) -> str:
    expected = f"expected {len(header)} field{'s' if len(header) > 1 else ''}, got {len(fields)}"
    if len(fields) < len(header):
        return f"{expected}: fill in what is missing"
    return f"{expected}: put a headline that holds {separator!r} in double quotes"


def _damage(fields: Sequence[str]) -> str:
    text = "".join(fields)
    try:
        text.encode()
    except UnicodeEncodeError:
        return "expected UTF-8, got other bytes"
    return "expected text, got a byte 0" if "\0" in text else ""


def _swallowing_row(
    lines: Sequence[str], header: list[str], separator: str, rows: Sequence[_Row]
) -> tuple[int, str] | None:
    """The first row over several lines that look like rows, as `read_delimited` finds them."""
    long_rows: list[tuple[_Row, list[str]]] = []
    values: list[set[str]] = [set() for _ in header]
    for row in rows:
        # There, a carriage return ends a line as well.
        own_lines = list(io.StringIO("".join(lines[row.start : row.end]), newline=""))
        if len(own_lines) == 1:
            for value, column in zip(row.fields, values, strict=True):
                column.add(value)
        elif any(row.fields):  # a blank row holds nothing
            long_rows.append((row, own_lines))
    for row, own_lines in long_rows:
        if alike := count_swallowed(own_lines, row.fields, separator, values):
            return row.start, (
                "expected quotes in pairs, got a field that opens with a quote and goes on over "
                f"{alike:,} lines that look like rows"
            )
    return None
