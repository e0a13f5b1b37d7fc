"""From words and their vectors to the weights of an embedding layer."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import VectorsError
from pipeline.vectors import WordVectors

logger = logging.getLogger(__name__)

PADDING, FIRST_WORD = 0, 2  # rows of the matrix; row 1 is for unknown words
_MISSING_STD = 0.1  # of rows without a vector, where the set has no spread of its own


@dataclass(frozen=True)
class Coverage:
    """How much of a text a set of vectors knows.

    `types`: fraction of the different words; `tokens`: fraction of the running words; `missing`:
    words without a vector and how often they were seen, most frequent first.
    """

    types: float
    tokens: float
    missing: tuple[tuple[str, int], ...]


@dataclass(frozen=True, eq=False)
class EmbeddingMatrix:
    """Weights for an embedding layer.

    `weights`: float32 array, (2 + n_words, vector_size). Row 0 is padding (zeros), row 1 stands
    for unknown words, row 2 + i belongs to `words[i]`. `further_weights`: float32 array,
    (n_further, vector_size); row i is the vector of `further_words[i]`, a word that the text does
    not have, at the same scale.
    """

    weights: NDArray[np.float32]
    words: tuple[str, ...]
    coverage: Coverage
    further_words: tuple[str, ...]
    further_weights: NDArray[np.float32]


def build_embedding_matrix(
    words: Sequence[str],
    vectors: WordVectors,
    *,
    counts: Sequence[int] | None = None,
    further_words: Sequence[str] = (),
    std: float | None = None,
    min_coverage: float = 0.0,
    seed: int = 0,
) -> EmbeddingMatrix:
    """Put the vectors of `words` into rows.

    `counts` says how often each word was seen (once where not given). `further_words` are words
    that may come up later: those that have a vector and are not in `words` go into a second
    matrix. `std` scales the rows found to that standard deviation over all their values; None
    leaves their bits alone. Words without a vector get normal random numbers with a quarter of
    the standard deviation of the rows found (0.1 at the usual scale of 0.4; a full-sized random
    row would say more about a headline than the words that are known). Row 1 starts at zero.
    Where `vectors` has no word at all, every row gets random numbers with the standard deviation
    `std` (0.1 where None).

    >>> import numpy as np
    >>> known = WordVectors.of(["alps"], np.ones((1, 3), np.float32))
    >>> build_embedding_matrix(["alps", "xyzzy"], known).weights[:3].tolist()
    [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]

    Raises VectorsError: a smaller fraction of the tokens than `min_coverage` has a vector.
    """
    counts = [1] * len(words) if counts is None else counts
    found = np.array([word in vectors for word in words], dtype=bool)
    coverage = _coverage(words, counts, found)
    if len(words) and coverage.tokens < min_coverage:
        raise VectorsError(_too_little(coverage, vectors, min_coverage))

    pretrained = _rows([word for word in words if word in vectors], vectors)
    spread = float(pretrained.std(dtype=np.float64)) if pretrained.size else 0.0
    scale = np.float32(1 if std is None or spread == 0 else std / spread)
    noise = (spread * float(scale) / 4 if len(vectors) else std) or _MISSING_STD

    random = np.random.default_rng(seed)
    weights = np.zeros((FIRST_WORD + len(words), vectors.vector_size), np.float32)
    weights[FIRST_WORD:][found] = pretrained * scale  # by 1 leaves every bit alone
    weights[FIRST_WORD:][~found] = random.normal(
        0, noise, (int((~found).sum()), vectors.vector_size)
    )
    known = set(words)
    further = [w for w in dict.fromkeys(further_words) if w in vectors and w not in known]
    logger.info(
        "matrix: %s words x %d (+ %s further), %.1f %% of the words and %.1f %% of the tokens "
        "have a vector",
        f"{len(words):,}",
        vectors.vector_size,
        f"{len(further):,}",
        100 * coverage.types,
        100 * coverage.tokens,
    )
    return EmbeddingMatrix(
        weights, tuple(words), coverage, tuple(further), _rows(further, vectors) * scale
    )


def spellings(words: Sequence[str]) -> list[str]:
    """The words, and their forms with capitals, by which a set of another casing is recognised."""
    return [*words, *(word.capitalize() for word in words), *(word.upper() for word in words)]


def _rows(words: Sequence[str], vectors: WordVectors) -> NDArray[np.float32]:
    index = np.array([vectors.key_to_index[word] for word in words], dtype=np.int64)
    return np.asarray(vectors.vectors[index], np.float32)


def _coverage(words: Sequence[str], counts: Sequence[int], found: NDArray[np.bool_]) -> Coverage:
    seen = np.asarray(counts, dtype=np.int64)
    missing = sorted(
        (
            (word, int(count))
            for word, count, has in zip(words, counts, found, strict=True)
            if not has
        ),
        key=lambda item: (-item[1], item[0]),
    )
    return Coverage(
        types=float(found.mean()) if len(found) else 0.0,
        tokens=float(seen[found].sum() / seen.sum()) if seen.sum() else 0.0,
        missing=tuple(missing),
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
            "capitals, so the casing does not match: use a lower-cased set"
        )
    return (
        f"{message}: the vectors are probably of another language or another kind of text: choose "
        "others, or lower vectors.min_coverage"
    )
