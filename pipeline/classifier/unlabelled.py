"""Texts without a label: they get one from what a few labelled texts teach, and are learned from too.

Two simple models label the texts, and are fitted again to what both say: expectation maximisation
(Nigam, McCallum, Thrun and Mitchell 2000, doi 10.1023/A:1007692713085) with two views of a text
(Blum and Mitchell 1998, doi 10.1145/279943.279962). One view is its mean word vector, for a linear
discriminant analysis. The other is its words, for naive Bayes.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.covariance import ledoit_wolf_shrinkage

from pipeline.classifier.network import Network
from pipeline.classifier.sif import mean_vectors
from pipeline.data.examples import Examples
from pipeline.data.sampling import sample_positions, take_texts
from pipeline.embedding.matrix import FIRST_WORD, EmbeddingMatrix

logger = logging.getLogger(__name__)

MOST_TEXTS = 20_000
"""Of more texts without a label, a random sample of this size is learned from."""
TOTAL_WEIGHT = 150.0
"""For how many labelled texts those without a label count together, while they get their labels. It
was chosen on the training headlines of BBC News and Stop Clickbait, from 50 to 1,000."""

MOST_LABELLED = 300
"""Above so many labelled texts nothing is learned from the others: on validation they brought 2 points
with 100 labels of BBC News and half a point with 200, and nothing sure with 400 and more."""

_ROUNDS = 20
_WORDS_FROM = 10  # the round from which on the words have a say: before, few are known
_SMOOTHING = 0.03  # of a word's share in all texts, as a part of the number of words
_LEAST_SHRINKAGE = 0.02


@dataclass(frozen=True, eq=False)
class SelfLabelled:
    """What came of the texts without a label.

    `examples`: the labelled texts, then those that got a label; where they are not used, the labelled
    texts alone. `n_texts`: how many got a label. `accuracy`, `accuracy_without`: of the two simple
    models on the validation texts, with these texts and without. `used`: whether the
    classifier learns from them.
    """

    examples: Examples
    n_texts: int
    accuracy: float
    accuracy_without: float
    used: bool


def label_unlabelled(
    network: Network,
    matrix: EmbeddingMatrix,
    training: Examples,
    validation: Examples,
    texts: Sequence[str],
    *,
    seed: int = 0,
    most_texts: int = MOST_TEXTS,
    most_labelled: int = MOST_LABELLED,
) -> SelfLabelled:
    """Give labels to texts that have none.

    The validation texts can refuse them: if the simple models are worse with these texts, by more
    than two standard deviations of the difference (McNemar 1947, doi 10.1007/BF02295996), the
    classifier does not learn from them. Above `most_labelled` labelled texts nothing is tried: then
    `n_texts` is 0, and both accuracies are NaN.

    Args:
        network: looks the words up.
        matrix: the one that the network was built from.
        training: the labelled texts.
        validation: labelled texts that can refuse.
        texts: those without a label, at least one.
        seed: of the sample.
        most_texts: of more texts, so many are drawn.
        most_labelled: with more labelled texts, the classifier does not learn from them.
    """
    if len(training) > most_labelled:
        logger.info(
            "unlabelled: nothing is learned from them with more than %s labelled headlines",
            f"{most_labelled:,}",
        )
        return SelfLabelled(training, 0, np.nan, np.nan, used=False)
    texts = take_texts(texts, sample_positions(len(texts), most_texts, seed))
    labelled, others, held_out = (
        _views(network, matrix, each) for each in (training.texts, texts, validation.texts)
    )
    labels, truth = np.asarray(training.labels), np.asarray(validation.labels)
    n_labels = len(training.label_names)
    alone = _fit(labelled, labels, n_labels)
    together = _fit(_stack(labelled, others), labels, n_labels)
    before, after = (_label(model, held_out) == truth for model in (alone, together))
    lost, won = int((before & ~after).sum()), int((after & ~before).sum())
    used = lost - won <= 2 * np.sqrt(lost + won)
    chosen = _label(together, others).tolist()
    examples = replace(
        training, texts=[*training.texts, *texts], labels=[*training.labels, *chosen]
    )
    result = SelfLabelled(
        examples if used else training,
        len(texts),
        float(after.mean()),
        float(before.mean()),
        bool(used),
    )
    logger.info(
        "unlabelled: %s headlines got a label, %s; validation accuracy of two simple models %.4f, "
        "without them %.4f",
        f"{len(texts):,}",
        "and are learned from" if used else "and are not learned from",
        result.accuracy,
        result.accuracy_without,
    )
    return result


@dataclass(frozen=True, eq=False)
class _Views:
    """`vectors`: (n, vector_size). `words`: CSR matrix of ones, (n, n_words)."""

    vectors: NDArray[np.float64]
    words: Any


@dataclass(frozen=True, eq=False)
class _Model:
    """`kernel`: (vector_size, n_labels); `bias`: (n_labels,); `words`: (n_words, n_labels)."""

    kernel: NDArray[np.float64]
    bias: NDArray[np.float64]
    words: NDArray[np.float64] | None = None

    def scores(self, views: _Views) -> NDArray[np.float64]:
        scores = views.vectors @ self.kernel + self.bias
        return scores if self.words is None else scores + views.words @ self.words


def _views(network: Network, matrix: EmbeddingMatrix, texts: Sequence[str]) -> _Views:
    inputs = network.token_ids(texts)
    token_ids = inputs[0]
    text, place = np.nonzero(token_ids >= FIRST_WORD)
    shape = (len(texts), len(matrix.word_probabilities))
    words = scipy.sparse.csr_matrix(
        (np.ones(len(text)), (text, token_ids[text, place])), shape
    ).sign()
    return _Views(mean_vectors(network, matrix, inputs).astype(np.float64), words)


def _stack(first: _Views, second: _Views) -> _Views:
    return _Views(
        np.concatenate([first.vectors, second.vectors]),
        scipy.sparse.vstack([first.words, second.words], "csr"),
    )


def _label(model: _Model, views: _Views) -> NDArray[np.intp]:
    return model.scores(views).argmax(axis=1)


def _fit(views: _Views, labels: NDArray[np.integer], n_labels: int) -> _Model:
    """Fit both models to texts, of which the first have the `labels`."""
    n, n_labelled = len(views.vectors), len(labels)
    weights = np.ones(n)
    weights[n_labelled:] = min(1.0, TOTAL_WEIGHT / max(n - n_labelled, 1))
    shares = np.zeros((n, n_labels))
    shares[np.arange(n_labelled), labels] = 1
    few = slice(n_labelled)
    centred = views.vectors[few] - _means(views.vectors[few], shares[few])[labels]
    shrinkage = float(ledoit_wolf_shrinkage(centred, assume_centered=True))
    model = _discriminate(views.vectors[few], shares[few], weights[few], shrinkage)
    # More texts need less of it.
    shrinkage = max(shrinkage * n_labelled / weights.sum(), _LEAST_SHRINKAGE)
    for number in range(_ROUNDS):
        shares[n_labelled:] = softmax(model.scores(views)[n_labelled:], axis=1)
        model = _discriminate(views.vectors, shares, weights, shrinkage)
        if number + 1 >= _WORDS_FROM:
            model = replace(model, words=_count_words(views.words, shares, weights))
    return model


def _means(vectors: NDArray[Any], weighted: NDArray[Any]) -> NDArray[Any]:
    return (weighted.T @ vectors) / np.maximum(weighted.sum(axis=0), 1e-9)[:, None]


def _discriminate(
    vectors: NDArray[Any], shares: NDArray[Any], weights: NDArray[Any], shrinkage: float
) -> _Model:
    """A linear discriminant analysis. `shares`: how much of each label a text has, (n, n_labels)."""
    weighted = shares * weights[:, None]
    counts, total = weighted.sum(axis=0), weights.sum()
    means = _means(vectors, weighted)
    covariance = (vectors * weights[:, None]).T @ vectors - (means * counts[:, None]).T @ means
    covariance /= total
    size = len(covariance)
    variance = max(np.trace(covariance) / size, 1e-12)
    covariance = (1 - shrinkage) * covariance + shrinkage * variance * np.eye(size)
    kernel = np.linalg.solve(covariance, means.T)
    priors = np.log(np.maximum(counts / total, 1e-12))  # a label without a text is never given
    return _Model(kernel, priors - 0.5 * (means.T * kernel).sum(axis=0))


def _count_words(words: Any, shares: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
    """Naive Bayes: the logarithm of each word's share in each label, (n_words, n_labels)."""
    counts = words.T @ (shares * weights[:, None])
    everywhere = counts.sum(axis=1, keepdims=True) + 1e-3
    likely = counts + _SMOOTHING * len(everywhere) * everywhere / everywhere.sum()
    return np.log(likely / likely.sum(axis=0))
