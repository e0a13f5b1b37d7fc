"""Files that are something else than vectors, by their beginning, and what to do with them."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Callable

from pipeline.embedding.formats.format import Beginning

_HTML = re.compile(rb"\s*<(!doctype|html|head|body|\?xml|!--)\b", re.I)
_SPARSE = re.compile(rb"\S+([ \t]+[0-9]+:[-+.0-9eE]+)+\s*")


def something_else(beginning: Beginning) -> str | None:
    """What the file is instead of vectors, and what to do; None where it may be vectors.

    Raises VectorsError: the file is empty or cannot be read.
    """
    for test, what in _KINDS.items():
        if test(beginning):
            return what
    return None


def _begins(*signs: bytes) -> Callable[[Beginning], bool]:
    return lambda beginning: beginning.sample.startswith(signs)


def _is_tar(beginning: Beginning) -> bool:
    """Whether there is a tar header, which has a check sum."""
    try:
        tarfile.TarInfo.frombuf(beginning.sample[:512], "utf-8", "replace")
    except tarfile.HeaderError:
        return False
    return True


def _is_html(beginning: Beginning) -> bool:
    """Whether a page begins. `<html>` may also be a word, with numbers behind it."""
    first = beginning.sample.lstrip().partition(b"\n")[0]
    return _HTML.match(first) is not None and not re.search(rb"\s[-+.0-9eE]+\s*$", first)


def _is_sparse(beginning: Beginning) -> bool:
    lines = beginning.body.split(b"\n")
    return _SPARSE.fullmatch(lines[0]) is not None and all(
        _SPARSE.fullmatch(line) for line in lines[1:3] if line and line is not lines[-1]
    )


_KINDS: dict[Callable[[Beginning], bool], str] = {
    _is_tar: "a tar archive: unpack it with `tar -xf FILE`, and give the file with the vectors",
    _begins(b"7z\xbc\xaf\x27\x1c", b"Rar!"): "a 7z or RAR archive: unpack it first",
    _begins(b"version https://git-lfs.github.com/spec/"): (
        "a pointer of Git LFS, and not the file that it stands for: fetch that with `git lfs pull`"
    ),
    _begins(b"<<<<<<< "): "a file with a merge conflict in line 1: resolve it",
    _is_html: "a web page: the address gave a page and not the file, fetch it again",
    _begins(b"\xff\xfe", b"\xfe\xff"): "text in UTF-16: save it as UTF-8",
    _begins(b"%PDF-"): "a PDF file",
    _begins(b"PAR1", b"ARROW1"): (
        "a Parquet or Arrow table: save the matrix as .npy, and the words beside it"
    ),
    _begins(b"\x89HDF\r\n"): "an HDF5 file: save the matrix as .npy, and the words beside it",
    _begins(b"SQLite format 3\0"): "a SQLite database",
    _is_sparse: "rows of `place:number`, where zeros are left out: write every number of a row",
}
