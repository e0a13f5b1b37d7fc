"""What each token gives to each label, as TensorFlow computes it for the whole of a classifier.

The numbers are in nats of log-probability, each less its mean over the labels. Added up over the
tokens of a text, with what no token gives (`bias`), they are the classifier's log-probabilities
less their mean: the softmax of the sums is the classifier's answer. Each member explains itself,
and counts in proportion to its weight. Below the floor of the ensemble a member counts no more;
what its tokens give is then less in proportion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from pipeline.classifier.layers import PriorForNothing
from pipeline.classifier.members import Member, TokenPlaces
from pipeline.classifier.network import Network
from pipeline.embedding.text import TextLayer, standardize
from pipeline.portable.classifier import LEAST_SHARE


def explain_texts(
    network: Network,
    members: Sequence[Member],
    weights: Sequence[float],
    floor: float | None,
    steps: int | None,
    prior: PriorForNothing | None = None,
) -> Callable[[Any], dict[str, Any]]:
    """The computation as a tf.function of strings (n,), which can be exported.

    Args:
        network: tokenises and looks up.
        members: explain themselves.
        weights: the weight of each member.
        floor: lower log-probabilities of a member count as this; None where there is none.
        steps: of integrated gradients; None: as many as the network needs.
        prior: for texts of which the members know nothing: their words give nothing.

    Returns:
        A function that gives a dict of `words`, ragged (n, words); `tokens`, ragged (n, words,
        tokens); `values`, float32, ragged (n, words, tokens, n_labels); `bias`, float32
        (n, n_labels).
    """

    def explain(texts: Any) -> dict[str, Any]:
        words, tokens = _words_and_tokens(network.text, texts)
        counts = tf.cast(tf.reduce_sum(tokens.row_lengths(axis=2), axis=1), tf.int32)
        places = TokenPlaces(counts, tf.repeat(tf.range(tf.size(texts)), counts))
        batch = network.look_up(texts)
        parts = [member.contributions(batch, places, steps) for member in members]
        if floor is not None:
            parts = [_above_floor(*part, places.text_of_token, floor) for part in parts]
        values, bias = (
            sum(weight * part[i] for weight, part in zip(weights, parts, strict=True))
            for i in (0, 1)
        )
        if prior is not None:
            says = prior.says(batch.token_ids)
            values = tf.where(tf.gather(says, places.text_of_token), values, 0.0)
            least = tf.math.log(tf.maximum(tf.constant(prior.prior, bias.dtype), LEAST_SHARE))
            bias = tf.where(says, bias, least)
        return {
            "words": words,
            "tokens": tokens,
            "values": tokens.with_flat_values(_centred(values)),
            "bias": _centred(bias),
        }

    return tf.function(
        explain,
        input_signature=[tf.TensorSpec([None], tf.string, name="texts")],
        autograph=False,
    )


def _centred(scores: Any) -> Any:
    return scores - tf.reduce_mean(scores, axis=-1, keepdims=True)


def _words_and_tokens(layer: TextLayer, texts: Any) -> tuple[Any, Any]:
    """Words as written, ragged (n, words), and their tokens, ragged (n, words, tokens).

    `standardize` looks across no space. So these are the tokens of the layer.
    """
    words = tf.strings.split(texts)
    standard = standardize(words.values, layer.contractions, layer.letter_case)
    return words, words.with_values(tf.strings.split(standard))


def _above_floor(values: Any, bias: Any, text_of_token: Any, floor: float) -> tuple[Any, Any]:
    """Bring the distance of each label from the most probable one down to what counts of it."""
    n = tf.shape(bias)[0]
    logits = tf.math.unsorted_segment_sum(values, text_of_token, n) + bias
    top = tf.argmax(logits, axis=1, output_type=tf.int32)
    distance = tf.gather(logits, top, batch_dims=1)[:, None] - logits
    most = tf.reduce_max(tf.nn.log_softmax(logits), axis=1, keepdims=True) - floor
    share = tf.where(distance > most, most / tf.maximum(distance, most), 1.0)

    def shrink(scores: Any, rows: Any) -> Any:
        top_scores = tf.gather(scores, tf.gather(top, rows), batch_dims=1)[:, None]
        return top_scores + tf.gather(share, rows) * (scores - top_scores)

    return shrink(values, text_of_token), shrink(bias, tf.range(n))
