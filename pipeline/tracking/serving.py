"""The logged model as MLflow loads it: texts in, labels and probabilities out.

This package need not be installed where the model is loaded. So this file is copied beside the
model, with a copy of `pipeline.portable`, and imports only that and MLflow.
"""

from __future__ import annotations

from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

from ..base.errors import DataError
from ..portable.answers import answer, read_payload
from ..portable.classifier import PortableClassifier
from ..portable.folder import load_classifier


class HeadlineModel:
    """A portable classifier behind MLflow's interface."""

    def __init__(self, classifier: PortableClassifier) -> None:
        self._classifier = classifier

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> list[dict]:  # type: ignore[type-arg]
        """One item a text: `label`, its `probability`, and the `probabilities` of all labels.

        `model_input`: a text, a list or a Series of texts, or a table with one column of texts.
        `params`: `top_k`, `threshold`, `coverage` and `why`, as `pipeline.portable.answers.answer`
        explains them. Raises MlflowException: there is another input, or a parameter is out of
        range.
        """
        try:
            return answer(self._classifier, read_payload(model_input), **(params or {}))
        except DataError as error:
            raise MlflowException(str(error), INVALID_PARAMETER_VALUE) from error


def _load_pyfunc(path: str) -> HeadlineModel:
    """What MLflow calls with the folder of the classifier."""
    return HeadlineModel(load_classifier(path))
