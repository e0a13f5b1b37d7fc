"""The one file format of this package: arrays and JSON in one .npz file, read without pickle."""

from __future__ import annotations

import json
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.base.files import atomic_write

_JSON = "json"  # the entry with everything that is not an array
_ARRAY = "$array"  # the only key of the object that stands for an array in that entry

# What NumPy and zipfile raise for a damaged file.
_DAMAGE = (
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    RuntimeError,
    MemoryError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


def save_archive(file: str | Path | IO[bytes], content: Any, *, compressed: bool = False) -> None:
    """Write `content` to one file, which is replaced at once.

    `content`: numbers, strings, None and arrays, in mappings, sequences and dataclasses to any
    depth. `file`: a path, or a binary file that is open for writing.

    Raises OSError: the file cannot be written; TypeError: `content` holds something else.
    """
    arrays: dict[str, NDArray[Any]] = {}
    text = json.dumps(_take_arrays(content, arrays))
    arrays[_JSON] = np.frombuffer(text.encode(), np.uint8)
    write: Any = np.savez_compressed if compressed else np.savez
    if not isinstance(file, str | Path):
        write(file, **arrays)
        return
    with atomic_write(Path(file)) as part, part.open("wb") as opened:
        write(opened, **arrays)


def load_archive(file: str | Path | IO[bytes]) -> Any:
    """Read what `save_archive` wrote: dicts, lists, numbers, strings, None and arrays.

    Sequences come back as lists, and dataclasses as dicts.

    Raises OSError: the file cannot be opened; ValueError: it is damaged or not such a file.
    """
    try:
        with np.load(file, allow_pickle=False) as entries:
            return _put_arrays(json.loads(entries[_JSON].tobytes()), entries)
    except _DAMAGE as error:
        raise ValueError(
            f"{file}: expected a file of save_archive, it is damaged or another file ({error})"
        ) from error


def _take_arrays(value: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    """The value as JSON can hold it. Arrays go to `arrays`, and their names into their places."""
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise TypeError("expected arrays of numbers or strings, got one of Python objects")
        name = f"array{len(arrays)}"
        arrays[name] = value
        return {_ARRAY: name}
    if is_dataclass(value):
        return {f.name: _take_arrays(getattr(value, f.name), arrays) for f in fields(value)}
    if isinstance(value, Mapping):
        return {name: _take_arrays(item, arrays) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_take_arrays(item, arrays) for item in value]
    return value


def _put_arrays(value: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """The value with the arrays in their places again."""
    if isinstance(value, dict):
        if value.keys() == {_ARRAY}:
            return arrays[value[_ARRAY]]
        return {name: _put_arrays(item, arrays) for name, item in value.items()}
    if isinstance(value, list):
        return [_put_arrays(item, arrays) for item in value]
    return value
