"""What a file holds: looked at before it is opened, unpacked, recognised, decoded.

A file is known by its content. The ending of its name only decides where the content does not.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from pipeline.base.errors import DataError, written

MOST_BYTES = 4_000_000_000
"""Bytes that a file may have when it is unpacked: small archives can unpack to more than a disk."""


def _open_zstd(file: IO[bytes]) -> IO[bytes]:
    import pyarrow as pa

    return pa.input_stream(file, compression="zstd")


@dataclass(frozen=True)
class _Compression:
    """`begins`: the first bytes of such a file. `open`: gives the unpacked bytes of one."""

    begins: bytes
    open: Callable[..., IO[Any]]


COMPRESSIONS = {
    ".gz": _Compression(b"\x1f\x8b", gzip.open),
    ".bz2": _Compression(b"BZh", bz2.open),
    ".xz": _Compression(b"\xfd7zXZ\0", lzma.open),
    ".zst": _Compression(b"\x28\xb5\x2f\xfd", _open_zstd),
}
_ZIP = b"PK\x03\x04"

# What is no text, by its first bytes. It is looked at only where the bytes are not text.
_BINARY = (
    (b"PAR1", "a Parquet file"),
    (b"%PDF", "a PDF document"),
    (b"\xd0\xcf\x11\xe0", "an old Office file (.xls or .doc): save the sheet as CSV"),
    (b"SQLite format 3", "an SQLite database"),
    (b"ARROW1", "an Arrow file"),
    (b"FEA1", "a Feather file"),
    (b"ORC", "an ORC file"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x80", "a Python pickle"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"7z\xbc\xaf", "a 7z archive: unpack it first"),
    (b"Rar!", "a RAR archive: unpack it first"),
)
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is the beginning of this one
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What reads as text and is no table.
_FOREIGN_TEXT = (
    (
        re.compile(r"version https://git-lfs"),
        "a Git LFS pointer, not the file itself: fetch it with `git lfs pull`",
    ),
    (
        re.compile(r"\s*<(!doctype|!--|html|head|body|\?xml)", re.IGNORECASE),
        "a page of HTML or XML, as a server sends instead of a file: download it again",
    ),
    (re.compile(r"%PDF-"), "a PDF document"),
)


@dataclass(frozen=True, eq=False)
class Content:
    """The unpacked bytes of a file.

    `name`: how messages call the file. `ending`: that of its name, without that of a compression,
    in lower case.
    """

    name: str
    ending: str
    data: bytes

    def is_text(self) -> bool:
        """Whether the bytes are text in an encoding that `text` reads."""
        try:
            return "\0" not in self._decoded()
        except UnicodeDecodeError:
            return False

    def kind(self) -> str | None:
        """What the bytes are, where they are of a known kind that is no text."""
        if self.data[257:262] == b"ustar":
            return "a tar archive: unpack it first"
        kinds = [kind for begins, kind in _BINARY if self.data.startswith(begins)]
        return kinds[0] if kinds and not self.is_text() else None

    def text(self) -> str:
        """The bytes as text: UTF-8, or UTF-16 and UTF-32 with a byte order mark.

        Line ends stay as they are in the file. A byte order mark is left out.

        Raises DataError: they are something else; the message says what, and in which line.
        """
        kind = self.kind()
        if kind:
            raise DataError(f"{self.name}: expected text, got {kind}")
        try:
            text = self._decoded()
        except UnicodeDecodeError as error:
            raise DataError(self._undecodable(error)) from error
        if "\0" in text:
            raise DataError(self._zero_bytes(text))
        for pattern, what in _FOREIGN_TEXT:
            if pattern.match(text):
                raise DataError(f"{self.name}: expected headlines, got {what}")
        if "<<<<<<< " in text and (at := _merge_conflict(text)) is not None:
            raise DataError(
                f"{self.name}, line {line_number(text, at)}: expected headlines, got the marks of "
                "a merge conflict (<<<<<<<, =======, >>>>>>>): resolve it, and take the marks out"
            )
        return text

    def _encoding(self) -> tuple[str, int]:
        """The encoding that the first bytes name, and how many bytes name it."""
        for mark, encoding in BYTE_ORDER_MARKS:
            if self.data.startswith(mark):
                return encoding, len(mark)
        return "utf-8", 0

    def _decoded(self) -> str:
        encoding, start = self._encoding()
        return str(memoryview(self.data)[start:], encoding)

    def _undecodable(self, error: UnicodeDecodeError) -> str:
        encoding, start = self._encoding()
        before = self.data[start : start + error.start].decode(encoding, "replace")
        where = f"{self.name}, line {line_number(before, len(before))}"
        if encoding != "utf-8":
            return (
                f"{where}: expected {encoding.upper()}, as the first bytes say, got other bytes: "
                "the file is damaged or cut off"
            )
        at = max(self.data.rfind(end, 0, start + error.start) for end in (b"\n", b"\r")) + 1
        if foreign := self._without_mark() or self._binary():
            return f"{self.name}: expected UTF-8, got {foreign}"
        line = re.split(rb"[\r\n]", self.data[at : at + 4 * _SHOWN])[0]
        try:
            guess = shown(line.decode("cp1252"))
        except UnicodeDecodeError:
            guess = ""
        if not guess or not guess.isprintable():
            return f"{where}: expected UTF-8, got other bytes: convert the file to UTF-8"
        return (
            f"{where}: expected UTF-8, got other bytes. As cp1252 (Windows) the line is {guess}: "
            "if that is right, convert the file with iconv -f cp1252 -t utf-8, else from its "
            "encoding"
        )

    def _zero_bytes(self, text: str) -> str:
        """The message about a character 0: UTF-16 without a mark, or damage."""
        if foreign := self._without_mark() or self._binary():
            return f"{self.name}: expected UTF-8, got {foreign}"
        line = line_number(text, text.index("\0"))
        return (
            f"{self.name}, line {line}: expected text, got a byte 0: the file is damaged, or holds "
            "binary data"
        )

    def _without_mark(self) -> str | None:
        """What to do where the bytes are UTF-16 or UTF-32 text without a byte order mark."""
        for encoding, width in _WIDE:
            beginning = self.data[: _BEGINNING - _BEGINNING % width]
            try:
                text = beginning[: len(beginning) - len(beginning) % width].decode(encoding)
            except UnicodeDecodeError as error:
                if error.end < len(beginning) - 4:  # else it is only cut off within a character
                    continue
                text = error.object[: error.start].decode(encoding)
            ordinary = sum(map(text.count, _ORDINARY))
            is_latin = sum(map(str.isascii, text)) > 0.8 * len(text)
            is_table = "\n" in text and ordinary > max(2, len(text) / 50)
            if (is_latin or is_table) and not _CONTROLS.search(text):
                return (
                    f"{encoding.upper()} without the byte order mark that tells it: save the file "
                    f"as UTF-8 (iconv -f {encoding} -t utf-8)"
                )
        return None

    def _binary(self) -> str | None:
        """What to say where the bytes are no text of any usual encoding."""
        beginning = self.data[:_BEGINNING]
        controls = sum(map(beginning.count, _CONTROL_BYTES))
        if controls > max(1, len(beginning) / 50):
            return "binary data: the file is no table, or is encrypted or damaged"
        return None


_BEGINNING = 4_000  # bytes by which an encoding is told
_WIDE = (("utf-32le", 4), ("utf-32be", 4), ("utf-16le", 2), ("utf-16be", 2))
_ORDINARY = " ,;\t\n"  # what a table has in any language
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\ufffe\uffff]")
_CONTROL_BYTES = [bytes([code]) for code in (*range(9), *range(14, 32))]


def check_file(path: Path) -> None:
    """Look at a file without reading it. It costs nothing, and a pipe is not waited for.

    Raises DataError: it is not there, is no file, is empty, or may not be read.
    """
    try:
        status = path.stat()
    except FileNotFoundError as error:
        link = ": the link leads to nothing" if path.is_symlink() else ""
        raise DataError(f"expected a file of headlines, there is none at {path}{link}") from error
    except (OSError, ValueError) as error:  # such as a name that is too long, or holds a byte 0
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DataError(
            f"expected a file of headlines, got {shown(str(path))}: {reason}"
        ) from error
    for is_kind, kind in _KINDS:
        if is_kind(status.st_mode):
            raise DataError(f"{path}: expected a file of headlines, got {kind}")
    if status.st_size == 0:
        raise DataError(f"{path}: expected a file of headlines, it is empty")
    if not os.access(path, os.R_OK):
        raise DataError(
            f"{path}: expected a file of headlines, it may not be read: Permission denied"
        )


_PIPE = "a pipe: write what comes out of it into a file first, or use --file - where there is one"
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, _PIPE),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def read_content(path: Path, most_bytes: int = MOST_BYTES) -> Content:
    """Read a file, and unpack it where its first bytes say that it is compressed.

    A zip file must hold one file, beside what macOS adds. `most_bytes`: of the unpacked file.

    Raises DataError: as `check_file`; it cannot be read or unpacked, or is too large.
    """
    check_file(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: could not read it: {error.strerror}") from error
    return unpack(data, str(path), path.name, most_bytes)


def unpack(data: bytes, name: str, file_name: str, most_bytes: int = MOST_BYTES) -> Content:
    """The content of a file's bytes. `name`: how messages call it. `file_name`: for its ending.

    Raises DataError: as `read_content`.
    """
    ending = format_ending(Path(file_name))
    try:
        if data.startswith(_ZIP):
            return _unzip(data, name, ending, most_bytes)
        for compression in COMPRESSIONS.values():
            if data.startswith(compression.begins):
                with compression.open(io.BytesIO(data)) as file:
                    return Content(name, ending, _read(file, name, most_bytes))
    except _DAMAGED as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{name}: could not unpack it, it is damaged ({reason})") from error
    content = Content(name, ending, data)
    suffix = Path(file_name).suffix.lower()
    if suffix in (*COMPRESSIONS, ".zip") and not content.is_text():
        raise DataError(
            f"{name}: expected a file that is compressed, as {suffix} says, got other bytes: it is "
            "damaged, or something else"
        )
    return content


# What the packages raise; zipfile a RuntimeError for a password or a method that it does not know.
_DAMAGED = (OSError, EOFError, ValueError, RuntimeError, zlib.error, lzma.LZMAError,
            zipfile.BadZipFile)  # fmt: skip


def _unzip(data: bytes, name: str, ending: str, most_bytes: int) -> Content:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [
            member
            for member in archive.namelist()
            if not member.endswith("/")
            and not member.startswith("__MACOSX/")
            and Path(member).name != ".DS_Store"
        ]
        if "[Content_Types].xml" in members or "mimetype" in members:
            raise DataError(
                f"{name}: expected a table as text, got an Office file (such as .xlsx): save the "
                "sheet as CSV (UTF-8)"
            )
        if len(members) != 1:
            listed = ", ".join(members[:5]) or "none"
            raise DataError(
                f"{name}: expected one file in the zip archive, got {listed}"
                f"{' and more' if len(members) > 5 else ''}: unpack it first"
            )
        with archive.open(members[0]) as file:
            inside = _read(file, name, most_bytes)
    if inside.startswith(_ZIP):
        raise DataError(
            f"{name}: expected a table in the zip archive, got another one or an Office file"
        )
    content = unpack(inside, name, members[0], most_bytes)
    return replace(content, ending=ending or content.ending)


def _read(file: IO[bytes], name: str, most_bytes: int) -> bytes:
    data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise DataError(f"{name}: expected at most {most_bytes:,} bytes when unpacked, got more")
    return data


def format_ending(path: Path) -> str:
    """The ending that names the format, in lower case and without that of a compression.

    >>> format_ending(Path("news.CSV.gz"))
    '.csv'
    """
    endings = [
        suffix.lower()
        for suffix in path.suffixes
        if suffix.lower() not in COMPRESSIONS and suffix.lower() != ".zip"
    ]
    return endings[-1] if endings else ""


def line_number(text: str, end: int) -> int:
    """The line in which the character `end` stands, from 1. A line ends with LF, CR LF or CR.

    >>> line_number("a\\r\\nb\\rc", 5)
    3
    """
    ends = text.count("\n", 0, end) + text.count("\r", 0, end) - text.count("\r\n", 0, end)
    return ends + 1


_SHOWN = 60  # characters of a value that a message shows


def shown(value: object) -> str:
    """A value as a message shows it, shortened.

    >>> shown("Alps " * 100)
    "'Alps Alps Alps Alps Alps Alps Alps Alps Alps Alps Alps Alps '..."
    """
    if isinstance(value, str) and len(value) > _SHOWN:
        return f"{value[:_SHOWN]!r}..."
    text = written(value)
    return text if len(text) <= _SHOWN + 2 else f"{text[:_SHOWN]}..."


def _merge_conflict(text: str) -> int | None:
    """Where the marks of a merge conflict begin; None where there are not all three in order."""
    begin, end = None, 0
    for mark in _MERGE_MARKS:
        match = mark.search(text, end)
        if match is None:
            return None
        begin, end = match.start() if begin is None else begin, match.end()
    return begin


_MERGE_MARKS = [re.compile(mark, re.MULTILINE) for mark in (r"^<{7} ", r"^={7}\r?$", r"^>{7} ")]
