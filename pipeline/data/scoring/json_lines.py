"""JSON lines in stretches: one object a line, which stays as it is written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from pipeline.base.errors import DataError
from pipeline.data.content import shown
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
from pipeline.data.scoring.text_stream import TextStream, read_fully


class JsonLinesTable:
    """A file of JSON lines. See `OpenTable`, and `DelimitedTable` for the arguments.

    Raises DataError: it is no such file, or its first object has no such column.
    """

    ending = ".jsonl"

    def __init__(
        self,
        path: Path,
        text: str,
        *,
        stretch_bytes: int = STRETCH_BYTES,
        most_row_bytes: int = MOST_ROW_BYTES,
    ) -> None:
        self._path, self._text, self._stream = path, text, TextStream(path)
        self._stretch_bytes, self._most_row_bytes = stretch_bytes, most_row_bytes
        self._names: frozenset[str] = frozenset()
        self.size = self._stream.size
        if self._stream.head.lstrip().startswith(b"["):
            raise DataError(
                f"{path}: expected one JSON object a line, got a list: write it as lines, as with "
                "jq -c '.[]'"
            )
        first = next((rows for rows in self.read() if rows.texts), None)
        if first is None:
            raise DataError(f"{path}: expected one JSON object a line, found none")
        names = {name: None for line in first.content for name in _DECODER.decode(line)}
        check_text_column([*names], text, str(path))

    def columns(self) -> object:
        """Each object has names of its own."""
        return None

    def check_names(self, names: Sequence[str]) -> None:
        """Also while rows are read, DataError is raised where one has a name that is added."""
        self._names = frozenset(names)

    def read(self, position: Position | None = None) -> Iterator[Rows]:
        """The stretches from a position on. See `OpenTable`."""
        offset, line = position or Position(0, 1)
        buffer = b""
        with self._stream.text(offset) as file:
            while True:
                size = self._stretch_bytes
                while True:
                    buffer += read_fully(file, size - len(buffer))
                    n_bytes = buffer[:size].rfind(b"\n") + 1
                    if len(buffer) < size:
                        n_bytes = len(buffer)
                    if n_bytes or not buffer:
                        break
                    if size >= self._most_row_bytes:
                        raise DataError(
                            f"{self._path}, line {line}: expected rows of at most "
                            f"{self._most_row_bytes:,} bytes, got more: write one object a line"
                        )
                    size *= 2
                if not buffer:
                    return
                block, buffer = buffer[:n_bytes], buffer[n_bytes:]
                offset += n_bytes
                rows = self._rows(block, Position(offset, line))
                line = rows.end.line
                yield rows

    def write(self, file: IO[bytes], rows: Rows, answers: Answers) -> None:
        """Write the objects with the answers behind their own names."""
        labels = [json.dumps(label, ensure_ascii=False) for label in answers.labels]
        names = [json.dumps(name, ensure_ascii=False) for name in answers.names]
        form = ", ".join(f"{name.replace('{', '{{').replace('}', '}}')}: {{}}" for name in names)
        lines = []
        for line, best, *numbers in zip(
            rows.content, answers.best.tolist(), *answers.number_texts(), strict=True
        ):
            own = line[:-1].rstrip()
            comma = "" if own == "{" else ", "
            lines.append(f"{own}{comma}{form.format(labels[best], *numbers)}}}\n")
        file.write("".join(lines).encode())

    def _rows(self, block: bytes, end: Position) -> Rows:
        texts: list[str | None] = []
        content: list[str] = []
        unreadable = []
        lines = block.split(b"\n")
        if not lines[-1]:
            del lines[-1]
        for number, line in enumerate(lines, end.line):
            try:
                text = line.decode().strip()
                if not text:
                    continue
                row = _DECODER.decode(text)
                texts.append(self._headline(row))
            except (ValueError, RecursionError) as error:
                unreadable.append(Unreadable(number, _reason(error)))
                continue
            if not self._names.isdisjoint(row):
                check_clash([*row], [*self._names], f"{self._path}, line {number}")
            content.append(text)
        return Rows(
            clean(texts), content, Position(end.offset, end.line + len(lines)), tuple(unreadable)
        )

    def _headline(self, row: Any) -> str | None:
        if not isinstance(row, dict):
            raise ValueError(f"expected an object, got {shown(row)}")
        text = row.get(self._text)
        if text is not None and not isinstance(text, str):
            raise ValueError(f"expected text as {shown(self._text)}, got {shown(text)}")
        return text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise ValueError("an object has a name twice")
    return row


_DECODER = json.JSONDecoder(object_pairs_hook=_object)


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "expected UTF-8, got other bytes"
    if isinstance(error, json.JSONDecodeError):
        return f"expected a JSON object: {error.msg} at character {error.colno}"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error)
