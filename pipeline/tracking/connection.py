"""The tracking store: which one, whether it answers, and what it says when it does not."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
import requests
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from pipeline.base.addresses import masked
from pipeline.base.errors import TrackingError
from pipeline.tracking.database import database_file, prepare_database

logger = logging.getLogger(__name__)

DEFAULT_URI = "sqlite:///mlflow.db"
TIMEOUT_SECONDS = 5  # a server that needs longer does not answer
SLOW_SECONDS = 5  # after which a line says what is waited for
# What installs the module that SQLAlchemy asks for.
_DRIVERS = {"psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}
_HOW_TO_SET = "set tracking.uri, --tracking-uri or MLFLOW_TRACKING_URI"


def tracking_uri(uri: str | None = None) -> str:
    """The address of the store: `uri`, else MLFLOW_TRACKING_URI, else a database in the current
    folder."""
    return uri or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI


def connect(uri: str | None = None) -> str:
    """Check that the store answers, make it the one that MLflow uses, and return its address.

    `uri`: as for `tracking_uri`. Raises TrackingError at once where nothing answers.
    """
    uri = check_store(uri)
    mlflow.set_tracking_uri(uri)
    return uri


def check_store(uri: str | None = None, *, make: bool = True) -> str:
    """Check that the store answers, and return its address.

    `uri`: as for `tracking_uri`. `make`: make a database file that does not exist; else look
    whether its folder can be written. Raises TrackingError at once where nothing answers.
    """
    uri = tracking_uri(uri)
    shown = masked(uri)
    if is_server(uri):
        try:
            ask_server(uri)
        except requests.RequestException as error:
            raise TrackingError(
                f"expected an MLflow server at {shown}, none answered ({type(error).__name__}): "
                f"start it (make ui), or {_HOW_TO_SET}"
            ) from error
    elif uri.startswith("file:") or ("://" not in uri and ("/" in uri or Path(uri).is_dir())):
        raise TrackingError(
            f"{uri} names a folder, and MLflow no longer keeps runs in plain folders: take a "
            f"database, as in tracking.uri={DEFAULT_URI}; `mlflow migrate-filestore` moves old "
            "runs into one"
        )
    elif uri in ("sqlite://", "sqlite:///", "sqlite:///:memory:"):
        raise TrackingError(
            f"expected a database that stays, {uri} is gone when this process ends: take a file, "
            f"as in tracking.uri={DEFAULT_URI}"
        )
    elif "://" not in uri and not uri.startswith("databricks"):
        raise TrackingError(
            f"expected an address such as {DEFAULT_URI} or http://127.0.0.1:5000, got {shown!r}: "
            f"{_HOW_TO_SET}"
        )
    unusable = f"could not use the tracking store {shown}"
    with mlflow_errors(unusable, hint=f": {_HOW_TO_SET}"), waits_for(uri), few_retries():
        _check_folder(uri)
        if not make and is_new_store(uri):
            return uri
        prepare_database(uri)
        try:
            MlflowClient(uri).search_experiments(max_results=1)
        except ModuleNotFoundError as error:
            raise TrackingError(
                f"the tracking store {shown} needs the package {error.name}, which is not "
                f"installed: pip install {_DRIVERS.get(str(error.name), error.name)}, or "
                f"{_HOW_TO_SET}"
            ) from error
    return uri


def is_server(uri: str) -> bool:
    return uri.startswith(("http://", "https://"))


def ask_server(uri: str) -> None:
    """Ask a server whether it is there. Raises RequestException: it does not answer at once."""
    requests.get(f"{uri.rstrip('/')}/health", timeout=TIMEOUT_SECONDS)


@contextmanager
def chosen_store(uri: str) -> Iterator[None]:
    """Let MLflow use a store meanwhile. Afterwards it uses the same one as before."""
    variable = "MLFLOW_TRACKING_URI"
    was_set, before = mlflow.is_tracking_uri_set(), mlflow.get_tracking_uri()
    environment = os.environ.get(variable)
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        # Setting an address also sets the variable, and None removes it.
        mlflow.set_tracking_uri(before if was_set and before != environment else None)
        os.environ.pop(variable, None)
        if environment is not None:
            os.environ[variable] = environment


@contextmanager
def few_retries() -> Iterator[None]:
    """Let MLflow give a request up within half a minute meanwhile. By itself it tries for minutes,
    and says nothing; but prints addresses. What the user has set stays."""
    limits = {
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    }
    added = {name: value for name, value in limits.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def is_new_store(uri: str) -> bool:
    """Whether the store is a database file that does not exist yet."""
    path = database_file(uri)
    return path is not None and not path.exists()


@contextmanager
def waits_for(uri: str, slow_seconds: float = SLOW_SECONDS) -> Iterator[None]:
    """Say what is waited for, where a store takes long to answer."""
    timer = threading.Timer(
        slow_seconds, logger.warning, ["tracking: waiting for the store %s", masked(uri)]
    )
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def mlflow_errors(message: str, *, hint: str = "") -> Iterator[None]:
    """Turn what MLflow raises, where a store does not answer or refuses, into a TrackingError.

    The error says `message`, the first line of MLflow's reason, and `hint`. Passwords are masked.
    """
    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise TrackingError(masked(f"{message}: {first_line(error)}{hint}")) from error


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or the name of its type.

    What requests says of a server that does not answer takes ten lines; here it is that. Of a copy
    that failed, the reason is enough.
    """
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        where = (
            "" if error.filename is None or error.filename2 is not None else f": {error.filename}"
        )
        return f"{error.strerror}{where}"
    text = next(iter(str(error).strip().splitlines()), type(error).__name__)
    silent = ("Max retries exceeded", "timeout exception", "Connection aborted", "Read timed out")
    return "it does not answer" if any(words in text for words in silent) else text[:300]


def _check_folder(uri: str) -> None:
    """SQLite itself would answer only after two minutes of MLflow's retries."""
    path = database_file(uri)
    if path is None:
        return
    nearest = next(
        parent for parent in (path.absolute(), *path.absolute().parents) if parent.exists()
    )
    usable = nearest.is_file() if nearest == path.absolute() else nearest.is_dir()
    if not usable or not os.access(nearest, os.W_OK):
        raise TrackingError(
            f"could not use the tracking store {path}: {nearest} is not writable: change to "
            f"another folder, or {_HOW_TO_SET}"
        )
