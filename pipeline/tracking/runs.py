"""MLflow: the run, what is logged to it, and the registered model."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import psutil
import requests
from mlflow import MlflowClient
from mlflow.entities import Metric as MlflowMetric
from mlflow.entities import Param as MlflowParam
from mlflow.entities import RunTag
from mlflow.exceptions import MlflowException
from mlflow.models import set_signature
from mlflow.types import ParamSchema, ParamSpec
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID
from numpy.typing import NDArray
from sqlalchemy.exc import SQLAlchemyError

from pipeline import report
from pipeline.base.errors import ModelError, TrackingError
from pipeline.classifier.ensemble import Classifier
from pipeline.classifier.export import export_saved_model
from pipeline.tracking import serving
from pipeline.tracking.options import TrackingOptions

logger = logging.getLogger(__name__)

DEFAULT_URI = "sqlite:///mlflow.db"
CHAMPION = "champion"
# What MLflow raises where a server or store does not answer or refuses.
_GONE = (MlflowException, SQLAlchemyError, OSError)
_RESUME_KEY = "resume.key"
_TIMEOUT = 5  # seconds that a server has to answer
_BATCH = {MlflowMetric: 1000, MlflowParam: 100, RunTag: 100}  # most that one request may hold
_PACKAGES = ("tensorflow", "keras", "mlflow", "datasets", "gensim", "scikit-learn", "numpy")


@dataclass(frozen=True)
class RegisteredModel:
    """A version in the registry. `champion`: whether it has the alias; `reason`: why (not)."""

    uri: str
    name: str
    version: str
    champion: bool
    reason: str


@dataclass(frozen=True)
class Child:
    """A finished run below another: its parameters, metrics, and the `content` of a file."""

    name: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    content: bytes


@dataclass(frozen=True)
class TrackedRun:
    """A run that is going on."""

    run_id: str
    experiment_id: str
    uri: str

    def log_child(self, name: str, items: Sequence[report.Item]) -> None:
        """Log a whole run below this one. Raises TrackingError."""
        client = MlflowClient()
        try:
            child = client.create_run(
                self.experiment_id,
                run_name=name,
                tags={MLFLOW_PARENT_RUN_ID: self.run_id, **_process_tags()},
            )
            replace(self, run_id=child.info.run_id)._log(items)
            client.set_terminated(child.info.run_id)
        except _GONE as error:
            raise TrackingError(
                f"{self.uri} did not take the results: {_first_line(error)}"
            ) from error

    def children(self, file: str) -> list[Child]:
        """The finished runs below this one, each with what it logged as `file`."""
        client = MlflowClient()
        query = (
            f"attributes.status = 'FINISHED' and tags.`{MLFLOW_PARENT_RUN_ID}` = '{self.run_id}'"
        )
        try:
            found, token = [], None
            while token != "":
                page = client.search_runs([self.experiment_id], query, page_token=token)
                found += page
                token = page.token or ""
            with tempfile.TemporaryDirectory() as folder:
                return [
                    Child(
                        run.info.run_name,
                        run.data.params,
                        run.data.metrics,
                        Path(client.download_artifacts(run.info.run_id, file, folder)).read_bytes(),
                    )
                    for run in found
                ]
        except _GONE as error:
            raise TrackingError(
                f"{self.uri} did not give the results so far: {_first_line(error)}"
            ) from error

    def log(self, items: Sequence[report.Item]) -> None:
        """Send items to the run. Raises TrackingError where the server does not take them."""
        try:
            self._log(items)
        except _GONE as error:
            raise TrackingError(
                f"{self.uri} did not take the results: {_first_line(error)}"
            ) from error

    def _log(self, items: Sequence[report.Item]) -> None:
        now = int(time.time() * 1000)
        params: list[Any] = []
        metrics: list[Any] = []
        tags: list[Any] = []
        client = MlflowClient()
        for item in items:
            match item:
                case report.Param():
                    params.append(MlflowParam(item.name, str(item.value)))
                case report.Metric():
                    metrics.append(MlflowMetric(item.name, float(item.value), now, item.step))
                case report.Tag():
                    tags.append(RunTag(item.name, item.value))
                case report.Text():
                    client.log_text(self.run_id, item.content, item.path)
                case report.Table():
                    client.log_text(self.run_id, item.frame.to_csv(index=False), item.path)
                case report.File():
                    self._log_file(item)
                case report.Picture():
                    client.log_figure(self.run_id, item.figure, item.path)
                case report.Input():
                    _log_input(item)
        for rows, name in ((params, "params"), (metrics, "metrics"), (tags, "tags")):
            size = _BATCH[type(rows[0])] if rows else 1
            for start in range(0, len(rows), size):
                client.log_batch(self.run_id, **{name: rows[start : start + size]})

    def _log_file(self, item: report.File) -> None:
        folder, _, name = item.path.rpartition("/")
        with tempfile.TemporaryDirectory() as kept:
            Path(kept, name).write_bytes(item.content)
            MlflowClient().log_artifact(self.run_id, str(Path(kept, name)), folder or None)

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

        With `promote="auto"` it gets the alias where there is no champion yet, or where it has a
        higher accuracy on the same validation headlines (by their digest).
        """
        try:
            info = _log_pyfunc(classifier, registered_model)
            return _promote(
                registered_model,
                str(info.registered_model_version),
                validation_accuracy,
                validation_sha256,
                promote,
            )
        except _GONE as error:
            raise TrackingError(
                f"{self.uri} did not take the model: {_first_line(error)}"
            ) from error


