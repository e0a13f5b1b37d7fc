"""Post-processing that is known to help static vectors, as an option.

A method looks at the rows of the set's most frequent words, and says how every row changes. So a
word gets the same row whichever other words are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pipeline.base.errors import VectorsError
from pipeline.embedding.vectors import N_FIRST_WORDS, Subwords, WordVectors

NONE = "none"  # the rows stay as they are
_BLOCK = 10_000  # rows changed at a time
_NO_SPREAD = 1e-12  # a variance below this fraction of the largest is none


@dataclass(frozen=True, eq=False)
class Change:
    """What is done to each row: `(row - mean) @ matrix`, or no more than `unit_length`.

    `mean`: float64 array, (vector_size,). `matrix`: float64 array, (vector_size, vector_size).
    """

    mean: NDArray[np.float64]
    matrix: NDArray[np.float64]
    unit_length: bool = False

    def __call__(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The changed rows: float32 array, (n, vector_size). Rows of zeros stay so."""
        changed = np.zeros(rows.shape, np.float32)
        for start in range(0, len(rows), _BLOCK):
            block = np.asarray(rows[start : start + _BLOCK], np.float64)
            filled = block.any(axis=1)
            changed[start : start + _BLOCK][filled] = self._change(block[filled])
        return changed

    def _change(self, block: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.unit_length:
            return block / np.linalg.norm(block, axis=1, keepdims=True)
        return (block - self.mean) @ self.matrix


def _all_but_the_top(rows: NDArray[np.float64]) -> Change:
    """Take away the mean, and the directions that all words share.

    There are d / 100 of these, and at least one (Mu and Viswanath 2018, arXiv 1702.01417,
    algorithm 1 and section 2).
    """
    if rows.shape[1] < 2:
        raise VectorsError(
            "expected two dimensions or more for all_but_the_top, got 1: nothing would be left, "
            f"set vectors.postprocess to {NONE}"
        )
    _, directions = _principal(rows)
    top = directions[:, -max(rows.shape[1] // 100, 1) :]
    return Change(rows.mean(axis=0), np.eye(rows.shape[1]) - top @ top.T)


def _whitening(rows: NDArray[np.float64]) -> Change:
    """Take away the mean, and make all directions equally wide and uncorrelated.

    Of all ways to do that, this one (ZCA) changes the rows least (Kessy, Lewin and Strimmer 2018,
    doi 10.1080/00031305.2016.1277159).
    """
    variances, directions = _principal(rows)
    widths = np.where(variances > _NO_SPREAD * variances[-1], variances, np.inf) ** -0.5
    return Change(rows.mean(axis=0), directions * widths @ directions.T)


def _unit_length(rows: NDArray[np.float64]) -> Change:
    """Make every row one long, so that only its direction counts."""
    size = rows.shape[1]
    return Change(np.zeros(size), np.eye(size), unit_length=True)


def _principal(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The variances along the principal directions, (d,), rising, and these as columns, (d, d).

    Raises VectorsError: there are no more rows than dimensions.
    """
    n, size = rows.shape
    if n <= size:
        raise VectorsError(
            f"expected more frequent words than the {size} dimensions, got {n:,}: load more of "
            f"them, or set vectors.postprocess to {NONE}"
        )
    variances, directions = np.linalg.eigh(np.atleast_2d(np.cov(rows, rowvar=False)))
    return variances, directions


METHODS: dict[str, Callable[[NDArray[np.float64]], Change] | None] = {
    NONE: None,
    "all_but_the_top": _all_but_the_top,
    "whitening": _whitening,
    "unit_length": _unit_length,
}


def change_rows(vectors: WordVectors, method: str) -> WordVectors:
    """The vectors after a method of METHODS, also those that `subwords` makes.

    What the method has to know of the set comes from the rows of its 10,000 first words, as far as
    they were loaded. Vectors that the method has changed already, and a set without words, are
    returned as they are.

    Raises VectorsError: there is no such method, another one has changed the vectors already, there
    are no more words than dimensions, or a number is not finite.

    >>> vectors = WordVectors.from_rows(["alps"], np.array([[3, 4]], np.float32))
    >>> change_rows(vectors, "unit_length")["alps"].tolist()
    [0.6000000238418579, 0.800000011920929]
    """
    if method not in METHODS:
        raise VectorsError(
            f"expected a method out of {', '.join(METHODS)}, got {method!r}: change "
            "vectors.postprocess"
        )
    choose = METHODS[method]
    if choose is None or method == vectors.postprocess or not len(vectors):
        return vectors
    if vectors.postprocess != NONE:
        raise VectorsError(
            f"vectors {vectors.name}: expected vectors as they are published, "
            f"{vectors.postprocess} has changed them already: leave out "
            f"vectors.postprocess={method}"
        )
    listed = [word for word in vectors.first_words[:N_FIRST_WORDS] if word in vectors]
    rows = vectors.subset(listed).vectors.astype(np.float64)
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        word = listed[int(finite.argmin())]
        raise VectorsError(
            f"vectors {vectors.name}, word {word!r}: expected finite numbers, got NaN or Inf"
        )
    try:
        change = choose(rows[rows.any(axis=1)])
    except VectorsError as error:
        raise VectorsError(f"vectors {vectors.name}: {error}") from error
    return replace(
        vectors,
        vectors=change(vectors.vectors),
        subwords=vectors.subwords and partial(_changed, change, vectors.subwords),
        postprocess=method,
    )


def _changed(change: Change, subwords: Subwords, words: Sequence[str]) -> NDArray[np.float32]:
    return change(subwords(words))
