"""Descriptions of experiments, runs and models in MLflow. A description never breaks a run.

One that is too long is cut. One that the store refuses is left out with a warning. A store that is
away raises, as everything does that is sent again later.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

from pipeline.base.addresses import masked
from pipeline.tracking.connection import first_line

logger = logging.getLogger(__name__)

LONGEST_NOTE = 5000  # characters that every store takes
_REFUSED = {"INVALID_PARAMETER_VALUE", "BAD_REQUEST"}


def cut_note(text: str, most: int = LONGEST_NOTE) -> str:
    """The text without passwords, its last lines left out where it is longer than `most`.

    >>> cut_note("first\\nsecond\\nthird", 10)
    'first\\n…'
    """
    text = masked(text)
    if len(text) <= most:
        return text
    return f"{text[: most - 2].rpartition(chr(10))[0] or text[: most - 2]}\n…"


def set_run_note(client: MlflowClient, run_id: str, text: str) -> None:
    """Describe a run. Raises what MLflow raises where it does not answer."""
    with _unbroken():
        client.set_tag(run_id, MLFLOW_RUN_NOTE, cut_note(text))


def set_experiment_note(client: MlflowClient, experiment_id: str, text: str) -> None:
    """Describe an experiment that nobody has described. Raises as `set_run_note`."""
    with _unbroken():
        if MLFLOW_RUN_NOTE not in client.get_experiment(experiment_id).tags:
            client.set_experiment_tag(experiment_id, MLFLOW_RUN_NOTE, cut_note(text))


def set_version_note(client: MlflowClient, name: str, version: str, text: str) -> None:
    """Describe a version of a registered model. Raises as `set_run_note`."""
    with _unbroken():
        client.update_model_version(name, version, cut_note(text))


def set_model_note(client: MlflowClient, name: str, text: str) -> None:
    """Describe a registered model. Raises as `set_run_note`."""
    with _unbroken():
        client.update_registered_model(name, cut_note(text))


@contextmanager
def _unbroken() -> Iterator[None]:
    try:
        yield
    except MlflowException as error:
        if error.error_code not in _REFUSED:
            raise
        logger.warning("tracking: a description was refused and is left out: %s", first_line(error))
