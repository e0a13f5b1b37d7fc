"""The bytes of a download: asked for over HTTP until all are there, behind those that came
before."""

from __future__ import annotations

import logging
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.base.addresses import masked
from pipeline.base.errors import FetchError
from pipeline.base.files import atomic_write
from pipeline.base.progress import byte_progress

if TYPE_CHECKING:
    import requests

    from pipeline.base.download import Download

logger = logging.getLogger(__name__)

_CHUNK = 1 << 16  # bytes received at a time
_LONGEST_WAIT = 60.0  # seconds between two attempts
_SILENT_RETRIES = 2  # attempts where the server never answered


@dataclass(frozen=True)
class Patience:
    """How long to try.

    `timeout`: seconds without an answer or a byte. `retries`: attempts in a row that bring no new
    bytes. `backoff`: seconds before the first of them; the wait doubles with each.
    """

    timeout: float = 30.0
    retries: int = 5
    backoff: float = 0.5


class _TryAgainError(Exception):
    """A failure that may pass. `wait`: the seconds that the server asked for."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class _NoAnswerError(_TryAgainError):
    """No server answers at the address."""


def receive(download: Download, url: str, part: Path, patience: Patience) -> bool:
    """Fill `part` to its size. Returns whether it came with one request, from the first byte."""
    import requests

    leftover = most = file_size(part)
    requests_sent, failures, silent = 0, 0, True
    whole = leftover == download.size
    with requests.Session() as session:
        while not whole:
            requests_sent += 1
            try:
                _request(session, download, url, part, patience.timeout)
                whole = True
            except _TryAgainError as error:
                received = file_size(part)
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

    received = file_size(part)
    headers = {"Accept-Encoding": "identity"}
    if received:
        headers["Range"] = f"bytes={received}-"
        if version_file(part).is_file():  # another version is sent from its first byte
            headers["If-Range"] = version_file(part).read_text("latin-1")
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
    if size is not None and file_size(part) < size:
        raise _TryAgainError(f"the answer ended after {file_size(part):,} of {size:,} bytes")


def version_file(part: Path) -> Path:
    """The file that holds the server's name of the version whose bytes are in `part`."""
    return part.with_name(f"{part.name}.version")


def _keep_version(response: requests.Response, part: Path) -> None:
    tag = response.headers.get("ETag", "")
    name = tag if tag.startswith('"') else response.headers.get("Last-Modified", "")
    with atomic_write(version_file(part)) as file:
        file.write_text(name, "latin-1")
    if not name:
        version_file(part).unlink()


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
    received = file_size(part)
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
        f"{masked(url)}: expected {expected:,} bytes, the server has {size}: the file there is "
        "damaged or not the same"
    )


def is_not_ours(part: Path) -> bool:
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


def file_size(path: Path) -> int:
    """The bytes of a file, 0 where there is no file."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _reason(error: Exception) -> str:
    """The end of a library's message, which is the cause, in one line without brackets around."""
    text = " ".join(str(error).split()).rpartition(": ")[2].strip("()'\"")[:200]
    return text + ")" * (text.count("(") - text.count(")")) or type(error).__name__
