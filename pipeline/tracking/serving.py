"""The logged model: headlines in, labels and probabilities out.

MLflow copies this file beside the model, and runs it where the model is loaded. This package need
not be installed there, so this file imports nothing of it.
"""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import mlflow
import numpy as np

BATCH_SIZE = 1024  # headlines scored at a time, so that a large request needs little memory
WHY_BATCH_SIZE = 64  # the same with `why`
PARAMS = {"why": False}  # the parameters of a request, with their defaults


class HeadlineModel(mlflow.pyfunc.PythonModel):
    """A TensorFlow SavedModel and the names of its labels."""

    def load_context(self, context: Any) -> None:
        import tensorflow as tf

        self._scorer = tf.saved_model.load(context.artifacts["saved_model"])
        self._labels = json.loads(Path(context.artifacts["labels"]).read_text("utf-8"))

    def predict(self, model_input: list[str], params: dict[str, Any] | None = None) -> list[dict]:  # type: ignore[type-arg]  # MLflow warns of dict[str, Any]
        """One item a headline: `label`, its `probability`, and the `probabilities` of all labels.

        The parameter `why` adds `why`: the `words`, each with its `tokens` and its `contributions`,
        which is what it gives to each label; and the `bias`, which is what no word gives.
        """
        rows = _rows(self._labels, self._probabilities(model_input))
        if params and params.get("why"):
            for row, why in zip(rows, self._contributions(model_input), strict=True):
                row["why"] = why
        return rows

    def _contributions(self, texts: list[str]) -> Iterator[dict[str, Any]]:
        """What each word of each text gives to each label, in nats."""
        import tensorflow as tf

        def named(values: Any) -> dict[str, float]:
            return dict(zip(self._labels, values.tolist(), strict=True))

        for start in range(0, len(texts), WHY_BATCH_SIZE):
            batch = tf.constant(texts[start : start + WHY_BATCH_SIZE], tf.string)
            given = self._scorer.contributions(batch)
            # By their flat values, as TensorFlow takes long to make lists of ragged tensors.
            n_words, n_tokens = (x.numpy() for x in given["tokens"].nested_row_lengths())
            tokens = iter(given["tokens"].flat_values.numpy())
            words = zip(
                given["words"].flat_values.numpy(),
                n_tokens,
                tf.reduce_sum(given["values"], axis=2).flat_values.numpy(),
                strict=True,
            )
            for count, bias in zip(n_words, given["bias"].numpy(), strict=True):
                explained = [
                    {
                        "word": word.decode(),
                        "tokens": [token.decode() for token in islice(tokens, int(length))],
                        "contributions": named(values),
                    }
                    for word, length, values in islice(words, int(count))
                ]
                yield {"words": explained, "bias": named(bias)}

    def embed(self, texts: list[str]) -> Any:
        """The representation of texts before the last layer of the network: float32 array,
        (len(texts), width). `unwrap_python_model()` of the loaded model gives the object to call."""
        return self._in_batches(self._scorer.embed, texts)

    def _probabilities(self, texts: list[str]) -> Any:
        """The probability of each label: float32 array, (len(texts), n_labels)."""
        if not texts:
            return np.zeros((0, len(self._labels)), np.float32)
        return self._in_batches(self._scorer, texts)

    def _in_batches(self, function: Any, texts: list[str]) -> Any:
        """The rows that a function of the saved model gives for texts: array, (len(texts), width)."""
        import tensorflow as tf

        def score(batch: list[str]) -> Any:
            return function(tf.constant(batch, tf.string)).numpy()

        if len(texts) <= BATCH_SIZE:
            return score(texts)
        # A batch is as wide as its longest text, so texts of similar length go together.
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
    # While many objects are made, Python looks for cycles again and again. In a process with
    # TensorFlow that took three quarters of the time, and these objects have no cycles.
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
