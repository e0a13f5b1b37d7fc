"""Text files, plain or compressed, and what a message says when they cannot be read."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pipeline.base.errors import DataError


def open_text(path: Path) -> IO[str]:
    """Open a UTF-8 file for reading. Its ending tells whether it is compressed.

    A byte order mark at the beginning is left out. Line ends stay as they are in the file.
    """
    return _opener(path)(path, "rt", encoding="utf-8-sig", newline="")


@contextmanager
def reading(path: Path, expected: str) -> Iterator[None]:
    """Turn what goes wrong while `path` is read into a DataError. `expected`: such as `csv`."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}, line {_first_undecodable_line(path)}: expected UTF-8, got other bytes: "
            "convert the file, for example with iconv -f cp1252 -t utf-8"
        ) from error
    # The errors of pandas and pyarrow are ValueErrors; the others are those of compressed files.
    except (ValueError, OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{path}: expected {expected}, could not read it ({reason})") from error


_OPENERS: dict[str, Callable[..., IO[Any]]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
}


def _opener(path: Path) -> Callable[..., IO[Any]]:
    return _OPENERS.get(path.suffix.lower(), open)


def _first_undecodable_line(path: Path) -> int:
    """The number of the first line that is not UTF-8, from 1."""
    with _opener(path)(path, "rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1
