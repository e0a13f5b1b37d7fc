"""The experiment that runs belong to."""

from __future__ import annotations

import re
from pathlib import Path

from mlflow import MlflowClient

from pipeline.base.addresses import masked
from pipeline.base.errors import TrackingError
from pipeline.report.description import experiment_description
from pipeline.tracking.database import artifacts_folder, database_file, store_lock
from pipeline.tracking.notes import set_experiment_note


def prepare_experiment(client: MlflowClient, uri: str, name: str) -> str:
    """The id of the experiment of that name, which is made and described if need be.

    The files of its runs lie beside the database.

    Raises TrackingError: it was deleted, or its files are no longer where they were.
    """
    path = database_file(uri)
    with store_lock(uri):
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            # MLflow would take the current folder, which may be another one, or cannot be written.
            part = re.sub(r"[^\w.-]", "-", name)
            location = None if path is None else str(artifacts_folder(path) / part)
            experiment = client.get_experiment(client.create_experiment(name, location))
    if experiment.lifecycle_stage == "deleted":
        raise TrackingError(
            f"{masked(uri)} did not start a run: {name!r} is a deleted experiment: restore it "
            f"(mlflow experiments restore -x {experiment.experiment_id}), or choose another name "
            "with tracking.experiment"
        )
    if path is not None:
        _check_moved(path, Path(experiment.artifact_location.removeprefix("file://")), name)
    experiment_id = str(experiment.experiment_id)
    with store_lock(uri):  # two at once would both write it, and the store refuses one
        set_experiment_note(client, experiment_id, experiment_description(experiment_id))
    return experiment_id


def _check_moved(database: Path, files: Path, experiment: str) -> None:
    """MLflow notes absolute addresses, and would go on writing where the folder was before."""
    here = artifacts_folder(database)
    root = next((p for p in files.parents if p.name == here.name), files.parent)
    if root != here and here.is_dir() and not root.exists():
        raise TrackingError(
            f"{database} expects the files of the experiment {experiment!r} in {root}, which is "
            f"not there, but in {here} there are some: was the folder moved? Link it (mkdir -p "
            f"{root.parent} && ln -s {here} {root}), or choose another tracking.experiment"
        )
