"""All vectors of a text, kept as a NumPy matrix and a list of words, so that they are parsed once."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from pipeline.base.errors import VectorsError
from pipeline.base.files import cache_folder
from pipeline.embedding.formats.matrices import words_beside
from pipeline.embedding.formats.rows import Rows
from pipeline.embedding.formats.streams import Source
from pipeline.embedding.vectors import FIRST_WORDS, WordVectors

logger = logging.getLogger(__name__)

_VERSION = 1  # of what is kept; another one is not read


def find(source: Source) -> WordVectors | None:
    """What is kept of a source, if its file is still the same (place, size and time).

    The rows are a memory map, and the words are looked up only when somebody asks.
    """
    folder = _folder(source)
    if not folder.is_dir():
        return None
    try:
        about = json.loads((folder / "about.json").read_text("utf-8"))
        words = tuple(words_beside(folder / "vectors.npy", at_once=True))
        matrix = np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, VectorsError) as error:  # somebody has tidied up in there
        logger.warning("vectors: %s cannot be used (%s): remove it", folder, error)
        return None
    return WordVectors(
        str(source),
        words,
        matrix,
        duplicates=about["duplicates"],
        first_words=words[:FIRST_WORDS],
        total=about["total"],
    )


Write = Callable[[NDArray[np.float32]], None]


def keep(source: Source, read: Callable[[Write], tuple[Rows, int]]) -> WordVectors | None:
    """Keep what `read` reads. It gets a function to which it gives blocks of rows, and returns
    the `Rows` with the words, and the dimension.

    The folder appears only when it is whole. None, with a warning, where it cannot be written.
    """
    target = _folder(source)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".part-", dir=target.parent))
    except OSError as error:
        logger.warning("vectors: %s cannot be kept in the cache (%s)", source, error)
        return None
    try:
        with (part / "vectors.npy").open("wb") as file:
            begin = _write_header(file, 0, 0)
            rows, size = read(lambda block: _write(file, block))
            if not len(rows):  # nothing to map
                return None
            file.seek(0)
            # NumPy leaves room for the number of rows to grow.
            if _write_header(file, len(rows), size) != begin:
                raise OSError("the header does not fit")
        (part / "words.txt").write_bytes("\n".join(rows.words).encode() + b"\n")
        about = {"source": str(source), "duplicates": rows.duplicates, "total": rows.total}
        (part / "about.json").write_text(json.dumps(about), "utf-8")
        os.rename(part, target)
    except OSError as error:
        if not target.is_dir():  # else another process was first
            logger.warning("vectors: %s cannot be kept in the cache (%s)", source, error)
            return None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return find(source)


def _write(file: IO[bytes], block: NDArray[np.float32]) -> None:
    file.write(np.ascontiguousarray(block, "<f4").data)


def _write_header(file: IO[bytes], n_words: int, size: int) -> int:
    """Returns where the rows begin. A dimension of up to 6 digits takes the same room as 0."""
    header = {"descr": "<f4", "fortran_order": False, "shape": (n_words, size)}
    np.lib.format.write_array_header_1_0(file, header)
    return file.tell()


def _folder(source: Source) -> Path:
    path = source.path.resolve()
    found = path.stat()
    key = json.dumps([_VERSION, str(path), source.member, found.st_size, found.st_mtime_ns])
    name = f"{path.name.split('.')[0]}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    return cache_folder() / "vectors" / name
