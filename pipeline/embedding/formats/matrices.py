"""Matrices with a list of words beside them: NumPy, safetensors, gensim's saved KeyedVectors.

The matrix is mapped into memory, so that only rows that are used are read. Nothing is unpickled
but names, numbers and NumPy arrays.
"""

from __future__ import annotations

import io
import json
import pickle
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.base.errors import VectorsError
from pipeline.embedding.formats.rows import Rows
from pipeline.embedding.vectors import FIRST_WORDS, WordVectors

_BLOCK = 10_000  # rows converted and checked at a time
_LISTS = (".txt", ".json", ".parquet")


def is_numpy(beginning: bytes) -> bool:
    """Whether a file begins as `.npy` files do."""
    return beginning.startswith(b"\x93NUMPY")


def is_safetensors(beginning: bytes) -> bool:
    """Whether a file begins as safetensors do: the header's length in 8 bytes, then JSON."""
    return len(beginning) >= 9 and beginning[8:9] == b"{" and beginning[4:8] == b"\0\0\0\0"


def is_pickle(beginning: bytes) -> bool:
    """Whether a file begins as pickles of protocol 2 to 5 do, in which gensim saves."""
    return beginning[:1] == b"\x80" and beginning[1:2] in (b"\2", b"\3", b"\4", b"\5")


def read_numpy(path: Path, wanted: Sequence[str] | None, most_frequent: int) -> WordVectors:
    """A `.npy` matrix, (n_words, vector_size), and its words (see `words_beside`)."""
    try:
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError, SyntaxError, tokenize.TokenError) as error:
        raise VectorsError(f"{path}: could not be read as a NumPy array ({error})") from error
    if not isinstance(matrix, np.memmap) or matrix.offset + matrix.nbytes != path.stat().st_size:
        raise VectorsError(f"{path}: its header does not fit its size: it is damaged")
    return _select(path, matrix, words_beside(path, wanted is None), wanted, most_frequent)


_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


def read_safetensors(path: Path, wanted: Sequence[str] | None, most_frequent: int) -> WordVectors:
    """The only matrix of a `.safetensors` file, (n_words, vector_size), and its words."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        text = file.read(length)
        data = 8 + length
        size = file.seek(0, io.SEEK_END)
    try:
        header = json.loads(text)
        tensors = {
            name: (_DTYPES.get(t["dtype"]), tuple(map(int, t["shape"])), *t["data_offsets"])
            for name, t in header.items()
            if name != "__metadata__" and len(t["shape"]) == 2
        }
        last = max((t["data_offsets"][1] for n, t in header.items() if n != "__metadata__"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise VectorsError(f"{path}: expected a safetensors header ({error})") from error
    if len(tensors) != 1:
        raise VectorsError(
            f"{path}: expected one matrix, found {', '.join(tensors) or 'none'} in it"
        )
    ((name, (dtype, shape, begin, end)),) = tensors.items()
    if dtype is None:
        raise VectorsError(
            f"{path}: expected {', '.join(_DTYPES)}, got {header[name]['dtype']!r} for {name}"
        )
    width = np.dtype(dtype).itemsize
    if not 0 <= begin <= end or end - begin != shape[0] * shape[1] * width or data + last != size:
        raise VectorsError(f"{path}: the file is truncated or damaged: fetch it again")
    matrix: NDArray[Any] = np.zeros(shape, dtype)
    if matrix.size:
        matrix = np.memmap(path, dtype, "r", data + begin, shape)
    return _select(
        path, matrix, words_beside(path, wanted is None), wanted, most_frequent,
        bfloat16=header[name]["dtype"] == "BF16",
    )  # fmt: skip


def words_beside(path: Path, at_once: bool = False) -> Iterable[str]:
    """The words of the matrix at `path`: one a line (.txt), a list or a map from words to rows
    (.json), or the first column (.parquet), in a file of the same name or named words or vocab.

    `at_once` is faster and takes the memory of all words.
    """
    stems = (path.stem, "words", "vocab")
    files = [path.with_name(stem + ending) for stem in stems for ending in _LISTS]
    present = [file for file in files if file.is_file() and file != path]
    if not present:
        raise VectorsError(
            f"{path}: expected its words in a file beside it, one a line: there is no "
            f"{files[0].name}, {files[1].name}, {files[2].name} or {files[3].name}"
        )
    if at_once and present[0].suffix == ".txt":
        return _all_lines(present[0])
    return _LIST_READERS[present[0].suffix](present[0])


def _all_lines(path: Path) -> list[str]:
    try:
        words = path.read_bytes().decode().split("\n")
    except UnicodeDecodeError as error:
        raise VectorsError(f"{path}: expected UTF-8, got other bytes ({error.reason})") from error
    if not words[-1]:
        words.pop()
    return [word.removesuffix("\r") for word in words] if "\r" in words[0] else words


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
    except ValueError as error:
        raise VectorsError(f"{path}: expected JSON ({error})") from error
    if isinstance(loaded, dict):
        loaded = sorted(loaded, key=loaded.__getitem__)
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


_LIST_READERS = {".txt": _lines, ".json": _json, ".parquet": _parquet}


def _select(
    path: Path,
    matrix: NDArray[Any],
    words: Iterable[str],
    wanted: Sequence[str] | None,
    most_frequent: int,
    *,
    bfloat16: bool = False,
) -> WordVectors:
    """Rows of a matrix by its words; all of it stays a memory map where it is float32.

    Raises VectorsError: not a matrix of floats, another number of words, values not finite.
    """
    if matrix.ndim != 2 or not (matrix.dtype.kind == "f" or bfloat16) or not matrix.shape[1]:
        raise VectorsError(
            f"{path}: expected a matrix of floats, a row a word, got {matrix.dtype}"
            f"{list(matrix.shape)}"
        )
    name = str(path)
    if wanted is None:
        words = list(words)
        if len(words) == len(matrix) and matrix.dtype == np.float32:
            everything = WordVectors(
                name,
                tuple(words),
                matrix,
                first_words=tuple(words[:FIRST_WORDS]),
                total=len(words),
            )
            if len(everything.key_to_index) == len(words):
                return everything
    rows = Rows(wanted, most_frequent)
    places, count = [], 0
    for place, word in enumerate(words):
        count += 1
        key = word.encode(errors="surrogatepass")
        rows.see(key)
        if rows.take(key, place):
            places.append(place)
    if count != len(matrix):
        raise VectorsError(
            f"{path}: expected a word for each of the {len(matrix):,} rows, the list has {count:,}"
        )
    for start in range(0, len(places), _BLOCK):
        rows.add(_float32(path, matrix[places[start : start + _BLOCK]], bfloat16))
    rows.total = count
    return rows.result(name, matrix.shape[1])


def _float32(path: Path, block: NDArray[Any], bfloat16: bool) -> NDArray[np.float32]:
    if bfloat16:
        block = (block.astype(np.uint32) << 16).view(np.float32)
    with np.errstate(over="ignore"):
        block = block.astype(np.float32, copy=False)
    if not np.isfinite(block).all():
        raise VectorsError(f"{path}: expected finite numbers, got NaN or Inf")
    return block


# ----------------------------------------------------------------------------------- gensim


class _StandIn:
    """Stands for any class or function of a pickle: it does nothing but hold attributes."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            self.__dict__.update(state)


