"""Which of MLflow's pages to open, and where the files of runs are.

`python -m pipeline.tracking.pages` prints the page for `make ui`.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import click
from mlflow import MlflowClient
from mlflow.utils.file_utils import local_file_uri_to_path
from mlflow.utils.uri import is_local_uri

from pipeline.base.addresses import run_page
from pipeline.base.errors import TrackingError
from pipeline.tracking.connection import (
    check_store,
    few_retries,
    is_new_store,
    mlflow_errors,
    tracking_uri,
)

EXPERIMENTS = "#/experiments?workflowType=machine_learning"
"""The page with all experiments. Without the last part, MLflow opens its pages for language
models."""

_BELOW = ("result", "line", "trial")  # as in report/items.py, which would import TensorFlow


def last_page(uri: str | None = None) -> str:
    """The page of the run that was started last, or that with all experiments where there is none.

    `uri`: the address of the store, as for `tracking_uri`. One that does not answer has none.
    """
    runs, store = [], tracking_uri(uri)
    if is_new_store(store):
        return EXPERIMENTS
    with suppress(TrackingError), few_retries(), mlflow_errors("the store did not give its runs"):
        client = MlflowClient(check_store(store))
        experiments = [each.experiment_id for each in client.search_experiments()]
        query = " and ".join(f"tags.kind != '{kind}'" for kind in _BELOW)
        order = ["attributes.start_time DESC"]
        runs = client.search_runs(experiments, query, max_results=1, order_by=order)
    return run_page(runs[0].info.experiment_id, runs[0].info.run_id) if runs else EXPERIMENTS


def local_file(run_id: str, path: str, store: str) -> Path | None:
    """Where a file of a run is on this machine. None: the store keeps its files elsewhere.

    `store`: its address.
    """
    if store.startswith("http"):
        return None
    with suppress(TrackingError), few_retries(), mlflow_errors("the store did not give the run"):
        folder = MlflowClient(store).get_run(run_id).info.artifact_uri
        if is_local_uri(folder):
            file = Path(local_file_uri_to_path(folder), path)
            return file if file.is_file() else None
    return None


if __name__ == "__main__":
    click.echo(last_page())
