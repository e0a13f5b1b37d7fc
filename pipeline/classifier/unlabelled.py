"""Texts without a label: they get one from what a few labelled texts teach, and are learned from
too.

The two simple models of `two_views` label the texts, and are fitted again to what both say.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from pipeline.classifier.network import Network
from pipeline.classifier.sif import mean_vectors
from pipeline.classifier.two_views import TwoViews, Views, fit_two_views
from pipeline.data.examples import Examples
from pipeline.data.sampling import sample_positions, take_texts
from pipeline.data.weighting import given_weights
from pipeline.embedding.matrix import FIRST_WORD, EmbeddingMatrix

logger = logging.getLogger(__name__)

MOST_TEXTS = 20_000
"""Of more texts without a label, a random sample of this size is learned from."""

MOST_LABELLED = 300
"""Above so many labelled texts nothing is learned from the others: on validation they brought 2
points with 100 labels of BBC News and half a point with 200, and nothing sure with 400 and more."""


@dataclass(frozen=True, eq=False)
class SelfLabelled:
    """What came of the texts without a label.

    `examples`: the labelled texts, then those that got a label; where they are not used, the
    labelled texts alone. `n_texts`: how many got a label. `accuracy`, `accuracy_without`: of the
    two simple models on the validation texts, with these texts and without. `used`: whether the
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
            "unlabelled: %s headlines without a label are not learned from, as more than %s have a label",
            f"{len(texts):,}",
            f"{most_labelled:,}",
        )
        return SelfLabelled(training, 0, np.nan, np.nan, used=False)
    texts = take_texts(texts, sample_positions(len(texts), most_texts, seed))
    labelled, others, held_out = (
        _views(network, matrix, each) for each in (training.texts, texts, validation.texts)
    )
    labels, truth = np.asarray(training.labels), np.asarray(validation.labels)
    n_labels = len(training.label_names)
    weights = given_weights(training)
    alone = fit_two_views(labelled, labels, n_labels, weights)
    together = fit_two_views(labelled.stacked(others), labels, n_labels, weights)
    before, after = (_label(model, held_out) == truth for model in (alone, together))
    lost, won = int((before & ~after).sum()), int((after & ~before).sum())
    used = lost - won <= 2 * np.sqrt(lost + won)
    chosen = _label(together, others).tolist()
    examples = replace(
        training,
        texts=[*training.texts, *texts],
        labels=[*training.labels, *chosen],
        weights=None if weights is None else [*weights, *_as_their_label(chosen, labels, weights)],
    )
    result = SelfLabelled(
        examples if used else training,
        len(texts),
        float(after.mean()),
        float(before.mean()),
        bool(used),
    )
    logger.info(
        "unlabelled: %s headlines got a label, %s; validation accuracy of two simple models with "
        "them %.4f, without them %.4f",
        f"{len(texts):,}",
        "and are learned from" if used else "and are not learned from",
        result.accuracy,
        result.accuracy_without,
    )
    return result


def _views(network: Network, matrix: EmbeddingMatrix, texts: Sequence[str]) -> Views:
    inputs = network.token_ids(texts)
    token_ids = inputs[0]
    text, place = np.nonzero(token_ids >= FIRST_WORD)
    shape = (len(texts), len(matrix.word_probabilities))
    words = scipy.sparse.csr_matrix(
        (np.ones(len(text)), (text, token_ids[text, place])), shape
    ).sign()
    return Views(mean_vectors(network, matrix, inputs).astype(np.float64), words)


def _label(model: TwoViews, views: Views) -> NDArray[np.intp]:
    return model.scores(views).argmax(axis=1)


def _as_their_label(
    chosen: Sequence[int], labels: NDArray[np.integer], weights: NDArray[np.float64]
) -> list[float]:
    """A text that got a label counts as the labelled ones of that label do on average.

    It counts less where so many got the label that it would count for more than its share among the
    labelled texts.
    """
    size = max(int(labels.max()), *chosen) + 1
    totals, counts = np.bincount(labels, weights, size), np.bincount(labels, minlength=size)
    given = np.bincount(chosen, minlength=size)
    mean = np.where(counts > 0, totals / np.maximum(counts, 1), weights.mean())
    fair = np.where(counts > 0, counts, 1) * len(chosen) / len(labels)
    each = mean * np.minimum(1, fair / np.maximum(given, 1))
    return [float(each[label]) for label in chosen]
