"""Sets of vectors side by side: size, agreement with people, neighbours, and accuracy with each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.embedding.vectors import WordVectors
from pipeline.insight.similarity import DATASETS, Similarity, neighbours_of, word_similarity


@dataclass(frozen=True)
class SetReport:
    """What a set of vectors knows by itself.

    `similarities`: agreement with people, by data set. `neighbours`: for each word the nearest
    words and their cosines; none for a word without a vector.
    """

    name: str
    vector_size: int
    words: int
    similarities: Mapping[str, Similarity]
    neighbours: Mapping[str, Sequence[tuple[str, float]]]


@dataclass(frozen=True)
class SetOutcome:
    """What a classifier reached with one set of vectors and one seed.

    `accuracies`: fractions by method and split, such as `fine_tuned validation`.
    """

    name: str
    seed: int
    accuracies: Mapping[str, float]


def describe_set(
    name: str, vectors: WordVectors, words: Sequence[str] = (), k: int = 5
) -> SetReport:
    """Measure what a set knows. `k`: how many neighbours of each of `words` are looked for."""
    return SetReport(
        name,
        vectors.vector_size,
        len(vectors),
        {dataset: word_similarity(vectors, dataset) for dataset in DATASETS},
        neighbours_of(vectors, words, k),
    )
