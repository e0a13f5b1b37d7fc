"""The logged model: strings in, label and probabilities out.

MLflow copies this file beside the model and runs it where the model is loaded. It must not import
anything from this package, which need not be installed there.
"""

from __future__ import annotations

import gc
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import mlflow
import numpy as np

BATCH_SIZE = 1024  # headlines scored at a time, which bounds the memory of a large request


class HeadlineModel(mlflow.pyfunc.PythonModel):
    """A TensorFlow SavedModel and the names of its labels."""

    def load_context(self, context: Any) -> None:
        import tensorflow as tf

        self._scorer = tf.saved_model.load(context.artifacts["saved_model"])
        self._labels = json.loads(Path(context.artifacts["labels"]).read_text("utf-8"))

    def predict(self, model_input: list[str], params: dict[str, Any] | None = None) -> list[dict]:  # type: ignore[type-arg]  # MLflow warns of dict[str, Any]
        """One item a headline: `label`, its `probability`, and the `probabilities` of all."""
        return _rows(self._labels, self._probabilities(model_input))

    def represent(self, texts: list[str]) -> Any:
        """Where headlines lie before the last layer of the network: float32 array, (len(texts),
        width), as `Classifier.represent`. `unwrap_python_model()` gives the object to call."""
        return self._in_batches(self._scorer.represent, texts)

    def _probabilities(self, texts: list[str]) -> Any:
        """float32 array, (len(texts), n_labels), as `pipeline.model.predict_probabilities`."""
        if not texts:
            return np.zeros((0, len(self._labels)), np.float32)
        return self._in_batches(self._scorer, texts)

    def _in_batches(self, function: Any, texts: list[str]) -> Any:
        """The rows that a function of the saved model gives for one headline or more."""
        import tensorflow as tf

        def score(batch: list[str]) -> Any:
            return function(tf.constant(batch, tf.string)).numpy()

        if len(texts) <= BATCH_SIZE:
            return score(texts)
        # A batch is as wide as its longest headline, so those of like length go together.
        order = np.argsort([len(text) for text in texts], kind="stable")
        batches = [
            [texts[i] for i in order[start : start + BATCH_SIZE]]
            for start in range(0, len(texts), BATCH_SIZE)
        ]
        # TensorFlow's operations on strings use one core each, and let other Python threads run.
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            scores = np.concatenate(list(threads.map(score, batches)))
        rows = np.empty_like(scores)
        rows[order] = scores
        return rows


def _rows(labels: list[str], probabilities: Any) -> list[dict[str, Any]]:
    # Python looks for cycles again and again while many objects are made, which in a process
    # with TensorFlow took three quarters of the time. There are none in these.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return [
            {
                "label": labels[best],
                "probability": values[best],
                "probabilities": dict(zip(labels, values, strict=True)),
            }
            for best, values in zip(
                probabilities.argmax(axis=1).tolist(), probabilities.tolist(), strict=True
            )
        ]
    finally:
        if collecting:
            gc.enable()


mlflow.models.set_model(HeadlineModel())
