"""gensim's KeyedVectors and models, as `save` writes them: a pickle, and large arrays beside it.

`pickles.py` reads it without calling anything. Arrays are made here, from bytes and of floats only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.base.errors import VectorsError
from pipeline.embedding.formats.format import Beginning, Layout
from pipeline.embedding.formats.matrix_rows import select_rows
from pipeline.embedding.formats.numpy_matrix import map_matrix
from pipeline.embedding.formats.pickles import Made, read_pickle
from pipeline.embedding.formats.streams import Source
from pipeline.embedding.vectors import WordVectors

_PROTOCOLS = b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"  # gensim writes no older ones
_WAY_OUT = "or save it with gensim's save_word2vec_format"
# NumPy 2 has another name for its module than NumPy 1.
_ARRAY = frozenset(f"numpy.{core}.multiarray._reconstruct" for core in ("core", "_core"))
_FROM_BYTES = frozenset(f"numpy.{core}.numeric._frombuffer" for core in ("core", "_core"))
_FLOATS = frozenset(("f2", "f4", "f8"))
_BYTE_ORDERS = frozenset("<>=|")


def recognise(beginning: Beginning) -> Layout | None:
    """A file that begins as pickles of the protocols 2 to 5 do."""
    return Layout() if beginning.stored.startswith(_PROTOCOLS) else None


def read(
    source: Source, _: Layout, wanted: Sequence[str] | None, most_frequent: int
) -> WordVectors:
    """Read KeyedVectors, or the `wv` of a model. Arrays beside the file are mapped into memory.

    Raises VectorsError: another pickle, a damaged one, or the array beside it is missing.
    """
    path = source.path
    with source.errors_named():
        content = path.read_bytes()
    try:
        state, prefix = _state(read_pickle(content)), str(path)
        if isinstance(state.get("wv"), Made):
            state, prefix = _state(state["wv"]), f"{path}.wv"
        vectors = _array(state["vectors"]) if "vectors" in state else None
    except ValueError as error:
        raise VectorsError(
            f"{path}: expected gensim's KeyedVectors ({error}): fetch it again, {_WAY_OUT}"
        ) from error
    words = state.get("index_to_key", state.get("index2word"))
    if vectors is None and Path(f"{prefix}.vectors.npy").is_file():
        vectors = map_matrix(Path(f"{prefix}.vectors.npy"))
    # A list within a list could be endless as text.
    if not isinstance(words, list) or not set(map(type, words)) <= {str, int} or vectors is None:
        missing = f": {prefix}.vectors.npy is missing" if isinstance(words, list) else ""
        raise VectorsError(
            f"{path}: expected gensim's KeyedVectors with words and vectors{missing}: bring what "
            f"KeyedVectors.save wrote, {_WAY_OUT}"
        )
    return select_rows(path, vectors, map(str, words), wanted, most_frequent)


def _state(saved: Any) -> dict[Any, Any]:
    """The attributes of an object, none where it is something else."""
    state = saved.state if isinstance(saved, Made) else None
    return state if isinstance(state, dict) else {}


def _array(saved: Any) -> NDArray[Any]:
    """An array of floats of any shape, without a copy of its bytes. Raises ValueError."""
    match saved:
        case Made(name, _, (_, shape, kind, column_by_column, data)) if name in _ARRAY:
            order = "F" if column_by_column is True else "C"
        case Made(name, (data, kind, shape, "C" | "F" as order)) if name in _FROM_BYTES:
            pass
        case _:
            raise ValueError("expected an array of floats")
    match data:
        case Made("_codecs.encode", (str() as text, "latin1")):  # as protocol 2 writes bytes
            data = memoryview(text.encode("latin1"))
    dtype = _float_type(kind)
    if (
        not isinstance(data, memoryview)
        or not isinstance(shape, tuple)
        or not all(type(length) is int and length >= 0 for length in shape)
        or math.prod(shape) * dtype.itemsize != len(data)
    ):
        raise ValueError("expected an array whose bytes fit its shape")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if order == "F" else "C")


def _float_type(saved: Any) -> np.dtype[Any]:
    """The type of an array: 16, 32 or 64 bits, and the order of their bytes. Raises ValueError."""
    match saved:
        case Made("numpy.dtype", (str() as name, *_), (_, str() as order, *_)) if (
            name in _FLOATS and order in _BYTE_ORDERS
        ):
            return np.dtype(order + name)
    raise ValueError("expected an array of floats of 16, 32 or 64 bits")
