"""Downloads to the cache folder.

The received bytes go to NAME.part. A later attempt or process goes on there. The file is compared
with its digest, and only then renamed to NAME. Where no digest is known, that of the first fetch is
kept in NAME.sha256, and holds from then on. Nothing is executed, unpickled or unpacked.

requests speaks HTTP, and filelock lets a second process wait for the first. Resuming is code of
this module: pooch starts again after every break, and the downloader of huggingface_hub, which
resumes, is not public, checks no digest and gives up at status 503.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipeline.base.addresses import masked
from pipeline.base.errors import FetchError
from pipeline.base.files import atomic_write, cache_folder, file_digest
from pipeline.base.progress import byte_progress, megabytes

if TYPE_CHECKING:
    import requests

logger = logging.getLogger(__name__)

_CHUNK = 1 << 16  # bytes received at a time
_LONGEST_WAIT = 60.0  # seconds between two attempts
_SILENT_RETRIES = 2  # attempts where the server never answered
_LONGEST_NAME = 100  # characters of a file's name that is taken from any address


@dataclass(frozen=True)
class Download:
    """A file that never changes.

    `digest`: `md5:HEX` or `sha256:HEX`, None where nobody states it: then that of the first fetch
    holds. `size`: bytes, None where nobody states it. `folder`: within the cache. `mirrored`: whether
    a mirror may have it; not where the user named the address.
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
        if not self.path.is_file() or self.size not in (None, _size(self.path)):
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


@dataclass(frozen=True)
class Patience:
    """How long to try.

    `timeout`: seconds without an answer or a byte. `retries`: attempts in a row that bring no new
    bytes. `backoff`: seconds before the first of them; the wait doubles with each.
    """

    timeout: float = 30.0
    retries: int = 5
    backoff: float = 0.5


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
            f"could not keep {download.name} in {download.path.parent} ({error.strerror or error}): "
            f"set HEADLINE_TRANSFER_CACHE to a folder that can be written and has room for {room}"
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
    too_much = download.size is not None and _size(part) > download.size
    # Without a digest, only the server's name of the version shows that two pieces fit.
    unfit = download.expected is None and not _version(part).is_file()
    if _is_not_ours(part) or (part.is_file() and (too_much or unfit)):
        part.unlink()
    missing = 0 if download.size is None else download.size - _size(part)
    free = shutil.disk_usage(part.parent).free
    if free < missing:
        raise FetchError(
            f"expected room for {megabytes(missing)} in {part.parent}, there are "
            f"{megabytes(free)}: free some, or set HEADLINE_TRANSFER_CACHE to another folder"
        )
    size = "its size is not known" if download.size is None else megabytes(download.size)
    logger.info("fetching: %s, %s, from %s", download.name, size, masked(url))
    for is_last in (False, True):
        in_one_piece = _receive(download, url, part, patience)
        if _has_digest(part, download.expected):
            if download.digest is None or download.record.exists():
                _write_record(download, file_digest(part))
            part.replace(download.path)
            _version(part).unlink(missing_ok=True)
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
        f"{masked(url)}: expected the digest {download.digest}, the received file has another and was "
        "removed: the file there is damaged or not the same"
    )


def _write_record(download: Download, sha256: str) -> None:
    with atomic_write(download.record) as part:
        part.write_text(f"{sha256}  {download.name}\n", "ascii", "backslashreplace")
    logger.info("fetching: %s has the digest sha256:%s from now on", download.name, sha256)


class _TryAgainError(Exception):
    """A failure that may pass. `wait`: the seconds that the server asked for."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class _NoAnswerError(_TryAgainError):
    """No server answers at the address."""


def _receive(download: Download, url: str, part: Path, patience: Patience) -> bool:
    """Fill `part` to its size. Returns whether it came with one request, from the first byte."""
    import requests

    leftover = most = _size(part)
    requests_sent, failures, silent = 0, 0, True
    whole = leftover == download.size
    with requests.Session() as session:
        while not whole:
            requests_sent += 1
            try:
                _request(session, download, url, part, patience.timeout)
                whole = True
            except _TryAgainError as error:
                received = _size(part)
                failures = 1 if received > most else failures + 1
                most = max(most, received)
                silent &= isinstance(error, _NoAnswerError)
                allowed = min(patience.retries, _SILENT_RETRIES) if silent else patience.retries
                if failures > allowed:
                    mirror = ", or name a mirror with HEADLINE_TRANSFER_MIRROR"
                    raise FetchError(
                        f"could not fetch {masked(url)} ({error}): check the connection"
                        f"{mirror if download.mirrored else ''}"
                    ) from error
                wait = min(max(patience.backoff * 2 ** (failures - 1), error.wait), _LONGEST_WAIT)
                logger.warning("fetching: %s: %s, again in %.1f s", download.name, error, wait)
                time.sleep(wait)
    return requests_sent == 1 and not leftover


def _request(
    session: requests.Session, download: Download, url: str, part: Path, timeout: float
) -> None:
    """Send one request for the missing bytes, and append them to `part`."""
    import requests

    received = _size(part)
    headers = {"Accept-Encoding": "identity"}
    if received:
        headers["Range"] = f"bytes={received}-"
        if _version(part).is_file():  # another version is sent from its first byte
            headers["If-Range"] = _version(part).read_text("latin-1")
    try:
        response = session.get(
            url, headers=headers, stream=True, timeout=(min(timeout, 10.0), timeout)
        )
    except (requests.ConnectionError, requests.Timeout) as error:
        raise _NoAnswerError(_reason(error)) from error
    except requests.RequestException as error:
        raise FetchError(f"could not fetch {masked(url)}: {masked(_reason(error))}") from error
    with response:
        size = _check_answer(response, download, url, part)
        if response.status_code == 200 and download.expected is None:
            _keep_version(response, part)
        _append(response, download, url, part, timeout, size)
    if size is not None and _size(part) < size:
        raise _TryAgainError(f"the answer ended after {_size(part):,} of {size:,} bytes")


def _version(part: Path) -> Path:
    """The file that holds the server's name of the version whose bytes are in `part`."""
    return part.with_name(f"{part.name}.version")


