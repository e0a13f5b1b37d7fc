"""Fit the n-gram member: count hashed n-grams, weigh them, fit a linear model, calibrate it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split
from sklearn.svm import LinearSVC

from pipeline.base.errors import DataError
from pipeline.classifier.calibration import MANY, score_out_of_fold, temperature_factor
from pipeline.classifier.ngram_hashing import NOWHERE, hash_ngrams
from pipeline.classifier.ngrams import (
    NgramLayer,
    NgramMember,
    as_strings,
    chunk_strings,
    n_outputs_for,
)
from pipeline.data.weighting import take

logger = logging.getLogger(__name__)

MOST_TEXTS = 100_000


def fit_ngrams(
    texts: Any,
    labels: Sequence[int] | NDArray[np.integer[Any]],
    n_labels: int,
    *,
    regularisation: float = 3.0,
    n_buckets: int | None = None,
    folds: int | None = None,
    seed: int = 0,
    most_texts: int = MOST_TEXTS,
    many: int = MANY,
    weights: NDArray[np.float64] | None = None,
) -> NgramMember:
    """Fit a linear support vector machine to hashed n-grams and calibrate its scores.

    One factor turns the scores into probabilities (temperature: Guo et al. 2017, arXiv 1706.04599).
    It minimises the log loss of texts that the model did not see: the model of each fold is fitted
    to the other folds.

    Args:
        texts: standardised strings (n,), as `Network.joined_tokens` gives them.
        labels: (n,), from 0 to `n_labels` - 1. A label may be rare or absent.
        n_labels: how many labels there are.
        regularisation: LinearSVC's C. A larger one fits the texts closer.
        n_buckets: a power of two. The default is that of `choose_n_buckets`.
        folds: of the calibration. The default is 5. It is 3 above 10,000 texts: there the factor is
            sure, and the time matters.
        seed: of the sample, the folds and the order of the texts.
        most_texts: of more texts, a stratified sample of this size is fitted, which bounds the
            memory.
        many: where texts x labels are more, one fold calibrates, and each label is held against a
            random sample of the other texts, `many` for all labels together. The time then grows
            with the texts alone.
        weights: of the texts, (n,); None: all count once.

    Raises:
        DataError: nothing to fit, labels out of range, or another number of labels than of texts.
    """
    strings, classes = as_strings(texts), np.asarray(labels, np.int64)
    if len(strings) == 0 or len(strings) != len(classes):
        raise DataError(
            f"expected as many labels as texts, and at least one, to fit the n-grams: "
            f"got {len(strings)} texts and {len(classes)} labels"
        )
    if classes.min() < 0 or classes.max() >= n_labels:
        raise DataError(
            f"expected labels from 0 to {n_labels - 1} to fit the n-grams, "
            f"got {classes.min()} to {classes.max()}"
        )
    chosen = ngram_rows(classes, seed, most_texts)
    if n_buckets is None:
        n_buckets = choose_n_buckets(len(chosen), n_labels)
    if folds is None:
        folds = 5 if len(chosen) <= 10_000 else 3
    features = _Features.extract(strings[chosen], n_buckets)
    kept, kept_weights = classes[chosen], take(weights, chosen)

    def score_fold(train: NDArray[np.int64], held_out: NDArray[np.int64]) -> NDArray[np.float64]:
        fitted = take(kept_weights, train)
        model = _fit(
            features.rows(train), kept[train], fitted, n_labels, regularisation, seed, many
        )
        return model.scores(features.rows(held_out))

    rows, scores = score_out_of_fold(score_fold, kept, n_outputs_for(n_labels), folds, seed, many)
    factor = temperature_factor(scores, kept[rows], take(kept_weights, rows))
    model = _fit(features, kept, kept_weights, n_labels, regularisation, seed, many)

    n_outputs = model.coefficients.shape[1]
    table = np.zeros((n_buckets, 1 + n_outputs), np.float32)
    table[features.buckets, 0] = model.weights**2
    table[features.buckets, 1:] = factor * model.weights[:, None] * model.coefficients
    logger.info(
        "n-grams: %s in %s buckets, from %s texts",
        f"{len(features.buckets):,}", f"{n_buckets:,}", f"{len(chosen):,}",
    )  # fmt: skip
    layer = NgramLayer(n_buckets, n_labels, name="ngrams")
    layer.build((None,))
    layer.set_weights([table, (factor * model.bias).astype(np.float32)])
    return NgramMember(layer)


def choose_n_buckets(n: int, n_labels: int) -> int:
    """The size of the table for `n` texts, a power of two.

    It is 512 for each text, at least 2**18 and at most 2**20. With many labels it is less, so that
    the table takes at most 64 MB.
    """
    most = min(20, int(np.log2(2**24 / (1 + n_outputs_for(n_labels)))))
    return 2 ** int(min(max(np.ceil(np.log2(512 * n)), 18), most))


@dataclass(frozen=True)
class _Features:
    """How often each bucket occurs in each text.

    `blocks`: one matrix for words and one for characters, CSR (n, n_seen). `buckets`: int64 array,
    (n_seen,), the bucket of each column. Buckets that no text has are left out.
    """

    blocks: tuple[Any, Any]
    buckets: NDArray[np.int64]

    @classmethod
    def extract(cls, strings: NDArray[Any], n_buckets: int) -> _Features:
        parts: tuple[list[Any], list[Any]] = ([], [])
        for chunk in chunk_strings(strings):
            for part, (buckets, rows) in zip(parts, hash_ngrams(chunk, n_buckets), strict=True):
                part.append(_count(buckets.numpy(), rows.numpy(), len(chunk), n_buckets))
        words, characters = (scipy.sparse.vstack(part, "csr") for part in parts)
        seen = np.zeros(n_buckets, bool)
        seen[words.indices] = seen[characters.indices] = True
        buckets = np.flatnonzero(seen)
        column = np.cumsum(seen, dtype=np.int32) - 1
        blocks = tuple(
            scipy.sparse.csr_matrix(
                (block.data, column[block.indices], block.indptr), (len(strings), len(buckets))
            )
            for block in (words, characters)
        )
        return cls((blocks[0], blocks[1]), buckets)

    def rows(self, which: NDArray[np.integer[Any]]) -> _Features:
        return replace(self, blocks=(self.blocks[0][which], self.blocks[1][which]))

    def weighted(self, weights: NDArray[np.float64]) -> Any:
        """The sum of both blocks, CSR (n, n_seen). Each row of a block is brought to length 1."""
        total = 0
        for block in self.blocks:
            length = np.sqrt(np.maximum(block @ weights**2, 1e-12))
            total = total + scipy.sparse.diags_array(1 / length) @ block
        return scipy.sparse.csr_matrix(total @ scipy.sparse.diags_array(weights))


@dataclass(frozen=True)
class _Linear:
    """A linear model of weighted features. All arrays are float64.

    `weights`: (n_seen,). `coefficients`: (n_seen, n_outputs). `bias`: (n_outputs,).
    """

    weights: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    bias: NDArray[np.float64]

    def scores(self, features: _Features) -> NDArray[np.float64]:
        return features.weighted(self.weights) @ self.coefficients + self.bias


def _fit(
    features: _Features,
    classes: NDArray[np.int64],
    text_weights: NDArray[np.float64] | None,
    n_labels: int,
    c: float,
    seed: int,
    many: int,
) -> _Linear:
    weights = _weights(features, classes, text_weights, n_labels)
    present = np.unique(classes)
    n_outputs = n_outputs_for(n_labels)
    coefficients, bias = np.zeros((len(weights), n_outputs)), -np.ones(n_outputs)
    if len(present) == 1:  # nothing to separate: this class always wins
        bias[:] = np.where(np.arange(n_labels)[-n_outputs:] == present[0], 1.0, -1.0)
        return _Linear(weights, coefficients, bias)
    rows, offsets = _separate(features.weighted(weights), classes, text_weights, c, seed, many)
    if len(present) == 2 and n_outputs > 1:
        rows, offsets = np.vstack([-rows, rows]), np.concatenate([-offsets, offsets])
    columns = present if n_outputs > 1 else [0]
    coefficients[:, columns], bias[columns] = rows.T, offsets
    return _Linear(weights, coefficients, bias)


def _separate(
    rows: Any,
    classes: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
    c: float,
    seed: int,
    many: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Hold each class against the texts of the others: coefficients (n_outputs, n_seen),
    offsets."""
    # In the dual form the time does not grow with the features. The seed orders the texts.
    machine, present = LinearSVC(C=c, dual=True, random_state=seed), np.unique(classes)
    most_others = many // len(present)
    if len(classes) <= most_others or len(present) == 2:
        machine.fit(rows, classes, weights)
        return machine.coef_, machine.intercept_
    random = np.random.default_rng(seed)
    coefficients, offsets = np.zeros((len(present), rows.shape[1])), np.zeros(len(present))
    for i, label in enumerate(present):
        mine, others = np.flatnonzero(classes == label), np.flatnonzero(classes != label)
        drawn = random.choice(others, min(most_others, len(others)), replace=False)
        chosen = np.sort(np.concatenate([mine, drawn]))
        machine.fit(rows[chosen], classes[chosen] == label, take(weights, chosen))
        coefficients[i], offsets[i] = machine.coef_[0], machine.intercept_[0]
    return coefficients, offsets


