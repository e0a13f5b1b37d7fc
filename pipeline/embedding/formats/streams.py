"""Files as streams of bytes, whatever they are compressed with. Nothing is unpacked to disk."""

from __future__ import annotations

import bz2
import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from isal import igzip, igzip_lib

from pipeline.base.errors import VectorsError
from pipeline.base.progress import byte_progress

_CHUNK = 1 << 18  # bytes read at a time: they stay in the processor's cache


@dataclass(frozen=True)
class Watch:
    """When reading shows its progress.

    `from_bytes`: the size of the smallest file that is watched, as it is stored. `every_bytes`:
    how much is read between two looks at the progress. `line_seconds`: the time between two lines
    where there is no terminal.
    """

    from_bytes: int = 1 << 29
    every_bytes: int = 1 << 24
    line_seconds: float = 5.0


def _zstd(raw: IO[bytes]) -> Any:
    import pyarrow as pa

    return pa.CompressedInputStream(pa.PythonFile(raw), "zstd")


# The first bytes of a file say how it is compressed, and not its name.
_COMPRESSIONS: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": lambda raw: igzip.IGzipFile(fileobj=raw),  # 3 times as fast as the gzip module
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"\x28\xb5\x2f\xfd": _zstd,
}
_ZIP = b"PK\x03\x04", b"PK\x05\x06"  # with members, and without
_OF_FINDER = re.compile(r"(^|/)(__MACOSX/|\._[^/]*$|\.DS_Store$)")
_DAMAGE: Any = (EOFError, zlib.error, igzip_lib.IsalError, lzma.LZMAError, zipfile.BadZipFile)


class _Watched(io.RawIOBase):
    """A file that calls `show` with its position each time that `every` more bytes were read."""

    def __init__(self, file: io.FileIO, show: Callable[[int], None], every: int) -> None:
        self._file, self._show, self._every, self._shown = file, show, every, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def readinto(self, buffer: Any) -> int | None:
        position = self._file.tell()
        if abs(position - self._shown) > self._every:
            self._shown = position
            self._show(position)
        return self._file.readinto(buffer)


@dataclass(frozen=True)
class Source:
    """A file, or a member of a zip file, that can be read from its beginning again and again."""

    path: Path
    member: str | None = None

    def __str__(self) -> str:
        return f"{self.path}" if self.member is None else f"{self.path}, member {self.member}"

    @property
    def compressed(self) -> bool:
        """Whether a byte can be read only after all those before it."""
        return self.member is not None or self.stored(8).startswith(tuple(_COMPRESSIONS))

    def stored(self, n: int) -> bytes:
        """The first `n` bytes of the file as they are stored."""
        with self.errors_named(), self.path.open("rb") as file:
            return file.read(n)

    def members(self) -> list[Source]:
        """The files in a zip file, without those of a Mac's Finder. Another file is its own only
        member."""
        if self.member is not None or not self.stored(8).startswith(_ZIP):
            return [self]
        with self.errors_named(), self._archive(self.path) as archive:
            names = [member.filename for member in archive.infolist() if not member.is_dir()]
        return [Source(self.path, name) for name in names if not _OF_FINDER.search(name)]

    @contextmanager
    def open(self, *, watch: Watch | None = None) -> Iterator[io.BufferedReader[Any]]:
        """The uncompressed bytes. With `watch`, a large file shows its progress.

        Raises VectorsError: compressed data is damaged or truncated. It is raised when the reader
        comes to that place.
        """
        with self.errors_named(), self._raw(watch) as raw:
            if self.member is not None:
                with (
                    self._archive(raw) as archive,
                    archive.open(self.member) as inside,
                    io.BufferedReader(cast(Any, inside), _CHUNK) as stream,
                ):
                    yield stream
                return
            beginning = self.stored(8)
            for magic, unpack in _COMPRESSIONS.items():
                if beginning.startswith(magic):
                    with unpack(raw) as inside, io.BufferedReader(inside, _CHUNK) as stream:
                        yield stream
                    return
            yield raw

    @contextmanager
    def _raw(self, watch: Watch | None) -> Iterator[io.BufferedReader[Any]]:
        size = self.path.stat().st_size
        with self.path.open("rb", buffering=0) as file:
            if watch is None or size < watch.from_bytes:
                with io.BufferedReader(file, _CHUNK) as stream:
                    yield stream
                return
            with (
                byte_progress(
                    "reading", self.path.name, size, line_seconds=watch.line_seconds
                ) as show,
                io.BufferedReader(_Watched(file, show, watch.every_bytes), _CHUNK) as stream,
            ):
                yield stream

    @contextmanager
    def _archive(self, file: Path | IO[bytes]) -> Iterator[zipfile.ZipFile]:
        """An open zip file. A password, a rare compression or a damaged directory is an error."""
        try:
            with zipfile.ZipFile(file) as archive:
                yield archive
        except (RuntimeError, IndexError, UnicodeDecodeError, struct.error) as error:
            raise VectorsError(f"{self}: could not be unpacked ({error})") from error

    @contextmanager
    def errors_named(self) -> Iterator[None]:
        """Turn an error of reading into a VectorsError: one line that names the file."""
        try:
            yield
        except FileNotFoundError as error:
            raise VectorsError(f"{self}: there is no such file") from error
        except (MemoryError, PermissionError, IsADirectoryError) as error:
            raise VectorsError(f"{self}: could not be read ({error})") from error
        except (*_DAMAGE, OSError) as error:
            raise VectorsError(
                f"{self}: expected whole data, it is truncated or damaged ({error}): fetch it again"
            ) from error
