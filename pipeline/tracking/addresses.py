"""Which model a name stands for, and where its files are."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow
import yaml
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

from pipeline.base.addresses import masked
from pipeline.base.errors import ModelError, TrackingError, nearest
from pipeline.tracking.connection import (
    check_store,
    connect,
    few_retries,
    first_line,
    is_new_store,
    mlflow_errors,
    tracking_uri,
    waits_for,
)
from pipeline.tracking.models import is_run_id
from pipeline.tracking.registry import CHAMPION, registered_models, version_address

_ALIAS = re.compile(r"models:/(?P<name>[^/@]+)@(?P<alias>[^/@]+)")
_TRAIN_FIRST = "train one first (pipeline train), or name a folder with --model"


@few_retries()
def find_address(model: str | None, uri: str | None) -> str:
    """The address of one version, as in `models:/headlines-bbc/3`.

    `model`: a registered name (its champion), or an address of MLflow; None: the only registered
    model. `uri`: the address of the store, as for `tracking_uri`.

    Raises ModelError: there is no such model; TrackingError: the store does not answer.
    """
    if model is not None and (not model.strip() or not model.isprintable()):
        raise ModelError(f"expected the name of a model, got {model!r}")
    if model is not None and ":/" in model and not model.startswith(("models:/", "runs:/")):
        raise ModelError(
            f"{masked(model)}: expected models:/NAME/VERSION, models:/NAME@ALIAS or "
            "runs:/ID/model: copy a model from elsewhere to a folder, and name that"
        )
    store = tracking_uri(uri)
    shown = masked(store)
    if is_new_store(store):  # connecting would make it
        raise ModelError(f"there is no model in {shown}: {_TRAIN_FIRST}")
    connect(uri)
    if model is None or ":/" not in model:
        with waits_for(store):
            model = f"models:/{_registered(model, shown)}@{CHAMPION}"
    alias = _ALIAS.fullmatch(model)
    if alias is None:
        return model
    try:
        with waits_for(store):
            return version_address(alias["name"], alias["alias"])
    except MlflowException as error:
        raise ModelError(
            f"could not find {model} in {shown}: {first_line(error)}: name a version, as in "
            f"--model models:/{alias['name']}/1"
        ) from error


@contextmanager
def fetched_model(address: str) -> Iterator[Path]:
    """The folder of a model, which is removed afterwards. Raises ModelError: it cannot be had."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with few_retries(), waits_for(mlflow.get_tracking_uri()):
                fetched = mlflow.artifacts.download_artifacts(artifact_uri=address, dst_path=folder)
        except Exception as error:  # each kind of storage has errors of its own
            raise ModelError(
                f"could not load the model {address}: {first_line(error)}: name another with "
                "--model"
            ) from error
        yield Path(fetched)


def _registered(name: str | None, store: str) -> str:
    """The name, where it is registered; without one, the only name that is."""
    with mlflow_errors(f"{store} did not say which models it has"):
        names = registered_models()
    if not names:
        raise ModelError(f"there is no model in {store}: {_TRAIN_FIRST}")
    if name is None and len(names) > 1:
        raise ModelError(
            f"expected the name of a model, {store} has {', '.join(names)}: choose one, as in "
            f"--model {names[0]}"
        )
    if name is not None and name not in names:
        if is_run_id(name):
            raise ModelError(
                f"expected the name of a model, got {name}, which looks like the ID of a run: its "
                f"model is runs:/{name}/model"
            )
        raise ModelError(
            f"there is no model {name!r} in {store}, it has "
            f"{', '.join(names)}{nearest(name, names)}"
        )
    return name or names[0]


def run_options(run_id: str, uri: str | None = None) -> dict[str, Any]:
    """The options that a run was started with, as nested mappings.

    Raises TrackingError: there is no such run, or it has no options.
    """
    store = tracking_uri(uri)
    shown = f"the options of the run {run_id} in {masked(store)}"
    if is_new_store(store):  # connecting would make it
        raise TrackingError(f"could not read {shown}: there is no such store yet")
    check_store(uri)
    with (
        mlflow_errors(f"could not read {shown}"),
        waits_for(store),
        few_retries(),
        tempfile.TemporaryDirectory() as folder,
    ):
        path = MlflowClient(store).download_artifacts(run_id, "config.yaml", folder)
        return dict(yaml.safe_load(Path(path).read_text("utf-8")))


def read_run(run_id: str, phases: str, folder: Path) -> dict[str, Any]:
    """What a run of the store says of its training: `options`, nested; `metrics`; `tags`;
    `digests` of its data, by what they are for.

    Empty: the run, or its file of options, is gone. `phases`: a folder of the run that is copied to
    `folder`, where the run has it.
    """
    client = MlflowClient()
    try:
        run = client.get_run(run_id)
        options = Path(client.download_artifacts(run_id, "config.yaml", str(folder)))
        if client.list_artifacts(run_id, phases):
            client.download_artifacts(run_id, phases, str(folder))
        read = yaml.safe_load(options.read_text("utf-8"))
    except (MlflowException, OSError, yaml.YAMLError):
        return {}
    inputs = run.inputs.dataset_inputs if run.inputs else []
    digests = {tag.value: each.dataset.digest for each in inputs for tag in each.tags
               if tag.key == MLFLOW_DATASET_CONTEXT}  # fmt: skip
    return {
        "options": read,
        "metrics": dict(run.data.metrics),
        "tags": dict(run.data.tags),
        "digests": digests,
    }


def run_metrics(run_id: str) -> dict[str, float]:
    """The accuracy and macro F1 that a run of the store has. Empty: the run is gone."""
    try:
        metrics = MlflowClient().get_run(run_id).data.metrics
    except MlflowException:
        return {}
    names = ("validation/accuracy", "test/accuracy", "test/macro_f1")
    return {name: metrics[name] for name in names if name in metrics}
