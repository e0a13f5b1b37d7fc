"""Matrices with a list of words beside them: the words, and the rows that are wanted.

The matrix is mapped into memory, so that only the rows that are used are read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.base.errors import VectorsError
from pipeline.embedding.formats.rows import Rows, rows_of_zeros, warn_of_zeros
from pipeline.embedding.keys import normal_word
from pipeline.embedding.vectors import N_FIRST_WORDS, WordVectors

_STATIC = "0_StaticEmbedding"  # the folder in which sentence-transformers writes the matrix
_BLOCK = 10_000  # rows converted and checked at a time


def matrix_in(folder: Path) -> Path:
    """The only matrix in a folder. Raises VectorsError: there are several, or none."""
    matrices = [p for p in sorted(folder.iterdir()) if p.suffix in (".npy", ".safetensors")]
    if not matrices and (inner := folder / _STATIC).is_dir():
        return matrix_in(inner)
    if len(matrices) != 1:
        raise VectorsError(
            f"{folder}: expected a folder with one matrix (.npy or .safetensors) and its words, "
            f"found {len(matrices)} matrices"
        )
    return matrices[0]


def words_beside(path: Path, *, at_once: bool = False) -> Iterable[str]:
    """The words of the matrix at `path`, from a file beside it.

    The file has the name of the matrix, or is named words or vocab. It holds a word a line (.txt),
    a list of words or a map from words to rows (.json), or words in its first column (.parquet).
    `at_once` is faster, and takes memory for all words.

    Raises VectorsError: there is no such file, or it is damaged.
    """
    stems = (path.stem, "words", "vocab")
    files = [path.with_name(stem + ending) for stem in stems for ending in _WORD_LISTS]
    present = [file for file in files if file.is_file() and file != path]
    if not present:
        raise VectorsError(
            f"{path}: expected its words in a file beside it, one a line: there is no "
            f"{files[0].name}, {files[1].name}, {files[2].name} or {files[3].name}"
        )
    if at_once and present[0].suffix == ".txt":
        return _all_lines(present[0])
    return _WORD_LISTS[present[0].suffix](present[0])


def _all_lines(path: Path) -> list[str]:
    try:
        words = path.read_bytes().decode().split("\n")
    except UnicodeDecodeError as error:
        raise VectorsError(f"{path}: expected UTF-8, got other bytes ({error.reason})") from error
    if not words[-1]:
        words.pop()
    return [word.removesuffix("\r") for word in words] if "\r" in "".join(words[:1]) else words


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8", newline="\n") as lines:
            for line in lines:
                yield line.removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise VectorsError(f"{path}: expected UTF-8, got other bytes ({error.reason})") from error


def _json(path: Path) -> Iterator[str]:
    try:
        loaded = json.loads(path.read_bytes())
        if isinstance(loaded, dict):
            loaded = sorted(loaded, key=loaded.__getitem__)
    except (ValueError, TypeError, RecursionError) as error:
        raise VectorsError(f"{path}: expected JSON ({error})") from error
    if not isinstance(loaded, list) or not all(isinstance(word, str) for word in loaded):
        raise VectorsError(f"{path}: expected a list of words or a map from words to rows")
    return iter(loaded)


def _parquet(path: Path) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            name = file.schema_arrow.names[0]
            for batch in file.iter_batches(columns=[name]):
                yield from batch.column(0).to_pylist()
    except pa.ArrowInvalid as error:
        raise VectorsError(f"{path}: expected Parquet ({error})") from error


_WORD_LISTS = {".txt": _lines, ".json": _json, ".parquet": _parquet}


def select_rows(
    path: Path,
    matrix: NDArray[Any],
    words: Iterable[str],
    wanted: Sequence[str] | None,
    most_frequent: int,
    *,
    bfloat16: bool = False,
) -> WordVectors:
    """Take the rows of the words that are wanted.

    Args:
        path: The file, for the name of the vectors and for messages.
        matrix: float array, (n_words, vector_size), or the bits of bfloat16 as integers. All of it
            stays a memory map where it is float32.
        words: The word of each row.
        wanted: The words whose rows are taken; None takes all.
        most_frequent: How many of the first rows are taken besides.
        bfloat16: Whether the matrix holds the bits of bfloat16.

    Raises:
        VectorsError: The array is not a matrix of floats, the number of words differs from that of
            the rows, or a value is not finite.
    """
    if matrix.ndim != 2 or not (matrix.dtype.kind == "f" or bfloat16) or not matrix.shape[1]:
        raise VectorsError(
            f"{path}: expected a matrix of floats, a row a word, got {matrix.dtype}"
            f"{list(matrix.shape)}"
        )
    name = str(path)
    if wanted is None:
        words = list(map(normal_word, words))
        if len(words) == len(matrix) and matrix.dtype == np.float32:
            everything = WordVectors(
                name,
                tuple(words),
                matrix,
                first_words=tuple(words[:N_FIRST_WORDS]),
                total=len(words),
            )
            if len(everything.key_to_index) == len(words) and "" not in everything:
                _check_all(path, matrix, words)
                return everything
    rows = Rows(wanted, most_frequent)
    places: list[int] = []
    taken: list[str] = []
    count = 0
    for place, word in enumerate(words):
        count += 1
        key = word.encode(errors="surrogatepass")
        rows.see(key)
        if rows.take(key, place):
            places.append(place)
            taken.append(word)
    if count != len(matrix):
        raise VectorsError(
            f"{path}: expected a word for each of the {len(matrix):,} rows, the list has {count:,}"
        )
    for start in range(0, len(places), _BLOCK):
        part = slice(start, start + _BLOCK)
        rows.add(as_float32(path, matrix[places[part]], taken[part], bfloat16))
    rows.total = count
    return rows.result(name, matrix.shape[1])


def _check_all(path: Path, matrix: NDArray[np.float32], words: Sequence[str]) -> None:
    """Look at every row once. Raises VectorsError: a value is not finite."""
    zeros: list[int] = []
    for start in range(0, len(matrix), _BLOCK):
        part = slice(start, start + _BLOCK)
        block = as_float32(path, matrix[part], words[part], bfloat16=False)
        zeros += (rows_of_zeros(block) + start).tolist()
    if zeros:
        warn_of_zeros(str(path), words, zeros)


def as_float32(
    path: Path, block: NDArray[Any], words: Sequence[str], bfloat16: bool
) -> NDArray[np.float32]:
    """Rows of any kind of number: float32 array of the same shape.

    Raises VectorsError: a value is not finite; the message names the word of that row.
    """
    if bfloat16:
        block = (block.astype(np.uint32) << 16).view(np.float32)
    with np.errstate(over="ignore"):
        block = block.astype(np.float32, copy=False)
    finite = np.isfinite(block)
    if not finite.all():
        word = words[int(finite.all(axis=1).argmin())]
        raise VectorsError(f"{path}, word {word!r}: expected finite numbers, got NaN or Inf")
    return block
