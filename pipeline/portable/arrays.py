"""The arrays of a portable classifier as they are read: each is checked when it is taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.errors import ModelError
from .encoders import Array
from .tables import DTYPES, Table

ANOTHER = "export the model again, or name another folder"


@dataclass(frozen=True, eq=False)
class ArraysFile:
    """The arrays of a file. Each is checked when it is taken."""

    file: Path
    by_name: Mapping[str, NDArray[Any]]

    def take(self, name: str, *shape: int | None) -> Array:
        """A float32 array of this shape; None in it is any number."""
        return self.checked(name, ("float32",), *shape)

    def table(self, name: str, n_rows: int | None, width: int | None) -> Table:
        """A table with its scales."""
        shared = None
        if (key := f"{name}.shared") in self.by_name:
            shared = self.checked(key, ("uint8", "uint16", "uint32"), n_rows)
        values = self.checked(name, DTYPES, n_rows if shared is None else None, width)
        expect(
            shared is None or int(shared.max(initial=0)) < len(values),
            f"{name} with the rows that {key} names",
        )
        scale = None
        if (key := f"{name}.scale") in self.by_name:
            by_row = self.by_name[key].shape == (len(values), 1)
            shape = (len(values), 1) if by_row else (1, values.shape[1])
            scale = self.checked(key, ("float32", "float16"), *shape)
        return Table(values, scale, shared)

    def checked(self, name: str, dtypes: tuple[str, ...], *shape: int | None) -> NDArray[Any]:
        """An array of one of these types and of this shape, with finite numbers."""
        if name not in self.by_name:
            raise ModelError(f"{self.file}: expected an array {name}, there is none: {ANOTHER}")
        array = self.by_name[name]
        fits = len(array.shape) == len(shape) and all(
            wanted in (None, size) for size, wanted in zip(array.shape, shape, strict=True)
        )
        if array.dtype.name not in dtypes or not fits:
            sizes = ", ".join("any" if size is None else str(size) for size in shape)
            raise ModelError(
                f"{self.file}: expected {' or '.join(dtypes)} of shape ({sizes}) as {name}, got "
                f"{array.dtype} of {array.shape}: {ANOTHER}"
            )
        if array.dtype.kind == "f" and not is_finite(array):
            raise ModelError(f"{self.file}: expected finite numbers in {name}: {ANOTHER}")
        return array


def is_finite(numbers: NDArray[Any]) -> bool:
    if numbers.dtype == np.float16:  # by the bits, as NumPy is slow with this type
        return bool((numbers.view(np.uint16) & 0x7FFF).max(initial=0) < 0x7C00)
    return bool(np.isfinite(numbers).all())


def expect(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"expected {what}")
