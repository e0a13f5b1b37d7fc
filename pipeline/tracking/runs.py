"""The life of a run: it starts or goes on, takes items and a model, and ends whatever happens."""

from __future__ import annotations

import logging
import shlex
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking.context.registry import resolve_tags
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from pipeline.base.addresses import masked
from pipeline.base.errors import ConfigError, TrackingError
from pipeline.classifier.ensemble import Classifier
from pipeline.classifier.repacking import describe_folder
from pipeline.insight.search import ACCURACY
from pipeline.portable.folder import README
from pipeline.report.description import MODEL_ADDRESS, RunAddress, loading_markdown
from pipeline.report.items import LINE, RESULT, Item, Tag
from pipeline.tracking.connection import check_store, few_retries, mlflow_errors
from pipeline.tracking.experiments import prepare_experiment
from pipeline.tracking.leftovers import end_abandoned_runs, send_left
from pipeline.tracking.models import CLASSIFIER
from pipeline.tracking.options import TrackingOptions
from pipeline.tracking.outbox import END_REASON, GOES_ON, MAKE_ROOM, Outbox, check_room
from pipeline.tracking.provenance import run_tags
from pipeline.tracking.registry import RegisteredModel
from pipeline.tracking.saving import save_classifier
from pipeline.tracking.writer import items_entry

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 60  # for a store that does not answer, when the work is done
RESUME_KEY = "pipeline.resume_key"
_UNFINISHED = ("KILLED", "FAILED")


@dataclass(frozen=True)
class Child:
    """A finished run below another: its parameters, its metrics, and the `content` of one file."""

    name: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    content: bytes


