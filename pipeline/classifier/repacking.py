"""The folder of a portable classifier: written, and written again with fewer bytes or words.

It needs no TensorFlow.
"""

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


def check_new(path: Path, dtype: str) -> None:
    """Raises ModelError: there is something at `path` already, or the dtype is unknown."""
    if dtype not in DTYPES:
        raise ModelError(f"expected a dtype of {', '.join(DTYPES)}, got {dtype!r}: choose one")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ModelError(f"{path}: expected a new or an empty folder: name another, or remove it")


def write_folder(
    path: Path,
    model: Mapping[str, Any],
    words: list[str],
    arrays: Mapping[str, NDArray[Any]],
    *,
    dtype: str,
    extra_words: int | None,
) -> int:
    """Write the folder of a portable classifier, whole or not at all, and return its bytes.

    Args:
        path: checked by `check_new`.
        model: what stands in model.json, but for `dtype`.
        words: all of them, in the order of the rows.
        arrays: by name; the tables as float32, with all rows.
        dtype: how the tables are kept.
        extra_words: as in `export_classifier`.

    Raises:
        OSError: it cannot be written.
    """
    words, arrays = _with_fewer_words(words, dict(arrays), extra_words)
    for name, kept_as in _TABLES.items():
        if name in arrays:
            table = pack(arrays[name], kept_as.get(dtype, dtype))
            arrays[name] = table.values
            if table.scale is not None:
                arrays[f"{name}.scale"] = table.scale
    model = {**model, "dtype": dtype}
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


def _with_fewer_words(
    words: list[str], arrays: Arrays, extra_words: int | None
) -> tuple[list[str], Arrays]:
    """The words of training and so many of the others, and the arrays with the rows of these."""
    if extra_words is None or _EXTRA not in arrays:
        return words, arrays
    n_extra = min(max(extra_words, 0), len(arrays[_EXTRA]))
    n_rows = len(arrays["network/embedding"]) + n_extra
    for name, n_kept in ((_EXTRA, n_extra), (_RARITY, n_rows)):
        if name in arrays:
            arrays[name] = arrays[name][:n_kept]
    if not n_extra:
        del arrays[_EXTRA]
    return words[: n_rows - FIRST_WORD], arrays


def repack_classifier(
    source: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    dtype: str = "float16",
    extra_words: int | None = None,
    facts: Mapping[str, Any] | None = None,
) -> int:
    """Write the classifier of one folder to another one, and return the size in bytes.

    Args:
        source: what `export_classifier` or this function wrote. What its dtype lost is lost.
        folder, dtype, extra_words: as in `pipeline.classifier.export.export_classifier`.
        facts: added to those of the source.

    Raises:
        ModelError: the source cannot be read, the dtype is unknown, or the folder has files.
        OSError: the folder cannot be written.
    """
    check_new(Path(folder), dtype)
    load_classifier(source)  # what is damaged is not written again
    path = Path(source)
    model = json.loads((path / MODEL).read_bytes())
    words = json.loads(gzip.decompress((path / WORDS).read_bytes()))
    arrays = load_file(path / ARRAYS)
    for name in _TABLES:
        if name in arrays:
            arrays[name] = Table(arrays[name], arrays.pop(f"{name}.scale", None)).all()
    model["facts"] |= facts or {}
    return write_folder(Path(folder), model, words, arrays, dtype=dtype, extra_words=extra_words)


def _as_json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
