"""Which words made a headline's label: what each token gives to each label.

The numbers are in nats of log-probability, each less its mean over the labels. Added up over the
tokens of a headline, with what is no word's (`bias`), they are the model's log-probabilities less
their mean, so that the softmax of the sums is the model's answer. With two labels the log-odds are
twice as large.

Each part of the classifier is divided by itself, in proportion to its weight in the blend:

network   The gradient at the word vectors times the word vectors. Where the network is linear
          between its kinks (`mean`, `cnn`) this is exact: a maximum belongs to the token or window
          that holds it, and what is left is what the network's own biases give. Elsewhere it is the
          gradient's mean on the way from zero vectors (integrated gradients: Sundararajan, Taly and
          Yan 2017, arXiv 1703.01365), in 16 steps.
pooled    The length of the mean vector taken as it is, it is linear in the tokens: exact.
wide      The lengths taken as they are, a sum over n-grams, each divided equally between the tokens
          that it touches: exact. N-grams of the beginning and the end alone are no word's.

Beyond the blend's floor a part counts no more; what its tokens give is then less in proportion.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.special import softmax

from pipeline.classifier.ensemble import FLOOR
from pipeline.classifier.network import Network, in_parts, one_of_two
from pipeline.classifier.ngrams import (
    BEGINNING,
    CHARACTERS,
    END,
    WORDS,
    WideLayer,
    hash_ngrams,
    split_marked,
)
from pipeline.embedding.matrix import PADDING
from pipeline.embedding.text import TextLayer, standardize
from pipeline.insight.evaluation import Evaluation

STEPS = 16  # of integrated gradients
_BATCH = 64  # headlines at a time, which bounds the memory of the gradients
_WRONG, _SAMPLE = 20, 500  # headlines of an evaluation that are looked at
# What an encoder may be made of that is linear between kinks: layers that sum, choose or leave out,
# Multiply where it is by the mask, and Conv1D and Dense with these activations.
_LINEAR = {
    *("InputLayer", "Dropout", "SpatialDropout1D", "Conv1D", "Dense", "MaskedPooling"),
    *("Concatenate", "Cast", "ExpandDims", "Multiply", "Max"),
}
_ACTIVATIONS = ("linear", "relu")


@dataclass(frozen=True, eq=False)
class Contributions:
    """What each token of a headline gives to each label.

    `words`: the headline's, as written, between spaces. `tokens`: as the model sees them, of the
    whole headline, though the network and the pooled part see only the first `max_tokens`.
    `word_of`: int array, (n_tokens,), the place in `words` of each. `values`: float32 array,
    (n_tokens, n_labels). `bias`: float32 array, (n_labels,). The unit is that of the module.
    """

    text: str
    words: tuple[str, ...]
    tokens: tuple[str, ...]
    word_of: NDArray[np.int64]
    values: NDArray[np.float32]
    bias: NDArray[np.float32]

    @cached_property
    def of_words(self) -> NDArray[np.float32]:
        """The sums over the tokens of each word: float32 array, (n_words, n_labels)."""
        sums = np.zeros((len(self.words), len(self.bias)), np.float32)
        np.add.at(sums, self.word_of, self.values)
        return sums

    @cached_property
    def scores(self) -> NDArray[np.float32]:
        """Log-probabilities of the labels less their mean: float32 array, (n_labels,)."""
        return self.bias + self.values.sum(axis=0)

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """The model's: float32 array, (n_labels,)."""
        return softmax(self.scores)


def contributions(
    classifier: Network, texts: Sequence[str], *, steps: int | None = None
) -> tuple[Contributions, ...]:
    """What each token of each headline gives to each label, for the whole of a classifier.

    `classifier`: a network as it was trained, or blended as `blend` returns it. `steps`: of the
    integrated gradients of the network; 0 takes the gradient at the word vectors themselves. None
    is 0 where that is exact, and 16 elsewhere.
    """
    function, strings = contribution_function(classifier, steps), list(texts)
    return tuple(
        one
        for start in range(0, len(strings), _BATCH)
        for one in _unpacked(strings[start : start + _BATCH], function)
    )


@dataclass(frozen=True, eq=False)
class Attribution:
    """What the words of some headlines of an evaluation give, by the headline's place in it.

    `wrong`: those that the classifier was surest of and wrong about, the surest first. `sample`:
    drawn from all.
    """

    wrong: Mapping[int, Contributions]
    sample: Mapping[int, Contributions]


def attribute(classifier: Network, evaluation: Evaluation, *, seed: int = 0) -> Attribution:
    """Contributions for the 20 surest mistakes of an evaluation of `classifier`, and for 500 of its
    headlines drawn at random (all, where there are no more)."""
    n = len(evaluation.texts)
    mistakes = np.flatnonzero(evaluation.predicted != evaluation.labels)
    surest = mistakes[np.argsort(-evaluation.confidence[mistakes], kind="stable")][:_WRONG]
    drawn = np.sort(np.random.default_rng(seed).permutation(n)[:_SAMPLE])
    rows = [*surest.tolist(), *drawn.tolist()]
    given = contributions(classifier, [evaluation.texts[row] for row in rows])
    pairs = list(zip(rows, given, strict=True))
    return Attribution(dict(pairs[: len(surest)]), dict(pairs[len(surest) :]))


