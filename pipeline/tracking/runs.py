"""The life of a run: it starts or goes on, takes items and a model, and ends whatever happens."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import mlflow
import psutil
from mlflow import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from pipeline.base.errors import TrackingError
from pipeline.classifier.ensemble import Classifier
from pipeline.report.items import Item
from pipeline.tracking.connection import connect, mlflow_errors
from pipeline.tracking.models import log_classifier
from pipeline.tracking.options import TrackingOptions
from pipeline.tracking.provenance import host_name, process_tags, run_tags
from pipeline.tracking.registry import RegisteredModel, promote_version
from pipeline.tracking.writer import write_items

logger = logging.getLogger(__name__)

_RESUME_KEY = "resume.key"
_END_REASON = "end.reason"
_REASON_LENGTH = 5000  # characters that MLflow takes as the value of a tag


@dataclass(frozen=True)
class Child:
    """A finished run below another: its parameters, its metrics, and the `content` of one file."""

    name: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    content: bytes


@dataclass(frozen=True)
class TrackedRun:
    """A run that is going on. `uri`: the address of the store."""

    run_id: str
    experiment_id: str
    uri: str

    def log(self, items: Sequence[Item]) -> None:
        """Send items to the run. Raises TrackingError: the store does not take them."""
        with mlflow_errors(f"{self.uri} did not take the results"):
            write_items(self.run_id, items)

    def log_child(self, name: str, items: Sequence[Item]) -> None:
        """Log a whole run below this one. Raises TrackingError."""
        client = MlflowClient()
        with mlflow_errors(f"{self.uri} did not take the results"):
            child = client.create_run(
                self.experiment_id,
                run_name=name,
                tags={MLFLOW_PARENT_RUN_ID: self.run_id, **process_tags()},
            )
            write_items(child.info.run_id, items)
            client.set_terminated(child.info.run_id)

    def children(self, file: str) -> list[Child]:
        """The finished runs below this one, each with what it logged as `file`."""
        client = MlflowClient()
        query = (
            f"attributes.status = 'FINISHED' and tags.`{MLFLOW_PARENT_RUN_ID}` = '{self.run_id}'"
        )
        with (
            mlflow_errors(f"{self.uri} did not give the results so far"),
            tempfile.TemporaryDirectory() as folder,
        ):
            runs, token = [], None
            while token != "":
                page = client.search_runs([self.experiment_id], query, page_token=token)
                runs += page
                token = page.token or ""
            return [
                Child(
                    run.info.run_name,
                    run.data.params,
                    run.data.metrics,
                    Path(client.download_artifacts(run.info.run_id, file, folder)).read_bytes(),
                )
                for run in runs
            ]

    def log_model(
        self,
        classifier: Classifier,
        *,
        registered_model: str,
        validation_accuracy: float,
        validation_sha256: str,
        promote: str = "auto",
    ) -> RegisteredModel:
        """Log the one model of the run, register it, and decide on the alias `champion`.

        Args:
            classifier: What gives probabilities to strings.
            registered_model: The name in the registry.
            validation_accuracy: A fraction from 0 to 1.
            validation_sha256: The digest of the validation headlines. Accuracies are compared only
                where it is the same.
            promote: `auto`: the version gets the alias where there is no champion yet, or where its
                accuracy on the same headlines is higher; `always`; `never`.

        Raises:
            TrackingError: The store does not take the model.
        """
        with mlflow_errors(f"{self.uri} did not take the model"):
            version = log_classifier(classifier, registered_model)
            return promote_version(
                registered_model,
                version,
                validation_accuracy=validation_accuracy,
                validation_sha256=validation_sha256,
                promote=promote,
            )


@contextmanager
def tracked_run(
    options: TrackingOptions, run_name: str, resume_key: str | None = None
) -> Iterator[TrackedRun]:
    """A run that ends as FINISHED, FAILED or KILLED, whatever happens inside.

    `run_name`: where `options` has none. `resume_key`: the latest run with the same key that did not
    finish goes on; without one, a new run starts.

    The tag `end.reason` says why a run did not finish. A run of this machine whose process has
    disappeared (SIGKILL, a power cut) is marked as KILLED when the next run starts.
    """
    uri = connect(options.uri)
    with mlflow_errors(f"{uri} did not start a run"):
        experiment = mlflow.set_experiment(options.experiment)
        _end_abandoned_runs(experiment.experiment_id)
        unfinished = _unfinished(experiment.experiment_id, resume_key) if resume_key else None
        tags = run_tags() | ({_RESUME_KEY: resume_key} if resume_key else {})
        if unfinished:
            run = mlflow.start_run(unfinished, tags=tags | {_END_REASON: ""})
        else:
            run = mlflow.start_run(run_name=options.run_name or run_name, tags=tags)
    status, reason = "FINISHED", ""
    try:
        yield TrackedRun(run.info.run_id, experiment.experiment_id, uri)
    except KeyboardInterrupt as error:
        status, reason = "KILLED", f"interrupted {error}".strip()
        raise
    except BaseException as error:
        status, reason = "FAILED", f"{type(error).__name__}: {error}"
        raise
    finally:
        _end(status, reason, run.info.run_name, uri)


def _end(status: str, reason: str, name: str, uri: str) -> None:
    """End the current run. The error that ended it is not hidden by one of the store."""
    try:
        with mlflow_errors(f"{uri} did not take the end of the run ({status})"):
            if reason:
                mlflow.set_tag(_END_REASON, reason[:_REASON_LENGTH])
            mlflow.end_run(status)
    except TrackingError as error:
        if status == "FINISHED":
            raise
        logger.error("tracking: %s", error)
    else:
        if status == "KILLED":
            logger.warning("tracking: the run %s ended as KILLED", name)


def _unfinished(experiment_id: str, key: str) -> str | None:
    """The id of the latest run with the key that was cut off."""
    query = f"tags.`{_RESUME_KEY}` = '{key}' and attributes.status != 'FINISHED'"
    for run in MlflowClient().search_runs([experiment_id], query):
        if run.info.status in ("KILLED", "FAILED"):
            logger.info("tracking: the run %s goes on", run.info.run_name)
            return str(run.info.run_id)
    return None


def _end_abandoned_runs(experiment_id: str) -> None:
    client = MlflowClient()
    query = f"attributes.status = 'RUNNING' and tags.`process.host` = '{host_name()}'"
    for run in client.search_runs([experiment_id], query):
        process = run.data.tags.get("process.id", "")
        if process.isdigit() and not psutil.pid_exists(int(process)):
            client.set_tag(run.info.run_id, _END_REASON, "its process disappeared")
            client.set_terminated(run.info.run_id, "KILLED")
            logger.warning("tracking: run %s was abandoned, marked as KILLED", run.info.run_name)
