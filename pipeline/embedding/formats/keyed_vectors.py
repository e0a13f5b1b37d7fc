"""gensim's KeyedVectors and models, as `save` writes them: a pickle, and large arrays beside it.

Nothing of a pickle is executed: it may make NumPy arrays, containers and attributes. Sizes in it
are checked first, because the unpickler would allocate memory for a size that damage has changed.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.base.errors import VectorsError
from pipeline.embedding.formats.format import Beginning, Layout
from pipeline.embedding.formats.matrix_rows import select_rows
from pipeline.embedding.formats.numpy_matrix import map_matrix
from pipeline.embedding.formats.streams import Source
from pipeline.embedding.vectors import WordVectors

_PROTOCOLS = b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"  # gensim writes no older ones
_ARRAYS = ("_reconstruct", "scalar", "ndarray", "dtype", "_frombuffer")  # what NumPy pickles with
_CHECKED = 1 << 20  # bytes up to which a pickle is checked: this takes about 0.1 s


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
    try:
        content = path.read_bytes()
        if len(content) <= _CHECKED:
            _check_sizes(content)
        saved = _Unpickler(io.BytesIO(content)).load()
    except Exception as error:
        raise VectorsError(f"{path}: expected gensim's KeyedVectors ({error})") from error
    state, prefix = getattr(saved, "__dict__", {}), str(path)
    if isinstance(state.get("wv"), _StandIn):
        state, prefix = state["wv"].__dict__, f"{path}.wv"
    words = state.get("index_to_key", state.get("index2word"))
    vectors = state.get("vectors")
    if vectors is None and Path(f"{prefix}.vectors.npy").is_file():
        vectors = map_matrix(Path(f"{prefix}.vectors.npy"))
    if not isinstance(words, list) or not isinstance(vectors, np.ndarray):
        raise VectorsError(
            f"{path}: expected gensim's KeyedVectors with words and vectors"
            + (f": {prefix}.vectors.npy is missing" if isinstance(words, list) else "")
        )
    return select_rows(path, vectors, map(str, words), wanted, most_frequent)


def _check_sizes(content: bytes) -> None:
    """Raise ValueError where a size in a pickle is larger than the pickle allows.

    The unpickler in C allocates memory for the length of a string before it reads the string, and
    for the whole table of its memo up to the largest index. `genops` refuses a string that is
    longer than the bytes that follow. An index of the memo counts the objects before it.
    """
    for number, (opcode, argument, position) in enumerate(pickletools.genops(content)):
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and argument not in range(number + 1):
            raise ValueError(f"byte {position}: there is no object {argument}")


class _StandIn:
    """Stands for any class or function of a pickle. It does nothing but hold attributes."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            self.__dict__.update(state)


def _encode(text: str, _: str) -> bytes:
    """The bytes of an array, which protocol 2 writes as text."""
    return text.encode("latin1")


class _Unpickler(pickle.Unpickler):
    """Makes NumPy arrays, plain containers and stand-ins, and calls nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] == "numpy" and name in _ARRAYS:
            return super().find_class(module, name)
        if (module, name) == ("_codecs", "encode"):
            return _encode
        return _StandIn
