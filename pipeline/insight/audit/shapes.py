"""The shape of a headline in numbers: length, letter case, digits, punctuation."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Measure = Callable[[str, list[str]], float]
"""(headline, its pieces between spaces) -> a number."""

_DIGIT_FIRST = re.compile(r"\W*\d")


def _fraction(holds: Callable[[str], bool]) -> Measure:
    """The fraction of the pieces with a letter for which something holds."""

    def measure(text: str, pieces: list[str]) -> float:
        words = [piece for piece in pieces if _has_letter(piece)]
        return sum(map(holds, words)) / max(len(words), 1)

    return measure


_MANY = 100_000  # different pieces


@lru_cache(_MANY)
def _has_letter(piece: str) -> bool:
    return piece.lower() != piece.upper()


@lru_cache(_MANY)
def _begins_with_capital(word: str) -> bool:
    return next((c for c in word if c.isalpha()), "").isupper()


def _all_capitals(word: str) -> bool:
    return len(word) > 1 and word.isupper()


def _number_of(marks: str) -> Measure:
    return lambda text, pieces: sum(map(text.count, marks))


SHAPES: Mapping[str, Mapping[str, Measure]] = {
    "length": {
        "characters": lambda text, pieces: len(text),
        "words": lambda text, pieces: len(pieces),
    },
    "letter_case": {
        "is in title case": lambda text, pieces: text.istitle(),
        "words with a capital": _fraction(_begins_with_capital),
        "words all in capitals": _fraction(_all_capitals),
    },
    "leading_digit": {
        "begins with a digit": lambda text, pieces: _DIGIT_FIRST.match(text) is not None,
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
    return {
        signal: np.array(
            [list(map(measure, texts, pieces)) for measure in features.values()], np.float32
        ).T
        for signal, features in SHAPES.items()
    }
