"""Texts in a column of Arrow, as a sequence of strings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

_TOGETHER = 10_000  # texts that become strings at a time


class TextColumn(Sequence[str]):
    """n texts. They take half of the memory of a list, as a string is made only where one is asked
    for.

    `column`: without missing texts.
    """

    def __init__(self, column: pa.ChunkedArray) -> None:
        self.column = column

    def __len__(self) -> int:
        return len(self.column)

    @overload
    def __getitem__(self, which: int) -> str: ...
    @overload
    def __getitem__(self, which: slice) -> list[str]: ...
    def __getitem__(self, which: int | slice) -> str | list[str]:
        if isinstance(which, slice):
            rows = range(*which.indices(len(self)))
            if rows.step == 1:
                return list(self.column.slice(rows.start, len(rows)).to_pylist())
            return self.take(rows)
        return str(self.column[int(which)].as_py())

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), _TOGETHER):
            yield from self[start : start + _TOGETHER]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(list(self), dtype or object)

    def __eq__(self, value: object) -> bool:
        return isinstance(value, Sequence) and list(self) == list(value)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{len(self):,} texts>"

    def take(self, positions: ArrayLike) -> list[str]:
        """The texts at some positions, in their order."""
        return list(self.column.take(pa.array(np.asarray(positions, np.int64))).to_pylist())
