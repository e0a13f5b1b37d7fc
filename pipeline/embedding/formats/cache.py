"""All vectors of a text, kept as a NumPy matrix and a list of words, so that they are parsed
once."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from pipeline.base.errors import VectorsError
from pipeline.base.files import atomic_write, cache_folder
from pipeline.embedding.formats.matrix_rows import words_beside
from pipeline.embedding.formats.rows import Rows
from pipeline.embedding.formats.streams import Source
from pipeline.embedding.vectors import N_FIRST_WORDS, WordVectors

logger = logging.getLogger(__name__)

_VERSION = 2  # of the files that are kept; those of another version are not read


def read_once(source: Source, vector_size: int, read: Callable[[Rows], None]) -> WordVectors | None:
    """All vectors of a source: from the cache, or read and kept there.

    `read` gives all rows of the source to the `Rows` that it gets. The rows of the result are a
    memory map. None where the cache folder cannot be written (with a warning), or where the source
    has no words.
    """
    return _find(source) or _keep(source, vector_size, read)


def _find(source: Source) -> WordVectors | None:
    """What is kept of a source whose file still has the same place, size and time."""
    folder = _folder(source)
    if not folder.is_dir():
        return None
    try:
        about = json.loads((folder / "about.json").read_text("utf-8"))
        words = tuple(words_beside(folder / "vectors.npy", at_once=True))
        matrix = np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, VectorsError) as error:  # somebody has removed files there
        logger.warning("vectors: %s cannot be used (%s): remove it", folder, error)
        return None
    return WordVectors(
        str(source),
        words,
        matrix,
        duplicates=about["duplicates"],
        first_words=words[:N_FIRST_WORDS],
        total=about["total"],
    )


def _keep(source: Source, vector_size: int, read: Callable[[Rows], None]) -> WordVectors | None:
    """Keep the rows in a folder that gets its name when it is whole."""
    target = _folder(source)
    try:
        with atomic_write(target) as part:
            part.mkdir()
            with (part / "vectors.npy").open("wb") as file:
                begin = _write_header(file, 0, 0)
                rows = Rows(None, write=lambda block: _write(file, block))
                read(rows)
                rows.warn(str(source))
                if not len(rows):
                    raise _NoWordsError
                file.seek(0)
                # NumPy leaves room for the number of rows to grow.
                if _write_header(file, len(rows), vector_size) != begin:
                    raise OSError("the header does not fit")
            (part / "words.txt").write_bytes("\n".join(rows.words).encode() + b"\n")
            about = {"source": str(source), "duplicates": rows.duplicates, "total": rows.total}
            (part / "about.json").write_text(json.dumps(about), "utf-8")
    except _NoWordsError:  # nothing to map
        return None
    except OSError as error:
        if not target.is_dir():  # otherwise another process was first
            logger.warning("vectors: %s cannot be kept in the cache (%s)", source, error)
            return None
    return _find(source)


class _NoWordsError(Exception):
    """The source has no words."""


def _write(file: IO[bytes], block: NDArray[np.float32]) -> None:
    file.write(np.ascontiguousarray(block, "<f4").data)


def _write_header(file: IO[bytes], n_words: int, size: int) -> int:
    """Returns where the rows begin. A dimension of up to 6 digits takes the same room as 0."""
    header = {"descr": "<f4", "fortran_order": False, "shape": (n_words, size)}
    np.lib.format.write_array_header_1_0(file, header)
    return file.tell()


def _folder(source: Source) -> Path:
    path = source.path.resolve()
    status = path.stat()
    key = json.dumps([_VERSION, str(path), source.member, status.st_size, status.st_mtime_ns])
    name = f"{path.name.split('.')[0]}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    return cache_folder() / "vectors" / name
