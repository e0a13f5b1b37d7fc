"""From words and their vectors to the weights of an embedding layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.base.calls import checked
from pipeline.base.errors import VectorsError
from pipeline.base.options import Seed, Share
from pipeline.embedding.initial_rows import INITIAL
from pipeline.embedding.keys import LONGEST_WORD
from pipeline.embedding.matching import (
    FALLBACK_NAMES,
    MISSING,
    Matches,
    match_words,
    tokens_of,
)
from pipeline.embedding.options import VectorsOptions
from pipeline.embedding.vectors import WordVectors
from pipeline.portable.tokens import Digits

PADDING = 0  # the row of no word, which fills short headlines: zeros
UNKNOWN = 1  # the row of all words that the matrix does not have
FIRST_WORD = 2  # the row of the first word

_DEFAULTS = VectorsOptions()
_ENOUGH, _BY_FREQUENCY = 10, -0.1  # words, and rank correlation of place and count
_RANDOM_STD = 0.1  # of random rows where no row has a vector


@dataclass(frozen=True)
class FallbackCoverage:
    """How much of a text one fallback found: different words (`types`), running words
    (`tokens`)."""

    fallback: str
    types: int
    tokens: int


@dataclass(frozen=True)
class Coverage:
    """How much of a text has a vector.

    `types`: fraction of the different words. `tokens`: fraction of the running words. `missing`:
    words without a vector and how often they were seen, most frequent first. `by_fallback`: what
    each fallback found, in their order, and last the words that are missing.
    """

    types: float
    tokens: float
    missing: tuple[tuple[str, int], ...]
    by_fallback: tuple[FallbackCoverage, ...] = ()


@dataclass(frozen=True, eq=False)
class EmbeddingMatrix:
    """Weights for an embedding layer.

    `weights`: float32 array, (2 + n_words, vector_size). Row PADDING is zeros, row UNKNOWN is for
    unknown words, row FIRST_WORD + i is that of `words[i]`.
    `coverage`: how many of the words have a vector.
    `extra_words`, `extra_weights`: tokens that the text does not have and the set does, and their
    rows at the same scale: float32 array, (n_extra, vector_size).
    `digits`: how the set writes numbers, where it does not keep them. An unknown number then finds
    the row of such numbers.
    `word_probabilities`: float32 array, (2 + n_words + n_extra,): the probability of each row's
    word in running text, estimated from its place among the first words of the set. It is zero for
    other words, and for all words of a set that is not sorted by frequency.
    """

    weights: NDArray[np.float32]
    words: tuple[str, ...]
    coverage: Coverage
    extra_words: tuple[str, ...]
    extra_weights: NDArray[np.float32]
    digits: Digits | None = None
    word_probabilities: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))

    @property
    def summary(self) -> str:
        """Its size, and how many words have a vector, in one line."""
        ways = [
            f"{each.fallback} {each.types:,}" for each in self.coverage.by_fallback if each.types
        ]
        return (
            f"{len(self.words):,} words x {self.weights.shape[1]} (+ {len(self.extra_words):,} "
            f"extra), {100 * self.coverage.types:.1f}% of the words and "
            f"{100 * self.coverage.tokens:.1f}% of the tokens have a vector ({', '.join(ways)})"
        )


@checked
def build_embedding_matrix(
    words: Sequence[str],
    vectors: WordVectors,
    *,
    counts: Sequence[int] | None = None,
    extra_words: Sequence[str] = (),
    std: float | None = None,
    fallbacks: str | Sequence[str] = _DEFAULTS.fallbacks,
    missing: str = _DEFAULTS.missing,
    min_coverage: Share = 0.0,
    seed: Seed = 0,
) -> EmbeddingMatrix:
    """Put the vectors of `words` into rows, as `matching.match_words` finds them.

    Row PADDING and row UNKNOWN are zeros. Where no word of the set was loaded, every other row gets
    normal random numbers with the standard deviation `std` (0.1 where it is None).

    The defaults of `std` and `min_coverage` differ from those of `VectorsOptions` on purpose: by
    itself, this function changes no value and refuses no set.

    Args:
        words: The words of the text.
        vectors: The vectors.
        counts: How often each word was seen; once where it is None. Words that were seen 0 times
            have rows, and are no part of the coverage.
        extra_words: Words of the set that may come up later. Those that no word of `words` stands
            for go into a second matrix, under the token in lower case that finds them. Those of
            more than `keys.LONGEST_WORD` characters are left out.
        std: The standard deviation, over all values, to which the rows with a vector are scaled.
            None keeps their bits.
        fallbacks: `auto`, or names of `matching.FALLBACKS`.
        missing: A name of `initial_rows.INITIAL`: how the rows of words without a vector start. A
            `quarter` is 0.1 at the usual `std` of 0.4.
        min_coverage: The fraction of the running words that must have a vector. A set without words
            is not measured.
        seed: The seed of the random numbers.

    Raises:
        ConfigError: A number is out of range.
        VectorsError: Too few running words have a vector, there is no such fallback or rule, or not
            one count for each word.

    >>> import numpy as np
    >>> vectors = WordVectors.from_rows(["Alps"], np.ones((1, 3), np.float32))
    >>> build_embedding_matrix(["alps", "xyzzy"], vectors, missing="zeros").weights.tolist()
    [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]
    """
    if missing not in INITIAL:
        raise VectorsError(
            f"expected a rule out of {', '.join(INITIAL)}, got {missing!r}: change vectors.missing"
        )
    counts = [1] * len(words) if counts is None else counts
    if len(counts) != len(words) or len(set(words)) != len(words):
        raise VectorsError(
            f"expected different words and a count for each, got {len(words):,} words, "
            f"{len(set(words)):,} different, and {len(counts):,} counts"
        )
    if std is not None and std <= 0:
        raise VectorsError(f"expected a standard deviation above 0, or None, as std, got {std}")
    matches = match_words(words, vectors, fallbacks)
    coverage = _coverage(matches, counts)
    if len(words) and not vectors.is_random and coverage.tokens < min_coverage:
        raise VectorsError(_low_coverage(coverage, vectors, min_coverage))

    has_row = matches.has_row
    pretrained = matches.rows(vectors)[has_row]
    mean = float(pretrained.mean(dtype=np.float64)) if pretrained.size else 0.0
    spread = float(pretrained.std(dtype=np.float64)) if pretrained.size else 0.0
    scale = np.float32(1 if std is None or spread == 0 else std / spread)

    random = np.random.default_rng(seed)
    weights = np.zeros((FIRST_WORD + len(words), vectors.vector_size), np.float32)
    weights[FIRST_WORD:][has_row] = pretrained * scale  # a scale of 1 keeps every bit
    shape = (int((~has_row).sum()), vectors.vector_size)
    if len(vectors):
        noise = spread * float(scale) or 4 * _RANDOM_STD
        weights[FIRST_WORD:][~has_row] = INITIAL[missing](random, mean * float(scale), noise, shape)
    else:
        weights[FIRST_WORD:][~has_row] = random.normal(0, std or _RANDOM_STD, shape)

    in_text = set(words)
    tokens = tokens_of(filter(vectors.__contains__, extra_words), matches.fallbacks)
    extra = {
        token: key
        for token, key in tokens.items()
        if token not in in_text and len(token) <= LONGEST_WORD
    }
    return EmbeddingMatrix(
        weights,
        tuple(words),
        coverage,
        tuple(extra),
        _rows(tuple(extra.values()), vectors) * scale,
        None if vectors.is_random else matches.digits,
        _word_probabilities(words, counts, tuple(extra), vectors),
    )


def _word_probabilities(
    words: Sequence[str], counts: Sequence[int], extra: Sequence[str], vectors: WordVectors
) -> NDArray[np.float32]:
    """The probability of each row's word: float32 array, (2 + n_words + n_extra,).

    By the law of Zipf and Mandelbrot, it is 1 / (rank + 2.7), divided by the sum over all words of
    the set (Piantadosi 2014, doi 10.3758/s13423-014-0585-6).
    """
    from scipy.stats import spearmanr  # slow to import, and most callers of this module do without

    probabilities = np.zeros(FIRST_WORD + len(words) + len(extra), np.float32)
    if vectors.is_random:
        return probabilities
    ranks: dict[str, int] = {}
    for rank, word in enumerate(vectors.first_words, start=1):
        ranks.setdefault(word.lower(), rank)
    seen = [
        (ranks[word], count)
        for word, count in zip(words, counts, strict=True)
        if count and word in ranks
    ]
    # The place of a word tells nothing in a set in alphabetical order or in none.
    if len(seen) < _ENOUGH or len({count for _, count in seen}) == 1:
        return probabilities
    if spearmanr(*zip(*seen, strict=True)).statistic > _BY_FREQUENCY:
        return probabilities
    total = (1 / (np.arange(1, max(vectors.total, len(ranks)) + 1) + 2.7)).sum()
    for row, word in enumerate((*words, *extra), start=FIRST_WORD):
        if word in ranks:
            probabilities[row] = 1 / (ranks[word] + 2.7) / total
    return probabilities


def _rows(words: Sequence[str], vectors: WordVectors) -> NDArray[np.float32]:
    """The vectors of words that are all listed: float32 array, (len(words), vector_size)."""
    index = np.array([vectors.key_to_index[word] for word in words], dtype=np.int64)
    return np.asarray(vectors.vectors[index], np.float32)


def _coverage(matches: Matches, counts: Sequence[int]) -> Coverage:
    types, tokens = Counter[str](), Counter[str]()
    missing = []
    for word, fallback, count in zip(matches.words, matches.found_by, counts, strict=True):
        if not count:  # a word of an earlier classifier is in no text
            continue
        types[fallback] += 1
        tokens[fallback] += int(count)
        if fallback == MISSING:
            missing.append((word, int(count)))
    n_types, n_tokens = types.total(), tokens.total()
    return Coverage(
        types=(n_types - types[MISSING]) / n_types if n_types else 0.0,
        tokens=(n_tokens - tokens[MISSING]) / n_tokens if n_tokens else 0.0,
        missing=tuple(sorted(missing, key=lambda item: (-item[1], item[0]))),
        by_fallback=tuple(
            FallbackCoverage(name, types[name], tokens[name]) for name in (*FALLBACK_NAMES, MISSING)
        ),
    )


def _low_coverage(coverage: Coverage, vectors: WordVectors, minimum: float) -> str:
    """The message that says which words are missing, and probably why."""
    missing = [word for word, _ in coverage.missing[:1000]]
    examples = ", ".join(repr(word) for word in missing[:3])
    message = (
        f"vectors {vectors.name}: expected vectors for at least {minimum:.0%} of the tokens, got "
        f"{coverage.tokens:.1%} (missing: {examples})"
    )
    cased = sum(word.capitalize() in vectors or word.upper() in vectors for word in missing)
    if cased > len(missing) / 4:
        return (
            f"{message}: the set has {cased} of the {len(missing)} most frequent missing words "
            "with capitals, and vectors.fallbacks leaves them out: set it to auto"
        )
    return (
        f"{message}: the vectors are probably of another language or another kind of text: choose "
        "other vectors, or lower vectors.min_coverage"
    )
