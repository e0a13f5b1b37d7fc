"""The options of `tracking`: where a run is logged."""

from __future__ import annotations

from typing import Literal

from pydantic.dataclasses import dataclass

from pipeline.base.options import STRICT, Name, Text


@dataclass(frozen=True, config=STRICT)
class TrackingOptions:
    """Where a run is logged, and what its model is called in the registry.

    `uri`: the address of the store; None: the variable MLFLOW_TRACKING_URI, else
    `sqlite:///mlflow.db`. `run_name`: None: made of the data, the vectors and the network.
    `registered_model`: None: `EXPERIMENT-DATA`. `promote`: when a new version gets the alias
    `champion`; with `auto` where it is better on the same validation headlines.
    """

    experiment: Name = "headlines"
    uri: str | None = None
    run_name: Text | None = None
    registered_model: Text | None = None
    promote: Literal["auto", "always", "never"] = "auto"
