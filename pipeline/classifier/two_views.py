"""Two simple models of texts, one for each view: the mean word vector, and the words.

One is a linear discriminant analysis of mean word vectors, the other naive Bayes over words. Each
sees what the other does not (Blum and Mitchell 1998, doi 10.1145/279943.279962), so their product
is good, and it is fitted in a moment. Nothing here needs TensorFlow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.covariance import ledoit_wolf_shrinkage

from pipeline.classifier.calibration import score_out_of_fold, temperature_factor
from pipeline.classifier.discriminant import ledoit_wolf
from pipeline.embedding.matrix import PADDING, EmbeddingMatrix

TOTAL_WEIGHT = 150.0
"""For how many labelled texts those without a label count together, while they get their labels. It
was chosen on the training headlines of BBC News and Stop Clickbait, from 50 to 1,000."""

_COMMON = 1e-3  # probability at which a word counts half (Arora et al. 2017, table 1)
_FOLDS = 5
_ROUNDS = 20
_WORDS_FROM = 10  # the round from which on the words have a say: before, few are known
_SMOOTHING = 0.03  # of a word's share in all texts, as a part of the number of words
_LEAST_SHRINKAGE = 0.02


def word_rarity(matrix: EmbeddingMatrix) -> NDArray[np.float32]:
    """How much each row's word counts in a mean vector: float32 array, as `word_probabilities`.

    It is a / (a + the probability of the word in running text), a = 0.001: smooth inverse frequency
    (Arora, Liang and Ma 2017, "A simple but tough-to-beat baseline for sentence embeddings").
    """
    rarity = _COMMON / (_COMMON + matrix.word_probabilities)
    rarity[PADDING] = 0
    return rarity


@dataclass(frozen=True, eq=False)
class Views:
    """n texts. `vectors`: their mean word vectors, (n, vector_size), which may have no columns.
    `words`: which words each has, CSR matrix of ones, (n, n_words)."""

    vectors: NDArray[np.float64]
    words: Any

    def __len__(self) -> int:
        return len(self.vectors)

    def rows(self, which: NDArray[Any]) -> Views:
        """Some of the texts."""
        return Views(self.vectors[which], self.words[which])

    def stacked(self, others: Views) -> Views:
        """These texts, then others."""
        return Views(
            np.concatenate([self.vectors, others.vectors]),
            scipy.sparse.vstack([self.words, others.words], "csr"),
        )


@dataclass(frozen=True, eq=False)
class TwoViews:
    """Both models. `kernel`: (vector_size, n_labels); `bias`: (n_labels,); `words`:
    (n_words, n_labels)."""

    kernel: NDArray[np.float64]
    bias: NDArray[np.float64]
    words: NDArray[np.float64] | None = None

    def scores(self, views: Views) -> NDArray[np.float64]:
        """Log-probabilities of the labels up to a constant of each text, not calibrated:
        (n, n_labels)."""
        scores = views.vectors @ self.kernel + self.bias
        return scores if self.words is None else scores + views.words @ self.words


def fit_two_views(
    views: Views,
    labels: NDArray[np.integer],
    n_labels: int,
    given: NDArray[np.float64] | None = None,
) -> TwoViews:
    """Fit both models to texts, of which the first have the `labels`, and perhaps weights: `given`.

    Texts without a label get one from what both models say, and the models are fitted again:
    expectation maximisation (Nigam, McCallum, Thrun and Mitchell 2000,
    doi 10.1023/A:1007692713085).
    """
    n, n_labelled = len(views.vectors), len(labels)
    weights = np.ones(n)
    weights[:n_labelled] = 1 if given is None else given
    weights[n_labelled:] = min(1.0, TOTAL_WEIGHT / max(n - n_labelled, 1))
    shares = np.zeros((n, n_labels))
    shares[np.arange(n_labelled), labels] = 1
    few = slice(n_labelled)
    means = _means(views.vectors[few], shares[few] * weights[few, None])
    centred = views.vectors[few] - means[labels]
    if given is None:
        shrinkage = float(ledoit_wolf_shrinkage(centred, assume_centered=True))
    else:
        shrinkage = ledoit_wolf(centred, given)
    model = _discriminate(views.vectors[few], shares[few], weights[few], shrinkage)
    # More texts need less of it.
    shrinkage = max(shrinkage * weights[few].sum() / weights.sum(), _LEAST_SHRINKAGE)
    for number in range(_ROUNDS) if n > n_labelled else [_WORDS_FROM]:
        shares[n_labelled:] = softmax(model.scores(views)[n_labelled:], axis=1)
        model = _discriminate(views.vectors, shares, weights, shrinkage)
        if number + 1 >= _WORDS_FROM:
            model = replace(model, words=_count_words(views.words, shares, weights))
    return model


def _means(vectors: NDArray[Any], weighted: NDArray[Any]) -> NDArray[Any]:
    return (weighted.T @ vectors) / np.maximum(weighted.sum(axis=0), 1e-9)[:, None]


def _discriminate(
    vectors: NDArray[Any], shares: NDArray[Any], weights: NDArray[Any], shrinkage: float
) -> TwoViews:
    """A linear discriminant analysis. `shares`: how much of each label a text has,
    (n, n_labels)."""
    weighted = shares * weights[:, None]
    counts, total = weighted.sum(axis=0), weights.sum()
    means = _means(vectors, weighted)
    covariance = (vectors * weights[:, None]).T @ vectors - (means * counts[:, None]).T @ means
    covariance /= total
    size = len(covariance)
    variance = max(np.trace(covariance) / size, 1e-12)
    covariance = (1 - shrinkage) * covariance + shrinkage * variance * np.eye(size)
    # No vectors, or one text a label, but for rounding.
    if np.trace(covariance) <= 1e-9 * np.square(vectors).sum(axis=1).mean():
        covariance = np.eye(size)
    kernel = np.linalg.solve(covariance, means.T)
    priors = np.log(np.maximum(counts / total, 1e-12))
    return TwoViews(kernel, priors - 0.5 * (means.T * kernel).sum(axis=0))


def _count_words(words: Any, shares: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
    """Naive Bayes: the logarithm of each word's share in each label, (n_words, n_labels)."""
    counts = words.T @ (shares * weights[:, None])
    everywhere = counts.sum(axis=1, keepdims=True) + 1e-3
    likely = counts + _SMOOTHING * len(everywhere) * everywhere / everywhere.sum()
    return np.log(likely / likely.sum(axis=0))


def score_views_out_of_fold(
    views: Views, labels: NDArray[np.integer], n_labels: int, seed: int = 0
) -> tuple[NDArray[np.float64], float]:
    """Scores of each text from models that did not see it, and the factor that calibrates them.

    Returns scores, float64 array (n, n_labels), and the factor of `temperature_factor`.
    """

    def score_fold(train: NDArray[np.int64], held_out: NDArray[np.int64]) -> NDArray[np.float64]:
        model = fit_two_views(views.rows(train), labels[train], n_labels)
        return model.scores(views.rows(held_out))

    all_folds = len(labels) * n_labels + 1
    _, scores = score_out_of_fold(score_fold, labels, n_labels, _FOLDS, seed, all_folds)
    return scores, temperature_factor(scores, labels)
