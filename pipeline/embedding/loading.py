"""Word vectors: from a name, a file or an object to rows of float32.

load_vectors   the one way in
words.py       WordVectors, what comes out
catalogue.py   the sets that have a name
formats.py     the formats of files, recognised by their content, and the modules that read them
streams.py     compressed files and zip members as streams
rows.py        what the readers take
cache.py       all of a text, parsed once
corpus.py      training on one's own text
texts.py       that text
joining.py     several sets as one
choice.py      from the options of a run to its vectors
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.base.errors import VectorsError, nearest
from pipeline.embedding.catalogue import CATALOGUE
from pipeline.embedding.formats import read_file
from pipeline.embedding.vectors import WordVectors

__all__ = ["CATALOGUE", "WordVectors", "load_vectors"]

logger = logging.getLogger(__name__)


def load_vectors(
    source: str | os.PathLike[str] | WordVectors | Any,
    *,
    words: Iterable[str] | None = None,
    most_frequent: int = 0,
    vector_size: int | None = None,
    member: str | None = None,
) -> WordVectors:
    """Load word vectors: those of `words` and the first `most_frequent`, or all without `words`.

    `source` is a name of the catalogue (`glove_6b_50d`, `glove-wiki-gigaword-100`: fetched where it
    is not in the cache), a file of any known format (see
    formats.py; compressed or not, recognised by its content), a gensim `KeyedVectors`, or `random`
    for a set without any word, whose matrix starts from random numbers. `vector_size` is needed
    for `random`, picks a member of a zip file, and is checked otherwise; `member` names one.
    Words that the set does not list are left out; `subwords` of the result gives them a vector
    where the set has n-grams. Sets list their words by frequency. With `words`, memory is in
    proportion to them; without, a text is kept in the cache as a memory map, and comes from there
    from then on.

    >>> load_vectors("random", vector_size=50).vectors.shape
    (0, 50)

    Raises VectorsError: no such name or file, a damaged file (with the line), another
    dimension; MissingExtraError: a set whose package is not installed; FetchError: a set that
    could not be fetched.
    """
    wanted = None if words is None else list(dict.fromkeys(words))
    if isinstance(source, WordVectors):
        loaded = source if wanted is None else source.subset(wanted, most_frequent)
    elif not isinstance(source, str | os.PathLike):
        loaded = _from_keyed_vectors(source, wanted, most_frequent)
    elif source == "random":
        if not vector_size:
            raise VectorsError("random vectors need a vector_size")
        loaded = WordVectors.of([], np.empty((0, vector_size), np.float32), name="random")
    elif source in CATALOGUE:
        loaded = CATALOGUE[str(source)].load(wanted, most_frequent)
    elif Path(source).exists():
        loaded = read_file(
            Path(source), wanted, most_frequent, vector_size=vector_size, member=member
        )
    else:
        raise VectorsError(
            f"{source}: expected a file of vectors, a name of the catalogue (`pipeline vectors list`) "
            f"or random, there is none{nearest(str(source), [*CATALOGUE, 'random'])}"
        )
    if vector_size and loaded.vector_size != vector_size:
        raise VectorsError(
            f"{loaded.name}: expected vectors of dimension {vector_size}, they have "
            f"{loaded.vector_size}: set vector_size to that, or to null"
        )
    if loaded.duplicates:
        logger.warning(
            "vectors: %s repeats words, %d rows ignored (the first of each counts)",
            loaded.name,
            loaded.duplicates,
        )
    return loaded


def _from_keyed_vectors(source: Any, wanted: list[str] | None, most_frequent: int) -> WordVectors:
    try:
        keys, vectors = list(source.index_to_key), np.asarray(source.vectors, np.float32)
    except AttributeError as error:
        raise VectorsError(
            f"expected a name, a file, WordVectors or gensim KeyedVectors, got {type(source)}"
        ) from error
    everything = WordVectors.of(keys, vectors, name="KeyedVectors")
    return everything if wanted is None else everything.subset(wanted, most_frequent)
