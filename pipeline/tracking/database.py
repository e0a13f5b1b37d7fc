"""The database file of a store: it is made whole or not at all, by one process at a time."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from pipeline.base.errors import TrackingError
from pipeline.base.files import cache_folder, digest

logger = logging.getLogger(__name__)

LOCK_SECONDS = 60  # nothing that is done under the lock takes longer
BUSY_SECONDS = 5.0  # how long another process may hold the database


def database_file(uri: str) -> Path | None:
    """The file of a store such as `sqlite:///mlflow.db`. None: it is no file."""
    try:
        url = make_url(uri)
    except ArgumentError:
        return None
    is_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    return Path(str(url.database)) if is_file else None


@contextmanager
def store_lock(uri: str) -> Iterator[None]:
    """Let one process at a time change what is shared in a store: the tables, the champion.

    The lock of a database file lies beside it. That of a server lies in the cache, so it holds for
    the processes of one user on one machine.

    Raises OSError: the lock cannot be had.
    """
    path = database_file(uri)
    if path is None:
        lock = cache_folder() / "locks" / f"{digest(uri)[:32]}.lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
    else:
        path = path.resolve()
        lock = path.with_name(f".{path.name}.lock")
    with FileLock(lock, timeout=LOCK_SECONDS):
        yield


def prepare_database(
    uri: str, *, quiet_seconds: float = 5, busy_seconds: float = BUSY_SECONDS
) -> None:
    """Make the database of a store, where there is none or a half-made one that holds nothing.

    MLflow makes its tables one by one. A process that is killed meanwhile leaves a file that no
    later one can use. So the tables are made in another file, which is renamed.

    `quiet_seconds`: a half-made file that was written within this time is still being made by
    another program, such as `mlflow server`, and is waited for. `busy_seconds`: how long another
    process may hold the database.

    Raises TrackingError: the file is no database, or another process holds it; OSError: the folder
    cannot be written.
    """
    path = database_file(uri)
    if path is None or _is_ready(path, busy_seconds):
        return
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    with store_lock(uri):
        while path.exists() and time.time() - path.stat().st_mtime < quiet_seconds:
            if _is_ready(path, busy_seconds):
                return
            time.sleep(0.2)
        if _is_ready(path, busy_seconds):
            return
        if path.exists():
            if not _is_empty(path, busy_seconds):
                return  # another version of MLflow made it: MLflow says what to do
            logger.warning("tracking: %s was half made and held nothing: it is made anew", path)
        _make(path)


def artifacts_folder(path: Path) -> Path:
    """Where the files of runs go whose records are in the database file `path`."""
    return path.absolute().parent / "mlruns"


def _make(path: Path) -> None:
    """Only the process that has the lock calls this, so what another one left can be removed."""
    part = path.with_name(f".{path.name}.part")
    leftovers = (part, part.with_name(f"{part.name}-journal"))
    try:
        for left in leftovers:
            left.unlink(missing_ok=True)
        store = SqlAlchemyStore(f"sqlite:///{part}", str(artifacts_folder(path)))
        store.engine.dispose()
        os.replace(part, path)
    finally:
        for left in leftovers:
            left.unlink(missing_ok=True)


def _is_ready(path: Path, busy_seconds: float) -> bool:
    """Whether MLflow has used the database: the last that it makes is the first experiment."""
    return path.is_file() and bool(_rows(path, ["experiments"], busy_seconds))


def _is_empty(path: Path, busy_seconds: float) -> bool:
    """Whether no table has a row, but that in which Alembic notes how far it came."""
    tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'alembic_%'"
    with _opened(path, busy_seconds) as database:
        names = [name for (name,) in database.execute(tables)]
    return not _rows(path, names, busy_seconds)


def _rows(path: Path, tables: list[str], busy_seconds: float) -> list[str]:
    """Those of `tables` that have a row."""
    with _opened(path, busy_seconds) as database:
        present = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        return [
            name
            for name in tables
            if name in present and database.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchone()
        ]


@contextmanager
def _opened(path: Path, busy_seconds: float) -> Iterator[sqlite3.Connection]:
    address = f"file:{quote(str(path.absolute()))}?mode=rw"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=busy_seconds)) as database:
            yield database
    except sqlite3.OperationalError as error:
        raise TrackingError(
            f"could not use the tracking store {path}: {error}"
            + (": end the process that holds it, or try later" if "locked" in str(error) else "")
        ) from error
    except sqlite3.DatabaseError as error:
        raise TrackingError(
            f"expected a database of MLflow in {path}, got another or a damaged file ({error}): "
            "move it away, or choose another store with tracking.uri"
        ) from error
