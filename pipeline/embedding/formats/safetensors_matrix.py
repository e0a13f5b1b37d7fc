"""safetensors: a matrix of floats, with its words in a file beside it.

The file holds the length of the header in 8 bytes, the header in JSON, and the numbers.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.base.errors import VectorsError
from pipeline.embedding.formats.format import LARGEST_SIZE, Beginning, Layout
from pipeline.embedding.formats.matrix_rows import select_rows, words_beside
from pipeline.embedding.formats.streams import Source
from pipeline.embedding.vectors import WordVectors

_FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}  # bfloat16 is read as bits
_INTEGERS = {"I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1", "U8": "|u1"}
_DTYPES = _FLOATS | _INTEGERS

# What reading the header raises where it is damaged.
_DAMAGE = (ValueError, LookupError, TypeError, AttributeError, OverflowError)


@dataclass(frozen=True)
class Tensor:
    """What the header says about an array. `begin`: the byte of the file where it begins."""

    path: Path
    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int

    @property
    def is_bfloat16(self) -> bool:
        """Whether `mapped` gives the bits of bfloat16, which NumPy does not have."""
        return self.dtype == "BF16"

    def mapped(self) -> NDArray[Any]:
        """The array as a memory map. Raises VectorsError: a kind of number that is not read."""
        if self.dtype not in _DTYPES:
            raise VectorsError(
                f"{self.path}: expected {', '.join(_FLOATS)}, got {self.dtype!r} for {self.name}"
            )
        if not prod(self.shape):
            return np.zeros(self.shape, _DTYPES[self.dtype])
        return np.memmap(self.path, _DTYPES[self.dtype], "r", self.begin, self.shape)


def recognise(beginning: Beginning) -> Layout | None:
    """A file that begins with a header's length, below 4 GB, and the brace of the header."""
    stored = beginning.stored
    return Layout() if stored[8:9] == b"{" and stored[4:8] == b"\0\0\0\0" else None


def read(
    source: Source, _: Layout, wanted: Sequence[str] | None, most_frequent: int
) -> WordVectors:
    """Map the only matrix of the file, (n_words, vector_size), and read the rows that are wanted.

    Tensors with another number of axes do not count.
    Raises VectorsError: a damaged file, several matrices or none, other words than rows.
    """
    path = source.path
    matrices = [tensor for tensor in read_header(path).values() if len(tensor.shape) == 2]
    if len(matrices) != 1:
        names = ", ".join(tensor.name for tensor in matrices) or "none"
        raise VectorsError(f"{path}: expected one matrix, found {names} in it")
    (tensor,) = matrices
    if tensor.dtype not in _FLOATS:
        raise VectorsError(
            f"{path}: expected {', '.join(_FLOATS)}, got {tensor.dtype!r} for {tensor.name}"
        )
    matrix = tensor.mapped()
    words = words_beside(path, at_once=wanted is None)
    return select_rows(path, matrix, words, wanted, most_frequent, bfloat16=tensor.is_bfloat16)


def read_header(path: Path) -> dict[str, Tensor]:
    """The arrays of a file by their names. Raises VectorsError: it is truncated or damaged."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        data = 8 + length
        size = file.seek(0, io.SEEK_END)
        file.seek(8)
        text = file.read(min(length, size))
    if data > size:
        raise VectorsError(
            f"{path}: expected a header of {length:,} bytes, the file ends after {size:,}: it is "
            "truncated or damaged, fetch it again"
        )
    tensors: dict[str, Tensor] = {}
    last = 0
    try:
        header = json.loads(text)
        header.pop("__metadata__", None)
        for name, entry in header.items():
            dtype, shape = str(entry["dtype"]), tuple(map(int, entry["shape"]))
            begin, end = map(int, entry["data_offsets"])
            width = np.dtype(_DTYPES[dtype]).itemsize if dtype in _DTYPES else None
            if (
                not 0 <= begin <= end
                or min(shape, default=0) < 0
                or (len(shape) == 2 and not 0 < shape[1] <= LARGEST_SIZE)
                or (width and end - begin != prod(shape) * width)
            ):
                raise _damaged(path)
            last = max(last, end)
            tensors[name] = Tensor(path, name, dtype, shape, data + begin)
    except RecursionError:
        raise VectorsError(
            f"{path}: expected a safetensors header, got one nested without end"
        ) from None
    except _DAMAGE as error:
        raise VectorsError(f"{path}: expected a safetensors header ({error})") from error
    if data + last != size:
        raise _damaged(path)
    return tensors


def _damaged(path: Path) -> VectorsError:
    return VectorsError(f"{path}: the file is truncated or damaged: fetch it again")