class _ArraysOnly:
    """Lets an unpickler make NumPy arrays, plain containers and attributes, and call nothing."""

    _ARRAYS = ("_reconstruct", "scalar", "ndarray", "dtype", "_frombuffer")

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] == "numpy" and name in self._ARRAYS:
            return super().find_class(module, name)  # type: ignore[misc]
        return _StandIn


class _Unpickler(_ArraysOnly, pickle.Unpickler): ...


class _CarefulUnpickler(_ArraysOnly, pickle._Unpickler):
    """In Python: 10 times as slow as the one in C, which allocates gigabytes where a damaged
    number says so."""


_SMALL = 1 << 20  # bytes that are unpickled carefully: 0.3 s


def read_keyed_vectors(path: Path, wanted: Sequence[str] | None, most_frequent: int) -> WordVectors:
    """gensim's KeyedVectors, or the `wv` of a model, as `save` writes them.

    Large arrays lie beside the file and are mapped into memory.
    """
    try:
        content = path.read_bytes()
        unpickler = _CarefulUnpickler if len(content) < _SMALL else _Unpickler
        # From memory, where a damaged length is met by the end of the bytes.
        saved = unpickler(io.BytesIO(content)).load()
    except Exception as error:
        raise VectorsError(f"{path}: expected gensim's KeyedVectors ({error})") from error
    state, prefix = getattr(saved, "__dict__", {}), str(path)
    if isinstance(state.get("wv"), _StandIn):
        state, prefix = state["wv"].__dict__, f"{path}.wv"
    words = state.get("index_to_key") or state.get("index2word")
    vectors = state.get("vectors")
    if vectors is None and Path(f"{prefix}.vectors.npy").is_file():
        vectors = np.load(f"{prefix}.vectors.npy", mmap_mode="r", allow_pickle=False)
    if not isinstance(words, list) or not isinstance(vectors, np.ndarray):
        raise VectorsError(
            f"{path}: expected gensim's KeyedVectors with words and vectors"
            + (f": {prefix}.vectors.npy is missing" if isinstance(words, list) else "")
        )
    return _select(path, vectors, map(str, words), wanted, most_frequent)
