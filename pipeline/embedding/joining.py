"""Several sets of vectors as one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from pipeline.base.calls import checked
from pipeline.base.errors import VectorsError
from pipeline.embedding.vectors import N_FIRST_WORDS, WordVectors


@checked
def join_vectors(sets: Sequence[WordVectors]) -> WordVectors:
    """Put the vectors that each set has for a word side by side.

    The result has the words of all sets: those of the first in their order, then those that the
    second adds, and so on. Its dimension is the sum of theirs. Each set is scaled to the standard
    deviation 1, because a set with larger numbers would otherwise decide cosines, and the first
    steps of a classifier. A word that a set does not list gets a vector from the `subwords` of the
    set, and zeros where it has none.

    >>> glove = WordVectors.from_rows(["alps"], np.array([[4, -4]], np.float32))
    >>> own = WordVectors.from_rows(["alps", "wow"], np.array([[1], [-1]], np.float32))
    >>> join_vectors([glove, own]).vectors.tolist()
    [[1.0, -1.0, 1.0], [0.0, 0.0, -1.0]]

    Raises VectorsError: fewer than two sets.
    """
    if len(sets) < 2:
        raise VectorsError(f"expected at least two sets of vectors to join, got {len(sets)}")
    scales = [1 / (_std(vectors) or 1) for vectors in sets]

    def rows(words: Sequence[str]) -> NDArray[np.float32]:
        parts = zip(sets, scales, strict=True)
        return np.hstack([_rows(vectors, words) * np.float32(scale) for vectors, scale in parts])

    makers = [vectors.subwords_by for vectors in sets if vectors.subwords is not None]
    words = list(dict.fromkeys(chain.from_iterable(vectors.index_to_key for vectors in sets)))
    first = dict.fromkeys(chain.from_iterable(vectors.first_words for vectors in sets))
    return WordVectors.from_rows(
        words,
        rows(words),
        name=" + ".join(vectors.name for vectors in sets),
        duplicates=sum(vectors.duplicates for vectors in sets),
        first_words=tuple(first)[:N_FIRST_WORDS],
        subwords=rows if makers else None,
        subwords_by=makers[0] if makers else "subwords",
        # Sets that list none of the words asked for are still sets of words.
        total=len(words) or max(vectors.total for vectors in sets),
    )


def _rows(vectors: WordVectors, words: Sequence[str]) -> NDArray[np.float32]:
    """The vectors of a set for any words: float32 array, (len(words), vector_size)."""
    rows = np.zeros((len(words), vectors.vector_size), np.float32)
    listed = np.array([word in vectors for word in words], bool)
    rows[listed] = vectors.vectors[[vectors.key_to_index[w] for w in words if w in vectors]]
    if vectors.subwords is not None and not listed.all():
        rows[~listed] = vectors.subwords([word for word in words if word not in vectors])
    return rows


def _std(vectors: WordVectors) -> float:
    """The standard deviation of all values, in double precision, without a copy of the matrix."""
    values = vectors.vectors
    if not values.size:
        return 0.0
    mean = float(values.mean(dtype=np.float64))
    square = float(np.einsum("ij,ij->", values, values, dtype=np.float64)) / values.size
    return max(square - mean * mean, 0.0) ** 0.5
