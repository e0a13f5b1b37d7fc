"""Tables of numbers in few bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DTYPES = ("float32", "float16", "int8")
_TINY = np.float32(6e-8)  # the smallest number of float16


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of numbers as they are kept.

    `values`: (n_values, width) of one of DTYPES. `scale`: float32 (1, width) or float16
    (n_values, 1): a number is its value times the scale; None where the values are the numbers.
    `shared`: uint16 or uint32 (n_rows,), which of the values a row has, where many rows are equal;
    None: its own.
    """

    values: NDArray[Any]
    scale: NDArray[np.floating[Any]] | None = None
    shared: NDArray[np.unsignedinteger[Any]] | None = None

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return len(self.values if self.shared is None else self.shared)

    def rows(self, numbers: NDArray[np.intp]) -> NDArray[np.float32]:
        """Some rows: float32 array, (len(numbers), width)."""
        if self.shared is not None:
            numbers = self.shared[numbers].astype(np.intp)
        values = self.values[numbers].astype(np.float32, copy=False)
        if self.scale is None:
            return values
        scale = self.scale if len(self.scale) == 1 else self.scale[numbers]
        return values * scale.astype(np.float32)

    def different(self) -> NDArray[np.float32]:
        """The rows, and those that are shared only once: float32 array, (n_values, width)."""
        values = self.values.astype(np.float32, copy=False)
        return values if self.scale is None else values * self.scale.astype(np.float32)

    def all(self) -> NDArray[np.float32]:
        """All rows: float32 array, (n_rows, width)."""
        return self.different() if self.shared is None else self.different()[self.shared]


def pack(numbers: NDArray[np.float32], dtype: str, most: int = 127) -> Table:
    """Write numbers, (n_rows, width), as one of DTYPES.

    In float16 each column has a scale, in int8 each row, whose largest number becomes `most`.
    """
    if dtype == "float32":
        return Table(numbers.astype(np.float32))
    axis = 1 if dtype == "int8" else 0
    largest = np.abs(numbers).max(axis=axis, keepdims=True, initial=0).astype(np.float32)
    largest[largest == 0] = 1
    if dtype == "int8":
        row_scale = (largest / most).astype(np.float16)
        values = np.rint(numbers / np.maximum(row_scale.astype(np.float32), _TINY))
        return Table(np.clip(values, -most, most).astype(np.int8), row_scale)
    # A power of two changes no digit. So no number is too large for float16, and few too small.
    scale = np.exp2(np.floor(np.log2(largest)) - 14).astype(np.float32)
    return Table((numbers / scale).astype(np.float16), scale)


def share(table: Table) -> Table:
    """Keep equal rows once, where that takes fewer bytes. A table with scales of rows stays."""
    values, scale = table.values, table.scale
    if len(values) < 2 or (scale is not None and len(scale) > 1):
        return table
    whole_rows = np.ascontiguousarray(values).view(f"V{values[0].nbytes}")[:, 0]
    _, first, number = np.unique(whole_rows, return_index=True, return_inverse=True)
    order = first.argsort()  # as they come
    shared = order.argsort()[number].astype(np.min_scalar_type(len(first)))
    if len(first) * values[0].nbytes + shared.nbytes >= values.nbytes:
        return table
    return Table(values[first[order]], scale, shared)
