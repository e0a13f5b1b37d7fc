"""Logged models: a classifier is read back by a name, an address or a folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from mlflow.exceptions import MlflowException
from numpy.typing import NDArray

from pipeline.base.errors import ModelError, nearest
from pipeline.tracking.connection import (
    connect,
    first_line,
    is_new_store,
    mlflow_errors,
    tracking_uri,
)
from pipeline.tracking.registry import CHAMPION, registered_models, version_address

_ALIAS = re.compile(r"models:/(?P<name>[^/@]+)@(?P<alias>[^/@]+)")
_TRAIN_FIRST = "train one first (pipeline train), or name a folder with --model"


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A logged model in memory.

    `address`: what gives this version of it again, as in `models:/headlines-bbc/3`; `id`: by which
    MLflow knows it, wherever it lies; `pyfunc`: MLflow's own object.
    """

    address: str
    id: str
    pyfunc: Any

    def predict(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        """One item a text: `label`, its `probability`, and the `probabilities` of all labels."""
        return self.pyfunc.predict(list(texts))

    def why(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        """As `predict`, and in each item `why`: see `serving.HeadlineModel.predict`.

        Raises ModelError: the model was logged without that.
        """
        params = self.pyfunc.metadata.get_params_schema()
        if params is None or "why" not in {param.name for param in params.params}:
            raise ModelError(
                f"{self.address}: expected a model that says what each word gives, this one was "
                "logged without: train it again (pipeline train), or leave --why out"
            )
        return self.pyfunc.predict(list(texts), params={"why": True})

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The representation of texts before the last layer: float32 array, (len(texts), width).

        Raises ModelError: the model does not give one.
        """
        self.check_embeds()
        return self.pyfunc.unwrap_python_model().embed(list(texts))

    def check_embeds(self) -> None:
        """Raises ModelError: the model does not give a representation."""
        try:
            embeds = hasattr(self.pyfunc.unwrap_python_model(), "embed")
        except MlflowException:  # it is no model of Python code
            embeds = False
        if not embeds:
            raise ModelError(
                f"{self.address}: expected a model that gives a representation of headlines, this "
                "one was not logged by this version of `pipeline train`: train again, or name "
                "another with --model"
            )


def load_model(model: str | None = None, uri: str | None = None) -> LoadedModel:
    """Load a logged model.

    `model`: a registered name (its champion), `models:/NAME@ALIAS`, `models:/NAME/VERSION`,
    `runs:/ID/model`, or a local folder; None: the only registered model of the store. `uri`: the
    address of the store, as for `tracking_uri`.

    Raises ModelError: there is no such model, or it cannot be loaded; TrackingError: the store does
    not answer.
    """
    address = _find_model(model, uri)
    try:
        loaded = mlflow.pyfunc.load_model(address)
    except Exception as error:  # whatever a foreign or damaged folder makes MLflow raise
        raise ModelError(
            f"could not load the model {address}: {first_line(error)}: name another with --model"
        ) from error
    return LoadedModel(address, str(loaded.metadata.model_uuid), loaded)


def _find_model(model: str | None, uri: str | None) -> str:
    """The address of one version, or a folder."""
    if model is not None and Path(model, "MLmodel").is_file():
        return model
    if model is not None and ":/" not in model and "/" in model:
        raise ModelError(
            f"{model}: expected a folder with a file MLmodel, there is none: name a registered "
            "model, or the folder that MLflow wrote"
        )
    store = tracking_uri(uri)
    if is_new_store(store):  # connecting would make it
        raise ModelError(f"there is no model in {store}: {_TRAIN_FIRST}")
    connect(uri)
    if model is None or ":/" not in model:
        model = f"models:/{_registered(model, store)}@{CHAMPION}"
    alias = _ALIAS.fullmatch(model)
    if alias is None:
        return model
    try:
        return version_address(alias["name"], alias["alias"])
    except MlflowException as error:
        raise ModelError(
            f"could not find {model} in {store}: {first_line(error)}: name a version, as in --model "
            f"models:/{alias['name']}/1"
        ) from error


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
        raise ModelError(
            f"there is no model {name!r} in {store}, it has {', '.join(names)}{nearest(name, names)}"
        )
    return name or names[0]
