"""From texts to tokens, as the text layer of the Keras network makes them.

Most pieces between spaces are plain words: a letter, digit, hyphen or underscore after the other.
Such a piece is a token. The others go through the expressions of `pipeline.embedding.text`, all
different ones of a batch at once. The expressions see an outline: a text of bytes in which each
character that is not ASCII is written by its kind. They only put in spaces. So the lengths of the
outline's tokens cut the text into the same tokens.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count, pairwise, repeat
from typing import NamedTuple
from unicodedata import category

import numpy as np
from numpy.typing import NDArray

from .characters import KIND, LETTER, LOWER, UPPER, CharacterTable, codes_of

# Pairs of (pattern, replacement) that mean the same in Python and in RE2: `pipeline.embedding.text`
# has these too. Sets with `don't` as one word, such as Google News, still list `john` and not
# `john's`. Letters stand in both cases, for text that keeps its case: `(?i)s` would also match `ſ`.
CONTRACTIONS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "split": (
        (r"([nN]'[tT])\b", r" \1 "),
        (r"'([sS]|[rR][eE]|[vV][eE]|[lL][lL]|[dD]|[mM])\b", r" '\1 "),
    ),
    "whole": ((r"'([sS])\b", r" '\1 "),),
}
PLAIN = "[-_a-z0-9]+"
"""A piece of these characters alone is one token: no expression changes it."""
LOWERED = "[İ\u212aΣ]"
"""Letters whose lower case is another kind of character (the second is the sign for kelvin, whose
lower case is `k`), or depends on the neighbours. With them a piece is lower-cased even where the
case is kept."""
UNKNOWN = 1  # the row of all words that the matrix does not have
EMPTY, NO_KNOWN_WORD = "empty", "no_known_word"
"""Marks of texts whose answer means little."""
FIRST_WORD = 2  # the row of the first word
LOWER_CASE, CAPITALISED, UPPER_CASE, MIXED_CASE = range(1, 5)  # how a token is written; 0: padding


class Digits(NamedTuple):
    """How a set writes numbers: in a token that `which` matches as a whole, every `what` is `by`.

    The patterns mean the same in Python and in RE2, which TensorFlow uses.
    """

    which: str
    what: str
    by: str


DIGITS: Mapping[str, Digits] = {
    # Google News: 1999 -> ####, 3.5 -> #.#, h1n1 -> h#n#; a single digit stays.
    "#": Digits(".*[0-9].*[0-9].*", "[0-9]", "#"),
    # SENNA and others.
    "0": Digits(".*[0-9].*", "[0-9]", "0"),
    # GloVe's vectors of tweets.
    "<number>": Digits("[-+]?[.,:]?[0-9][.,:0-9]*", ".+", "<number>"),
}

_is_plain = re.compile(PLAIN).fullmatch
_has_lowered = re.compile(LOWERED).search
_QUOTES = str.maketrans(
    {**dict.fromkeys("’‘`´", "'"), **dict.fromkeys("“”«»", '"'), **dict.fromkeys("‐‑", "-"),
     **dict.fromkeys("–—", " -- ")}
)  # fmt: skip
# The expressions of pipeline.embedding.text, for an outline with two spaces around each piece. In
# it, é stands for letters, ¨ for marks, ² for numbers.
_BEFORE = ((r"( )'([A-Za-zé])", r"\1' \2"),)
_AFTER = (
    (r"([^A-Za-zé¨0-9² '.,:\-&/_])", r" \1 "),
    (r"([,:/&])([^0-9²])", r" \1 \2"),
    (r"([^0-9²])([,:/&])", r"\1 \2 "),
    (r"(\.\.+)", r" \1 "),
    (r"([A-Za-zé¨]{3,}|[0-9²])\.( )", r"\1 . "),
    (r"([A-Za-zé¨0-9²])'( )", r"\1 ' "),
)


def _compiled(contractions: str) -> tuple[tuple[re.Pattern[bytes], bytes], ...]:
    return tuple(
        (re.compile(pattern.encode("latin-1")), by.encode("latin-1"))
        for pattern, by in (*_BEFORE, *CONTRACTIONS[contractions], *_AFTER)
    )


@dataclass(frozen=True, eq=False)
class TokenBatch:
    """The tokens of a batch of texts.

    `tokens`: the different ones, as they are written; some are there twice, or at no place. `rows`:
    int array, (n_tokens,), the row of each in the matrix. `cases`: int array, (n_tokens,), how each
    is written: see `pipeline.embedding.text.TextLayer`. `places`: int array, (n_places,), the token
    at each place of the texts, one text after the other. `counts`: int array, (n,), how many places
    a text has. `by_length`: texts with the same number of tokens, (n_texts,), and the places of
    these tokens, (tokens, n_texts); texts without tokens are left out, and so are tokens after
    `max_tokens`.
    """

    tokens: list[str]
    rows: NDArray[np.intp]
    cases: NDArray[np.intp]
    places: NDArray[np.intp]
    counts: NDArray[np.intp]
    by_length: tuple[tuple[NDArray[np.intp], NDArray[np.intp]], ...]


@dataclass(frozen=True, eq=False)
class Tokeniser:
    """Cuts texts into tokens, and looks them up.

    `words`: those of the matrix, in the order of their rows. `characters`: the kinds of characters.
    `max_tokens`: how many tokens of a text the network sees. `contractions`: one of CONTRACTIONS.
    `digits`: a name of DIGITS, or None. `letter_case`: whether tokens keep the case of their
    letters; they are looked up in lower case.
    """

    words: Sequence[str]
    characters: CharacterTable
    max_tokens: int
    contractions: str = "split"
    digits: str | None = None
    letter_case: bool = False

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return dict(zip(self.words, count(FIRST_WORD)))

    @cached_property
    def _expressions(self) -> tuple[tuple[re.Pattern[bytes], bytes], ...]:
        return _compiled(self.contractions)

    def tokenise(self, texts: Sequence[str]) -> TokenBatch:
        """The tokens of texts, which are as `normalize` gives them."""
        by_text = [self._pieces(text) for text in texts]
        # All that follows goes by numbers: of the different pieces, and of the different tokens.
        number_of: defaultdict[str, int] = defaultdict()
        number_of.default_factory = number_of.__len__
        pieces = chain.from_iterable(by_text)
        n_pieces = sum(map(len, by_text))
        numbers = np.fromiter(map(number_of.__getitem__, pieces), np.intp, n_pieces)
        tokens = list(number_of)
        lower = [*map(_ascii_lower, tokens)] if self.letter_case else tokens
        rows = list(map(self._row_of.get, lower, repeat(UNKNOWN)))
        places, counts = numbers, np.array([*map(len, by_text)], np.intp)

        # A piece that is no known, plain word may be several tokens, which stand behind the pieces.
        others = [
            i
            for i, (row, piece) in enumerate(zip(rows, lower, strict=True))
            if row == UNKNOWN or not _is_plain(piece)
        ]
        if others:
            split = self.split([tokens[i] for i in others])
            firsts, lengths = np.arange(len(tokens)), np.ones(len(tokens), np.intp)
            lengths[others] = [len(each) for each in split]
            firsts[others] = len(tokens) + np.cumsum(lengths[others]) - lengths[others]
            more = list(chain.from_iterable(split))
            tokens += more
            rows += self._rows(
                [*map(self.characters.lower_case, more)] if self.letter_case else more
            )
            lengths = lengths[numbers]
            places = ragged_ranges(firsts[numbers], lengths)
            ends = np.zeros(n_pieces + 1, np.intp)
            lengths.cumsum(out=ends[1:])
            bounds = ends[[0, *counts.cumsum()]]
            counts = bounds[1:] - bounds[:-1]
        cases = np.ones(len(tokens), np.intp)
        if self.letter_case:
            cases = _letter_cases(
                tokens, [*map(self.characters.lower_case, tokens)], self.characters
            )
        by_length = _by_length(counts, self.max_tokens)
        return TokenBatch(tokens, np.array(rows, np.intp), cases, places, counts, by_length)

    def split(self, pieces: Sequence[str]) -> list[list[str]]:
        """The tokens of each piece. A piece has no white space of ASCII."""
        lower = [_ascii_lower(piece) for piece in pieces]
        tokens = [[piece] for piece in (pieces if self.letter_case else lower)]
        odd = [i for i, piece in enumerate(lower) if not _is_plain(piece)]
        if odd:
            for i, split in zip(odd, self._split_odd([pieces[i] for i in odd]), strict=True):
                tokens[i] = split
        return tokens

    def _pieces(self, text: str) -> list[str]:
        if text.isascii():
            return (text if self.letter_case else text.lower()).split()
        words = words_of(text)
        return words if self.letter_case else [_ascii_lower(word) for word in words]

    def _split_odd(self, pieces: Sequence[str]) -> list[list[str]]:
        lower_case = self.characters.lower_case
        cased = [
            (piece if self.letter_case and not _has_lowered(piece) else lower_case(piece))
            for piece in pieces
        ]
        padded = [f"  {piece}  ".translate(_QUOTES) for piece in cased]
        codes = codes_of("".join(padded))
        outline = self.characters.outline_of[codes]
        is_written = outline != ord(" ")
        shape = outline.tobytes()
        for pattern, by in self._expressions:
            shape = pattern.sub(by, shape)
        # The tokens are what is written, cut by the lengths in the outline.
        written = codes[is_written].tobytes().decode("utf-32-le")
        ends = np.cumsum([len(token) for token in shape.split()], dtype=np.intp)
        tokens = [written[start:end] for start, end in pairwise([0, *ends.tolist()])]
        of_piece = np.cumsum(is_written)[np.cumsum(list(map(len, padded))) - 1]
        bounds = np.searchsorted(ends, of_piece, side="right").tolist()
        return [tokens[start:end] for start, end in pairwise([0, *bounds])]

    def _rows(self, tokens: Sequence[str]) -> list[int]:
        rows = list(map(self._row_of.get, tokens, repeat(UNKNOWN)))
        if self.digits is not None:
            digits = DIGITS[self.digits]
            for i, row in enumerate(rows):
                if row == UNKNOWN and re.fullmatch(digits.which, tokens[i]):
                    rows[i] = self._row_of.get(re.sub(digits.what, digits.by, tokens[i]), UNKNOWN)
        return rows


def _by_length(
    counts: NDArray[np.intp], most: int
) -> tuple[tuple[NDArray[np.intp], NDArray[np.intp]], ...]:
    starts = counts.cumsum() - counts
    lengths = np.minimum(counts, most)
    order = lengths.argsort(kind="stable")
    ordered = lengths[order]
    bounds = ((ordered[1:] != ordered[:-1]).nonzero()[0] + 1).tolist()
    groups = [order[start:end] for start, end in pairwise([0, *bounds, len(order)])]
    return tuple(
        (texts, starts[texts] + np.arange(lengths[texts[0]])[:, None])
        for texts in groups
        if len(texts) and lengths[texts[0]]
    )


def _ascii_lower(piece: str) -> str:
    """A piece of ASCII in lower case; any other as it is."""
    return piece.lower() if piece.isascii() else piece


def is_word(token: str) -> bool:
    """Whether a token has a letter, a digit, or a sign such as an emoji, and is no punctuation
    alone.

    Some sets write digits as `#`.

    >>> [is_word(token) for token in ("70%", "#.#", "雪", "!", "--", "'")]
    [True, True, True, False, False, False]
    """
    return token.isalnum() or any(
        char == "#" or category(char)[0] in "LNM" or category(char) == "So" for char in token
    )


def words_of(text: str) -> list[str]:
    """The text split at white space of ASCII, as TensorFlow splits it."""
    return [word.decode() for word in text.encode().split()]


def ragged_ranges(starts: NDArray[np.intp], lengths: NDArray[np.intp]) -> NDArray[np.intp]:
    """`lengths[i]` numbers from `starts[i]` up, for one i after the other: int array.

    >>> ragged_ranges(np.array([5, 0]), np.array([2, 3]))
    array([5, 6, 0, 1, 2])
    """
    ends = lengths.cumsum()
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - lengths), lengths)


def _letter_cases(
    tokens: Sequence[str], lower: Sequence[str], characters: CharacterTable
) -> NDArray[np.intp]:
    """How each token is written, `LOWER_CASE` to `MIXED_CASE`: int array, (n_tokens,)."""
    cases = np.full(len(tokens), LOWER_CASE, np.intp)
    changed = [i for i, token in enumerate(tokens) if token != lower[i]]
    if not changed:
        return cases
    written = [tokens[i] for i in changed]
    lengths = np.array(list(map(len, written)))
    starts = np.cumsum(lengths) - lengths
    kinds = characters.kind_of[codes_of("".join(written))] & KIND

    def first(which: NDArray[np.bool_]) -> NDArray[np.intp]:
        return np.minimum.reduceat(np.where(which, np.arange(len(kinds)), len(kinds)), starts)

    is_upper, is_small = kinds == UPPER, kinds == LOWER
    n_upper, n_small = (np.add.reduceat(which, starts, dtype=int) for which in (is_upper, is_small))
    is_first = first(is_upper) == first(is_upper | is_small | (kinds == LETTER))
    several = np.where(n_small == 0, UPPER_CASE, MIXED_CASE)
    cases[changed] = np.where((n_upper == 1) & is_first, CAPITALISED, several)
    return cases
