"""What a batch of texts costs, and how many of its texts are right: for compiled code."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def batch_loss(labels: Any, logits: Any, weights: Any, n: Any) -> Any:
    """The cross-entropies times the weights, summed, and divided by the `n` texts of the whole
    batch.

    labels: int32 (m,); logits: float32 (m, n_labels), of a worker's share of the batch; weights:
    float32 (m,), or None.
    """
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    if weights is not None:
        losses *= weights
    return tf.reduce_sum(losses) / tf.cast(n, tf.float32)


def count_right(labels: Any, logits: Any) -> Any:
    """For how many texts the label with the highest logit is the right one."""
    predicted = tf.argmax(logits, axis=1, output_type=labels.dtype)
    return tf.reduce_sum(tf.cast(predicted == labels, tf.float32))


def count_labels(labels: Any, logits: Any, weights: Any) -> Any:
    """The `Counts` of `pipeline.classifier.selection`, float32 (3, n_labels)."""
    predicted = tf.argmax(logits, axis=1, output_type=labels.dtype)
    values = tf.ones_like(logits[:, 0]) if weights is None else weights
    right = tf.where(predicted == labels, values, 0.0)
    pairs = ((labels, right), (predicted, values), (labels, values))
    n_labels = tf.shape(logits)[1]
    return tf.stack([tf.math.unsorted_segment_sum(each, which, n_labels) for which, each in pairs])
