"""From words and their vectors to the weights of an embedding layer."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from pipeline.base.errors import VectorsError
from pipeline.embedding.matching import (
    AUTO,
    FALLBACK_NAMES,
    MISSING,
    Digits,
    Matches,
    match_words,
    tokens_of,
)
from pipeline.embedding.vectors import WordVectors

logger = logging.getLogger(__name__)

PADDING, FIRST_WORD = 0, 2  # rows of the matrix; row 1 is for unknown words
_ENOUGH, _BY_FREQUENCY = 10, -0.1  # words, and rank correlation of place and count
_MISSING_STD = 0.1  # of rows without a vector, where the set has no spread of its own

Initial = Callable[[np.random.Generator, float, float, tuple[int, int]], NDArray[np.float64]]
"""A random generator, the mean and the standard deviation of the rows found, and a shape ->
rows for the words without a vector."""

INITIAL: Mapping[str, Initial] = {
    # Measured to be better than `normal`: a full-sized random row says more about a headline than
    # the words that are known.
    "quarter": lambda random, _, std, shape: random.normal(0, std / 4, shape),
    "normal": lambda random, mean, std, shape: random.normal(mean, std, shape),
    # Of the same standard deviation (Kim 2014, arXiv 1408.5882, section 4.3).
    "uniform": lambda random, _, std, shape: random.uniform(-(3**0.5) * std, 3**0.5 * std, shape),
    "zeros": lambda random, _, std, shape: np.zeros(shape),
}


@dataclass(frozen=True)
class FallbackCoverage:
    """How much of a text one fallback of the fallbacks found: different words and running words."""

    fallback: str
    types: int
    tokens: int


@dataclass(frozen=True)
class Coverage:
    """How much of a text a set of vectors knows.

    `types`: fraction of the different words; `tokens`: fraction of the running words; `missing`:
    words without a vector and how often they were seen, most frequent first; `fallbacks`: counts for
    each fallback of the fallbacks in its order, and last for the words that are missing.
    """

    types: float
    tokens: float
    missing: tuple[tuple[str, int], ...]
    by_fallback: tuple[FallbackCoverage, ...] = ()


@dataclass(frozen=True, eq=False)
class EmbeddingMatrix:
    """Weights for an embedding layer.

    `weights`: float32 array, (2 + n_words, vector_size). Row 0 is padding (zeros), row 1 stands
    for unknown words, row 2 + i belongs to `words[i]`. `extra_weights`: float32 array,
    (n_extra, vector_size); row i is what the set knows of `extra_words[i]`, a token that the
    text does not have, at the same scale. `digits`: how the set writes numbers, where it does not
    keep them, so that an unknown number finds the row of such numbers. `word_probabilities`: float32 array,
    (2 + n_words + n_extra,), how large a part of running text each row's word is by its place in
    the set, whose words stand by frequency; zeros where they do not, and for rare words.
    """

    weights: NDArray[np.float32]
    words: tuple[str, ...]
    coverage: Coverage
    extra_words: tuple[str, ...]
    extra_weights: NDArray[np.float32]
    digits: Digits | None = None
    word_probabilities: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))


def build_embedding_matrix(
    words: Sequence[str],
    vectors: WordVectors,
    *,
    counts: Sequence[int] | None = None,
    extra_words: Sequence[str] = (),
    std: float | None = None,
    fallbacks: str | Sequence[str] = AUTO,
    missing: str = "quarter",
    min_coverage: float = 0.0,
    seed: int = 0,
) -> EmbeddingMatrix:
    """Put the vectors of `words` into rows, as the fallbacks of `matching` finds them.

    `counts` says how often each word was seen (once where not given). `extra_words` are words
    of the set that may come up later: those that no word of `words` stands for go into a second
    matrix, under the lower-cased token that will ask for them. `std` scales the rows found to
    that standard deviation over all their values; None leaves their bits alone. `fallbacks`: those of
    the fallbacks that are used, or `auto`. `missing` names the rule of INITIAL for words without a
    vector: normal random numbers with a `quarter` of the standard deviation of the rows found
    (0.1 at the usual scale of 0.4), or `normal`, `uniform`, `zeros`. Row 1 starts at zero. Where
    `vectors` has no word at all, every row gets normal random numbers with the standard deviation
    `std` (0.1 where None).

    >>> import numpy as np
    >>> known = WordVectors.of(["Alps"], np.ones((1, 3), np.float32))
    >>> build_embedding_matrix(["alps", "xyzzy"], known, missing="zeros").weights.tolist()
    [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]

    Raises VectorsError: a smaller fraction of the tokens than `min_coverage` has a vector (a set
    without words is not measured); a fallback or a rule that does not exist.
    """
    if missing not in INITIAL:
        raise VectorsError(
            f"expected a rule out of {', '.join(INITIAL)}, got {missing!r}: change vectors.missing"
        )
    counts = [1] * len(words) if counts is None else counts
    matches = match_words(words, vectors, fallbacks)
    coverage = _coverage(matches, counts)
    if len(words) and not vectors.is_random and coverage.tokens < min_coverage:
        raise VectorsError(_too_little(coverage, vectors, min_coverage))

    found = matches.found
    pretrained = matches.rows(vectors)[found]
    mean = float(pretrained.mean(dtype=np.float64)) if pretrained.size else 0.0
    spread = float(pretrained.std(dtype=np.float64)) if pretrained.size else 0.0
    scale = np.float32(1 if std is None or spread == 0 else std / spread)

    random = np.random.default_rng(seed)
    weights = np.zeros((FIRST_WORD + len(words), vectors.vector_size), np.float32)
    weights[FIRST_WORD:][found] = pretrained * scale  # by 1 leaves every bit alone
    shape = (int((~found).sum()), vectors.vector_size)
    if len(vectors):
        noise = spread * float(scale) or 4 * _MISSING_STD
        weights[FIRST_WORD:][~found] = INITIAL[missing](random, mean * float(scale), noise, shape)
    else:
        weights[FIRST_WORD:][~found] = random.normal(0, std or _MISSING_STD, shape)

    known = set(words)
    reached = tokens_of(filter(vectors.__contains__, extra_words), matches.fallbacks)
    further = {token: key for token, key in reached.items() if token not in known}
    logger.info(
        "matrix: %s words x %d (+ %s further), %.1f %% of the words and %.1f %% of the tokens "
        "have a vector (%s)",
        f"{len(words):,}",
        vectors.vector_size,
        f"{len(further):,}",
        100 * coverage.types,
        100 * coverage.tokens,
        ", ".join(f"{r.fallback} {r.types:,}" for r in coverage.by_fallback if r.types),
    )
    return EmbeddingMatrix(
        weights,
        tuple(words),
        coverage,
        tuple(further),
        _rows(tuple(further.values()), vectors) * scale,
        None if vectors.is_random else matches.digits,
        _word_probabilities(words, counts, tuple(further), vectors),
    )


def _word_probabilities(
    words: Sequence[str], counts: Sequence[int], further: Sequence[str], vectors: WordVectors
) -> NDArray[np.float32]:
    """By the law of Zipf and Mandelbrot, 1 / (rank + 2.7) of a sum of 1 (Piantadosi 2014, doi
    10.3758/s13423-014-0585-6)."""
    probabilities = np.zeros(FIRST_WORD + len(words) + len(further), np.float32)
    if vectors.is_random:
        return probabilities
    ranks: dict[str, int] = {}
    for rank, word in enumerate(vectors.first_words, start=1):
        ranks.setdefault(word.lower(), rank)
    seen = [
        (ranks[word], count) for word, count in zip(words, counts, strict=True) if word in ranks
    ]
    # Sets in alphabetical or no order tell nothing: there, frequent words are not among the first.
    if len(seen) < _ENOUGH or len({count for _, count in seen}) == 1:
        return probabilities
    if spearmanr(*zip(*seen, strict=True)).statistic > _BY_FREQUENCY:
        return probabilities
    total = (1 / (np.arange(1, max(vectors.total, len(ranks)) + 1) + 2.7)).sum()
    for row, word in enumerate((*words, *further), start=FIRST_WORD):
        if word in ranks:
            probabilities[row] = 1 / (ranks[word] + 2.7) / total
    return probabilities


def _rows(words: Sequence[str], vectors: WordVectors) -> NDArray[np.float32]:
    index = np.array([vectors.key_to_index[word] for word in words], dtype=np.int64)
    return np.asarray(vectors.vectors[index], np.float32)


def _coverage(matches: Matches, counts: Sequence[int]) -> Coverage:
    types, tokens = Counter(matches.found_by), Counter[str]()
    missing = []
    for word, fallback, count in zip(matches.words, matches.found_by, counts, strict=True):
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


def _too_little(coverage: Coverage, vectors: WordVectors, minimum: float) -> str:
    missing = [word for word, _ in coverage.missing[:1000]]
    examples = ", ".join(repr(word) for word in missing[:3])
    message = (
        f"vectors {vectors.name}: expected vectors for at least {minimum:.0%} of the tokens, got "
        f"{coverage.tokens:.1%} (missing: {examples})"
    )
    cased = sum(word.capitalize() in vectors or word.upper() in vectors for word in missing)
    if cased > len(missing) / 4:
        return (
            f"{message}: {cased} of the {len(missing)} most frequent missing words are there with "
            "capitals, which vectors.fallbacks leaves out: set it to auto"
        )
    return (
        f"{message}: the vectors are probably of another language or another kind of text: choose "
        "others, or lower vectors.min_coverage"
    )