def _unpacked(texts: list[str], function: Any) -> Iterator[Contributions]:
    given = function(tf.constant(texts, tf.string))
    # By their flat values, as TensorFlow takes long to make lists of ragged tensors.
    n_words, n_tokens = (lengths.numpy() for lengths in given["tokens"].nested_row_lengths())
    words, tokens = (
        tuple(string.decode() for string in given[name].flat_values.numpy())
        for name in ("words", "tokens")
    )
    values, bias = given["values"].flat_values.numpy(), given["bias"].numpy()
    word_of = np.repeat(np.arange(len(words)), n_tokens)
    of_words = np.concatenate([[0], np.cumsum(n_words)])
    of_tokens = np.concatenate([[0], np.cumsum(n_tokens)])[of_words]
    for i, text in enumerate(texts):
        word, token = slice(*of_words[i : i + 2]), slice(*of_tokens[i : i + 2])
        places = word_of[token] - of_words[i]
        yield Contributions(text, words[word], tokens[token], places, values[token], bias[i])


def contribution_function(classifier: Network, steps: int | None = None) -> Any:
    """The computation as a tf.function of strings (n,), which can be exported beside the scorer.

    It gives a dict of `words`, ragged (n, words); `tokens`, ragged (n, words, tokens); `values`,
    float32, ragged (n, words, tokens, n_labels); `bias`, float32 (n, n_labels).
    """
    if steps is None:
        steps = 0 if _linear_between_kinks(classifier.encoder) else STEPS
    model = classifier.model
    if not hasattr(model, "_contribution_function"):  # kept, so that each is traced only once
        # Behind a function of Python's: TensorFlow's own would always be exported with the model.
        model._contribution_function = cache(partial(_compiled, classifier))
    return model._contribution_function(steps)


def _compiled(classifier: Network, steps: int) -> Any:
    return tf.function(
        lambda texts: _contributions(classifier, texts, steps),
        input_signature=[tf.TensorSpec([None], tf.string, name="texts")],
        autograph=False,
    )


def _contributions(classifier: Network, texts: Any, steps: int) -> dict[str, Any]:
    model, n = classifier.model, tf.size(texts)
    words, tokens = _tokens(classifier.text, texts)
    counts = tf.cast(tf.reduce_sum(tokens.row_lengths(axis=2), axis=1), tf.int32)
    headline = tf.repeat(tf.range(n), counts)  # of each token
    n_tokens = tf.size(headline)
    outputs = in_parts(classifier.text(texts))
    inputs = list(outputs[: len(classifier.head.inputs)])
    vectors = in_parts(classifier.embedder(inputs))
    layers = {layer.name: layer for layer in model.layers}

    network = _of_network(classifier.encoder, vectors[0], inputs[0] != PADDING, steps)
    parts = [_per_token(*network, counts, headline)]
    if "pooled" in layers:
        pooled = _of_pooled(layers["pooled"], [inputs[0], *vectors[1:]])
        parts.append(_per_token(*pooled, counts, headline))
    if "wide" in layers:
        parts.append(_of_wide(layers["wide"], outputs[-1], n_tokens))
    weights: Sequence[float] = (1.0,)
    if "blend" in layers:
        weights = layers["blend"].part_weights
        parts = [_above_floor(*part, headline) for part in parts]
    values, bias = (
        sum(weight * part[i] for weight, part in zip(weights, parts, strict=True)) for i in (0, 1)
    )
    return {
        "words": words,
        "tokens": tokens,
        "values": tokens.with_flat_values(_centred(values)),
        "bias": _centred(bias),
    }


def _centred(scores: Any) -> Any:
    return scores - tf.reduce_mean(scores, axis=-1, keepdims=True)


def _tokens(layer: TextLayer, texts: Any) -> tuple[Any, Any]:
    """Words as written, ragged (n, words), and their tokens, ragged (n, words, tokens).

    `standardize` looks across no space, so that these are the tokens of the layer.
    """
    words = tf.strings.split(texts)
    standard = standardize(words.values, layer.contractions, layer.letter_case)
    return words, words.with_values(tf.strings.split(standard))


def _per_token(values: Any, bias: Any, counts: Any, headline: Any) -> tuple[Any, Any]:
    """Padded values (n, width, n_labels) to a row a token, zeros beyond the width."""
    width = tf.shape(values)[1]
    place = tf.ragged.range(counts).values
    found = tf.gather_nd(values, tf.stack([headline, tf.minimum(place, width - 1)], axis=1))
    return tf.where((place < width)[:, None], found, 0.0), bias


