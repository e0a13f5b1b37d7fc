"""A run that several processes of one machine work on: one of them has it, the others join."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from mlflow import MlflowClient

from pipeline.base.addresses import masked
from pipeline.base.files import cache_folder, training_folder
from pipeline.tracking.connection import check_store, few_retries, mlflow_errors
from pipeline.tracking.options import TrackingOptions
from pipeline.tracking.provenance import HOST, PROCESS, host_name, process_lives
from pipeline.tracking.runs import RESUME_KEY


@dataclass(frozen=True)
class JoinedRun:
    """A run that another process of this machine has going on. `process`: its number."""

    run_id: str
    experiment_id: str
    uri: str
    process: int

    @property
    def training_folder(self) -> Path:
        """Where the run keeps how far it came."""
        return training_folder(self.run_id)

    def status(self) -> str:
        """`RUNNING`, or how it ended; `LEFT` where its process has disappeared."""
        with mlflow_errors(f"{masked(self.uri)} did not give the run {self.run_id}"), few_retries():
            status = str(MlflowClient(self.uri).get_run(self.run_id).info.status)
        if status == "RUNNING" and not process_lives(self.process):
            return "LEFT"
        return status


def running_elsewhere(options: TrackingOptions, key: str) -> JoinedRun | None:
    """The run with the same key of `tracked_run` that another process has going on, if there is
    one.

    Raises TrackingError: the store does not answer.
    """
    uri = check_store(options.uri)
    with mlflow_errors(f"{masked(uri)} did not give its runs"), few_retries():
        client = MlflowClient(uri)
        experiment = client.get_experiment_by_name(options.experiment)
        if experiment is None:
            return None
        query = (
            f"attributes.status = 'RUNNING' and tags.`{RESUME_KEY}` = '{key}' "
            f"and tags.`{HOST}` = '{host_name()}'"
        )
        for run in client.search_runs([experiment.experiment_id], query):
            joined = JoinedRun(
                run.info.run_id,
                run.info.experiment_id,
                uri,
                int(run.data.tags.get(PROCESS, "0")),
            )
            if process_lives(joined.process):
                return joined
    return None


@contextmanager
def one_at_a_time(key: str) -> Iterator[None]:
    """Let one process of this user at a time look for a run with this key, and begin it."""
    folder = cache_folder() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"{key[:32]}.lock"):
        yield
