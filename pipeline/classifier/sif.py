"""The pooled part: a linear model over the mean vector of a headline, beside the network.

With few headlines it is the best there is, since it has little to learn: words that carry meaning
are weighed up, and the classes are told apart by their means alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import StratifiedKFold

from pipeline.classifier.calibration import temperature_factor
from pipeline.classifier.network import Network, in_parts
from pipeline.embedding.matrix import PADDING, EmbeddingMatrix

_COMMON = 1e-3  # share of running text at which a word counts half (Arora et al. 2017, table 1)
_FOLDS = 5
_MAX_HEADLINES = 100_000  # the means of more are no better
_BATCH = 1024
_NEVER = -30.0  # score of a class without a headline


def fit_pooled(
    classifier: Network,
    matrix: EmbeddingMatrix,
    inputs: Sequence[NDArray[np.int32]],
    labels: NDArray[np.integer],
    n_classes: int,
    *,
    seed: int = 0,
) -> keras.Model:
    """Fit it to headlines as `classifier.encode` gives them, and labels (n,).

    Returns a model from row numbers, and what else the classifier's embedder gives than the
    trained vectors, to log-probabilities, float32 (n, n_classes). The vectors are those of
    `matrix`, as they were before any training. A word's weight is a / (a + its share of running text), a =
    0.001, and the weighted mean is brought to length 1 (Arora, Liang and Ma 2017, "A simple but
    tough-to-beat baseline for sentence embeddings"; its common component is what the linear
    model learns to leave out). On it stands a linear discriminant analysis whose covariance is
    shrunk (Ledoit and Wolf 2004), with calibrated scores.

    Raises ValueError: all headlines have one label, or there are no more headlines than labels.
    """
    n_trained, size = matrix.weights.shape
    rows = keras.Input((None,), dtype="int32", name="rows")
    table = keras.layers.Embedding(n_trained, size, trainable=False, name="untrained")
    weight = keras.layers.Embedding(
        len(matrix.word_probabilities), 1, trainable=False, name="rarity"
    )
    takes, weights = [rows], ops.swapaxes(weight(rows), 1, 2)
    # Sums as products of matrices, which write no weighted vectors down.
    if not len(matrix.extra_words):
        total = ops.squeeze(ops.matmul(weights, table(rows)), 1)
    else:
        takes.append(keras.Input((None, size), name="pretrained"))
        first = ops.expand_dims(ops.cast(rows < n_trained, weights.dtype), 1)
        total = ops.matmul(weights * first, table(ops.minimum(rows, n_trained - 1)))
        total = ops.squeeze(total + ops.matmul(weights * (1 - first), takes[1]), 1)
    mean = total / ops.maximum(ops.norm(total, axis=1, keepdims=True), 1e-9)
    scores = keras.layers.Dense(n_classes, trainable=False, name="scores")
    model = keras.Model(takes, ops.log_softmax(scores(mean)), name="pooled")
    table.set_weights([matrix.weights])
    rarity = _COMMON / (_COMMON + matrix.word_probabilities)
    rarity[PADDING] = 0
    weight.set_weights([rarity[:, None]])

    labels = np.asarray(labels)
    if len(labels) > _MAX_HEADLINES:
        chosen = np.random.default_rng(seed).choice(len(labels), _MAX_HEADLINES, replace=False)
        inputs, labels = [array[chosen] for array in inputs], labels[chosen]
    features = apply_pooled(classifier, keras.Model(takes, mean), inputs)
    scores.set_weights(_calibrated(features, labels, n_classes, seed))
    return model


def apply_pooled(
    classifier: Network, model: keras.Model, inputs: Sequence[NDArray[np.int32]]
) -> NDArray[np.float32]:
    """What a model as `fit_pooled` returns gives for headlines: float32 array, a row each."""
    batches = []
    for start in range(0, len(inputs[0]), _BATCH):
        batch = [ops.convert_to_tensor(array[start : start + _BATCH]) for array in inputs]
        vectors = in_parts(classifier.embedder(batch))
        batches.append(model([batch[0], *vectors[1:]]).numpy())
    return np.concatenate(batches)


def _calibrated(
    features: NDArray[np.float32], labels: NDArray[np.integer], n_classes: int, seed: int
) -> list[NDArray[np.float32]]:
    """Kernel (width, n_classes) and bias (n_classes,), times the factor that scores of headlines
    held out in turn ask for."""
    kernel, bias = _fit(features, labels, n_classes)
    folds = min(_FOLDS, int(np.bincount(labels).max()))
    held_out = np.zeros((len(labels), n_classes))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")
        parts = list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(labels, labels))
    for train, rest in parts:
        if 1 < len(np.unique(labels[train])) < len(train):
            of_fold = _fit(features[train], labels[train], n_classes)
            held_out[rest] = features[rest] @ of_fold[0] + of_fold[1]
    factor = temperature_factor(held_out, labels)
    return [(factor * kernel).astype(np.float32), (factor * bias).astype(np.float32)]


def _fit(
    features: NDArray[np.float32], labels: NDArray[np.integer], n_classes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    # One dimension can be constant, as with few headlines: that is no matter for a shrunk one.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Only one sample available")
        analysis = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(features, labels)
    kernel, bias = np.zeros((features.shape[1], n_classes)), np.full(n_classes, _NEVER)
    if len(analysis.classes_) == 2:
        kernel[:, analysis.classes_] = np.stack([-analysis.coef_[0], analysis.coef_[0]], 1) / 2
        bias[analysis.classes_] = np.array([-1, 1]) * analysis.intercept_[0] / 2
    else:
        kernel[:, analysis.classes_], bias[analysis.classes_] = (
            analysis.coef_.T,
            analysis.intercept_,
        )
    return kernel, bias
