"""The text of a file as UTF-8 bytes, whatever its encoding and compression, block by block."""

from __future__ import annotations

import codecs
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pipeline.base.errors import DataError
from pipeline.data.content import BYTE_ORDER_MARKS, COMPRESSIONS

HEAD_BYTES = 1 << 18
"""Bytes that are looked at to know what a file is."""

# What is raised while a damaged file is unpacked or decoded.
DAMAGED = (EOFError, UnicodeDecodeError, zlib.error, lzma.LZMAError)


class TextStream:
    """The bytes of a text file from its first character on: unpacked, as UTF-8, without the mark.

    `size`: how many they are; None: it is known at the end only. `head`: the first unpacked bytes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        self._open: Any = next(
            (c.open for c in COMPRESSIONS.values() if head.startswith(c.begins)), None
        )
        if self._open:
            with self.opened() as file:
                head = read_fully(file, HEAD_BYTES)
        mark, self._encoding = next(
            ((mark, name) for mark, name in BYTE_ORDER_MARKS if head.startswith(mark)),
            (b"", "utf-8"),
        )
        self._skipped = len(mark)
        is_plain = self._open is None and self._encoding == "utf-8"
        self.size = path.stat().st_size - len(mark) if is_plain else None
        self.head = head

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """The unpacked bytes of the file. Raises DataError: it is damaged."""
        try:
            with self._open(self.path) if self._open else self.path.open("rb") as file:
                yield file
        except DAMAGED as error:
            reason = " ".join(str(error).split())[:200]
            raise DataError(f"{self.path}: could not read it, it is damaged ({reason})") from error
        except OSError as error:
            if error.errno is not None:
                raise
            raise DataError(f"{self.path}: could not unpack it, it is damaged ({error})") from error

    @contextmanager
    def text(self, offset: int = 0) -> Iterator[IO[bytes]]:
        """The text from a byte on. Raises DataError: the file is damaged."""
        with self.opened() as file:
            stream: Any = file
            if self.size is not None:
                file.seek(self._skipped + offset)
            else:
                file.read(self._skipped)
                if self._encoding != "utf-8":
                    stream = _Recoded(file, self._encoding)
                # There is no shorter way in a compressed file.
                while offset and (data := stream.read(min(offset, HEAD_BYTES))):
                    offset -= len(data)
            yield stream


class _Recoded:
    """The bytes of a file in another encoding as UTF-8."""

    def __init__(self, file: IO[bytes], encoding: str) -> None:
        self._file, self._rest = file, b""
        self._decoder = codecs.getincrementaldecoder(encoding)()

    def read(self, size: int) -> bytes:
        while len(self._rest) < size:
            data = self._file.read(HEAD_BYTES)
            self._rest += self._decoder.decode(data, final=not data).encode()
            if not data:
                break
        wanted, self._rest = self._rest[:size], self._rest[size:]
        return wanted


def read_fully(file: IO[bytes], size: int) -> bytes:
    """As many bytes as are wanted; fewer at the end of the file only."""
    parts = []
    while size > 0 and (data := file.read(size)):
        parts.append(data)
        size -= len(data)
    return b"".join(parts)