def _weights(
    features: _Features,
    classes: NDArray[np.int64],
    text_weights: NDArray[np.float64] | None,
    n_labels: int,
) -> NDArray[np.float64]:
    """The weight of each n-gram, float64 array, (n_seen,).

    Rare n-grams count for more, and so do n-grams that tell classes apart. The weight is the smooth
    idf to the power 1.5, times a mean of two numbers: 1, and the largest log-count ratio of any
    class (Wang and Manning 2012, aclanthology.org/P12-2018). With few texts the ratio is noise. So
    its share in the mean grows with the number of texts; it is a half at 1,000.
    """
    values = np.ones(len(classes)) if text_weights is None else text_weights
    n = values.sum()
    present = (features.blocks[0] + features.blocks[1]).sign()
    in_class = scipy.sparse.csr_matrix(
        (values, (classes, np.arange(len(classes)))), (n_labels, len(classes))
    )
    counts = (in_class @ present).toarray()  # (n_labels, n_seen)
    seen = counts.sum(axis=0)
    idf = np.log((1 + n) / (1 + seen)) + 1
    strongest = np.zeros(len(idf))
    for count in counts:
        inside, outside = count + 1, seen - count + 1
        ratio = np.log(inside / inside.sum()) - np.log(outside / outside.sum())
        np.maximum(strongest, np.abs(ratio), out=strongest)
    share = n / (n + 1_000)
    # The fold that was left out has n-grams that the others do not have.
    return np.where(seen > 0, idf**1.5 * (1 - share + share * strongest), 0.0)


def _count(
    buckets: NDArray[np.int32], rows: NDArray[np.int32], n: int, n_buckets: int
) -> scipy.sparse.csr_matrix:
    flat, repeated = buckets.ravel(), np.repeat(rows, buckets.shape[1])
    real = flat != NOWHERE
    ones = np.ones(int(real.sum()))
    return scipy.sparse.csr_matrix((ones, (repeated[real], flat[real])), (n, n_buckets))


def ngram_rows(
    classes: NDArray[np.integer[Any]], seed: int, most: int = MOST_TEXTS
) -> NDArray[np.int64]:
    """The positions of the texts that are fitted, in order: all, or `most` and the rare classes."""
    rows = np.arange(len(classes))
    if len(classes) <= most:
        return rows
    # A class with one text cannot be stratified. Its text is taken.
    rare = np.bincount(classes)[classes] < 2
    common = rows[~rare]
    chosen, _ = train_test_split(
        common,
        train_size=min(most, len(common) - 1),
        stratify=classes[common],
        random_state=seed,
    )
    return np.sort(np.concatenate([chosen, rows[rare]]))
