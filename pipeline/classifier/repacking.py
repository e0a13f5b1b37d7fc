"""The folder of a portable classifier: written, and written again with fewer bytes or words.

It needs no TensorFlow.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from pipeline.base.calls import checked
from pipeline.base.errors import ModelError
from pipeline.base.files import atomic_write
from pipeline.base.options import Count
from pipeline.classifier.readme import describe_model, model_card
from pipeline.portable.folder import (
    ARRAYS,
    MODEL,
    README,
    SMALL_ARRAYS,
    SUMS,
    WORDS,
    Parts,
    read_parts,
)
from pipeline.portable.tables import DTYPES, Table, pack, share
from pipeline.portable.tokens import FIRST_WORD

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class _Kept:
    """How a table is kept. `int8_as`: in the place of int8; `most_int8`: the largest number of int8
    that is used; `shared`: whether equal rows are kept once."""

    int8_as: str = "int8"
    most_int8: int = 127
    shared: bool = False


_TABLES = {
    "network/embedding": _Kept(),
    # Most tokens are words of training. The others need fewer levels, which are compressed better.
    "network/extra": _Kept(most_int8=63),
    "sif/table": _Kept(),
    # With few columns, int8 would lose more than it saves.
    "sif/rarity": _Kept(int8_as="float16"),
    "ngrams/table": _Kept(int8_as="float16", shared=True),
}
_COMPRESSED = ("int8",)  # other numbers take little less, and more time to read
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
    for name, kept in _TABLES.items():
        if name in arrays:
            kept_as = kept.int8_as if dtype == "int8" else dtype
            table = pack(arrays[name], kept_as, kept.most_int8)
            arrays |= _table_arrays(name, share(table) if kept.shared else table)
    model = {**model, "dtype": dtype}
    data = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    contents = {MODEL: _as_json(model), WORDS: gzip.compress(_as_json(words), mtime=0)}
    if dtype in _COMPRESSED:
        contents[SMALL_ARRAYS] = gzip.compress(data, mtime=0)
    else:
        contents[ARRAYS] = data
    sums = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in contents.items()]
    contents[SUMS] = "".join(sums).encode()
    size = sum(map(len, contents.values()))
    contents[README] = describe_model(model, len(words), size).encode()
    with atomic_write(path) as part:
        part.mkdir()
        for name, data in contents.items():
            (part / name).write_bytes(data)
    return size


def describe_folder(folder: Path, facts: Mapping[str, Any], use: str | None = None) -> str:
    """The README of a classifier's folder, with these facts instead of those of its model.json.

    `use`: how it is loaded, as Markdown; then the text is a card for that place.
    Raises OSError: it cannot be read.
    """
    model = {**json.loads((folder / MODEL).read_bytes()), "facts": dict(facts)}
    n_words = len(json.loads(gzip.decompress((folder / WORDS).read_bytes())))
    size = sum(file.stat().st_size for file in folder.iterdir() if file.name != README)
    if use is None:
        return describe_model(model, n_words, size)
    return model_card(model, n_words, size, use)


def _with_fewer_words(
    words: list[str], arrays: Arrays, extra_words: int | None
) -> tuple[list[str], Arrays]:
    """The words of training and so many of the others, and the arrays with the rows of these."""
    if extra_words is None or _EXTRA not in arrays:
        return words, arrays
    n_extra = min(extra_words, len(arrays[_EXTRA]))
    n_rows = len(arrays["network/embedding"]) + n_extra
    for name, n_kept in ((_EXTRA, n_extra), (_RARITY, n_rows)):
        if name in arrays:
            arrays[name] = arrays[name][:n_kept]
    if not n_extra:
        del arrays[_EXTRA]
    return words[: n_rows - FIRST_WORD], arrays


@checked
def repack_classifier(
    source: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    dtype: str = "float16",
    extra_words: Count | None = None,
    facts: Mapping[str, Any] | None = None,
) -> int:
    """Write the classifier of one folder to another one, and return the size in bytes.

    Args:
        source: what `export_classifier` or this function wrote. What its dtype lost is lost.
        folder, dtype, extra_words: as in `pipeline.classifier.export.export_classifier`.
        facts: added to those of the source.

    Raises:
        ModelError: the source cannot be read, the dtype is unknown, or the folder has files.
        ConfigError: `extra_words` is below 0.
        OSError: the folder cannot be written.
    """
    check_new(Path(folder), dtype)
    parts = read_whole(source)  # what is damaged is not written again
    parts.model["facts"] |= facts or {}
    return write_folder(Path(folder), *parts, dtype=dtype, extra_words=extra_words)


def read_whole(source: str | os.PathLike[str]) -> Parts:
    """What a folder holds, with tables as float32 arrays, whatever they were kept as.

    Raises ModelError: the folder is no such one, or it is damaged.
    """
    parts = read_parts(source)
    for name in _TABLES:
        if name in parts.arrays:
            parts.arrays[name] = _table(name, parts.arrays).all()
    return parts


def _table_arrays(name: str, table: Table) -> Arrays:
    """The arrays of a table, by their names."""
    arrays = {name: table.values, f"{name}.scale": table.scale, f"{name}.shared": table.shared}
    return {key: array for key, array in arrays.items() if array is not None}


def _table(name: str, arrays: Arrays) -> Table:
    """The table whose arrays these are. Its scale and what it shares are taken out of them."""
    return Table(
        arrays[name], arrays.pop(f"{name}.scale", None), arrays.pop(f"{name}.shared", None)
    )


def _as_json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
