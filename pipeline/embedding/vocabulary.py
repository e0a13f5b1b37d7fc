"""The words of the training headlines, and how often each was seen."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import get_args

from pipeline.base.calls import checked
from pipeline.base.errors import ConfigError
from pipeline.data.spaces import lacks_spaces
from pipeline.embedding.keys import LONGEST_WORD
from pipeline.embedding.matching import Contractions
from pipeline.embedding.text import tokenize

logger = logging.getLogger(__name__)

_BATCH = 10_000  # headlines tokenised at a time


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
    for name, number in (("min_count", min_count), ("max_tokens", max_tokens)):
        if number is not None and number < 1:
            raise ConfigError(f"expected {name} from 1, got {number}")
    counts: Counter[str] = Counter()
    for start in range(0, len(texts), _BATCH):
        for tokens in tokenize(texts[start : start + _BATCH], contractions):
            counts.update(islice(tokens, max_tokens))
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


def build_vocabularies(
    texts: Sequence[str], *, min_count: int = 1, max_tokens: int | None = None
) -> dict[Contractions, Vocabulary]:
    """A vocabulary for each way to write contractions.

    Only the set of vectors shows which one fits it (`matching.conventions`). Counting both is
    faster than opening the set twice. Where many texts have no spaces between words, a warning
    says so.
    """
    _warn_of_missing_spaces(texts)
    return {
        contractions: build_vocabulary(
            texts, min_count=min_count, max_tokens=max_tokens, contractions=contractions
        )
        for contractions in get_args(Contractions)
    }


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
