"""The calibration of a classifier, from labelled texts that it did not learn from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.portable.conformal import Calibration

ENOUGH = 100
"""Validation texts from which a label has a threshold of its own.

With so many, sets for 90% hold this label in 85 to 95% of its headlines, in 9 of 10 draws of the
validation texts. The coverage given n texts is Beta distributed: Vovk 2012 (arXiv 1209.2673); a
table is in Angelopoulos and Bates 2021 (arXiv 2107.07511).
"""
MOST = 5_000
"""Validation texts that are kept of a group, drawn by the seed: their coverage varies by 0.4
points."""


def calibrate(
    probabilities: NDArray[np.floating],
    labels: NDArray[np.integer],
    *,
    seed: int = 0,
    enough: int = ENOUGH,
    most: int = MOST,
) -> Calibration:
    """Keep how probable the right label of each text was.

    A label with enough texts is a group of its own (class-conditional, also called Mondrian). The
    others are one group together, with the next larger labels until it has enough.

    Args:
        probabilities: float array, (n, n_labels), of at least one text.
        labels: the right ones, int array, (n,).
        seed: draws the texts that are kept, where there are more than `most` of a group.
        enough, most: see `ENOUGH` and `MOST`.
    """
    n_labels = probabilities.shape[1]
    right = probabilities[np.arange(len(labels)), labels].astype(np.float32)
    group_of = _groups(np.bincount(labels, minlength=n_labels), enough)
    random = np.random.default_rng(seed)
    kept = []
    for group in range(group_of.max() + 1):
        scores = right[group_of[labels] == group]
        if len(scores) > most:
            scores = random.choice(scores, most, replace=False)
        kept.append(np.sort(scores))
    return Calibration(tuple(kept), group_of)


def _groups(counts: NDArray[np.integer], enough: int) -> NDArray[np.intp]:
    """The group of each label, from how many texts each has: int array, (n_labels,)."""
    order = counts.argsort(kind="stable")
    together = int(counts[counts < enough].sum())
    n_shared = int((counts < enough).sum())
    while n_shared and together < enough and n_shared < len(counts):
        together += int(counts[order[n_shared]])
        n_shared += 1
    shared = order[:n_shared]
    group_of = np.zeros(len(counts), np.intp)
    alone = np.setdiff1d(np.arange(len(counts)), shared)
    group_of[alone] = np.arange(len(alone)) + bool(n_shared)
    return group_of
