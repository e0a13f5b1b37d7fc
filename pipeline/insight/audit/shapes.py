"""The shape of a headline in numbers: length, letter case, digits, punctuation."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_DIGIT_FIRST = re.compile(r"\W*\d")


@dataclass(frozen=True, eq=False)
class Pieces:
    """n headlines, and their pieces between spaces.

    `different`: the pieces, each once. `numbers`: int array, (n_pieces,), of all pieces in order,
    their places in `different`. `counts`: int array, (n,), how many pieces a headline has.
    """

    texts: Sequence[str]
    different: Sequence[str]
    numbers: NDArray[np.int64]
    counts: NDArray[np.int64]

    def sums(self, values: Sequence[bool]) -> NDArray[Any]:
        """The sum over the pieces of each headline: float array, (n,). `values`: of the different
        pieces."""
        headline_of = np.repeat(np.arange(len(self.counts)), self.counts)
        weights = np.array(values, float)[self.numbers]
        return np.bincount(headline_of, weights, minlength=len(self.counts))


Measure = Callable[[Pieces], Any]
"""Headlines -> a number for each: an array or a list, (n,)."""


def _fraction(holds: Callable[[str], bool]) -> Measure:
    """The fraction of the pieces with a letter for which something holds."""

    def measure(given: Pieces) -> NDArray[Any]:
        words = [piece.lower() != piece.upper() for piece in given.different]
        held = [w and holds(piece) for w, piece in zip(words, given.different, strict=True)]
        return given.sums(held) / np.maximum(given.sums(words), 1)

    return measure


def _begins_with_capital(word: str) -> bool:
    return next((c for c in word if c.isalpha()), "").isupper()


def _all_capitals(word: str) -> bool:
    return len(word) > 1 and word.isupper()


def _number_of(marks: str) -> Measure:
    def measure(given: Pieces) -> Any:
        column = pa.array(given.texts, pa.large_string())
        return sum(pc.count_substring(column, mark).to_numpy() for mark in marks)

    return measure


SHAPES: Mapping[str, Mapping[str, Measure]] = {
    "length": {
        "characters": lambda given: list(map(len, given.texts)),
        "words": lambda given: given.counts,
    },
    "letter_case": {
        "is in title case": lambda given: [text.istitle() for text in given.texts],
        "words with a capital": _fraction(_begins_with_capital),
        "words all in capitals": _fraction(_all_capitals),
    },
    "leading_digit": {
        "begins with a digit": lambda given: [
            _DIGIT_FIRST.match(text) is not None for text in given.texts
        ],
    },
    "punctuation": {
        **{f"number of {mark}": _number_of(mark) for mark in "?!:,."},
        "number of dashes": _number_of("-–—"),
        "number of quotes": _number_of("'\"‘’“”"),
    },
}
"""The features of each signal, by the names of both."""


def measure_shapes(texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """The features of each signal of SHAPES: float32 arrays, (n, n_features)."""
    pieces = [text.split() for text in texts]
    numbers, different = pd.factorize(np.array([*chain.from_iterable(pieces)], object))
    given = Pieces(texts, list(different), numbers, np.array([*map(len, pieces)], np.int64))
    return {
        signal: np.array([measure(given) for measure in features.values()], np.float32).T
        for signal, features in SHAPES.items()
    }
