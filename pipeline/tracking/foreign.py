"""Models that this package did not write, loaded because the user trusts them. Their code runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mlflow
import numpy as np
from numpy.typing import NDArray

from pipeline.base.errors import ModelError
from pipeline.tracking.connection import first_line
from pipeline.tracking.models import ModelFolder


@dataclass(frozen=True, eq=False)
class ForeignModel:
    """A model of someone else, or of an earlier version of this package.

    `address`, `id`: as in `LoadedModel`. `pyfunc`: MLflow's own object.
    """

    address: str
    id: str
    pyfunc: Any

    def predict(self, texts: Sequence[str], **params: Any) -> list[dict[str, Any]]:
        """As `LoadedModel.predict`. Raises ModelError: the model answers otherwise, or fails."""
        try:
            rows = self.pyfunc.predict(list(texts), params=params or None)
        except Exception as error:  # foreign code raises what it likes
            raise self._unusable(f"it failed: {first_line(error)}") from error
        rows = rows if isinstance(rows, list) else [rows]
        if len(rows) != len(texts) or not all(map(_is_row, rows)):
            raise self._unusable(f"it gave {type(rows[0]).__name__}" if rows else "it gave nothing")
        if params.get("why") and not all("why" in row for row in rows):
            raise self._unusable("it does not say what each word gives: leave --why out")
        if params.get("coverage") and not all("labels" in row for row in rows):
            raise self._unusable("it gives no sets of labels: leave --coverage out")
        return rows

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Raises ModelError: only a model of this package gives a representation."""
        raise ModelError(
            f"{self.address}: expected a model that gives a representation of headlines, this one "
            "was not logged by this version of `pipeline train`: train again, or name another with "
            "--model"
        )

    def _unusable(self, reason: str) -> ModelError:
        return ModelError(
            f"{self.address}: expected a model that gives a label, its probability and the "
            f"probabilities of all labels for each headline, {reason}: name another with --model"
        )


def load_foreign(folder: ModelFolder) -> ForeignModel:
    """Load an MLflow model, and run what is in it. Raises ModelError: it cannot be loaded."""
    try:
        # By its folder where it is one, as what was fetched is removed.
        local = str(folder.path) if str(folder.path) == folder.address else folder.address
        return ForeignModel(folder.address, folder.id, mlflow.pyfunc.load_model(local))
    except Exception as error:  # whatever foreign code raises
        raise ModelError(
            f"could not load the model {folder.address}: {first_line(error)}: name another with "
            "--model"
        ) from error


def _is_row(row: Any) -> bool:
    if not isinstance(row, dict) or not isinstance(row.get("probabilities"), dict):
        return False
    return isinstance(row.get("label"), str | None) and isinstance(row.get("probability"), float)