def connect(config: TrackingOptions) -> str:
    """Set the tracking address, see that it answers, and return it.

    The address is `config.uri`, else the variable MLFLOW_TRACKING_URI, else a database in the
    current folder. Raises TrackingError at once where nothing answers.
    """
    uri = config.uri or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI
    if uri.startswith(("http://", "https://")):
        try:
            requests.get(f"{uri.rstrip('/')}/health", timeout=_TIMEOUT)
        except requests.RequestException as error:
            raise TrackingError(
                f"expected an MLflow server at {uri}, none answered ({type(error).__name__}): start it "
                "(make ui), or set tracking.uri or MLFLOW_TRACKING_URI"
            ) from error
    elif uri.startswith("sqlite:///"):
        _check_database(Path(uri.removeprefix("sqlite:///")))
    elif "://" not in uri and not uri.startswith("databricks"):
        raise TrackingError(
            f"expected an address such as {DEFAULT_URI} or http://127.0.0.1:5000, got {uri!r}: set "
            "tracking.uri or MLFLOW_TRACKING_URI"
        )
    mlflow.set_tracking_uri(uri)
    try:
        MlflowClient().search_experiments(max_results=1)
    except _GONE as error:
        raise TrackingError(
            f"could not use the tracking store {uri} ({_first_line(error)}): set tracking.uri"
        ) from error
    return uri


@contextmanager
def tracked_run(
    config: TrackingOptions, run_name: str, resume_key: str | None = None
) -> Iterator[TrackedRun]:
    """A run that ends as FINISHED, FAILED or KILLED, whatever happens inside.

    With `resume_key`, the latest run of the same key that did not finish goes on, if there is one.

    The reason is in the tag `end.reason`. Runs of this machine whose process is gone without a
    word (SIGKILL, a power cut) are marked as KILLED when the next run starts.
    """
    uri = connect(config)
    try:
        experiment = mlflow.set_experiment(config.experiment)
        _end_abandoned_runs(experiment.experiment_id)
        unfinished = _unfinished(experiment.experiment_id, resume_key) if resume_key else None
        tags = _tags() | ({_RESUME_KEY: resume_key} if resume_key else {})
        if unfinished:
            run = mlflow.start_run(unfinished, tags=tags | {"end.reason": ""})
        else:
            run = mlflow.start_run(run_name=config.run_name or run_name, tags=tags)
    except _GONE as error:
        raise TrackingError(f"{uri} did not start a run: {_first_line(error)}") from error
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
        try:
            if reason:
                mlflow.set_tag("end.reason", reason[:5000])
            mlflow.end_run(status)
        except _GONE as error:
            message = f"{uri} did not take the end of the run ({status}): {_first_line(error)}"
            if status == "FINISHED":
                raise TrackingError(message) from error
            logger.error("tracking: %s", message)
        else:
            if status == "KILLED":
                logger.warning("tracking: the run %s ended as KILLED", run.info.run_name)


