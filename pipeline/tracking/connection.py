"""The tracking store: which one, whether it answers, and what it says when it does not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
import requests
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from pipeline.base.errors import TrackingError

DEFAULT_URI = "sqlite:///mlflow.db"
TIMEOUT_SECONDS = 5  # a server that needs longer does not answer
_SQLITE = "sqlite:///"
_HOW_TO_SET = "set tracking.uri, --tracking-uri or MLFLOW_TRACKING_URI"


def tracking_uri(uri: str | None = None) -> str:
    """The address of the store: `uri`, else MLFLOW_TRACKING_URI, else a database in the current
    folder."""
    return uri or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI


def connect(uri: str | None = None) -> str:
    """Set the tracking address, check that it answers, and return it.

    `uri`: as for `tracking_uri`. Raises TrackingError at once where nothing answers.
    """
    uri = tracking_uri(uri)
    if uri.startswith(("http://", "https://")):
        try:
            requests.get(f"{uri.rstrip('/')}/health", timeout=TIMEOUT_SECONDS)
        except requests.RequestException as error:
            raise TrackingError(
                f"expected an MLflow server at {uri}, none answered ({type(error).__name__}): start "
                f"it (make ui), or {_HOW_TO_SET}"
            ) from error
    elif uri.startswith(_SQLITE):
        _check_database(Path(uri.removeprefix(_SQLITE)))
    elif "://" not in uri and not uri.startswith("databricks"):
        raise TrackingError(
            f"expected an address such as {DEFAULT_URI} or http://127.0.0.1:5000, got {uri!r}: "
            f"{_HOW_TO_SET}"
        )
    mlflow.set_tracking_uri(uri)
    with mlflow_errors(f"could not use the tracking store {uri}", hint=f": {_HOW_TO_SET}"):
        MlflowClient().search_experiments(max_results=1)
    return uri


def is_new_store(uri: str) -> bool:
    """Whether the store is a database file that does not exist yet."""
    return uri.startswith(_SQLITE) and not Path(uri.removeprefix(_SQLITE)).exists()


@contextmanager
def mlflow_errors(message: str, *, hint: str = "") -> Iterator[None]:
    """Turn what MLflow raises, where a store does not answer or refuses, into a TrackingError.

    The error says `message`, the first line of MLflow's reason, and `hint`.
    """
    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise TrackingError(f"{message}: {first_line(error)}{hint}") from error


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or the name of its type."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]


def _check_database(path: Path) -> None:
    """SQLite itself would answer only after two minutes of MLflow's retries."""
    nearest = next(
        parent for parent in (path.absolute(), *path.absolute().parents) if parent.exists()
    )
    usable = nearest.is_file() if nearest == path.absolute() else nearest.is_dir()
    if not usable or not os.access(nearest, os.W_OK):
        raise TrackingError(
            f"could not use the tracking store {path}: {nearest} is not writable: change to another "
            f"folder, or {_HOW_TO_SET}"
        )
