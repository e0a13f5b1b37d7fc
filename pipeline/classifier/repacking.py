"""A portable classifier is written again: in fewer bytes, or with fewer words. Needs no TensorFlow."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from pipeline.base.errors import ModelError
from pipeline.base.files import atomic_write
from pipeline.classifier.readme import describe_model
from pipeline.portable import load_classifier
from pipeline.portable.folder import ARRAYS, MODEL, README, SUMS, WORDS
from pipeline.portable.tables import DTYPES, Table, pack
from pipeline.portable.tokens import FIRST_WORD

Arrays = dict[str, NDArray[Any]]

# How the tables are kept. With few columns, int8 would lose more than it saves.
_TABLES = {
    "network/embedding": {},
    "network/extra": {},
    "sif/table": {},
    "sif/rarity": {"int8": "float16"},
    "ngrams/table": {"int8": "float16"},
}
_EXTRA, _RARITY = "network/extra", "sif/rarity"


def check_new(path: Path) -> None:
    """Raises ModelError: there is something at `path` already."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ModelError(f"{path}: expected a new or an empty folder: name another, or remove it")


def write_folder(
    path: Path, model: Mapping[str, Any], words: list[str], arrays: Mapping[str, NDArray[Any]]
) -> int:
    """Write the folder of a portable classifier, whole or not at all, and return its bytes.

    `model`: what stands in model.json.
    Raises ModelError: the folder has files; OSError: it cannot be written.
    """
    check_new(path)
    contents = {
        MODEL: _as_json(model),
        WORDS: gzip.compress(_as_json(words), mtime=0),
        ARRAYS: save({name: np.ascontiguousarray(array) for name, array in arrays.items()}),
    }
    sums = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in contents.items()]
    contents[SUMS] = "".join(sums).encode()
    size = sum(map(len, contents.values()))
    contents[README] = describe_model(model, len(words), size).encode()
    with atomic_write(path) as part:
        part.mkdir()
        for name, data in contents.items():
            (part / name).write_bytes(data)
    return size


def pack_table(name: str, numbers: NDArray[np.float32], dtype: str) -> Arrays:
    """The arrays that a table is kept as. `numbers`: float32 array, (n_rows, width)."""
    table = pack(numbers, _TABLES[name].get(dtype, dtype))
    arrays: Arrays = {name: table.values}
    if table.scale is not None:
        arrays[f"{name}.scale"] = table.scale
    return arrays


def repack_classifier(
    source: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    dtype: str = "float16",
    extra_words: int | None = None,
    facts: Mapping[str, Any] | None = None,
) -> int:
    """Write the classifier of one folder to another one.

    Args:
        source: what `export_classifier` or this function wrote.
        folder: a new or an empty one. It is there with all files, or not at all.
        dtype: how the tables are kept, `float32`, `float16` or `int8`. What they lost before is lost.
        extra_words: how many of the words that training did not see are kept, the most frequent
            first; None: all.
        facts: added to those of the source, see `export_classifier`.

    Returns:
        The size in bytes.

    Raises:
        ModelError: the source cannot be read, the dtype is unknown, or the folder has files.
        OSError: the folder cannot be written.
    """
    if dtype not in DTYPES:
        raise ModelError(f"expected a dtype of {', '.join(DTYPES)}, got {dtype!r}: choose one")
    load_classifier(source)  # what is damaged is not written again
    path = Path(source)
    model = json.loads((path / MODEL).read_bytes())
    words = json.loads(gzip.decompress((path / WORDS).read_bytes()))
    arrays = load_file(path / ARRAYS)
    if extra_words is not None and _EXTRA in arrays:
        n_trained = len(arrays["network/embedding"])
        n_rows = min(n_trained + extra_words, len(words) + FIRST_WORD)
        words = words[: n_rows - FIRST_WORD]
        for name, kept in ((_EXTRA, n_rows - n_trained), (_RARITY, n_rows)):
            for part in (name, f"{name}.scale"):
                if part in arrays and len(arrays[part]) > 1:  # one row of scales is for all columns
                    arrays[part] = arrays[part][:kept]
        if n_rows == n_trained:
            arrays = {name: array for name, array in arrays.items() if not name.startswith(_EXTRA)}
    for name in [name for name in _TABLES if name in arrays]:
        table = Table(arrays.pop(name), arrays.pop(f"{name}.scale", None))
        arrays |= pack_table(name, table.all(), dtype)
    model = {**model, "dtype": dtype, "facts": {**model["facts"], **(facts or {})}}
    return write_folder(Path(folder), model, words, arrays)


def _as_json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
