"""What vectors know of meaning: agreement with people's judgements, and nearest neighbours."""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.base.errors import VectorsError
from pipeline.embedding.vectors import WordVectors

_BLOCK = 1 << 14  # rows at a time: 20 MB at 300 dimensions, whatever the size of the set

DATASETS = {"wordsim353": "wordsim353.tsv", "simlex999": "simlex999.txt"}


@dataclass(frozen=True)
class Similarity:
    """Spearman's rank correlation between cosines and people's judgements (from -1 to 1; NaN
    where fewer than two pairs are known). `pairs`: of the data set; `pairs_known`: those of which
    the set lists both words, which are the ones that count."""

    spearman: float
    pairs: int
    pairs_known: int


def word_similarity(vectors: WordVectors, dataset: str) -> Similarity:
    """Compare cosines with people's judgements of how alike the words of a pair are.

    `dataset`: `wordsim353` (Finkelstein et al. 2002: relatedness, as of "cup" and "coffee") or
    `simlex999` (Hill et al. 2015: only similarity counts). Both come with gensim, whose
    `evaluate_word_pairs` gives the same figures: capitals do not matter (the first spelling in
    the set's order counts), and pairs with an unlisted word are left out.
    Raises VectorsError: no such data set.
    """
    from scipy.stats import spearmanr

    pairs = _judgements(dataset)
    asked = {word for first, second, _ in pairs for word in (first, second)}
    row_of: dict[str, int] = {}
    for row, word in enumerate(vectors.index_to_key):
        if word.upper() in asked:
            row_of.setdefault(word.upper(), row)
    known = [pair for pair in pairs if pair[0] in row_of and pair[1] in row_of]
    if len(known) < 2:
        return Similarity(float("nan"), len(pairs), len(known))
    first = _rows(vectors, [row_of[word] for word, _, _ in known])
    second = _rows(vectors, [row_of[word] for _, word, _ in known])
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    cosines = (first * second).sum(axis=1) / np.where(lengths == 0, 1, lengths)
    spearman = spearmanr(cosines, [judgement for _, _, judgement in known]).statistic
    return Similarity(float(spearman), len(pairs), len(known))


def neighbours(vectors: WordVectors, word: str, k: int = 10) -> list[tuple[str, float]]:
    """The `k` words whose vectors have the largest cosine with that of `word`, and the cosines.

    Exact: every row is looked at, a block at a time, so that a memory-mapped set is not copied.
    A word that the set does not list is compared by what its `subwords` make of it.
    Raises VectorsError: the set has no vector for the word.
    """
    known = word in vectors or vectors.subwords is not None
    query = np.asarray(vectors[word], np.float32) if known else np.zeros(vectors.vector_size)
    length = float(np.linalg.norm(query))
    if length == 0:
        raise VectorsError(
            f"{vectors.name} has no vector for {word!r}: ask for a word that it lists, in its casing"
        )
    cosines = np.empty(len(vectors), np.float32)
    for start in range(0, len(vectors), _BLOCK):
        block = np.asarray(vectors.vectors[start : start + _BLOCK], np.float32)
        lengths = np.sqrt(np.einsum("ij,ij->i", block, block))
        cosines[start : start + len(block)] = block @ query / np.where(lengths == 0, 1, lengths)
    cosines /= length
    if word in vectors:
        cosines[vectors.key_to_index[word]] = -np.inf
    k = max(0, min(k, len(vectors) - (word in vectors)))
    nearest = np.argpartition(-cosines, k - 1)[:k] if k else np.empty(0, np.int64)
    nearest = nearest[np.lexsort((nearest, -cosines[nearest]))]
    return [(vectors.index_to_key[row], float(cosines[row])) for row in nearest]


def neighbours_of(
    vectors: WordVectors, words: Sequence[str], k: int = 10
) -> dict[str, list[tuple[str, float]]]:
    """The neighbours of each word; an empty list for one that the set has no vector for."""
    found = {}
    for word in words:
        try:
            found[word] = neighbours(vectors, word, k)
        except VectorsError:
            found[word] = []
    return found


def _rows(vectors: WordVectors, rows: list[int]) -> NDArray[np.float64]:
    return np.asarray(vectors.vectors[rows], np.float64)


def _judgements(dataset: str) -> list[tuple[str, str, float]]:
    """Pairs in capitals and how alike people found them."""
    if dataset not in DATASETS:
        raise VectorsError(
            f"there is no data set {dataset!r}: expected one of {', '.join(DATASETS)}"
        )
    spec = importlib.util.find_spec("gensim")  # its files are read without importing it
    assert spec is not None
    assert spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0], "test", "test_data", DATASETS[dataset])
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader((line for line in lines if not line.startswith("#")), delimiter="\t")
        return [(first.upper(), second.upper(), float(value)) for first, second, value in rows]
