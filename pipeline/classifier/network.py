"""The classifier: strings in, probabilities out."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray

from pipeline.classifier.encoders import Seeds, build_encoder
from pipeline.classifier.options import CnnOptions, ModelOptions
from pipeline.embedding.matrix import PADDING, EmbeddingMatrix
from pipeline.embedding.text import Contractions, TextLayer

_CASES = 5  # kinds that TextLayer tells apart, padding among them
_CASE_SIZE = 8  # dimensions of the letter-case channel


@keras.saving.register_keras_serializable(package="pipeline")
class GatherEmbedding(keras.layers.Embedding):
    """keras.layers.Embedding that reads the rows it needs.

    Keras's own reads the table and takes rows from that. TensorFlow copies a whole table that is
    read, once rows of it have been updated by themselves, as `SparseAdam` does: a step, and a
    prediction after training, would take longer the larger the table.
    """

    def call(self, inputs: Any) -> Any:
        return tf.gather(self.embeddings.value, inputs)


@dataclass(frozen=True)
class Network:
    """A Keras model and the parts of it that training needs.

    `model`: string tensor (n,) -> float32 probabilities (n, n_classes).
    `head`: the part after the text layer, from row numbers, int tensor (n, tokens), to logits;
    with the letter-case channel from [row numbers, cases]. Padding makes no difference to it.
    Training uses it to tokenise only once. It is `encoder` over `embedder`, which are apart so
    that training can reach the word vectors in between, float tensor (n, tokens, width). The
    embedder gives these, and where there are further words their untrained vectors too, (n,
    tokens, vector_size).
    """

    model: keras.Model
    head: keras.Model

    @property
    def embedder(self) -> keras.Model:
        """Row numbers to word vectors."""
        return self.model.get_layer("embedder")

    @property
    def encoder(self) -> keras.Model:
        """[word vectors, which of them are no padding] to logits."""
        return self.model.get_layer("encoder")

    @cached_property
    def described(self) -> keras.Model:
        """What `encoder` takes, to [logits, representation]: what the logits are made from."""
        features = self.encoder.get_layer("logits").input
        return keras.Model(self.encoder.inputs, [self.encoder.output, features], name="described")

    @cached_property
    def embed_model(self) -> keras.Model:
        """String tensor (n,) -> representations, float32 (n, width)."""
        texts = keras.Input((), dtype="string", name="texts")
        rows = in_parts(self.text(texts))[: len(self.head.inputs)]
        (_, representation), _ = apply_network(self.embedder, self.described, rows)
        return keras.Model(texts, representation, name="embed_model")

    def embed(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """Where headlines lie before the last layer of the network, which makes classes of them:
        float32 array, (n, width). With `model=metric` their distances tell labels apart."""
        return predict_probabilities(self.embed_model, texts)

    @property
    def text(self) -> keras.layers.Layer:
        """The layer from strings to row numbers."""
        return self.model.get_layer("text")

    @property
    def embedding(self) -> keras.layers.Embedding:
        """The embedding of the training words, whose weights start as the matrix."""
        return self.embedder.get_layer("embedding")

    def embed_trained(self, inputs: Sequence[Any]) -> Any:
        """The vectors that the embedder gives for rows of the first table alone, sooner."""
        rows, *cases = inputs
        tokens = self.embedding(rows)
        if cases:
            channel = self.embedder.get_layer("letter_case")(cases[0])
            tokens = ops.concatenate([tokens, channel], axis=-1)
        return without_padding(tokens, rows)

    def token_ids(self, texts: Sequence[str]) -> tuple[NDArray[np.int32], ...]:
        """What the head takes: row numbers, int32 array (n, tokens), and with the letter-case
        channel the cases, of the same shape."""
        parts = [
            in_parts(self.text(tf.constant(texts[i : i + 10_000], tf.string)))
            for i in range(0, max(len(texts), 1), 10_000)
        ]
        width = max(part[0].shape[1] for part in parts)
        return tuple(
            np.concatenate([_padded(part[k].numpy(), width) for part in parts])
            for k in range(len(self.head.inputs))
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # The parts are in the model: by themselves, each would be copied again.
        return from_keras, (self.model,)

    def get_weights(self) -> list[NDArray[np.float32]]:
        """Everything that training can change: all weights but those of the further words."""
        return [variable.numpy() for variable in self.changing]

    def set_weights(self, weights: Sequence[NDArray[np.float32]]) -> None:
        """Go back to what `get_weights` gave."""
        for variable, value in zip(self.changing, weights, strict=True):
            variable.assign(value)

    @property
    def changing(self) -> list[Any]:
        """The variables of `get_weights`."""
        layers = [*self.embedder.layers, *self.encoder.layers]
        return [v for layer in layers if layer.name != "extra" for v in _weights(layer)]


def from_keras(model: keras.Model) -> Network:
    """The classifier whose `model` this is."""
    embedder, encoder = model.get_layer("embedder"), model.get_layer("encoder")
    logits, _ = apply_network(embedder, encoder, embedder.inputs)
    return Network(model, keras.Model(embedder.inputs, logits, name="head"))


def with_classes(classifier: Network, n_classes: int) -> Network:
    """A copy of the network with the same weights, but for a new last layer for other classes.

    That starts from the old one's seed. The parts that were blended with the network stay behind.
    """
    copied = copy.deepcopy(classifier)
    last = copied.encoder.get_layer("logits")
    head = type(last).from_config(last.get_config() | {"units": n_classes})
    encoder = keras.Model(copied.encoder.inputs, head(last.input), name="encoder")
    texts = keras.Input((), dtype="string", name="texts")
    rows = in_parts(copied.text(texts))[: len(copied.head.inputs)]
    logits, _ = apply_network(copied.embedder, encoder, rows)
    return from_keras(keras.Model(texts, ops.softmax(logits), name="classifier"))


def apply_network(
    embedder: keras.Model, encoder: keras.Model, inputs: Sequence[Any]
) -> tuple[Any, Any]:
    """The logits, and what the embedder gives, of what `Network.head` takes."""
    vectors = in_parts(embedder(list(inputs)))
    return encoder([vectors[0], ops.not_equal(inputs[0], PADDING)]), vectors


def _weights(layer: keras.layers.Layer) -> list[Any]:
    """Without the states of its random generators, which are no weights."""
    return [v for v in layer.weights if "seed_generator" not in v.path]


def in_parts(outputs: Any) -> tuple[Any, ...]:
    """The outputs of a layer or model that has one, or several."""
    return tuple(outputs) if isinstance(outputs, list | tuple) else (outputs,)


def _padded(rows: NDArray[np.integer], width: int) -> NDArray[np.int32]:
    return np.pad(rows, ((0, 0), (0, width - rows.shape[1]))).astype(np.int32)


def build_network(
    matrix: EmbeddingMatrix,
    n_classes: int,
    config: ModelOptions | None = None,
    *,
    contractions: Contractions = "split",
    seed: int = 0,
) -> Network:
    """Build a classifier whose embedding starts as `matrix` (CNN where `config` is None).

    The text layer inside is the only tokeniser; `contractions` must be the vocabulary's. Weights
    and dropout follow from `seed`. The parts beside the network are added by `blending.blend`.
    """
    config = config or CnnOptions()
    seeds = Seeds(seed)
    rows = keras.Input((None,), dtype="int32", name="rows")
    embedding = GatherEmbedding(*matrix.weights.shape, name="embedding")
    further = None
    if len(matrix.extra_words):
        # Pretrained rows of words that training does not see. They are looked up, never trained:
        # a second table keeps them out of the optimizer, whose work grows with the rows.
        further = keras.layers.Embedding(*matrix.extra_weights.shape, trainable=False, name="extra")
    inputs, outputs = [rows], []
    if further is None:
        tokens = embedding(rows)
    else:
        outputs.append(further(ops.maximum(rows - len(matrix.weights), 0)))
        known = embedding(ops.minimum(rows, len(matrix.weights) - 1))
        tokens = one_of_two(rows, len(matrix.weights), known, outputs[0])
    if config.letter_case:
        inputs.append(keras.Input((None,), dtype="int32", name="cases"))
        cases = keras.layers.Embedding(
            _CASES,
            _CASE_SIZE,
            embeddings_initializer=keras.initializers.RandomUniform(seed=seeds()),
            name="letter_case",
        )
        tokens = ops.concatenate([tokens, cases(inputs[1])], axis=-1)
    embedder = keras.Model(inputs, [without_padding(tokens, rows), *outputs], name="embedder")
    encoder = build_encoder(tokens.shape[-1], n_classes, config, seeds)
    # Setting the weights keeps the matrix out of the model's config, where a constant
    # initialiser would write every number as text.
    embedding.set_weights([matrix.weights])
    if further is not None:
        further.set_weights([matrix.extra_weights])

    texts = keras.Input((), dtype="string", name="texts")
    text = TextLayer(
        (*matrix.words, *matrix.extra_words),
        config.max_tokens,
        contractions=contractions,
        digits=matrix.digits,
        letter_case=config.letter_case,
        joined=config.ngrams,
        name="text",
    )
    logits, _ = apply_network(embedder, encoder, in_parts(text(texts))[: len(inputs)])
    return from_keras(keras.Model(texts, ops.softmax(logits), name="classifier"))


def without_padding(tokens: Any, rows: Any) -> Any:
    """Vectors, (n, tokens, width), with zeros where the row number, (n, tokens), is padding."""
    return tokens * ops.expand_dims(ops.cast(ops.not_equal(rows, PADDING), tokens.dtype), -1)


def one_of_two(rows: Any, n_trained: int, known: Any, pretrained: Any) -> Any:
    """The vectors of the training words, and behind their rows those of the further words."""
    return ops.where(ops.expand_dims(rows < n_trained, -1), known, pretrained)


def predict_probabilities(
    model: Network | keras.Model, texts: Iterable[str], batch_size: int = 1024
) -> NDArray[np.float32]:
    """Probabilities of each class: float32 array, (len(texts), n_classes).

    `batch_size`: headlines scored at a time by one thread; there are as many threads as cores.
    """
    keras_model = model.model if isinstance(model, Network) else model
    score, strings = _compiled(keras_model), list(texts)
    if not strings:
        return np.zeros((0, keras_model.output_shape[-1]), np.float32)
    if len(strings) <= batch_size:
        return score(strings)
    # A batch is as wide as its longest headline, so those of like length go together.
    order = np.argsort([len(text) for text in strings], kind="stable")
    batches = [
        [strings[i] for i in order[start : start + batch_size]]
        for start in range(0, len(strings), batch_size)
    ]
    # TensorFlow's operations on strings use one core each, and let other Python threads run.
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        scores = np.concatenate(list(threads.map(score, batches)))
    probabilities = np.empty_like(scores)
    probabilities[order] = scores
    return probabilities


def _compiled(model: keras.Model) -> Callable[[Sequence[str]], NDArray[np.float32]]:
    """The model as one compiled function, kept with it so that it is traced only once.

    It reads the weights each time it is called, so that training on changes what it gives.
    """
    if not hasattr(model, "_score_texts"):
        compiled = tf.function(
            lambda texts: model(texts, training=False),
            input_signature=[tf.TensorSpec([None], tf.string)],
        ).get_concrete_function()
        # As a function of Python's: TensorFlow's own would be exported with the model.
        model._score_texts = lambda texts: compiled(tf.constant(texts, tf.string)).numpy()
    return model._score_texts


def export_saved_model(
    classifier: Network,
    path: str | os.PathLike[str],
    functions: Mapping[str, Any] | None = None,
) -> None:
    """Write the model as a TensorFlow SavedModel, which needs neither Keras nor this package.

    What `tf.saved_model.load(path)` gives is called with a string tensor (n,) and returns
    float32 probabilities (n, n_classes); its function `represent` gives what `Network.embed`
    does, float32 (n, width). It also has the tf.functions of `functions`, by name, of what the
    model holds.
    """
    strings = tf.TensorSpec([None], tf.string, name="texts")
    scorer = tf.Module()
    scorer.model = classifier.model  # holds the variables and tables
    scorer.__call__ = tf.function(
        lambda texts: classifier.model(texts, training=False),
        input_signature=[strings],
    )
    scorer.embed = tf.function(
        lambda texts: classifier.embed_model(texts, training=False), input_signature=[strings]
    )
    for name, function in (functions or {}).items():
        setattr(scorer, name, function)
    tf.saved_model.save(scorer, str(path))