@dataclass(eq=False)
class TrackedRun:
    """A run that is going on. `uri`: the address of the store.

    What is logged is kept in the run's folder until the store has it. Where the store does not
    answer, the work goes on, and the results wait.
    """

    run_id: str
    experiment_id: str
    uri: str
    goes_on: bool
    _outbox: Outbox
    _can_go_on: bool
    _promotion: Mapping[str, Any] | None = None

    @property
    def training_folder(self) -> Path:
        """Where a training keeps how far it came."""
        return self._outbox.training_folder

    @property
    def address(self) -> RunAddress:
        """Where the run is, for links to it."""
        return RunAddress(self.experiment_id, self.run_id, self.uri)

    @property
    def registered(self) -> RegisteredModel | None:
        """What became of the model, once the run has ended."""
        return self._outbox.registered

    def log(self, items: Sequence[Item]) -> None:
        """Log items. Raises TrackingError: the store refuses them, or nothing can be written."""
        self._add("items", goes_on=self.goes_on, **items_entry(items))

    def log_child(self, name: str, items: Sequence[Item]) -> None:
        """Log a whole run below this one: a result. Raises TrackingError."""
        self._add("child", name=name, **items_entry([Tag("kind", RESULT), *items]))

    def log_line(self, name: str, items: Sequence[Item]) -> None:
        """Log a run below this one that is a line in the charts of MLflow. Raises TrackingError."""
        self._add("child", name=name, **items_entry([Tag("kind", LINE), *items]))

    def children(self, file: str) -> list[Child]:
        """The results below this one that are finished, each with what it logged as `file`."""
        client = MlflowClient(self.uri)
        query = (
            f"attributes.status = 'FINISHED' and tags.kind = '{RESULT}' "
            f"and tags.`{MLFLOW_PARENT_RUN_ID}` = '{self.run_id}'"
        )
        with (
            mlflow_errors(f"{masked(self.uri)} did not give the results so far"),
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

    def keep_model(self, classifier: Classifier, facts: Mapping[str, Any] | None = None) -> Path:
        """Write the model to the run's folder, which it gives. It stays there if the run fails.

        `facts`: what its README tells, as for `export_classifier`.

        Raises TrackingError: the folder cannot be written.
        """
        folder = self._outbox.model_folder
        with mlflow_errors(f"could not write the model to {folder}", hint=MAKE_ROOM):
            save_classifier(classifier, folder, facts)
        return folder

    def describe_model(self, facts: Mapping[str, Any]) -> str:
        """Write the README of the model that was kept anew, and return its card as Markdown.

        `facts`: as for `keep_model`, with what was found out since.

        Raises TrackingError: the folder cannot be written.
        """
        folder = self._outbox.model_folder / "data" / CLASSIFIER
        with mlflow_errors(f"could not describe the model in {folder}", hint=MAKE_ROOM):
            (folder / README).write_text(describe_folder(folder, facts), "utf-8")
            use = loading_markdown(MODEL_ADDRESS, self.uri)
            return describe_folder(folder, facts, use)

    def log_model(
        self,
        *,
        registered_model: str,
        validation: Mapping[str, float],
        validation_sha256: str,
        select: str = ACCURACY,
        promote: str = "auto",
        origin: str = "",
        other_names: Sequence[str] = (),
        description: str = "",
    ) -> None:
        """Log and register the model that was kept. When the run has finished, the alias `champion`
        is decided on: see `registered`.

        Args:
            registered_model: The name in the registry.
            validation: Its results on the validation headlines, by the names of
                `training.select`; at least the accuracy.
            validation_sha256: The digest of these headlines. Results are compared only where it is
                the same.
            select: The result that decides.
            promote: `auto`: the version gets the alias where there is no champion yet, or where it
                is better on the same headlines; `always`; `never`.
            origin: Where the data are from.
            other_names: For where the name belongs to models of other data.
            description: In Markdown. `MODEL_ADDRESS` in it stands for the address of the version.

        Raises:
            TrackingError: The store refuses the model.
        """
        names = [registered_model, *other_names]
        self._promotion = {"names": names, "promote": promote, "select": select}
        self._add(
            "model",
            names=names,
            origin=origin,
            validation=dict(validation),
            sha256=validation_sha256,
            description=masked(description),
        )

    def _add(self, kind: str, **entry: object) -> None:
        outbox, before = self._outbox, self._outbox.reason
        outbox.add(kind, **entry)
        if outbox.send():
            if before:
                logger.info("tracking: %s takes the results again", masked(self.uri))
        elif not before:
            logger.warning(
                "tracking: %s does not take the results (%s): the run goes on, and they are kept "
                "in %s until it does",
                masked(self.uri),
                outbox.reason,
                outbox.folder,
            )

    def _end(self, status: str, reason: str, patience_seconds: float) -> None:
        """End the run. An error that ended it is not hidden by one of the store."""
        outbox = self._outbox
        try:
            outbox.add_end(status, reason)
        except TrackingError as error:
            outbox.close()
            if status == "FINISHED":
                raise
            logger.error("tracking: %s", error)
            return
        if status == "FINISHED" and self._promotion:
            outbox.add("promotion", **self._promotion)
        complete = outbox.insist(patience_seconds if status == "FINISHED" else 0)
        if complete and status == "FINISHED":
            outbox.remove()
            return
        model = outbox.model_folder
        kept = f"; the model is in {model} (pipeline predict --model {shlex.quote(str(model))})"
        kept = kept if model.is_dir() else ""
        outbox.close()
        if not complete:
            message = (
                f"{masked(self.uri)} did not take all of the run {outbox.name} ({outbox.reason}): "
                f"the rest is kept in {outbox.folder}, send it with `pipeline sync`{kept}"
            )
            if status == "FINISHED":
                raise TrackingError(message)
            logger.error("tracking: %s", message)
        else:
            goes_on = GOES_ON if self._can_go_on else ""
            logger.warning(
                "tracking: the run %s ended as %s%s%s", outbox.name, status, goes_on, kept
            )


@contextmanager
def tracked_run(
    options: TrackingOptions,
    run_name: str,
    resume_key: str | None = None,
    *,
    run_id: str | None = None,
    parent: str | None = None,
    tags: Mapping[str, str] | None = None,
    patience_seconds: float = PATIENCE_SECONDS,
) -> Iterator[TrackedRun]:
    """A run that ends as FINISHED, FAILED or KILLED, whatever happens inside.

    Inside of an active run of MLflow in the same store it is a run below that one. Nothing that
    MLflow keeps for the process is changed: not the address, the experiment or the active run.

    The tag `pipeline.end_reason` says why a run did not finish. A run of this machine whose process
    has disappeared (SIGKILL, a power cut) is marked as KILLED when the next run starts.

    Args:
        options: where the run is logged.
        run_name: where `options` has none.
        resume_key: the latest run with the same key that did not finish goes on; without one, a
            new run starts.
        run_id: only this run goes on.
        parent: the id of the run that it is below; None: of the active run of MLflow.
        tags: what it is, for people. They stand before the technical ones.
        patience_seconds: how long to wait at the end for a store that does not answer.

    Raises:
        TrackingError: the store does not answer at the start, refuses something, or did not take
            everything at the end; what is left is then kept.
        ConfigError: the run `run_id` cannot go on.
    """
    check_room()
    uri = check_store(options.uri)
    with few_retries():
        with mlflow_errors(f"{masked(uri)} did not start a run"):
            tracked = _begin(uri, options, run_name, resume_key, run_id, parent, tags or {})
        status, reason = "FINISHED", ""
        try:
            yield tracked
        except KeyboardInterrupt as error:
            status, reason = "KILLED", f"interrupted {error}".strip()
            raise
        except BaseException as error:
            status, reason = "FAILED", f"{type(error).__name__}: {error}"
            raise
        finally:
            tracked._end(status, reason, patience_seconds)


def _begin(
    uri: str,
    options: TrackingOptions,
    run_name: str,
    key: str | None,
    run_id: str | None,
    parent_id: str | None,
    shown: Mapping[str, str],
) -> TrackedRun:
    client = MlflowClient(uri)
    parent = client.get_run(parent_id) if parent_id else _active_run(client)
    if parent is None:
        experiment_id = prepare_experiment(client, uri, options.experiment)
    else:
        experiment_id = parent.info.experiment_id
    for sent in send_left(uri):
        logger.info("tracking: %s", sent)
    end_abandoned_runs(client, experiment_id)
    tags = dict(shown) | run_tags() | ({RESUME_KEY: key} if key else {})
    if run_id:
        unfinished = [_resumable(client, run_id, key)]
    else:
        unfinished = _unfinished(client, experiment_id, key) if key else []
    for run in unfinished:
        outbox = Outbox.create(uri, run.info.run_id, run.info.run_name)
        if outbox is None:  # another process has just taken it up
            continue
        if client.get_run(run.info.run_id).info.status not in _UNFINISHED:
            outbox.close()
            continue
        outbox.drop("end", "promotion")
        marks = [RunTag(*tag) for tag in (tags | {END_REASON: ""}).items()]
        client.log_batch(run.info.run_id, tags=marks)
        client.update_run(run.info.run_id, "RUNNING")
        logger.info("tracking: the run %s goes on", run.info.run_name)
        return TrackedRun(run.info.run_id, run.info.experiment_id, uri, True, outbox, True)
    if run_id:
        raise ConfigError(f"the run {run_id} is going on in another process: wait until it ends")
    if parent is not None:
        tags[MLFLOW_PARENT_RUN_ID] = parent.info.run_id
    name = run_name if parent_id else options.run_name or run_name
    run = client.create_run(experiment_id, run_name=name, tags=resolve_tags(tags))
    try:
        outbox = Outbox.create(uri, run.info.run_id, name)
    except TrackingError as error:
        client.set_tag(run.info.run_id, END_REASON, str(error))
        client.set_terminated(run.info.run_id, "FAILED")
        raise
    assert outbox is not None  # its name is new
    return TrackedRun(run.info.run_id, experiment_id, uri, False, outbox, key is not None)


def _active_run(client: MlflowClient) -> Run | None:
    """The run that is active in MLflow, where it is in this store."""
    active = mlflow.active_run()
    if active is None:
        return None
    try:
        return client.get_run(active.info.run_id)
    except MlflowException:
        return None


def _unfinished(client: MlflowClient, experiment_id: str, key: str) -> list[Run]:
    """The runs with the key that were cut off, the latest first."""
    query = f"tags.`{RESUME_KEY}` = '{key}' and attributes.status != 'FINISHED'"
    return [
        run for run in client.search_runs([experiment_id], query) if run.info.status in _UNFINISHED
    ]


def _resumable(client: MlflowClient, run_id: str, key: str | None) -> Run:
    """The run, if it can go on. Raises ConfigError: it cannot."""
    run = client.get_run(run_id)
    if run.info.status == "FINISHED":
        raise ConfigError(f"the run {run_id} has finished: start a new one, without --resume")
    if run.data.tags.get(RESUME_KEY) != key:
        raise ConfigError(
            f"the run {run_id} was started with other data or options, or with another version: "
            "start a new one, without --resume"
        )
    return run