def _keep_version(response: requests.Response, part: Path) -> None:
    tag = response.headers.get("ETag", "")
    name = tag if tag.startswith('"') else response.headers.get("Last-Modified", "")
    with atomic_write(_version(part)) as file:
        file.write_text(name, "latin-1")
    if not name:
        _version(part).unlink()


def _check_answer(
    response: requests.Response, download: Download, url: str, part: Path
) -> int | None:
    """Raise what an answer other than the wanted bytes calls for.

    Returns the bytes of the whole file, None where neither the publisher nor the server says it.
    """
    from urllib3 import Retry

    status, content_range = response.status_code, response.headers.get("Content-Range", "")
    if status == 429 or status >= 500:
        wait = Retry().get_retry_after(response.raw) or 0.0
        raise _TryAgainError(f"the server answered {status} {response.reason}", wait)
    received = _size(part)
    refused = status == 416 and received
    if refused or (status == 206 and not content_range.startswith(f"bytes {received}-")):
        part.unlink(missing_ok=True)
        raise _TryAgainError("the server gave another range than was asked for")
    if status not in (200, 206):
        mirror = ", or HEADLINE_TRANSFER_MIRROR where that is set"
        raise FetchError(
            f"could not fetch {masked(url)}: the server answered {status} {response.reason}: check "
            f"the address{mirror if download.mirrored else ''}"
        )
    length = response.headers.get("Content-Length", "")
    total = content_range.rpartition("/")[2] if content_range else length
    size = int(total) if total.isdigit() else download.size
    if download.size is not None and size != download.size:
        raise _wrong_size(url, download.size, f"{size:,}")
    return size


def _append(
    response: requests.Response,
    download: Download,
    url: str,
    part: Path,
    timeout: float,
    size: int | None,
) -> None:
    """Write the bytes of an answer to `part`: behind what is there, or anew with status 200."""
    from urllib3.exceptions import HTTPError, ReadTimeoutError

    with (
        open(part, "ab" if response.status_code == 206 else "wb", opener=_no_link) as file,
        byte_progress("fetching", download.name, size or 0, file.tell()) as show,
    ):
        try:
            for chunk in response.raw.stream(_CHUNK, decode_content=False):
                file.write(chunk)
                show(file.tell())
                if size is not None and file.tell() > size:
                    part.unlink()
                    raise _wrong_size(url, size, "more")
        except HTTPError as error:
            is_late = isinstance(error, ReadTimeoutError)
            cause = f"nothing came for {timeout:g} s" if is_late else "the connection broke"
            whole = "" if size is None else f" of {size:,}"
            raise _TryAgainError(f"{cause} after {file.tell():,}{whole} bytes") from error


def _wrong_size(url: str, expected: int, size: str) -> FetchError:
    return FetchError(
        f"{masked(url)}: expected {expected:,} bytes, the server has {size}: the file there is damaged or "
        "not the same"
    )


def _is_not_ours(part: Path) -> bool:
    """Whether somebody has put a link, a pipe or a device where the received bytes go.

    A link would lead the bytes to another file.
    """
    try:
        status = part.lstat()
    except FileNotFoundError:
        return False
    return not stat.S_ISREG(status.st_mode) or status.st_nlink > 1


def _no_link(path: str, flags: int) -> int:
    """Open a file, and no link that was put in its place in the meantime."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _size(path: Path) -> int:
    """The bytes of a file, 0 where there is no file."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _has_digest(path: Path, digest: str | None) -> bool:
    """Whether the file has the digest. Any file has one that nobody knows."""
    if digest is None:
        return True
    algorithm, _, expected = digest.partition(":")
    return file_digest(path, algorithm) == expected


def _reason(error: Exception) -> str:
    """The end of a library's message, which is the cause, in one line without brackets around."""
    text = " ".join(str(error).split()).rpartition(": ")[2].strip("()'\"")[:200]
    return text + ")" * (text.count("(") - text.count(")")) or type(error).__name__
