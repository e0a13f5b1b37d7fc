"""Two views of texts, without TensorFlow: their words, and their mean word vectors."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.base.errors import MissingExtraError
from pipeline.classifier.two_views import Views, word_rarity
from pipeline.embedding.loading import choose_vectors, load_vectors
from pipeline.embedding.matching import spellings
from pipeline.embedding.matrix import FIRST_WORD, build_embedding_matrix
from pipeline.embedding.options import VectorsOptions
from pipeline.embedding.postprocessing import NONE
from pipeline.embedding.vectors import WordVectors

logger = logging.getLogger(__name__)

Vectors = str | os.PathLike[str] | WordVectors | VectorsOptions
"""A name, a file, loaded vectors, or options."""


def view_texts(
    words: NDArray[np.object_], counts: Any, vectors: Vectors | None, held_out: Collection[str] = ()
) -> Views:
    """The views of n texts.

    A mean vector has the length 1, and frequent words count less in it (`word_rarity`). It is zeros
    where no word of the text has a vector, and for all texts without `vectors`, or where their
    package is not installed.

    Args:
        words: object array, (n_words,).
        counts: how often each text has each word: sparse matrix, (n, n_words).
        vectors: those of the words.
        held_out: texts that vectors are never trained on.

    Raises:
        VectorsError, FetchError: the vectors cannot be used.
    """
    seen = np.flatnonzero(counts.getnnz(axis=0))
    present, names = counts[:, seen].sign(), words[seen].tolist()
    loaded = None if vectors is None else _load(vectors, names, held_out)
    if loaded is None or not len(loaded.index_to_key):
        return Views(np.zeros((counts.shape[0], 1)), present)
    n_seen = np.asarray(counts[:, seen].sum(axis=0)).ravel().astype(int).tolist()
    matrix = build_embedding_matrix(names, loaded, counts=n_seen, missing="zeros")
    weighted = (word_rarity(matrix)[:, None] * matrix.weights)[FIRST_WORD:].astype(np.float64)
    means = present @ weighted
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    return Views(means / np.maximum(lengths, 1e-9), present)


def _load(vectors: Vectors, words: Sequence[str], held_out: Collection[str]) -> WordVectors | None:
    wanted = spellings(words)
    try:
        if isinstance(vectors, VectorsOptions):
            if vectors.postprocess == NONE:  # else the other words say how rows are changed
                vectors = replace(vectors, extra_words=0)
            return choose_vectors(vectors, wanted, held_out)
        return load_vectors(vectors, words=wanted)
    except MissingExtraError as error:
        logger.warning("the words are looked at without their vectors: %s", error)
        return None
