"""Files as streams of bytes, whatever they are compressed with; nothing is unpacked to disk."""

from __future__ import annotations

import bz2
import io
import lzma
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

CHUNK = 1 << 18  # bytes read at a time: what is read stays in the processor's cache
_LARGE = 1 << 29  # bytes from which on reading takes long enough to show progress
_SAY_EVERY = 1 << 24


def _zstd(raw: IO[bytes]) -> Any:
    import pyarrow as pa

    return pa.CompressedInputStream(pa.PythonFile(raw), "zstd")


# By the first bytes of a file, not by its name.
_COMPRESSIONS: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": lambda raw: igzip.IGzipFile(fileobj=raw),  # 3 times as fast as the gzip module
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"\x28\xb5\x2f\xfd": _zstd,
}
_ZIP = b"PK\x03\x04"
_DAMAGE: Any = (EOFError, zlib.error, igzip_lib.IsalError, lzma.LZMAError, zipfile.BadZipFile)


class _Watched(io.RawIOBase):
    """A file that says now and then how far it was read."""

    def __init__(self, file: io.FileIO, show: Callable[[int], None]) -> None:
        self._file, self._show, self._said = file, show, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def readinto(self, buffer: Any) -> int | None:
        position = self._file.tell()
        if abs(position - self._said) > _SAY_EVERY:
            self._said = position
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
        """Whether the bytes are found only by reading all those before them."""
        beginning = self._beginning()
        return self.member is not None or any(map(beginning.startswith, _COMPRESSIONS))

    def members(self) -> list[Source]:
        """The files inside, where this is a zip file; else this one itself."""
        if self.member is not None or not self._beginning().startswith(_ZIP):
            return [self]
        with self.errors_named(), self._archive(self.path) as archive:
            return [Source(self.path, m.filename) for m in archive.infolist() if not m.is_dir()]

    @contextmanager
    def open(self, *, watched: bool = False) -> Iterator[io.BufferedReader[Any]]:
        """The uncompressed bytes. `watched`: with progress, where the file is large.

        Raises VectorsError: damaged or truncated compressed data, whenever it is met.
        """
        with self.errors_named(), self._raw(watched) as raw:
            if self.member is not None:
                with (
                    self._archive(raw) as archive,
                    archive.open(self.member) as inside,
                    io.BufferedReader(cast(Any, inside), CHUNK) as stream,
                ):
                    yield stream
                return
            beginning = self._beginning()
            for magic, unpack in _COMPRESSIONS.items():
                if beginning.startswith(magic):
                    with unpack(raw) as inside, io.BufferedReader(inside, CHUNK) as stream:
                        yield stream
                    return
            yield raw

    @contextmanager
    def _raw(self, watched: bool) -> Iterator[io.BufferedReader[Any]]:
        size = self.path.stat().st_size
        with self.path.open("rb", buffering=0) as file:
            if not watched or size < _LARGE:
                with io.BufferedReader(file, CHUNK) as stream:
                    yield stream
                return
            with (
                byte_progress("reading", self.path.name, size) as show,
                io.BufferedReader(_Watched(file, show), CHUNK) as stream,
            ):
                yield stream

    @contextmanager
    def _archive(self, file: Path | IO[bytes]) -> Iterator[zipfile.ZipFile]:
        """An open zip file, with what zipfile raises for a password, a rare compression, or a
        damaged directory."""
        try:
            with zipfile.ZipFile(file) as archive:
                yield archive
        except (RuntimeError, IndexError, UnicodeDecodeError, struct.error) as error:
            raise VectorsError(f"{self}: could not be unpacked ({error})") from error

    def _beginning(self) -> bytes:
        with self.errors_named(), self.path.open("rb") as raw:
            return raw.read(8)

    @contextmanager
    def errors_named(self) -> Iterator[None]:
        """Turn what reading raises into one line that names the file."""
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
