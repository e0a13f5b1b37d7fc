"""Downloads to the cache folder.

The received bytes go to NAME.part. A later attempt or process goes on there. The file is compared
with its digest, and only then renamed to NAME. Where no digest is known, that of the first fetch is
kept in NAME.sha256, and holds from then on. Nothing is executed, unpickled or unpacked.

requests speaks HTTP, and filelock lets a second process wait for the first. Resuming is our own
code (`receiving`): pooch starts again after every break, and the downloader of huggingface_hub,
which resumes, is not public, checks no digest and gives up at status 503.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.base.addresses import masked
from pipeline.base.errors import FetchError
from pipeline.base.files import atomic_write, cache_folder, file_digest
from pipeline.base.progress import megabytes
from pipeline.base.receiving import Patience, file_size, is_not_ours, receive, version_file

logger = logging.getLogger(__name__)

_LONGEST_NAME = 100  # characters of a file's name that is taken from any address


@dataclass(frozen=True)
class Download:
    """A file that never changes.

    `digest`: `md5:HEX` or `sha256:HEX`, None where nobody states it: then that of the first fetch
    holds. `size`: bytes, None where nobody states it. `folder`: within the cache. `mirrored`:
    whether a mirror may have it; not where the user named the address.
    """

    url: str
    digest: str | None
    size: int | None
    folder: str = ""
    mirrored: bool = True

    @property
    def name(self) -> str:
        """The name of the file, which is the last part of its address."""
        return urlsplit(self.url).path.rpartition("/")[2][-_LONGEST_NAME:] or "file"

    @property
    def path(self) -> Path:
        """Where the file is after it was fetched."""
        return cache_folder() / self.folder / self.name

    @property
    def record(self) -> Path:
        """Where the digest of the first fetch is kept: a line as `sha256sum` writes it."""
        return self.path.with_name(f"{self.name}.sha256")

    @property
    def expected(self) -> str | None:
        """The digest that the file must have; None before a first fetch."""
        if self.digest is None and self.record.is_file():
            return f"sha256:{self.record.read_text('ascii', 'replace')[:64]}"
        return self.digest

    def is_cached(self, *, check_digest: bool = False) -> bool:
        """Whether a file of the right size is there, and with `check_digest` the right bytes."""
        if not self.path.is_file() or self.size not in (None, file_size(self.path)):
            return False
        return not check_digest or _has_digest(self.path, self.expected)

    def forget(self) -> None:
        """Remove the file and the record of its digest, as if it had never been fetched."""
        self.path.unlink(missing_ok=True)
        self.record.unlink(missing_ok=True)


def address_download(url: str, sha256: str | None = None) -> Download:
    """The file at any address. Each address has its own folder, as names may be the same.

    `sha256`: its digest in 64 hexadecimal digits; None: that of the first fetch holds.

    Raises FetchError: it is no address.
    """
    try:
        folder = f"addresses/{hashlib.sha256(url.encode()).hexdigest()[:16]}"
        urlsplit(url)
    except ValueError as error:  # also of characters that UTF-8 does not have
        raise FetchError(
            f"expected an address such as https://example.org/vectors.txt, got {url!a}: check it"
        ) from error
    return Download(url, sha256 and f"sha256:{sha256.lower()}", None, folder, mirrored=False)


PATIENCE = Patience()


def is_offline() -> bool:
    """Whether HEADLINE_TRANSFER_OFFLINE forbids downloads."""
    return os.environ.get("HEADLINE_TRANSFER_OFFLINE", "").lower() in ("1", "true", "yes", "on")


def fetch(download: Download, *, check_digest: bool = False, patience: Patience = PATIENCE) -> Path:
    """Download a file unless it is in the cache, and return its path.

    A broken download is resumed, also by another process. A file in the cache is taken if it has
    the right size, and with `check_digest` the right bytes.

    Environment variables: HEADLINE_TRANSFER_MIRROR is another address that has a file of this
    name. HEADLINE_TRANSFER_OFFLINE=1 forbids downloads.

    Raises FetchError: the server does not answer, has no such file or another one; there is no
    room or no permission to keep it.
    """
    try:
        if download.is_cached(check_digest=check_digest):
            if download.expected is None:  # somebody has put it there
                _write_record(download, file_digest(download.path))
            if check_digest:
                logger.info("fetching: %s is there already", download.name)
            return download.path
        url = _address(download)
        download.path.parent.mkdir(parents=True, exist_ok=True)
        with _lock(download.path):
            # Another process may have fetched it meanwhile.
            if not download.is_cached(check_digest=check_digest):
                _obtain(download, url, patience)
    except OSError as error:
        room = "it" if download.size is None else megabytes(download.size)
        raise FetchError(
            f"could not keep {download.name} in {download.path.parent} "
            f"({error.strerror or error}): set HEADLINE_TRANSFER_CACHE to a folder that can be "
            f"written and has room for {room}"
        ) from error
    return download.path


def _address(download: Download) -> str:
    if is_offline():
        raise FetchError(
            f"{download.name} is not in {download.path.parent} and HEADLINE_TRANSFER_OFFLINE is "
            f"set: unset it, or put there what {masked(download.url)} gives"
        )
    mirror = os.environ.get("HEADLINE_TRANSFER_MIRROR") if download.mirrored else None
    return f"{mirror.rstrip('/')}/{download.name}" if mirror else download.url


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Let one process in at a time. The system frees the lock of a process that dies."""
    from filelock import FileLock, Timeout

    lock = FileLock(f"{path}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.info("fetching: another process is fetching %s, waiting for it", path.name)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _obtain(download: Download, url: str, patience: Patience) -> None:
    part = download.path.with_name(f"{download.name}.part")
    too_much = download.size is not None and file_size(part) > download.size
    # Without a digest, only the server's name of the version shows that two pieces fit.
    unfit = download.expected is None and not version_file(part).is_file()
    if is_not_ours(part) or (part.is_file() and (too_much or unfit)):
        part.unlink()
    missing = 0 if download.size is None else download.size - file_size(part)
    free = shutil.disk_usage(part.parent).free
    if free < missing:
        raise FetchError(
            f"expected room for {megabytes(missing)} in {part.parent}, there are "
            f"{megabytes(free)}: free some, or set HEADLINE_TRANSFER_CACHE to another folder"
        )
    size = "its size is not known" if download.size is None else megabytes(download.size)
    logger.info("fetching: %s, %s, from %s", download.name, size, masked(url))
    for is_last in (False, True):
        in_one_piece = receive(download, url, part, patience)
        if _has_digest(part, download.expected):
            if download.digest is None or download.record.exists():
                _write_record(download, file_digest(part))
            part.replace(download.path)
            version_file(part).unlink(missing_ok=True)
            return
        received = file_digest(part)
        part.unlink()
        if in_one_piece or is_last:
            break
        # The file may have changed between two pieces. Only the digest shows that.
        logger.warning("fetching: the pieces of %s do not fit, starting afresh", download.name)
    if download.digest is None:
        raise FetchError(
            f"{masked(url)}: the file has changed: expected the digest of the first fetch, "
            f"{download.expected}, got sha256:{received}: remove {download.record} to take the new "
            "file"
        )
    raise FetchError(
        f"{masked(url)}: expected the digest {download.digest}, the received file has another and "
        "was removed: the file there is damaged or not the same"
    )


def _write_record(download: Download, sha256: str) -> None:
    with atomic_write(download.record) as part:
        part.write_text(f"{sha256}  {download.name}\n", "ascii", "backslashreplace")
    logger.info("fetching: %s has the digest sha256:%s from now on", download.name, sha256)


def _has_digest(path: Path, digest: str | None) -> bool:
    """Whether the file has the digest. Any file has one that nobody knows."""
    if digest is None:
        return True
    algorithm, _, expected = digest.partition(":")
    return file_digest(path, algorithm) == expected
