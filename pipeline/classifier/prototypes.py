"""What `model=metric` learns: texts of one label lie near each other, those of others far away."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import ops

_LEAST = 1e-6  # squared distance below which two texts are in one place


@keras.saving.register_keras_serializable(package="pipeline")
class Prototypes(keras.layers.Layer):
    """Logits that fall with the distance to a learned prototype of each label.

    Inputs: representations, float tensor (n, width). Output: (n, units), minus half the squared
    Euclidean distances (Snell, Swersky and Zemel 2017, arXiv 1703.05175; their prototypes are the
    means of the classes). Training adds `extra_loss`: `contrastive` times `pair_loss` with
    `margin`.
    """

    def __init__(
        self, units: int, margin: float, contrastive: float, seed: int, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.units, self.margin, self.contrastive, self.seed = units, margin, contrastive, seed

    def build(self, shape: Any) -> None:
        width = shape[-1]
        initializer = keras.initializers.RandomNormal(stddev=width**-0.5, seed=self.seed)
        self.prototypes = self.add_weight((self.units, width), initializer, name="prototypes")

    def call(self, inputs: Any) -> Any:
        squares = ops.sum(inputs**2, axis=1, keepdims=True) + ops.sum(self.prototypes**2, axis=1)
        return ops.matmul(inputs, ops.transpose(self.prototypes)) - squares / 2

    def extra_loss(self, labels: Any, representations: Any, weights: Any = None) -> Any:
        """The part of the loss beside cross-entropy: labels (n,), representations (n, width).

        `weights`: of the texts, (n,), or None."""
        return self.contrastive * pair_loss(labels, representations, self.margin, weights)

    def get_config(self) -> dict[str, Any]:
        names = ("units", "margin", "contrastive", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def pair_loss(labels: Any, representations: Any, margin: float, weights: Any = None) -> Any:
    """The contrastive loss of Hadsell, Chopra and LeCun (2006), doi 10.1109/CVPR.2006.100,
    equation 4.

    labels: int tensor (n,); representations: float tensor (n, width). All pairs of the batch count,
    and the result is their mean. With d the Euclidean distance of a pair, a pair of one label costs
    half of d squared. Another pair costs half of (margin - d) squared, and nothing beyond the
    margin. With `weights` of the texts, float tensor (n,), a pair counts by the product of both.
    """
    squares = tf.reduce_sum(representations**2, axis=1)
    products = tf.matmul(representations, representations, transpose_b=True)
    squared = tf.maximum(squares[:, None] + squares[None, :] - 2 * products, _LEAST)
    near = tf.maximum(margin - tf.sqrt(squared), 0) ** 2
    pairs = 1 - tf.eye(tf.size(labels))
    if weights is not None:
        pairs *= weights[:, None] * weights[None, :]
    losses = pairs * tf.where(labels[:, None] == labels[None, :], squared, near) / 2
    return tf.math.divide_no_nan(tf.reduce_sum(losses), tf.reduce_sum(pairs))
