"""Tables of numbers in few bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DTYPES = ("float32", "float16", "int8")
_MOST_INT8 = 127
_TINY = np.float32(6e-8)  # the smallest number of float16


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of numbers as they are kept.

    `values`: (n_rows, width) of one of DTYPES. `scale`: float32 (1, width) or float16 (n_rows, 1): a
    number is its value times the scale; None where the values are the numbers.
    """

    values: NDArray[Any]
    scale: NDArray[np.floating[Any]] | None = None

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return len(self.values)

    def rows(self, numbers: NDArray[np.intp]) -> NDArray[np.float32]:
        """Some rows: float32 array, (len(numbers), width)."""
        values = self.values[numbers].astype(np.float32, copy=False)
        if self.scale is None:
            return values
        scale = self.scale if len(self.scale) == 1 else self.scale[numbers]
        return values * scale.astype(np.float32)

    def all(self) -> NDArray[np.float32]:
        """All rows: float32 array, (n_rows, width)."""
        values = self.values.astype(np.float32, copy=False)
        return values if self.scale is None else values * self.scale.astype(np.float32)


def pack(numbers: NDArray[np.float32], dtype: str) -> Table:
    """Write numbers, (n_rows, width), as one of DTYPES.

    In float16 each column has a scale, in int8 each row.
    """
    if dtype == "float32":
        return Table(numbers.astype(np.float32))
    axis = 1 if dtype == "int8" else 0
    most = np.abs(numbers).max(axis=axis, keepdims=True, initial=0).astype(np.float32)
    most[most == 0] = 1
    if dtype == "int8":
        row_scale = (most / _MOST_INT8).astype(np.float16)
        values = np.rint(numbers / np.maximum(row_scale.astype(np.float32), _TINY))
        return Table(np.clip(values, -_MOST_INT8, _MOST_INT8).astype(np.int8), row_scale)
    # A power of two changes no digit. So no number is too large for float16, and few too small.
    scale = np.exp2(np.floor(np.log2(most)) - 14).astype(np.float32)
    return Table((numbers / scale).astype(np.float16), scale)
