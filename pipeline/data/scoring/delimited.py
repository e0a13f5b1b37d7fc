"""CSV and TSV in stretches. A row that cannot be read is left out, and the next line begins
anew."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from pipeline.base.errors import DataError
from pipeline.data.delimited import fields_of_any_length, find_separator
from pipeline.data.scoring.delimited_rows import ends_in_lone_return, parse_rows
from pipeline.data.scoring.stretches import (
    MOST_ROW_BYTES,
    STRETCH_BYTES,
    Answers,
    Position,
    Rows,
    Unreadable,
    check_clash,
    check_text_column,
    clean,
)
from pipeline.data.scoring.text_stream import HEAD_BYTES, TextStream, read_fully


class DelimitedTable:
    """A CSV or TSV file. See `OpenTable`.

    `text`: the column of headlines. `separator`: as for `read_delimited`, and so is how rows are
    read. `stretch_bytes`, `most_row_bytes`: see `stretches.py`.

    Raises DataError: the first row names no such column, or cannot be read.
    """

    def __init__(
        self,
        path: Path,
        text: str,
        separator: str = ",",
        *,
        stretch_bytes: int = STRETCH_BYTES,
        most_row_bytes: int = MOST_ROW_BYTES,
    ) -> None:
        self._path, self._stream = path, TextStream(path)
        self._stretch_bytes, self._most_row_bytes = stretch_bytes, most_row_bytes
        self.size = self._stream.size
        with self._stream.text() as file:
            head = read_fully(file, HEAD_BYTES)
        # A file has CR alone at the ends of its lines where it has nothing else.
        self._line_end = b"\r" if b"\r" in head and b"\n" not in head else b"\n"
        decoded = self._decoded(head, "surrogateescape")
        first_lines, _, self._separator = find_separator(decoded, separator)
        lines = list(io.StringIO(decoded))
        reader = csv.reader(lines[first_lines:], delimiter=self._separator, strict=True)
        try:
            self._header = next((row for row in reader if row), [])
            "".join(self._header).encode()
        except (csv.Error, UnicodeEncodeError) as error:
            raise DataError(
                f"{path}, line {first_lines + 1}: expected the names of the columns, could not "
                f"read them ({error}): look at the quotes and the encoding, which is UTF-8"
            ) from error
        done = first_lines + reader.line_num
        if done and ends_in_lone_return(lines[done - 1]):
            raise DataError(
                f"{path}, line {done}: expected a line that ends in LF, as others do, got a "
                "carriage return (CR) alone: take it out"
            )
        self._first = Position(_n_bytes(lines[:done]), done + 1)
        check_text_column(self._header, text, str(path))
        self._text = self._header.index(text)
        self.ending = ".tsv" if self._separator == "\t" else ".csv"

    def columns(self) -> object:
        """The separator and the names of the columns."""
        return self._separator, tuple(self._header)

    def check_names(self, names: Sequence[str]) -> None:
        """Raises DataError: a column has a name that is added."""
        check_clash(self._header, names, str(self._path))

    def read(self, position: Position | None = None) -> Iterator[Rows]:
        """The stretches from a position on. See `OpenTable`."""
        offset, line = position or self._first
        buffer = b""
        with self._stream.text(offset) as file:
            while True:
                size = self._stretch_bytes
                while True:
                    buffer += read_fully(file, size - len(buffer))
                    if not buffer:
                        return
                    is_last, is_most = len(buffer) < size, size >= self._most_row_bytes
                    n_bytes, rows = self._rows(
                        buffer[:size], Position(offset, line), is_last, is_most
                    )
                    if n_bytes:
                        break
                    if is_most:
                        raise DataError(
                            f"{self._path}, line {line}: expected rows of at most "
                            f"{self._most_row_bytes:,} bytes, got more: look at the ends of the "
                            "lines"
                        )
                    size *= 2  # the row is longer, or seems to be where a quote is not closed
                buffer = buffer[n_bytes:]
                offset, line = rows.end
                yield rows

    def write(self, file: IO[bytes], rows: Rows, answers: Answers) -> None:
        """Write the rows with the answers, under the names of the columns."""
        fields, has_returns = rows.content
        labels = [answers.labels[i] for i in answers.best.tolist()]
        text = io.TextIOWrapper(file, "utf-8", newline="")
        # Python 3.11 writes a CR alone without quotes, and could not read it again.
        writer = csv.writer(
            text,
            delimiter=self._separator,
            lineterminator="\n",
            quoting=csv.QUOTE_ALL if has_returns else csv.QUOTE_MINIMAL,
        )
        writer.writerow([*self._header, *answers.names])
        added = zip(labels, *answers.number_texts(), strict=True)
        writer.writerows([*row, *new] for row, new in zip(fields, added, strict=True))
        text.detach()

    def _decoded(self, data: bytes, errors: str = "strict") -> str:
        if self._line_end == b"\r":
            data = data.replace(b"\r", b"\n")
        return data.decode("utf-8", errors)

    def _rows(
        self, block: bytes, start: Position, is_last: bool, is_most: bool
    ) -> tuple[int, Rows]:
        """How many bytes of a block are done, and the rows in them."""
        if not is_last:
            block = block[: block.rfind(self._line_end) + 1]
        is_damaged = b"\0" in block
        try:
            text = self._decoded(block)
        except UnicodeDecodeError:
            text, is_damaged = self._decoded(block, "surrogateescape"), True
        lines = list(io.StringIO(text))
        most = len(lines)
        if len(block) > self._stretch_bytes:  # more was read only to see where a row ends
            most = len(list(io.StringIO(self._decoded(block[: self._stretch_bytes], "replace"))))
        with fields_of_any_length(len(text)):
            parsed = parse_rows(
                lines,
                self._header,
                self._separator,
                is_damaged,
                is_last or is_most,
                most,
                text.count("\r") > text.count("\r\n"),
            )
        n_bytes = len(block) - _n_bytes(lines[parsed.n_lines :])
        rows = Rows(
            clean([row[self._text] for row in parsed.rows]),
            (parsed.rows, "\r" in text),
            Position(start.offset + n_bytes, start.line + parsed.n_lines),
            tuple(Unreadable(start.line + at, reason) for at, reason in parsed.unreadable),
        )
        return n_bytes, rows


def _n_bytes(lines: Sequence[str]) -> int:
    return len("".join(lines).encode("utf-8", "surrogateescape"))
