"""The Keras network: text layer, embedding, encoder. It is one member of a classifier."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray

from pipeline.base.calls import checked
from pipeline.base.options import Positive, Seed
from pipeline.classifier.encoders import CnnOptions, Seeds, build_encoder
from pipeline.classifier.layers import GatherEmbedding
from pipeline.classifier.options import AUTO, EncoderOptions
from pipeline.classifier.scoring import BATCH_SIZE, Scorer, as_tuple, compile_scorer, score_texts
from pipeline.data.text_column import TextColumn
from pipeline.embedding.matching import Contractions
from pipeline.embedding.matrix import PADDING, EmbeddingMatrix
from pipeline.embedding.text import TextLayer
from pipeline.embedding.vocabulary import SHORTEST
from pipeline.portable.text import normalize
from pipeline.portable.tokens import MIXED_CASE

_CASE_SIZE = 8  # dimensions of the letter-case channel
_TOKENISED_AT_ONCE = 10_000  # texts
_LOGITS_BATCH = 256  # texts

Weights = Sequence[NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class TokenBatch:
    """Texts as the members of a classifier take them: tensors, or Keras's symbols of such.

    `inputs`: what `Network.head` takes: token ids, int (n, tokens), and with the letter-case
    channel the cases, of the same shape. `vectors`: the word vectors, float (n, tokens, width),
    with that channel. `extra_vectors`: (n, tokens, vector_size), the untrained vectors of extra
    words; None where the matrix has none. `joined`: strings (n,), the tokens with a space between;
    None where no member asks for them.
    """

    inputs: tuple[Any, ...]
    vectors: Any
    extra_vectors: Any | None
    joined: Any | None

    @property
    def token_ids(self) -> Any:
        """Rows of the matrix, int (n, tokens)."""
        return self.inputs[0]

    @property
    def present(self) -> Any:
        """Which tokens are no padding, bool (n, tokens)."""
        return ops.not_equal(self.token_ids, PADDING)


@dataclass(frozen=True, eq=False)
class Network:
    """A Keras model and the parts of it that training needs.

    `model`: strings (n,) -> probabilities, float32 (n, n_labels). It is `text`, then `embedder`,
    then `encoder`, then softmax. `options`: those that it was built with.
    """

    model: keras.Model
    options: EncoderOptions

    @property
    def text(self) -> TextLayer:
        """The layer from strings to token ids."""
        return self.model.get_layer("text")

    @property
    def embedder(self) -> keras.Model:
        """Token ids (and cases) to word vectors, and where there are extra words their vectors."""
        return self.model.get_layer("embedder")

    @property
    def encoder(self) -> keras.Model:
        """[word vectors, present] to [logits, representation, token features].

        See `pipeline.classifier.encoders.build_encoder` for the shapes.
        """
        return self.model.get_layer("encoder")

    @property
    def embedding(self) -> GatherEmbedding:
        """The embedding of the training words. Its weights start as the matrix."""
        return self.embedder.get_layer("embedding")

    @property
    def last_layer(self) -> keras.layers.Layer:
        """The layer that makes logits of the representation."""
        return self.encoder.get_layer("logits")

    @property
    def n_labels(self) -> int:
        """How many labels the network tells apart."""
        return int(self.model.output_shape[-1])

    @cached_property
    def head(self) -> keras.Model:
        """Everything after the text layer: `TokenBatch.inputs` to logits, (n, n_labels).

        Training uses it to tokenise only once. Padding makes no difference to it.
        """
        inputs = self.embedder.inputs
        return keras.Model(inputs, _logits(self.embedder, self.encoder, inputs), name="head")

    def logits(self, inputs: Sequence[NDArray[np.int32]]) -> NDArray[np.float32]:
        """What `head` gives for all texts: float32 array, (n, n_labels).

        `inputs`: those of `token_ids`. It is compiled for this call: Keras's `predict` would warn
        the user of it from the fifth network in a process on.
        """
        arrays = [tf.TensorSpec((None, array.shape[1]), tf.int32) for array in inputs]
        head = tf.function(lambda *batch: self.head(list(batch), training=False))
        compiled = head.get_concrete_function(*arrays)
        batches = (
            [tf.constant(array[start : start + _LOGITS_BATCH]) for array in inputs]
            for start in range(0, len(inputs[0]), _LOGITS_BATCH)
        )
        return np.concatenate([compiled(*batch).numpy() for batch in batches])

    @cached_property
    def _scorer(self) -> Scorer:
        return compile_scorer(self.model)

    @cached_property
    def _embed_scorer(self) -> Scorer:
        return compile_scorer(self.embed_model)

    @cached_property
    def embed_model(self) -> keras.Model:
        """Strings (n,) -> representations, float32 (n, width)."""
        texts = keras.Input((), dtype="string", name="texts")
        batch = self.look_up(texts)
        _, representation, _ = self.encoder([batch.vectors, batch.present])
        return keras.Model(texts, representation, name="embed")

    def predict_proba(
        self, texts: Iterable[str], batch_size: int = BATCH_SIZE
    ) -> NDArray[np.float32]:
        """Probabilities of each label, by the network alone: float32 array, (n, n_labels).

        `batch_size`: texts that one thread scores at a time. There are as many threads as cores.
        """
        return score_texts(self._scorer, texts, self.n_labels, batch_size)

    def embed(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """Where texts lie before the last layer, which makes labels of them: float32, (n, width).

        With `model=metric` their distances tell labels apart.
        """
        width = self.embed_model.output_shape[-1]
        return score_texts(self._embed_scorer, texts, width)

    def look_up(self, texts: Any) -> TokenBatch:
        """Tokenise strings (n,) and look up their word vectors."""
        outputs = as_tuple(self.text(texts))
        n_inputs = len(self.embedder.inputs)
        inputs = outputs[:n_inputs]
        vectors, *extra = as_tuple(self.embedder(list(inputs)))
        return TokenBatch(
            inputs,
            vectors,
            extra[0] if extra else None,
            outputs[-1] if len(outputs) > n_inputs else None,
        )

    def embed_trained(self, inputs: Sequence[Any]) -> Any:
        """The vectors that the embedder gives where no token is an extra word. It takes less
        time."""
        token_ids, *cases = inputs
        tokens = self.embedding(token_ids)
        if cases:
            channel = self.embedder.get_layer("letter_case")(cases[0])
            tokens = ops.concatenate([tokens, channel], axis=-1)
        return without_padding(tokens, token_ids)

    def token_ids(self, texts: Sequence[str]) -> tuple[NDArray[np.int32], ...]:
        """What the head takes: token ids, int32 array (n, tokens), and with the letter-case channel
        the cases, of the same shape."""
        n_inputs = len(self.embedder.inputs)
        outputs = [
            [array.numpy() for array in as_tuple(self.text(chunk))[:n_inputs]]
            for chunk in _chunks(texts)
        ]
        width = max(output[0].shape[1] for output in outputs)
        return tuple(
            np.concatenate([_padded(output[k], width) for output in outputs])
            for k in range(n_inputs)
        )

    def joined_tokens(self, texts: Sequence[str]) -> NDArray[np.object_]:
        """The tokens of each text with a space between: array of bytes, (n,).

        Raises ValueError: the network was built without n-grams, and its text layer gives none.
        """
        if not self.text.joined:
            raise ValueError("expected a network built with ngrams=True, this one is without")
        outputs = [as_tuple(self.text(chunk))[-1].numpy() for chunk in _chunks(texts)]
        return np.concatenate([np.atleast_1d(output) for output in outputs])

    def __reduce__(self) -> tuple[Any, ...]:
        # What was compiled stays behind.
        return Network, (self.model, self.options)

    @property
    def changing(self) -> list[Any]:
        """The variables of `get_weights`: all but the vectors of extra words."""
        layers = [*self.embedder.layers, *self.encoder.layers]
        return [v for layer in layers if layer.name != "extra" for v in _weights(layer)]

    def get_weights(self) -> list[NDArray[np.float32]]:
        """The values of everything that training can change."""
        return [variable.numpy() for variable in self.changing]

    def set_weights(self, weights: Weights) -> None:
        """Go back to what `get_weights` gave."""
        for variable, value in zip(self.changing, weights, strict=True):
            variable.assign(value)

    @contextmanager
    def with_weights(self, weights: Weights) -> Iterator[None]:
        """Other weights for a while, as those of an earlier phase; afterwards the present ones."""
        present = self.get_weights()
        self.set_weights(weights)
        try:
            yield
        finally:
            self.set_weights(present)


@checked
def build_network(
    matrix: EmbeddingMatrix,
    n_labels: Positive,
    options: EncoderOptions | None = None,
    *,
    contractions: Contractions = "split",
    seed: Seed = 0,
) -> Network:
    """Build a network whose embedding starts as `matrix`.

    Args:
        matrix: the weights of the embedding, and the words that stand for its rows.
        n_labels: how many labels there are.
        options: of the encoder; the default is `cnn`. Where `max_tokens` is `auto`, it is 24 here.
        contractions: how the vocabulary was tokenised; the text layer inside does the same.
        seed: decides the initial weights and dropout.

    Raises ConfigError: less than one label, or a seed out of range.
    """
    options = options or CnnOptions()
    # `fit` knows the texts, and has put a number there.
    max_tokens = SHORTEST if options.max_tokens == AUTO else options.max_tokens
    options = replace(options, max_tokens=max_tokens)
    seeds = Seeds(seed)
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    embedding = GatherEmbedding(*matrix.weights.shape, name="embedding")
    extra = None
    if len(matrix.extra_words):
        # Pretrained rows of words that training does not see. They are looked up, never trained. A
        # second table keeps them out of the optimizer, whose work grows with the rows.
        extra = keras.layers.Embedding(*matrix.extra_weights.shape, trainable=False, name="extra")
    inputs, outputs = [token_ids], []
    if extra is None:
        tokens = embedding(token_ids)
    else:
        n_trained = len(matrix.weights)
        outputs.append(extra(ops.maximum(token_ids - n_trained, 0)))
        trained = embedding(ops.minimum(token_ids, n_trained - 1))
        tokens = trained_or_extra(token_ids, n_trained, trained, outputs[0])
    if options.letter_case:
        inputs.append(keras.Input((None,), dtype="int32", name="cases"))
        cases = keras.layers.Embedding(
            1 + MIXED_CASE,  # padding is 0
            _CASE_SIZE,
            embeddings_initializer=keras.initializers.RandomUniform(seed=seeds()),
            name="letter_case",
        )
        tokens = ops.concatenate([tokens, cases(inputs[1])], axis=-1)
    embedder = keras.Model(inputs, [without_padding(tokens, token_ids), *outputs], name="embedder")
    encoder = build_encoder(tokens.shape[-1], n_labels, options, seeds)
    # Setting the weights keeps the matrix out of the model's config, where a constant
    # initialiser would write every number as text.
    embedding.set_weights([matrix.weights])
    if extra is not None:
        extra.set_weights([matrix.extra_weights])
    text = TextLayer(
        (*matrix.words, *matrix.extra_words),
        max_tokens,
        contractions=contractions,
        digits=matrix.digits,
        letter_case=options.letter_case,
        joined=options.ngrams,
        name="text",
    )
    return _network(text, embedder, encoder, options)


def with_labels(network: Network, n_labels: int) -> Network:
    """A copy of the network with a new last layer, for `n_labels` other labels.

    The other weights stay. The last layer starts from the seed of the old one.
    """
    copied = copy.deepcopy(network)
    _, representation, token_features = copied.encoder.outputs
    last = copied.last_layer
    head = type(last).from_config(last.get_config() | {"units": n_labels})
    outputs = [head(representation), representation, token_features]
    encoder = keras.Model(copied.encoder.inputs, outputs, name="encoder")
    return _network(copied.text, copied.embedder, encoder, copied.options)


def _network(
    text: TextLayer, embedder: keras.Model, encoder: keras.Model, options: EncoderOptions
) -> Network:
    texts = keras.Input((), dtype="string", name="texts")
    inputs = as_tuple(text(texts))[: len(embedder.inputs)]
    probabilities = ops.softmax(_logits(embedder, encoder, inputs))
    return Network(keras.Model(texts, probabilities, name="network"), options)


def _logits(embedder: keras.Model, encoder: keras.Model, inputs: Sequence[Any]) -> Any:
    vectors = as_tuple(embedder(list(inputs)))[0]
    logits, _, _ = encoder([vectors, ops.not_equal(inputs[0], PADDING)])
    return logits


def without_padding(tokens: Any, token_ids: Any) -> Any:
    """Vectors, (n, tokens, width), with zeros where the token id, (n, tokens), is padding."""
    present = ops.cast(ops.not_equal(token_ids, PADDING), tokens.dtype)
    return tokens * ops.expand_dims(present, -1)


def trained_or_extra(token_ids: Any, n_trained: int, trained: Any, extra: Any) -> Any:
    """Vectors (n, tokens, size): of training words from `trained`, of the others from `extra`."""
    return ops.where(ops.expand_dims(token_ids < n_trained, -1), trained, extra)


def _weights(layer: keras.layers.Layer) -> list[Any]:
    """Without the states of its random generators, which are no weights."""
    return [v for v in layer.weights if "seed_generator" not in v.path]


def _chunks(texts: Sequence[str]) -> Iterator[Any]:
    if not isinstance(texts, TextColumn):  # which becomes strings a chunk at a time
        texts = normalize(texts)
    for start in range(0, max(len(texts), 1), _TOKENISED_AT_ONCE):
        yield tf.constant(normalize(texts[start : start + _TOKENISED_AT_ONCE]), tf.string)


def _padded(rows: NDArray[np.integer], width: int) -> NDArray[np.int32]:
    return np.pad(rows, ((0, 0), (0, width - rows.shape[1]))).astype(np.int32)
