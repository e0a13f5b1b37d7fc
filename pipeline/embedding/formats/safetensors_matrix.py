"""safetensors: a matrix of floats, with its words in a file beside it.

The file holds the length of the header in 8 bytes, the header in JSON, and the numbers.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.base.errors import VectorsError
from pipeline.embedding.formats.format import LARGEST_SIZE, Beginning, Layout
from pipeline.embedding.formats.matrix_rows import select_rows, words_beside
from pipeline.embedding.formats.streams import Source
from pipeline.embedding.vectors import WordVectors

_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}  # bfloat16 is read as bits

# What reading the header raises where it is damaged.
_DAMAGE = (ValueError, LookupError, TypeError, AttributeError, OverflowError)


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
    try:
        header = json.loads(text)
        header.pop("__metadata__", None)
        tensors: dict[str, tuple[Any, ...]] = {
            name: (str(tensor["dtype"]), *map(int, (*tensor["shape"], *tensor["data_offsets"])))
            for name, tensor in header.items()
            if len(tensor["shape"]) == 2
        }
        if len(tensors) != 1:
            names = ", ".join(tensors) or "none"
            raise VectorsError(f"{path}: expected one matrix, found {names} in it")
        last = max(int(tensor["data_offsets"][1]) for tensor in header.values())
        ((name, (dtype, n_words, vector_size, begin, end)),) = tensors.items()
    except RecursionError:
        raise VectorsError(
            f"{path}: expected a safetensors header, got one nested without end"
        ) from None
    except _DAMAGE as error:
        raise VectorsError(f"{path}: expected a safetensors header ({error})") from error
    if dtype not in _DTYPES:
        raise VectorsError(f"{path}: expected {', '.join(_DTYPES)}, got {dtype!r} for {name}")
    shape = n_words, vector_size
    width = np.dtype(_DTYPES[dtype]).itemsize
    if (
        not 0 <= begin <= end
        or min(shape) < 0
        or not 0 < vector_size <= LARGEST_SIZE
        or end - begin != n_words * vector_size * width
        or data + last != size
    ):
        raise VectorsError(f"{path}: the file is truncated or damaged: fetch it again")
    matrix: NDArray[Any] = np.zeros(shape, _DTYPES[dtype])
    if matrix.size:
        matrix = np.memmap(path, _DTYPES[dtype], "r", data + begin, shape)
    words = words_beside(path, at_once=wanted is None)
    return select_rows(path, matrix, words, wanted, most_frequent, bfloat16=dtype == "BF16")
