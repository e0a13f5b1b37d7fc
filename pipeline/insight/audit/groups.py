"""Does what is learned from some sources (publishers, authors ...) hold for another one?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from pipeline.insight.audit.signals import Signal, score
from pipeline.insight.audit.words import Words

_MOST_FOLDS = 10
_MOST_HEADLINES = 100_000


@dataclass(frozen=True)
class HeldOut:
    """A part of the headlines that was predicted by a model fitted to the rest.

    `groups`: that were held out together; `accuracy`: of these headlines; `same_labels`: of as many
    of each label, drawn at random from all groups; `unlearnable`: fraction of the headlines whose
    label no other group has.
    """

    groups: tuple[str, ...]
    headlines: int
    accuracy: float
    same_labels: float
    unlearnable: float


@dataclass(frozen=True)
class Groups:
    """How the accuracy of a linear model depends on knowing the source.

    `number`: of groups; `alone`: what the group alone tells of the label, on the test split. The
    others are fractions of the same `headlines` of all splits that were predicted right: each group
    `held_out`; parts of the same sizes and with the same number of headlines of each label drawn at
    random (`same_labels`); ordinary `stratified` cross-validation with parts of the same sizes; the
    most frequent label (`majority`). `p_value`: of the sign test that the first two are equal.
    """

    number: int
    alone: Signal
    headlines: int
    held_out: float
    same_labels: float
    stratified: float
    majority: float
    p_value: float
    folds: tuple[HeldOut, ...]


def hold_groups_out(words: Words, groups: Mapping[str, Sequence[str]], *, seed: int = 0) -> Groups:
    """Predict every headline by a model that saw no headline of its group, and by ones that did.

    `groups`: the group of each headline, by split. The splits are put together, as a group may be
    in all of them. Up to ten groups are held out one by one, more in ten parts (scikit-learn's
    GroupKFold). The model is a linear support vector machine over the TF-IDF of words, fitted by
    stochastic gradient descent. Above 100,000 headlines a random sample of so many is used.

    A group that is held out takes most of its own labels with it, which by itself costs accuracy:
    `same_labels` is the fair comparison.
    """
    from scipy.stats import binomtest
    from sklearn.model_selection import GroupKFold

    splits = [*words.texts]
    of = np.array([group for split in splits for group in groups[split]], object)
    labels = np.concatenate([words.labels[split] for split in splits])
    counts = scipy.sparse.vstack([words.counts[split] for split in splits], "csr")
    random = np.random.default_rng(seed)
    rows = np.sort(random.permutation(len(of))[:_MOST_HEADLINES])
    of, labels, counts = of[rows], labels[rows], counts[rows]

    names, codes = np.unique(of, return_inverse=True)
    folds = codes
    if len(names) > _MOST_FOLDS:
        folds = np.empty_like(codes)
        for fold, (_, here) in enumerate(GroupKFold(_MOST_FOLDS).split(counts, groups=codes)):
            folds[here] = fold
    drawn = _at_random(folds, labels, random)
    right = _predict(counts, labels, folds, seed) == labels
    right_drawn = _predict(counts, labels, drawn, seed) == labels
    stratified = _predict(counts, labels, _stratified(folds, labels, random), seed) == labels
    better, worse = int((right & ~right_drawn).sum()), int((~right & right_drawn).sum())
    return Groups(
        number=len(names),
        alone=_alone(words, groups),
        headlines=len(rows),
        held_out=float(right.mean()),
        same_labels=float(right_drawn.mean()),
        stratified=float(stratified.mean()),
        majority=float(np.bincount(labels).max() / len(labels)),
        p_value=float(binomtest(better, better + worse).pvalue) if better + worse else 1.0,
        folds=tuple(
            HeldOut(
                groups=tuple(names[np.unique(codes[here])]),
                headlines=int(here.sum()),
                accuracy=float(right[here].mean()),
                same_labels=float(right_drawn[drawn == fold].mean()),
                unlearnable=float((~np.isin(labels[here], labels[~here])).mean()),
            )
            for fold, here in enumerate(folds == fold for fold in range(folds.max() + 1))
        ),
    )


def _at_random(
    folds: NDArray[np.int64], labels: NDArray[np.int64], random: np.random.Generator
) -> NDArray[np.int64]:
    """Folds drawn at random that have as many headlines of each label as these."""
    drawn = np.empty_like(folds)
    for label in np.unique(labels):
        drawn[labels == label] = random.permutation(folds[labels == label])
    return drawn


def _stratified(
    folds: NDArray[np.int64], labels: NDArray[np.int64], random: np.random.Generator
) -> NDArray[np.int64]:
    """Folds drawn at random as large as these, with all labels in the same proportions.

    Headlines are put in the order of their labels, and each fold takes places evenly spread over it.
    """
    sizes = np.bincount(folds)
    places = np.concatenate([(np.arange(size) + random.random()) / size for size in sizes])
    drawn = np.empty_like(folds)
    by_label = np.lexsort((random.random(len(labels)), labels))
    drawn[by_label] = np.repeat(np.arange(len(sizes)), sizes)[np.argsort(places)]
    return drawn


def _predict(
    counts: Any, labels: NDArray[np.int64], folds: NDArray[np.int64], seed: int
) -> NDArray[np.int64]:
    """The label of each headline as a model says that was fitted to the other folds."""
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import SGDClassifier
    from sklearn.pipeline import make_pipeline

    predicted = np.empty_like(labels)
    for fold in range(folds.max() + 1):
        here = folds == fold
        known = np.unique(labels[~here])
        if len(known) == 1:  # the other groups have no other label
            predicted[here] = known
            continue
        seen = counts[~here].getnnz(axis=0) > 0
        model = make_pipeline(TfidfTransformer(sublinear_tf=True), SGDClassifier(random_state=seed))
        model.fit(counts[~here][:, seen], labels[~here])
        predicted[here] = model.predict(counts[here][:, seen])
    return predicted


def _alone(words: Words, groups: Mapping[str, Sequence[str]]) -> Signal:
    """Predict the label that the group has most often in the training split."""
    labels = words.labels["train"].tolist()
    by_group: dict[str, Counter[int]] = {}
    for group, label in zip(groups["train"], labels, strict=True):
        by_group.setdefault(group, Counter())[label] += 1
    unknown = Counter(labels)
    predicted = [by_group.get(group, unknown).most_common(1)[0][0] for group in groups["test"]]
    return score(words.labels["test"], np.array(predicted))
