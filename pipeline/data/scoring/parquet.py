"""Parquet in stretches of rows, with the types of the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import IO, Any

from pipeline.base.errors import DataError
from pipeline.data.scoring.stretches import (
    Answers,
    Position,
    Rows,
    Unreadable,
    check_clash,
    check_text_column,
    clean,
)

STRETCH_ROWS = 65_536
"""Rows that a part is made of."""


class ParquetTable:
    """A Parquet file. See `OpenTable`.

    `text`: the column of headlines. `stretch_rows`: of a part.

    Raises DataError: it is damaged, or has no such column of text.
    """

    ending = ".parquet"

    def __init__(self, path: Path, text: str, *, stretch_rows: int = STRETCH_ROWS) -> None:
        import pyarrow as pa

        self._path, self._text, self._stretch_rows = path, text, stretch_rows
        with self._opened() as file:
            self._schema = file.schema_arrow
            metadata = file.metadata
            counts = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        self._group_ends = list(accumulate(counts))
        self.size = metadata.num_rows
        check_text_column(self._schema.names, text, str(path))
        kind = self._schema.field(text).type
        value = kind.value_type if pa.types.is_dictionary(kind) else kind
        if not (
            pa.types.is_string(value) or pa.types.is_large_string(value) or pa.types.is_null(value)
        ):
            raise DataError(
                f"{path}: expected text in column {text!r}, got {kind}: name the column of "
                "headlines with --text"
            )

    def columns(self) -> object:
        """The names and types of the columns."""
        return self._schema.remove_metadata()

    def check_names(self, names: Sequence[str]) -> None:
        """Raises DataError: a column has a name that is added."""
        check_clash(self._schema.names, names, str(self._path))

    def read(self, position: Position | None = None) -> Iterator[Rows]:
        """The stretches from a position on. See `OpenTable`."""
        import pyarrow as pa

        start = position.offset if position else 0
        first = next((i for i, end in enumerate(self._group_ends) if end > start), None)
        if first is None:
            return
        skipped = start - ([0, *self._group_ends][first])
        waiting: list[Any] = []
        with self._opened() as file:
            groups = range(first, len(self._group_ends))
            batches = file.iter_batches(batch_size=self._stretch_rows, row_groups=groups)
            while True:
                table = pa.Table.from_batches(waiting, self._schema)
                while len(table) < self._stretch_rows:
                    batch = self._next(batches)
                    if batch is None:
                        break
                    waiting.append(batch.slice(min(skipped, len(batch))))
                    skipped = max(0, skipped - len(batch))
                    table = pa.Table.from_batches(waiting, self._schema)
                if not len(table):
                    return
                rows = table.slice(0, self._stretch_rows)
                waiting = table.slice(self._stretch_rows).to_batches()
                yield self._rows(rows, start)
                start += len(rows)

    def write(self, file: IO[bytes], rows: Rows, answers: Answers) -> None:
        """Write the rows with the answers as further columns."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        labels = pa.array(answers.labels, pa.string()).take(pa.array(answers.best))
        table = rows.content
        for name, column in zip(answers.names, (labels, *answers.numbers()), strict=True):
            table = table.append_column(name, pa.array(column))
        pq.write_table(table, file)

    def _opened(self) -> Any:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return pq.ParquetFile(self._path, page_checksum_verification=True)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._damaged(error) from error

    def _next(self, batches: Iterator[Any]) -> Any:
        import pyarrow as pa

        try:
            return next(batches, None)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> DataError:
        reason = " ".join(str(error).split())[:200]
        return DataError(f"{self._path}: expected Parquet, could not read it ({reason})")

    def _rows(self, table: Any, start: int) -> Rows:
        """`start`: the number of the first row, from 0."""
        end = Position(start + len(table), start + len(table) + 1)
        column = table.column(self._text)
        try:
            return Rows(clean(column.to_pylist()), table, end)
        except UnicodeDecodeError:
            import pyarrow as pa

            is_text = [_is_text(value) for value in column.cast(pa.binary()).to_pylist()]
            table = table.filter(pa.array(is_text))
            unreadable = tuple(
                Unreadable(start + i + 1, "expected UTF-8, got other bytes")
                for i, readable in enumerate(is_text)
                if not readable
            )
            return Rows(clean(table.column(self._text).to_pylist()), table, end, unreadable)


def _is_text(value: bytes | None) -> bool:
    try:
        (value or b"").decode()
    except UnicodeDecodeError:
        return False
    return True
