"""The member `sif`: a linear model over the weighted mean vector of a text.

SIF is smooth inverse frequency (Arora, Liang and Ma 2017, "A simple but tough-to-beat baseline for
sentence embeddings"). With few texts this member is the best there is, as it has little to learn.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from pipeline.classifier.calibration import score_out_of_fold, temperature_factor
from pipeline.classifier.discriminant import discriminate, rule_out
from pipeline.classifier.members import TokenPlaces, rows_of_tokens
from pipeline.classifier.network import Network, TokenBatch, trained_or_extra
from pipeline.classifier.scoring import as_tuple
from pipeline.classifier.two_views import word_rarity
from pipeline.data.weighting import take
from pipeline.embedding.matrix import EmbeddingMatrix

_FOLDS = 5
_BATCH = 1024
MOST_TEXTS = 100_000
_NEVER = -30.0  # score of a label without a text


@keras.saving.register_keras_serializable(package="pipeline")
class SifLayer(keras.layers.Layer):
    """Token ids, int (n, tokens), to log-probabilities, float32 (n, n_labels).

    Where there are extra words it takes [token ids, their vectors (n, tokens, vector_size)].
    `table`: the word vectors before any training. `rarity`: the weight of each row's word.
    `scores`: the linear model. None of them is trained by gradients.
    """

    def __init__(
        self, n_trained: int, n_rows: int, vector_size: int, n_labels: int, **kwargs: Any
    ) -> None:
        super().__init__(trainable=False, **kwargs)
        self.sizes = (n_trained, n_rows, vector_size, n_labels)
        self.table = keras.layers.Embedding(n_trained, vector_size, trainable=False, name="table")
        self.rarity = keras.layers.Embedding(n_rows, 1, trainable=False, name="rarity")
        self.scores = keras.layers.Dense(n_labels, trainable=False, name="scores")

    def build(self, input_shape: Any) -> None:
        self.table.build()
        self.rarity.build()
        self.scores.build((None, self.sizes[2]))
        self.built = True

    def mean_vectors(self, inputs: Any) -> Any:
        """The weighted mean vector of each text, brought to length 1: (n, vector_size)."""
        token_ids, *extra = as_tuple(inputs)
        n_trained = self.sizes[0]
        weights = ops.swapaxes(self.rarity(token_ids), 1, 2)
        # Sums as products of matrices, which write no weighted vectors down.
        if not extra:
            total = ops.squeeze(ops.matmul(weights, self.table(token_ids)), 1)
        else:
            trained = ops.expand_dims(ops.cast(token_ids < n_trained, weights.dtype), 1)
            rows = self.table(ops.minimum(token_ids, n_trained - 1))
            total = ops.matmul(weights * trained, rows)
            total = ops.squeeze(total + ops.matmul(weights * (1 - trained), extra[0]), 1)
        return total / ops.maximum(ops.norm(total, axis=1, keepdims=True), 1e-9)

    def call(self, inputs: Any) -> Any:
        return ops.log_softmax(self.scores(self.mean_vectors(inputs)))

    def compute_output_spec(self, inputs: Any) -> keras.KerasTensor:
        return keras.KerasTensor((as_tuple(inputs)[0].shape[0], self.sizes[3]), dtype="float32")

    def get_config(self) -> dict[str, Any]:
        config = {key: value for key, value in super().get_config().items() if key != "trainable"}
        names = ("n_trained", "n_rows", "vector_size", "n_labels")
        return {**config, **dict(zip(names, self.sizes, strict=True))}


@dataclass(frozen=True, eq=False)
class SifMember:
    """The fitted layer as a member."""

    layer: SifLayer
    name: str = "sif"

    def log_probabilities(self, batch: TokenBatch) -> Any:
        """Log-probabilities, float32 (n, n_labels)."""
        return self.layer(_inputs(batch))

    def contributions(
        self, batch: TokenBatch, places: TokenPlaces, steps: int | None
    ) -> tuple[Any, Any]:
        """Exact: with the length of the mean vector taken as it is, it is linear in the tokens."""
        token_ids, layer = batch.token_ids, self.layer
        n_trained = layer.sizes[0]
        vectors = layer.table(tf.minimum(token_ids, n_trained - 1))
        if batch.extra_vectors is not None:
            vectors = trained_or_extra(token_ids, n_trained, vectors, batch.extra_vectors)
        weighed = vectors * layer.rarity(token_ids)
        length = tf.maximum(tf.norm(tf.reduce_sum(weighed, axis=1), axis=1), 1e-9)
        values = tf.matmul(weighed / length[:, None, None], layer.scores.kernel)
        bias = tf.tile(layer.scores.bias[None], (tf.shape(token_ids)[0], 1))
        return rows_of_tokens(values, places), bias


def fit_sif(
    network: Network,
    matrix: EmbeddingMatrix,
    inputs: Sequence[NDArray[np.int32]],
    labels: NDArray[np.integer],
    n_labels: int,
    *,
    seed: int = 0,
    most_texts: int = MOST_TEXTS,
    weights: NDArray[np.float64] | None = None,
) -> SifMember:
    """Fit the member to texts.

    The weight of a word is a / (a + its probability in running text), a = 0.001. The word vectors
    are those of `matrix`, as they were before any training. The linear model is a linear
    discriminant analysis with a shrunken covariance (Ledoit and Wolf 2004) and calibrated scores;
    it learns to leave out the common component, which Arora et al. subtract.

    Args:
        network: looks up the vectors of extra words.
        matrix: the one that the network was built from.
        inputs: texts as `network.token_ids` gives them, int32 arrays (n, tokens).
        labels: int array (n,), from 0.
        n_labels: how many labels there are.
        seed: of the sample and of the folds that calibrate.
        most_texts: of more texts, a random sample of this size is fitted. The means of more texts
            are no better.
        weights: of the texts, (n,); None: all count once.

    Raises:
        ValueError: all texts have one label, or there are no more texts than labels.
    """
    labels = np.asarray(labels)
    n_present = len(np.unique(labels))
    if not 1 < n_present < len(labels):
        raise ValueError(
            f"expected texts of at least two labels, and more texts than labels, to fit the member "
            f"sif, got {len(labels)} texts and {n_present} labels"
        )
    layer = _layer(matrix, n_labels)
    chosen = sif_rows(len(labels), seed, most_texts)
    if len(chosen) < len(labels):
        inputs, labels = [array[chosen] for array in inputs], labels[chosen]
        weights = take(weights, chosen)
    features = _in_batches(network, inputs, layer.mean_vectors)
    layer.scores.set_weights(_calibrated(features, labels, weights, n_labels, seed))
    return SifMember(layer)


def mean_vectors(
    network: Network, matrix: EmbeddingMatrix, inputs: Sequence[NDArray[np.int32]]
) -> NDArray[np.float32]:
    """The weighted mean vector of each text, as this member sees it:
    float32 array, (n, vector_size).

    `matrix`, `inputs`: as for `fit_sif`.
    """
    return _in_batches(network, inputs, _layer(matrix, network.n_labels).mean_vectors)


def _layer(matrix: EmbeddingMatrix, n_labels: int) -> SifLayer:
    n_trained, vector_size = matrix.weights.shape
    layer = SifLayer(n_trained, len(matrix.word_probabilities), vector_size, n_labels, name="sif")
    layer.build(None)
    layer.table.set_weights([matrix.weights])
    layer.rarity.set_weights([word_rarity(matrix)[:, None]])
    return layer


def sif_rows(n: int, seed: int, most_texts: int = MOST_TEXTS) -> NDArray[np.int64]:
    """The positions of the texts, of `n`, that `fit_sif` is fitted to: all, or a random sample."""
    if n <= most_texts:
        return np.arange(n)
    return np.random.default_rng(seed).choice(n, most_texts, replace=False)


def sif_log_probabilities(
    network: Network, member: SifMember, inputs: Sequence[NDArray[np.int32]]
) -> NDArray[np.float32]:
    """What the member gives for texts as `network.token_ids` gives them: (n, n_labels)."""
    return _in_batches(network, inputs, member.layer)


def _inputs(batch: TokenBatch) -> Any:
    if batch.extra_vectors is None:
        return batch.token_ids
    return [batch.token_ids, batch.extra_vectors]


def _in_batches(
    network: Network, inputs: Sequence[NDArray[np.int32]], function: Any
) -> NDArray[np.float32]:
    batches = []
    for start in range(0, len(inputs[0]), _BATCH):
        batch = [ops.convert_to_tensor(array[start : start + _BATCH]) for array in inputs]
        _, *extra = as_tuple(network.embedder(batch))
        batches.append(function([batch[0], *extra] if extra else batch[0]).numpy())
    return np.concatenate(batches)


def _calibrated(
    features: NDArray[np.float32],
    labels: NDArray[np.integer],
    weights: NDArray[np.float64] | None,
    n_labels: int,
    seed: int,
) -> list[NDArray[np.float32]]:
    """Kernel, (width, n_labels), and bias, (n_labels,), times one factor. Scores of texts that are
    held out in turn decide on the factor."""
    kernel, bias = _fit(features, labels, weights, n_labels)

    def score_fold(
        train: NDArray[np.int64], held_out: NDArray[np.int64]
    ) -> NDArray[np.float64] | None:
        if not 1 < len(np.unique(labels[train])) < len(train):
            return None
        fold_kernel, fold_bias = _fit(
            features[train], labels[train], take(weights, train), n_labels
        )
        return features[held_out] @ fold_kernel + fold_bias

    rows, scores = score_out_of_fold(score_fold, labels, n_labels, _FOLDS, seed)
    factor = temperature_factor(scores, labels[rows], take(weights, rows))
    return [(factor * kernel).astype(np.float32), (factor * bias).astype(np.float32)]


def _fit(
    features: NDArray[np.float32],
    labels: NDArray[np.integer],
    weights: NDArray[np.float64] | None,
    n_labels: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    absent = np.bincount(labels, minlength=n_labels) == 0
    if weights is not None:
        scores = discriminate(features, labels, weights, n_labels, _NEVER)
        return rule_out(*scores, absent, _NEVER)
    # With few texts one dimension can be constant, which is no matter for a shrunken covariance.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Only one sample available")
        analysis = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(features, labels)
    kernel, bias = np.zeros((features.shape[1], n_labels)), np.full(n_labels, _NEVER)
    if len(analysis.classes_) == 2:
        kernel[:, analysis.classes_] = np.stack([-analysis.coef_[0], analysis.coef_[0]], 1) / 2
        bias[analysis.classes_] = np.array([-1, 1]) * analysis.intercept_[0] / 2
    else:
        kernel[:, analysis.classes_], bias[analysis.classes_] = (
            analysis.coef_.T,
            analysis.intercept_,
        )
    return rule_out(kernel, bias, absent, _NEVER)
