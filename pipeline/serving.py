"""The logged model: strings in, label and probabilities out.

MLflow copies this file beside the model and runs it where the model is loaded. It must not import
anything from this package, which need not be installed there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mlflow

BATCH_SIZE = 1024  # headlines scored at a time, which bounds the memory of a large request


class HeadlineModel(mlflow.pyfunc.PythonModel):
    """A TensorFlow SavedModel and the names of its labels."""

    def load_context(self, context: Any) -> None:
        import tensorflow as tf

        self._scorer = tf.saved_model.load(context.artifacts["saved_model"])
        self._labels = json.loads(Path(context.artifacts["labels"]).read_text("utf-8"))

    def predict(self, model_input: list[str], params: dict[str, Any] | None = None) -> list[dict]:  # type: ignore[type-arg]  # MLflow warns of dict[str, Any]
        """One item a headline: `label`, its `probability`, and the `probabilities` of all."""
        import tensorflow as tf

        rows: list[dict[str, Any]] = []
        for start in range(0, len(model_input), BATCH_SIZE):
            texts = tf.constant(model_input[start : start + BATCH_SIZE], tf.string)
            for values in self._scorer(texts).numpy().tolist():
                best = max(range(len(values)), key=values.__getitem__)
                rows.append(
                    {
                        "label": self._labels[best],
                        "probability": values[best],
                        "probabilities": dict(zip(self._labels, values, strict=True)),
                    }
                )
        return rows


mlflow.models.set_model(HeadlineModel())
