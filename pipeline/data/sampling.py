"""Fewer examples than there are, drawn by a seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.data.examples import Examples
from pipeline.data.text_column import TextColumn


def sample_examples(examples: Examples, n: int, seed: int) -> Examples:
    """Draw `n` examples, stratified by label; all examples where there are not more.

    With the same seed, a smaller sample is a part of a larger one. The order stays.
    """
    random, labels = np.random.default_rng(seed), np.array(examples.labels)
    place = np.empty(len(labels))
    for label in np.unique(labels):
        positions = random.permutation(np.flatnonzero(labels == label))
        # The places of a label are spread evenly from 0 to 1. So each beginning of the order has
        # nearly the same share of every label.
        place[positions] = (np.arange(len(positions)) + random.random()) / len(positions)
    chosen = np.sort(np.argsort(place, kind="stable")[:n])
    return take_examples(examples, chosen)


def take_examples(examples: Examples, positions: NDArray[np.integer[Any]]) -> Examples:
    """The examples at some positions, int array (n,), in their order."""
    labels, weights = examples.labels, examples.weights
    return Examples(
        take_texts(examples.texts, positions),
        [labels[i] for i in positions.tolist()],
        examples.label_names,
        None if weights is None else [weights[i] for i in positions.tolist()],
    )


def take_texts(texts: Sequence[str], positions: NDArray[np.integer[Any]]) -> list[str]:
    """The texts at some positions, int array (n,), in their order."""
    return texts.take(positions) if isinstance(texts, TextColumn) else [texts[i] for i in positions]


def sample_positions(n: int, most: int, seed: int = 0) -> NDArray[np.int64]:
    """Draw positions of at most `most` of `n` items, in order: int64 array, (min(n, most),)."""
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False))