def load_model(model: str, config: TrackingOptions) -> Any:
    """A logged model as an mlflow.pyfunc model: `predict(list[str]) -> list[dict]`.

    `model` is an address (`models:/NAME@champion`, `runs:/...`) or a local folder.
    Raises ModelError: there is none.
    """
    if ":/" in model:
        connect(config)
    elif not Path(model, "MLmodel").is_file():
        raise ModelError(
            f"expected models:/NAME@{CHAMPION}, runs:/... or a folder with a file MLmodel, got {model}"
        )
    try:
        return mlflow.pyfunc.load_model(model)
    except Exception as error:  # of whatever a foreign or damaged folder makes MLflow do
        raise ModelError(
            f"could not load the model {model}: {_first_line(error)}: train one first (pipeline "
            "train), or name another with --model"
        ) from error


def predict_why(model: Any, texts: Sequence[str]) -> list[dict[str, Any]]:
    """What `model.predict(texts)` gives, and in each item `why`: see serving.HeadlineModel.

    `model`: as `load_model` returns it. Raises ModelError: it was logged without that.
    """
    known = model.metadata.get_params_schema()
    if known is None or "why" not in {param.name for param in known.params}:
        raise ModelError(
            "expected a model that can say what each word gives, this one was logged without: train "
            "it again (pipeline train), or leave --why out"
        )
    return model.predict(list(texts), params={"why": True})


@dataclass(frozen=True)
class LoggedRepresentation:
    """What a logged model makes of headlines before it makes labels of them. `name`: the address
    by which this model, and no other, is loaded."""

    name: str
    represent: Callable[[list[str]], NDArray[np.float32]]


def load_representation(model: str, config: TrackingOptions) -> LoggedRepresentation:
    """The representation of a logged model, `model` as for `load_model`.

    Raises ModelError: there is no such model, or it does not give one.
    """
    loaded = load_model(model, config)
    try:
        represent = loaded.unwrap_python_model().embed
    except (MlflowException, AttributeError) as error:
        raise ModelError(
            f"the model {model} says nothing of where headlines lie, as one does that this version of "
            "`pipeline train` has logged: train again, or name another with --model"
        ) from error
    return LoggedRepresentation(f"models:/{loaded.metadata.model_uuid}", represent)


def registered_name(config: TrackingOptions, data: str) -> str:
    """The name in the registry: as configured, else of the experiment and the data."""
    name = config.registered_model or f"{config.experiment}-{data}"
    # The registry refuses / and : in names.
    return name.replace("/", "-").replace(":", "-")


def _check_database(path: Path) -> None:
    """SQLite's own answer would come only after two minutes of MLflow's retries."""
    there = next(
        parent for parent in (path.absolute(), *path.absolute().parents) if parent.exists()
    )
    usable = there.is_file() if there == path.absolute() else there.is_dir()
    if not usable or not os.access(there, os.W_OK):
        raise TrackingError(
            f"could not use the tracking store {path}: {there} is not writable: change to another "
            "folder, or set tracking.uri"
        )


def _log_input(item: report.Input) -> None:
    dataset = mlflow.data.from_huggingface(
        item.rows, targets="label", name=item.name, digest=item.sha256[:16]
    )
    mlflow.log_input(
        dataset, context=item.context, tags={"sha256": item.sha256, "address": item.address}
    )


def _log_pyfunc(classifier: Classifier, name: str) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        saved_model, labels = Path(folder, "saved_model"), Path(folder, "labels.json")
        export_saved_model(classifier, saved_model)
        labels.write_text(json.dumps(list(classifier.label_names)), "utf-8")
        info = mlflow.pyfunc.log_model(
            name="model",
            python_model=serving.__file__,
            artifacts={"saved_model": str(saved_model), "labels": str(labels)},
            pip_requirements=_requirements(),
            registered_model_name=name,
            await_registration_for=60,
        )
    # MLflow takes the signature from the type hints, which say nothing of parameters; it lets those
    # through that the signature names.
    signature = info.signature
    signature.params = ParamSchema(
        [ParamSpec(name, "boolean", default) for name, default in serving.PARAMS.items()]
    )
    set_signature(info.model_uri, signature)
    return info


