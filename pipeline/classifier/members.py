"""What a classifier is made of: members that give log-probabilities and can explain them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray

from pipeline.classifier.encoders import encoder_for
from pipeline.classifier.network import Network, TokenBatch

STEPS = 16  # of integrated gradients, where the gradient alone is not exact


@dataclass(frozen=True, eq=False)
class TokenPlaces:
    """Where the tokens of a batch of texts stand. `counts`: int32 (n,), tokens of each text.
    `text_of_token`: int32 (n_tokens,), the text of each token of the batch."""

    counts: Any
    text_of_token: Any

    @property
    def n_tokens(self) -> Any:
        """How many tokens all texts have together."""
        return tf.size(self.text_of_token)


class Member(Protocol):
    """One of the experts whose probabilities a classifier multiplies."""

    @property
    def name(self) -> str:
        """Its name in the ensemble, as it is logged."""

    def log_probabilities(self, batch: TokenBatch) -> Any:
        """Log-probabilities of the labels, float32 (n, n_labels)."""

    def contributions(
        self, batch: TokenBatch, places: TokenPlaces, steps: int | None
    ) -> tuple[Any, Any]:
        """What each token gives to each label, float32 (n_tokens, n_labels), and what no token
        gives, (n, n_labels), in nats. Their sum over a text is a logit of the label."""


@dataclass(frozen=True, eq=False)
class NetworkMember:
    """The Keras network as a member."""

    network: Network
    name: str = "network"

    def log_probabilities(self, batch: TokenBatch) -> Any:
        """Log-softmax of the logits, float32 (n, n_labels)."""
        logits, _, _ = self.network.encoder([batch.vectors, batch.present])
        return ops.log_softmax(logits)

    def contributions(
        self, batch: TokenBatch, places: TokenPlaces, steps: int | None
    ) -> tuple[Any, Any]:
        """The gradient at the word vectors times the word vectors.

        Where the encoder is linear between its kinks this is exact: a maximum belongs to the token
        or window that holds it, and the network's biases are what is left. Elsewhere it is the mean
        gradient on the way from zero vectors (integrated gradients: Sundararajan, Taly and Yan
        2017, arXiv 1703.01365).
        """
        if steps is None:
            steps = 0 if encoder_for(self.network.options).piecewise_linear else STEPS
        points, shares = _path(steps)
        vectors, encoder = batch.vectors, self.network.encoder
        scaled = tf.concat([float(point) * vectors for point in points], axis=0)
        all_present = tf.tile(batch.present, (len(points), 1))
        shape = tf.concat([[len(points)], tf.shape(vectors)], axis=0)

        def explain_label(label: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(scaled)
                logits, _, _ = encoder([scaled, all_present], training=False)
                score = tf.gather(logits, label, axis=1)
            gradients = tf.reshape(tape.gradient(score, scaled), shape)
            mean = tf.tensordot(tf.constant(shares, tf.float32), gradients, 1)
            return tf.reduce_sum(mean * vectors, axis=-1)

        # One label after the other, so that the graph does not grow with them.
        by_label = tf.map_fn(
            explain_label,
            tf.range(self.network.n_labels),
            fn_output_signature=tf.float32,
            parallel_iterations=1,
        )
        values = tf.transpose(by_label, (1, 2, 0))
        logits, _, _ = encoder([vectors, batch.present], training=False)
        return rows_of_tokens(values, places), logits - tf.reduce_sum(values, axis=1)


def rows_of_tokens(values: Any, places: TokenPlaces) -> Any:
    """Padded values (n, width, n_labels) as a row a token; zeros for tokens beyond the width."""
    width = tf.shape(values)[1]
    place = tf.ragged.range(places.counts).values
    indices = tf.stack([places.text_of_token, tf.minimum(place, width - 1)], axis=1)
    return tf.where((place < width)[:, None], tf.gather_nd(values, indices), 0.0)


def _path(steps: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points between 0 and 1 and their weights (Gauss-Legendre); the end alone for no steps."""
    if not steps:
        return np.ones(1), np.ones(1)
    points, weights = np.polynomial.legendre.leggauss(steps)  # on -1 to 1
    return (points + 1) / 2, weights / 2