def _above_floor(values: Any, bias: Any, headline: Any) -> tuple[Any, Any]:
    """Bring the distance of each label from the most probable one down to what counts of it."""
    n = tf.shape(bias)[0]
    logits = tf.math.unsorted_segment_sum(values, headline, n) + bias
    top = tf.argmax(logits, axis=1, output_type=tf.int32)
    distance = tf.gather(logits, top, batch_dims=1)[:, None] - logits
    most = tf.reduce_max(tf.nn.log_softmax(logits), axis=1, keepdims=True) - FLOOR
    share = tf.where(distance > most, most / tf.maximum(distance, most), 1.0)

    def shrunk(scores: Any, rows: Any) -> Any:
        of_top = tf.gather(scores, tf.gather(top, rows), batch_dims=1)[:, None]
        return of_top + tf.gather(share, rows) * (scores - of_top)

    return shrunk(values, headline), shrunk(bias, tf.range(n))


def _of_network(encoder: keras.Model, vectors: Any, present: Any, steps: int) -> tuple[Any, Any]:
    """What each word vector gives, (n, tokens, n_labels), and what is left, (n, n_labels)."""
    points, shares = np.ones(1), np.ones(1)
    if steps:
        points, shares = np.polynomial.legendre.leggauss(steps)  # on -1 to 1
        points, shares = (points + 1) / 2, shares / 2
    scaled = tf.concat([float(point) * vectors for point in points], axis=0)
    all_present = tf.tile(present, (len(points), 1))
    shape = tf.concat([[len(points)], tf.shape(vectors)], axis=0)

    def of_label(label: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(scaled)
            score = tf.gather(encoder([scaled, all_present], training=False), label, axis=1)
        gradients = tf.reshape(tape.gradient(score, scaled), shape)
        mean = tf.tensordot(tf.constant(shares, tf.float32), gradients, 1)
        return tf.reduce_sum(mean * vectors, axis=-1)

    # One label after the other, so that the graph does not grow with them.
    labels = tf.range(encoder.output_shape[-1])
    of_labels = tf.map_fn(of_label, labels, fn_output_signature=tf.float32, parallel_iterations=1)
    values = tf.transpose(of_labels, (1, 2, 0))
    return values, encoder([vectors, present], training=False) - tf.reduce_sum(values, axis=1)


def _linear_between_kinks(encoder: keras.Model) -> bool:
    return all(
        type(layer).__name__ in _LINEAR
        and getattr(getattr(layer, "activation", None), "__name__", "linear") in _ACTIVATIONS
        for layer in encoder.layers
    )


def _of_pooled(pooled: keras.Model, inputs: Sequence[Any]) -> tuple[Any, Any]:
    """What each token gives, (n, tokens, n_labels), and the bias, (n, n_labels), of a model as
    `pooled.fit_pooled` makes it."""
    rows, *pretrained = inputs
    table, rarity, scores = (pooled.get_layer(name) for name in ("untrained", "rarity", "scores"))
    vectors = table(tf.minimum(rows, table.input_dim - 1))
    if pretrained:
        vectors = one_of_two(rows, table.input_dim, vectors, pretrained[0])
    weighed = vectors * rarity(rows)
    length = tf.maximum(tf.norm(tf.reduce_sum(weighed, axis=1), axis=1), 1e-9)
    values = tf.matmul(weighed / length[:, None, None], scores.kernel)
    return values, tf.tile(scores.bias[None], (tf.shape(rows)[0], 1))


def _of_wide(layer: WideLayer, texts: Any, n_tokens: Any) -> tuple[Any, Any]:
    """What each token gives, (n_tokens, n_labels), and what is no token's, (n, n_labels).

    `texts`: as the layer takes them, with `n_tokens` tokens in all.
    """
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
        found = tf.gather(table, buckets)  # (places, sizes, 1 + n_outputs)
        squares = tf.math.unsorted_segment_sum(tf.reduce_sum(found[..., 0], axis=1), rows, n)
        scale = tf.gather(tf.math.rsqrt(tf.maximum(squares, 1e-12)), rows)
        given = found[..., 1:] * scale[:, None, None]
        # An n-gram touches the tokens from `first` to `last`, of all that there are in the batch.
        begun = tf.cumsum(tf.cast(starts, tf.int32))
        first = (begun - tf.cast(inside, tf.int32))[:, None]
        ends = tf.range(tf.size(begun))[:, None] + tf.constant(sizes) - 1
        last = tf.gather(begun, tf.minimum(ends, tf.size(begun) - 1)) - 1
        touched = last - first + 1
        given /= tf.cast(tf.maximum(touched, 1), tf.float32)[..., None]
        for place in range(max(WORDS)):  # as many as fit in five characters with spaces between
            token = tf.where(place < touched, first + place, -1)
            values += tf.math.unsorted_segment_sum(given, token, n_tokens)  # without those at -1
        no_words = tf.reduce_sum(tf.where(touched[..., None] > 0, 0.0, given), axis=1)
        bias += tf.math.unsorted_segment_sum(no_words, rows, n)
    if layer.n_classes == 2:
        values, bias = (tf.pad(scores, [[0, 0], [1, 0]]) for scores in (values, bias))
    return values, bias
