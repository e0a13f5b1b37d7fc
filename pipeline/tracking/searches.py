"""Searches that were logged: what they began with, and what they gave."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from pipeline.base.addresses import masked
from pipeline.base.errors import ConfigError, TrackingError
from pipeline.report.items import TRIAL
from pipeline.report.search import SEARCH, START
from pipeline.tracking.connection import check_store, few_retries, mlflow_errors, waits_for


def read_start(run_id: str, uri: str | None = None) -> list[str]:
    """The overrides that a search began with.

    Raises ConfigError: it is no search; TrackingError: the file of them is damaged.
    """
    start = _read(run_id, uri, START)
    if not isinstance(start, list) or not all(isinstance(text, str) for text in start):
        raise damaged(run_id, START)
    return start


def read_search(run_id: str, uri: str | None = None) -> dict[str, Any]:
    """What a search gave: see `pipeline.report.search.search_items`.

    Raises ConfigError: the run is no search, or has not finished; TrackingError: there is no such
    run, the file of it is damaged, or the store does not answer.
    """
    search = _read(run_id, uri, SEARCH)
    if not isinstance(search, dict):
        raise damaged(run_id, SEARCH)
    return search


def damaged(run_id: str, file: str) -> TrackingError:
    """The error that says that a file of a search has another content than it was written with."""
    return TrackingError(
        f"the search {run_id}: {file} is damaged: begin the search again, or name another one"
    )


def _read(run_id: str, uri: str | None, file: str) -> Any:
    uri = check_store(uri)
    with (
        mlflow_errors(f"could not read the search {run_id} in {masked(uri)}"),
        waits_for(uri),
        few_retries(),
        tempfile.TemporaryDirectory() as folder,
    ):
        client = MlflowClient(uri)
        run = client.get_run(run_id)
        _check_kind(run_id, run.data.tags)
        if file == SEARCH and run.info.status != "FINISHED":
            raise ConfigError(
                f"the search {run_id} has not finished ({run.info.status}): go on with it, as in "
                f"`pipeline sweep --resume {run_id}`; sweep.trials=N ends it sooner"
            )
        path = Path(client.download_artifacts(run_id, file, folder))
        try:
            return json.loads(path.read_text("utf-8"))
        except (ValueError, RecursionError) as error:
            raise damaged(run_id, file) from error


def _check_kind(run_id: str, tags: Mapping[str, str]) -> None:
    kind = tags.get("kind", "run of another program")
    if kind == TRIAL:
        parent = tags.get(MLFLOW_PARENT_RUN_ID, "RUN_ID")
        number = tags.get("mlflow.runName", "").removeprefix("trial-")
        raise ConfigError(
            f"the run {run_id} is a trial: expected the search that it belongs to: sweep={parent}, "
            f"or sweep={parent}/{number} for this trial"
        )
    if kind != "sweep":
        raise ConfigError(f"expected a run of `pipeline sweep`, the run {run_id} is a {kind}")
