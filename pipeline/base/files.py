"""Folders, digests, and files that are whole or not there."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import platformdirs


def cache_folder() -> Path:
    """The folder for downloads, trained vectors and checkpoints.

    The environment variable HEADLINE_TRANSFER_CACHE names it. The default is the user's cache
    folder.
    """
    chosen = os.environ.get("HEADLINE_TRANSFER_CACHE")
    return Path(chosen) if chosen else platformdirs.user_cache_path("headline-transfer")


def runs_folder() -> Path:
    """The folder of the runs of this user, where each keeps what its store has not taken yet."""
    return cache_folder() / "runs"


def training_folder(run_id: str) -> Path:
    """Where a run keeps how far its training came."""
    return runs_folder() / run_id / "training"


def conf_folder() -> Path:
    """The folder with config.yaml: in the installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "conf"
    return installed if installed.is_dir() else package.parent / "conf"


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Replace a file or folder at once: readers see the old content or all of the new content.

    The block writes to the path that it gets, which is in the same folder and has the same ending.
    That path is renamed to `path` after the block, or removed if the block fails. A folder is not
    replaced where `path` is a folder with files in it.

    Raises OSError: the folder cannot be written, or the disk is full: `filename` says where.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".part-{uuid.uuid4().hex}{path.suffix}")
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        # A full disk has no name in Python's error. Other kinds, as of networks, are subclasses.
        if type(error) is OSError and error.filename is None:
            reason = error.strerror or str(error)
            raise OSError(error.errno or errno.EIO, reason, str(path)) from error
        raise
    finally:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)


@contextmanager
def temporary_files(folder: Path) -> Iterator[None]:
    """Let temporary files of every library be made in `folder` meanwhile.

    What a process leaves that is killed then lies where it can be found and removed.
    """
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


def digest(*parts: Any) -> str:
    """The SHA-256 of values, as 64 hexadecimal digits.

    Arrays count with their type, shape and bytes. Other values count as `repr` shows them.
    """
    import numpy as np

    sha256 = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            sha256.update(f"{part.dtype}{part.shape}".encode())
            sha256.update(np.ascontiguousarray(part).data)
        else:
            sha256.update(repr(part).encode())
    return sha256.hexdigest()


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """The digest of a file's bytes. `algorithm`: a name that hashlib knows, such as `md5`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
