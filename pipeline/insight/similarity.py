"""Which words are alike to vectors: agreement with people's judgements, and nearest neighbours."""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.base.calls import checked
from pipeline.base.errors import VectorsError
from pipeline.base.options import Count, Positive
from pipeline.embedding.vectors import WordVectors

# The files of gensim with people's judgements, by the name of the data set.
DATASETS = {"wordsim353": "wordsim353.tsv", "simlex999": "simlex999.txt"}


@dataclass(frozen=True)
class Similarity:
    """How far cosines agree with people's judgements.

    `spearman`: rank correlation, from -1 to 1; NaN where the set lists fewer than two pairs.
    `pairs`: how many pairs the data set has. `pairs_known`: how many of them count, because the set
    lists both words.
    """

    spearman: float
    pairs: int
    pairs_known: int


@checked
def word_similarity(vectors: WordVectors, dataset: str) -> Similarity:
    """Compare cosines with people's judgements of how alike the words of a pair are.

    The figures are those of gensim's `evaluate_word_pairs`. Capitals do not matter: the first
    spelling in the set counts. Pairs with a word that the set does not list are left out.

    `dataset`: `wordsim353` (Finkelstein et al. 2002: related words, such as "cup" and "coffee") or
    `simlex999` (Hill et al. 2015: only similar words). Both come with gensim.
    Raises VectorsError: there is no such data set.
    """
    from scipy.stats import spearmanr

    pairs = _judgements(dataset)
    asked = {word for first, second, _ in pairs for word in (first, second)}
    rows: dict[str, int] = {}
    for row, word in enumerate(vectors.index_to_key):
        if word.upper() in asked:
            rows.setdefault(word.upper(), row)
    listed = [pair for pair in pairs if pair[0] in rows and pair[1] in rows]
    if len(listed) < 2:
        return Similarity(float("nan"), len(pairs), len(listed))
    first = _rows(vectors, [rows[word] for word, _, _ in listed])
    second = _rows(vectors, [rows[word] for _, word, _ in listed])
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    cosines = (first * second).sum(axis=1) / np.where(lengths == 0, 1, lengths)
    spearman = spearmanr(cosines, [judgement for _, _, judgement in listed]).statistic
    return Similarity(float(spearman), len(pairs), len(listed))


@checked
def neighbours(
    vectors: WordVectors, word: str, k: Count = 10, *, block_rows: Positive = 1 << 14
) -> list[tuple[str, float]]:
    """The `k` words whose vectors have the largest cosine with that of `word`, and the cosines.

    It is exact: every row is compared. `block_rows` rows are compared at a time, so that a set that
    is a memory map is not copied: 20 MB at 300 dimensions. A word that the set does not list is
    compared by the vector that its `subwords` give.
    Raises VectorsError: the set has no vector for the word; ConfigError: a number is out of range.
    """
    has_vector = word in vectors or vectors.subwords is not None
    query = np.asarray(vectors[word], np.float32) if has_vector else np.zeros(vectors.vector_size)
    length = float(np.linalg.norm(query))
    if length == 0:
        raise VectorsError(
            f"{vectors.name} has no vector for {word!r}: ask for a word that it lists, in its "
            "casing"
        )
    cosines = np.empty(len(vectors), np.float32)
    for start in range(0, len(vectors), block_rows):
        block = np.asarray(vectors.vectors[start : start + block_rows], np.float32)
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
    """The neighbours of each word. The list of a word without a vector is empty."""
    lists = {}
    for word in words:
        try:
            lists[word] = neighbours(vectors, word, k)
        except VectorsError:
            lists[word] = []
    return lists


def _rows(vectors: WordVectors, rows: list[int]) -> NDArray[np.float64]:
    """float64 array, (len(rows), vector_size)."""
    return np.asarray(vectors.vectors[rows], np.float64)


def _judgements(dataset: str) -> list[tuple[str, str, float]]:
    """Pairs of words in capitals, and how alike people judged them."""
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
