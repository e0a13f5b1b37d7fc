"""The words of the training headlines, and how often each was seen."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice, repeat
from typing import get_args

import numpy as np

from pipeline.base.calls import checked
from pipeline.base.errors import ConfigError
from pipeline.data.spaces import lacks_spaces
from pipeline.embedding.keys import LONGEST_WORD
from pipeline.embedding.matching import Contractions
from pipeline.embedding.text import tokenize, tokenize_pieces
from pipeline.portable.text import normalize
from pipeline.portable.tokens import PLAIN

logger = logging.getLogger(__name__)

_BATCH = 10_000  # headlines at a time
_is_plain = re.compile(PLAIN, re.ASCII | re.IGNORECASE).fullmatch


@dataclass(frozen=True)
class Vocabulary:
    """The words of the training headlines, most frequent first, then in alphabetical order.

    `counts[i]`: how often `words[i]` was seen. `contractions`: how they were tokenised.
    """

    words: tuple[str, ...]
    counts: tuple[int, ...]
    contractions: Contractions = "split"

    def __len__(self) -> int:
        return len(self.words)

    def with_words(self, words: Sequence[str]) -> Vocabulary:
        """With these words too. Those that no headline has were seen 0 times, and come last."""
        seen = set(self.words)
        more = tuple(word for word in words if word not in seen)
        return replace(self, words=(*self.words, *more), counts=(*self.counts, *(0 for _ in more)))


@checked
def build_vocabulary(
    texts: Sequence[str],
    *,
    min_count: int = 1,
    max_tokens: int | None = None,
    contractions: Contractions = "split",
) -> Vocabulary:
    """Count the tokens of `texts` and keep those seen at least `min_count` times.

    Tokens of more than `keys.LONGEST_WORD` characters are left out: they stay unknown words.

    `max_tokens`: how many tokens of a headline count, from its first; None counts all. The model
    reads that many.

    Raises ConfigError: one of the numbers is below 1.
    """
    return _count(texts, (contractions,), min_count, max_tokens)[contractions]


@dataclass(frozen=True)
class Length:
    """How many tokens of a text are read, and what that cuts off.

    `n_texts`: how many texts were looked at. `n_cut`: how many of them are longer. `lost`: the
    fraction of all their tokens that is not read. `longest`: the tokens of the longest text.
    """

    max_tokens: int
    n_texts: int
    n_cut: int
    lost: float
    longest: int


def choose_length(texts: Sequence[str], max_tokens: int | None = None) -> Length:
    """How many tokens of a text are read: `max_tokens`, or as many as nearly all texts have.

    Without a number, it is the smallest that reads all of 99.5% of the texts, at least SHORTEST and
    at most LONGEST. Of many texts, 20,000 that are spread evenly are looked at. Shorter texts are
    never filled up to that number, so that a larger one changes nothing for them.

    >>> choose_length(["Alps may lose 70% of snow"]).max_tokens
    24
    """
    looked_at = texts[:: -(-len(texts) // _LOOKED_AT) or 1]
    lengths = np.array([len(tokens) for tokens in tokenize(looked_at)], np.int64)
    if max_tokens is None:
        enough = np.quantile(lengths, _NEARLY_ALL, method="higher") if len(lengths) else 0
        max_tokens = int(np.clip(enough, SHORTEST, LONGEST))
    lost = np.maximum(lengths - max_tokens, 0)
    length = Length(
        max_tokens,
        len(lengths),
        int((lost > 0).sum()),
        float(lost.sum() / max(lengths.sum(), 1)),
        int(lengths.max(initial=0)),
    )
    if not length.n_cut:
        logger.info(
            "length: the longest of %s headlines has %d tokens; all are read",
            f"{length.n_texts:,}",
            length.longest,
        )
        return length
    log = logger.warning if length.n_cut > _MANY_CUT * length.n_texts else logger.info
    log(
        "length: %d tokens of a headline are read; %s of %s headlines are longer (up to %d), and "
        "%.1f%% of all tokens are cut off",
        max_tokens,
        f"{length.n_cut:,}",
        f"{length.n_texts:,}",
        length.longest,
        100 * length.lost,
    )
    return length


def build_vocabularies(
    texts: Sequence[str], *, min_count: int = 1, max_tokens: int | None = None
) -> dict[Contractions, Vocabulary]:
    """A vocabulary for each way to write contractions.

    Only the set of vectors shows which one fits it (`matching.conventions`). Counting both is
    faster than opening the set twice. Where many texts have no spaces between words, a warning
    says so.
    """
    _warn_of_missing_spaces(texts)
    return _count(texts, get_args(Contractions), min_count, max_tokens)


def _count(
    texts: Sequence[str],
    conventions: Sequence[Contractions],
    min_count: int,
    max_tokens: int | None,
) -> dict[Contractions, Vocabulary]:
    for name, number in (("min_count", min_count), ("max_tokens", max_tokens)):
        if number is not None and number < 1:
            raise ConfigError(f"expected {name} from 1, got {number}")
    # The pieces between spaces are counted, and each different one is tokenised once.
    pieces: Counter[str] = Counter()
    for part in _parts(texts):
        pieces.update(" ".join(part).split())
    plain: Counter[str] = Counter()
    odd = []
    for piece, count in pieces.items():
        if _is_plain(piece):
            plain[piece.lower()] += count
        else:
            odd.append(piece)
    tokens = {each: dict(zip(odd, tokenize_pieces(odd, each), strict=True)) for each in conventions}
    totals = {each: plain.copy() for each in conventions}
    for each, total in totals.items():
        for piece in odd:
            for token in tokens[each][piece]:
                total[token] += pieces[piece]
    del pieces
    if max_tokens is not None:
        most = {piece: max(len(by_piece[piece]) for by_piece in tokens.values()) for piece in odd}
        for text in chain.from_iterable(_parts(texts)):
            if sum(map(most.get, text.split(), repeat(1))) > max_tokens:
                for each, total in totals.items():
                    by_piece = tokens[each]
                    listed = (by_piece.get(piece, (piece.lower(),)) for piece in text.split())
                    total.subtract(islice(chain.from_iterable(listed), max_tokens, None))
    return {each: _vocabulary(totals[each], min_count, each) for each in conventions}


def _parts(texts: Sequence[str]) -> Iterator[list[str]]:
    """Some headlines at a time, which bounds the memory."""
    for start in range(0, len(texts), _BATCH):
        yield normalize(texts[start : start + _BATCH])


def _vocabulary(
    counts: Mapping[str, int], min_count: int, contractions: Contractions
) -> Vocabulary:
    kept = sorted(
        (
            (word, count)
            for word, count in counts.items()
            if count >= min_count and len(word) <= LONGEST_WORD
        ),
        key=lambda item: (-item[1], item[0]),
    )
    return Vocabulary(
        tuple(word for word, _ in kept), tuple(count for _, count in kept), contractions
    )


SHORTEST, LONGEST = 24, 128  # tokens of a text, where the texts decide how many are read
_NEARLY_ALL = 0.995  # of the texts are read to their end
_MANY_CUT = 0.02  # of the texts
_LOOKED_AT = 20_000  # texts
_MANY = 0.05  # fraction of the texts


def _warn_of_missing_spaces(texts: Sequence[str]) -> None:
    count = sum(map(lacks_spaces, texts))
    if count > _MANY * len(texts):
        logger.warning(
            "%s of %s headlines have no spaces between words, as Thai, Chinese and Japanese: the "
            "model sees a whole line as one unknown word. Put spaces between the words first, with "
            "a segmenter of the language (pythainlp, jieba, fugashi), here and for prediction",
            f"{count:,}",
            f"{len(texts):,}",
        )
