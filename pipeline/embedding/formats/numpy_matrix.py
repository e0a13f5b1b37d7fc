"""NumPy's .npy: a matrix of floats, with its words in a file beside it."""

from __future__ import annotations

import tokenize
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.base.errors import VectorsError
from pipeline.embedding.formats.format import Beginning, Layout
from pipeline.embedding.formats.matrix_rows import select_rows, words_beside
from pipeline.embedding.formats.streams import Source
from pipeline.embedding.vectors import WordVectors


def recognise(beginning: Beginning) -> Layout | None:
    """A file that begins as NumPy's files do."""
    return Layout() if beginning.stored.startswith(b"\x93NUMPY") else None


def read(
    source: Source, _: Layout, wanted: Sequence[str] | None, most_frequent: int
) -> WordVectors:
    """Map the matrix, (n_words, vector_size), into memory, and read the rows that are wanted.

    Raises VectorsError: a damaged file, an array of something else, other words than rows.
    """
    matrix = map_matrix(source.path)
    words = words_beside(source.path, at_once=wanted is None)
    return select_rows(source.path, matrix, words, wanted, most_frequent)


def map_matrix(path: Path) -> NDArray[Any]:
    """The array of a .npy file, mapped into memory. Raises VectorsError: a damaged file."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError, SyntaxError, tokenize.TokenError) as error:
        raise VectorsError(f"{path}: could not be read as a NumPy array ({error})") from error
    if not isinstance(array, np.memmap) or array.offset + array.nbytes != path.stat().st_size:
        raise VectorsError(f"{path}: its header does not fit its size: it is damaged")
    return array
