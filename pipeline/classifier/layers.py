"""Keras layers of the network and of the ensemble."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops


@keras.saving.register_keras_serializable(package="pipeline")
class GatherEmbedding(keras.layers.Embedding):
    """keras.layers.Embedding that reads only the rows that it needs.

    Keras's own reads the whole table and takes rows from it. TensorFlow copies a table that is read
    once single rows of it were updated, as `SparseAdam` does. So each step, and each prediction
    after training, would take longer for a larger table.
    """

    def call(self, inputs: Any) -> Any:
        return tf.gather(self.embeddings.value, inputs)


@keras.saving.register_keras_serializable(package="pipeline")
class MaskedPooling(keras.layers.Layer):
    """Pool over the tokens of a text, without padding.

    `how`: `mean` or `max`. Inputs: float tensor (n, tokens, width) and mask, bool tensor
    (n, tokens). Output: (n, width); zeros for a text without tokens.
    """

    def __init__(self, how: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.how = how
        self.supports_masking = True  # the mask comes as `token_mask`, and ends here

    def call(self, inputs: Any, token_mask: Any) -> Any:
        present = ops.expand_dims(ops.cast(token_mask, inputs.dtype), -1)
        count = ops.sum(present, axis=1)
        if self.how == "mean":
            return ops.sum(inputs * present, axis=1) / ops.maximum(count, 1)
        highest = ops.max(inputs - 1e9 * (1 - present), axis=1)
        return ops.where(count > 0, highest, ops.zeros_like(highest))

    def compute_mask(self, inputs: Any, previous_mask: Any) -> None:
        return None

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "how": self.how}


@keras.saving.register_keras_serializable(package="pipeline")
class LogLinear(keras.layers.Layer):
    """Multiply the members' probabilities, each to the power of its weight.

    Inputs: log-probabilities of each member, tensors (n, n_labels). Output: probabilities,
    (n, n_labels).
    """

    def __init__(self, weights: Sequence[float], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.member_weights = tuple(weights)

    def call(self, logs: Any) -> Any:
        weighed = [w * member for w, member in zip(self.member_weights, logs, strict=True)]
        return ops.softmax(sum(weighed[1:], start=weighed[0]))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weights": self.member_weights}


@keras.saving.register_keras_serializable(package="pipeline")
class PriorForNothing(keras.layers.Layer):
    """The label shares of training, for texts of which the members know nothing.

    Inputs: probabilities (n, n_labels), and token ids (n, tokens). Output: the same probabilities,
    or `prior` where all token ids are of `nothing`.

    Args:
        prior: the shares, one a label.
        n_rows: of the matrix.
        nothing: rows that say nothing, padding among them.
    """

    def __init__(
        self, prior: Sequence[float], n_rows: int, nothing: Sequence[int], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.prior, self.n_rows, self.nothing = tuple(prior), n_rows, tuple(nothing)
        self._says = np.ones(n_rows, bool)
        self._says[list(nothing)] = False

    def says(self, token_ids: Any) -> Any:
        """Whether the members know anything of each text: bool tensor (n, 1)."""
        return ops.any(tf.gather(self._says, token_ids), axis=1, keepdims=True)

    def call(self, probabilities: Any, token_ids: Any) -> Any:
        says = self.says(token_ids)
        return ops.where(says, probabilities, ops.cast(self.prior, probabilities.dtype))

    def get_config(self) -> dict[str, Any]:
        own = {"prior": self.prior, "n_rows": self.n_rows, "nothing": self.nothing}
        return {**super().get_config(), **own}
