"""The options of `tracking`: where a run is logged."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from pipeline.base.options import STRICT


@dataclass(frozen=True, config=STRICT)
class TrackingOptions:
    """Where the run is logged and what its model is called in the registry.

    `uri` falls back to the variable MLFLOW_TRACKING_URI and then to `sqlite:///mlflow.db`.
    `registered_model` falls back to `<experiment>-<name of the data>`.
    """

    experiment: Annotated[str, Field(min_length=1)] = "headlines"
    uri: str | None = None
    run_name: str | None = None
    registered_model: str | None = None
    promote: Literal["auto", "always", "never"] = "auto"
