"""What kind each character of Unicode is, and its lower case, as the trained model saw them.

The versions of Unicode in TensorFlow's parts, and in Python's, are not the same. So the table is
made from TensorFlow when a classifier is exported (`pipeline.embedding.text.character_table`), and
is a part of the exported folder. Then a text has the same tokens under any version of Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

N_CODES = 0x110000  # code points of Unicode

# Kinds of characters.
OTHER, UPPER, LOWER, LETTER, MARK, NUMBER, SPACE = range(7)
# Flags beside the kind: what the lower case of a sigma depends on.
KIND, CASED, IGNORED = 0x0F, 0x10, 0x20

# How a character is written in the outline of a text: ASCII as it is, any other by its kind. The
# letters of the outline are none of ASCII, where the expressions look for words and contractions.
_OUTLINE = {OTHER: "¤", UPPER: "é", LOWER: "é", LETTER: "é", MARK: "¨", NUMBER: "²", SPACE: " "}

_SIGMA, _SMALL_SIGMA, _FINAL_SIGMA = "Σσς"


@dataclass(frozen=True, eq=False)
class CharacterTable:
    """The kinds of all code points.

    `starts`: int32 array, (n_runs,), the first code point of each run of like characters, rising
    from 0. `kinds`: uint8 array, (n_runs,), the kind of a run, with the flags. `lower`: the lower
    case of each character that has another one; that of `Σ` depends on its neighbours, and is not
    used.
    """

    starts: NDArray[np.int32]
    kinds: NDArray[np.uint8]
    lower: Mapping[str, str]

    @cached_property
    def kind_of(self) -> NDArray[np.uint8]:
        """The kind of each code point, with the flags: uint8 array, (N_CODES,)."""
        return np.repeat(self.kinds, np.diff(self.starts, append=N_CODES))

    @cached_property
    def outline_of(self) -> NDArray[np.uint8]:
        """How each code point is written in an outline: uint8 array, (N_CODES,)."""
        letters = np.array([ord(_OUTLINE[kind]) for kind in sorted(_OUTLINE)], np.uint8)
        outline = letters[self.kind_of & KIND]
        ascii_codes = np.arange(128, dtype=np.uint8)
        is_space = self.kind_of[:128] & KIND == SPACE
        outline[:128] = np.where(is_space, ord(" "), ascii_codes)
        return outline

    @cached_property
    def _lower_by_code(self) -> dict[int, str]:
        return {ord(letter): lower for letter, lower in self.lower.items()}

    def lower_case(self, text: str) -> str:
        """The text in lower case.

        A sigma is written `ς` at the end of a word, which the Unicode standard (section 3.13) says
        by cased letters before and behind it, past the characters that do not count.
        """
        if text.isascii():
            return text.lower()
        if _SIGMA in text:
            kinds = self.kind_of[codes_of(text)]
            text = "".join(
                _sigma(kinds, place) if letter == _SIGMA else letter
                for place, letter in enumerate(text)
            )
        return text.translate(self._lower_by_code)


def codes_of(text: str) -> NDArray[np.uint32]:
    """The code points of a text: uint32 array, (n_characters,)."""
    return np.frombuffer(text.encode("utf-32-le"), "<u4")


def _sigma(kinds: NDArray[np.uint8], place: int) -> str:
    before = _next_counts(kinds[:place][::-1])
    return _FINAL_SIGMA if before and not _next_counts(kinds[place + 1 :]) else _SMALL_SIGMA


def _next_counts(kinds: NDArray[np.uint8]) -> bool:
    """Whether the first of these characters that counts is a cased letter."""
    counts = kinds[kinds & IGNORED == 0]
    return bool(len(counts) and counts[0] & CASED)