def _requirements() -> list[str]:
    tensorflow = "tensorflow"
    try:
        version(tensorflow)
    except PackageNotFoundError:
        tensorflow = "tensorflow-cpu"  # the same modules in a smaller wheel
    return [f"{name}=={version(name)}" for name in ("mlflow", "numpy", "pandas", tensorflow)]


def _promote(
    name: str, number: str, accuracy: float, validation_sha256: str, promote: str
) -> RegisteredModel:
    client = MlflowClient()
    tags = {"validation_accuracy": repr(accuracy), "validation_sha256": validation_sha256}
    for key, value in tags.items():
        client.set_model_version_tag(name, number, key, value)
    champion = client.get_registered_model(name).aliases.get(CHAMPION)
    if promote == "never":
        wins, reason = False, "tracking.promote=never"
    elif promote == "always":
        wins, reason = True, "tracking.promote=always"
    elif champion is None:
        wins, reason = True, "there was no champion"
    else:
        old = client.get_model_version(name, str(champion)).tags
        if old.get("validation_sha256") != validation_sha256:
            wins = False
            reason = (
                f"version {champion} was validated on other headlines, which decides nothing; "
                "tracking.promote=always replaces it"
            )
        else:
            before = float(old["validation_accuracy"])
            wins = accuracy > before
            reason = (
                f"validation accuracy {accuracy:.4f} against {before:.4f} of version {champion}"
            )
    if wins:
        client.set_registered_model_alias(name, CHAMPION, number)
    uri = f"models:/{name}@{CHAMPION}" if wins else f"models:/{name}/{number}"
    return RegisteredModel(uri, name, number, wins, reason)


def _process_tags() -> dict[str, str]:
    return {"process.host": _host(), "process.id": str(os.getpid())}


def _tags() -> dict[str, str]:
    tags = _process_tags()
    for package in _PACKAGES:
        try:
            tags[f"version.{package}"] = version(package)
        except PackageNotFoundError:
            tags[f"version.{package}"] = "not installed"
    return tags | _git_tags()


def _git_tags() -> dict[str, str]:
    """Commit of the current folder's repository, and whether it has changes; none outside one."""

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", *arguments], capture_output=True, text=True, timeout=10, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git("rev-parse", "HEAD")
    if commit is None:
        return {}
    return {"git.commit": commit, "git.dirty": str(bool(git("status", "--porcelain"))).lower()}


def _unfinished(experiment_id: str, key: str) -> str | None:
    query = f"tags.`{_RESUME_KEY}` = '{key}' and attributes.status != 'FINISHED'"
    for run in MlflowClient().search_runs([experiment_id], query):
        if run.info.status in ("KILLED", "FAILED"):
            logger.info("tracking: the run %s is taken up", run.info.run_name)
            return str(run.info.run_id)
    return None


def _end_abandoned_runs(experiment_id: str) -> None:
    client = MlflowClient()
    query = f"attributes.status = 'RUNNING' and tags.`process.host` = '{_host()}'"
    for run in client.search_runs([experiment_id], query):
        process = run.data.tags.get("process.id", "")
        if process.isdigit() and not psutil.pid_exists(int(process)):
            client.set_tag(run.info.run_id, "end.reason", "its process ended without a word")
            client.set_terminated(run.info.run_id, "KILLED")
            logger.warning("tracking: run %s was abandoned, marked as KILLED", run.info.run_name)


def _host() -> str:
    """Where a process number means something: this machine and, in a container, this container.

    Machines may share their name and containers their network, so neither is enough by itself.
    """
    namespace = Path("/proc/self/ns/pid")
    inside = os.readlink(namespace) if namespace.exists() else ""
    name = f"{socket.gethostname()}-{uuid.getnode():x}-{inside}"
    return "".join(character for character in name if character not in "'\"[]:")


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]
