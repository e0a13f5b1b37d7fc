"""A look at a set of vectors: its format, how it writes words, and which words are near others."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.base.errors import VectorsError
from pipeline.embedding.catalogue import find_set
from pipeline.embedding.formats import format_of
from pipeline.embedding.loading import load_vectors
from pipeline.embedding.matching import AUTO, MADE, Conventions, choose_fallbacks, conventions
from pipeline.embedding.places import locate
from pipeline.embedding.vectors import WordVectors
from pipeline.insight.similarity import neighbours_of

N_INSPECTED = 100_000  # most frequent words whose rows are read


@dataclass(frozen=True)
class Inspection:
    """What `inspect` saw.

    `format`: a name of `formats.FORMATS`, or `in memory`. `total`: how many words the whole set
    lists. `rows`: how many rows were read. `duplicates`: how many rows were left out because their
    word had come before. `norms`: the smallest, mean and largest Euclidean length of the rows.
    `std`: the standard deviation of all their values. `fallbacks`: how words are looked for in the
    set, in order. `subwords`: whether it gives vectors to words that it does not list. `licence`:
    that of a set of the catalogue. `first_words`: the first 20. `neighbours`: for each word asked
    for, its nearest words and their cosines; empty for a word without a vector.
    """

    name: str
    format: str
    vector_size: int
    total: int
    rows: int
    duplicates: int
    norms: tuple[float, float, float]
    std: float
    conventions: Conventions
    fallbacks: tuple[str, ...]
    subwords: bool
    licence: str | None
    first_words: tuple[str, ...]
    neighbours: Mapping[str, Sequence[tuple[str, float]]]


def inspect(
    source: str | os.PathLike[str] | WordVectors,
    *,
    words: Sequence[str] = (),
    vector_size: int | None = None,
    member: str | None = None,
    k: int = 8,
) -> Inspection:
    """Look at a set.

    Args:
        source: A name, a file or WordVectors.
        words: Words whose neighbours are sought, among the 100,000 most frequent words.
        vector_size: The dimension. It picks a member of a zip file.
        member: The name of a member of a zip file.
        k: How many neighbours.

    Raises:
        VectorsError: The set has no words; and as `load_vectors`.

    >>> inspect("glove_6b_50d").conventions.casing
    'lower'
    """
    vectors = load_vectors(
        source, words=words, most_frequent=N_INSPECTED, vector_size=vector_size, member=member
    )
    if not len(vectors):
        raise VectorsError(f"{vectors.name}: expected word vectors, there is no word in it")
    norms = np.linalg.norm(vectors.vectors, axis=1)
    set_conventions = conventions(vectors.first_words)
    path, licence = None, None
    if isinstance(source, str | os.PathLike):
        entry = find_set(str(source))
        licence = entry.licence if entry else None
        path = entry.file if entry else locate(os.fspath(source))
    format_ = format_of(path, vector_size=vector_size, member=member) if path else "in memory"
    fallbacks = dict.fromkeys(fallback.name for fallback in choose_fallbacks(AUTO, set_conventions))
    return Inspection(
        name=vectors.name,
        format=format_,
        vector_size=vectors.vector_size,
        total=vectors.total,
        rows=len(vectors),
        duplicates=vectors.duplicates,
        norms=(float(norms.min()), float(norms.mean()), float(norms.max())),
        std=float(vectors.vectors.std(dtype=np.float64)),
        conventions=set_conventions,
        fallbacks=tuple(
            fallback
            for fallback in fallbacks
            if fallback not in MADE or (vectors.subwords and fallback == vectors.subwords_by)
        ),
        subwords=vectors.subwords is not None,
        licence=licence,
        first_words=tuple(vectors.first_words[:20]),
        neighbours=neighbours_of(vectors, words, k),
    )
