"""The member `ngrams`: a linear model over n-grams of words and of characters.

It knows what pretrained vectors do not: endings, spellings, fixed phrases. scikit-learn fits it in
seconds. What it learned is one table that is looked up by hashed n-grams, so that it is exported
within the TensorFlow model and needs no vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.classifier.members import TokenPlaces
from pipeline.classifier.network import TokenBatch
from pipeline.classifier.ngram_hashing import (
    BEGINNING,
    CHARACTERS,
    END,
    WORDS,
    hash_ngrams,
    split_marked,
)

_CHUNK = 2_000  # texts at a time
_SCORES = 200_000  # texts x labels at a time: an entry of the table is read for each n-gram


@keras.saving.register_keras_serializable(package="pipeline")
class NgramLayer(keras.layers.Layer):
    """Standardised strings (n,) to log-probabilities, float32 (n, n_labels).

    `table`: float32 (n_buckets, 1 + n_outputs). The first column is the squared weight of a
    bucket's n-grams, the others are weight x coefficient for each output; zeros where training saw
    nothing. `bias`: float32 (n_outputs,). There is one output for two labels (the logit of the
    second), else one for each label. Gradients change neither. Words and characters are two blocks
    of features, each of Euclidean length 1; an n-gram that is repeated counts each time.
    """

    def __init__(self, n_buckets: int, n_labels: int, **kwargs: Any) -> None:
        super().__init__(trainable=False, **kwargs)
        self.supports_jit = False  # XLA has no strings
        self.n_buckets = n_buckets
        self.n_labels = n_labels

    def build(self, input_shape: Any) -> None:
        n_outputs = n_outputs_for(self.n_labels)
        self.table = self.add_weight(
            shape=(self.n_buckets, 1 + n_outputs), initializer="zeros", name="table"
        )
        self.bias = self.add_weight(shape=(n_outputs,), initializer="zeros", name="bias")
        super().build(input_shape)

    def call(self, texts: Any) -> Any:
        table, logits = tf.convert_to_tensor(self.table), tf.convert_to_tensor(self.bias)
        for buckets, rows in hash_ngrams(texts, self.n_buckets):
            # The n-grams that begin at a place lie side by side, and are added up at the end: fewer
            # and longer rows for the sum over a text's places.
            sizes, width = buckets.shape[1], table.shape[1]
            values = tf.reshape(tf.gather(table, buckets), [-1, sizes * width])
            by_size = tf.math.segment_sum(values, rows)  # each text has marks, so a row
            sums = tf.reduce_sum(tf.reshape(by_size, [-1, sizes, width]), axis=1)
            # Nothing known: the sums are 0, and stay so.
            logits += sums[:, 1:] * tf.math.rsqrt(tf.maximum(sums[:, :1], 1e-12))
        if self.n_labels == 2:
            logits = tf.pad(logits, [[0, 0], [1, 0]])
        return tf.nn.log_softmax(logits)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, int]:
        return (input_shape[0], self.n_labels)

    def compute_output_spec(self, texts: Any) -> keras.KerasTensor:
        return keras.KerasTensor(self.compute_output_shape(texts.shape), dtype="float32")

    def get_config(self) -> dict[str, Any]:
        config = {key: value for key, value in super().get_config().items() if key != "trainable"}
        return {**config, "n_buckets": self.n_buckets, "n_labels": self.n_labels}


@dataclass(frozen=True, eq=False)
class NgramMember:
    """The fitted layer as a member."""

    layer: NgramLayer
    name: str = "ngrams"

    def log_probabilities(self, batch: TokenBatch) -> Any:
        """Log-probabilities, float32 (n, n_labels)."""
        return self.layer(batch.joined)

    def score_strings(self, texts: Any) -> NDArray[np.float32]:
        """Log-probabilities of standardised strings (n,), in chunks:
        float32 array, (n, n_labels)."""
        most = max(_SCORES // self.layer.n_labels, 1)
        parts = [self.layer(chunk).numpy() for chunk in chunk_strings(as_strings(texts), most)]
        return np.concatenate([np.zeros((0, self.layer.n_labels), np.float32), *parts])

    def contributions(
        self, batch: TokenBatch, places: TokenPlaces, steps: int | None
    ) -> tuple[Any, Any]:
        """Exact: with the lengths of the blocks taken as they are, it is a sum over n-grams.

        Each n-gram is divided equally between the tokens that it touches. N-grams of the beginning
        and the end alone belong to no token.
        """
        layer, texts, n_tokens = self.layer, batch.joined, places.n_tokens
        n, table = tf.size(texts), tf.convert_to_tensor(layer.table)
        values = tf.zeros((n_tokens, table.shape[1] - 1))
        bias = tf.tile(tf.convert_to_tensor(layer.bias)[None], (n, 1))
        tokens, letters = (units.values for units in split_marked(texts))
        is_token = (tokens != BEGINNING) & (tokens != END)
        in_token = letters > ord(" ")
        begins = in_token & ~tf.concat([[False], in_token[:-1]], axis=0)
        for (buckets, rows), inside, starts, sizes in zip(
            hash_ngrams(texts, layer.n_buckets),
            (is_token, in_token),
            (is_token, begins),
            (WORDS, CHARACTERS),
            strict=True,
        ):
            entries = tf.gather(table, buckets)  # (places, sizes, 1 + n_outputs)
            squares = tf.math.unsorted_segment_sum(tf.reduce_sum(entries[..., 0], axis=1), rows, n)
            scale = tf.gather(tf.math.rsqrt(tf.maximum(squares, 1e-12)), rows)
            given = entries[..., 1:] * scale[:, None, None]
            # An n-gram touches the tokens from `first` to `last`, counted through the whole batch.
            begun = tf.cumsum(tf.cast(starts, tf.int32))
            first = (begun - tf.cast(inside, tf.int32))[:, None]
            ends = tf.range(tf.size(begun))[:, None] + tf.constant(sizes) - 1
            last = tf.gather(begun, tf.minimum(ends, tf.size(begun) - 1)) - 1
            touched = last - first + 1
            given /= tf.cast(tf.maximum(touched, 1), tf.float32)[..., None]
            for place in range(max(WORDS)):  # as many as fit in five characters with spaces between
                token = tf.where(place < touched, first + place, -1)
                values += tf.math.unsorted_segment_sum(
                    given, token, n_tokens
                )  # without those at -1
            no_words = tf.reduce_sum(tf.where(touched[..., None] > 0, 0.0, given), axis=1)
            bias += tf.math.unsorted_segment_sum(no_words, rows, n)
        if layer.n_labels == 2:
            values, bias = (tf.pad(scores, [[0, 0], [1, 0]]) for scores in (values, bias))
        return values, bias


def n_outputs_for(n_labels: int) -> int:
    """How many outputs the linear model has: one for two labels, else one for each label."""
    return 1 if n_labels == 2 else n_labels


def as_strings(texts: Any) -> NDArray[Any]:
    """A string tensor, or strings, as an array, (n,)."""
    return texts.numpy() if tf.is_tensor(texts) else np.asarray(list(texts), object)


def chunk_strings(strings: NDArray[Any], most: int = _CHUNK) -> Iterator[Any]:
    """String tensors of `most` strings each, at most 2,000, which bounds the memory."""
    size = min(most, _CHUNK)
    for start in range(0, len(strings), size):
        yield tf.constant(strings[start : start + size], tf.string)
