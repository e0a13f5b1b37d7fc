"""From a name, a file, an object or options to word vectors."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from pipeline.base.calls import checked
from pipeline.base.download import address_download
from pipeline.base.errors import VectorsError, nearest
from pipeline.embedding.catalogue import CATALOGUE, find_set, wrong_language
from pipeline.embedding.corpus import train_vectors
from pipeline.embedding.corpus_texts import article_texts, corpus_lines
from pipeline.embedding.formats import NotVectorsError, read_file
from pipeline.embedding.formats.rows import rows_of_zeros, warn_of_zeros
from pipeline.embedding.joining import join_vectors
from pipeline.embedding.options import CorpusOptions, JoinedOptions, OwnTextOptions, VectorsOptions
from pipeline.embedding.places import is_address, is_hub_name, locate
from pipeline.embedding.postprocessing import NONE, change_rows
from pipeline.embedding.vectors import N_FIRST_WORDS, WordVectors

logger = logging.getLogger(__name__)


@checked
def load_vectors(
    source: str | os.PathLike[str] | WordVectors | Any,
    *,
    words: Iterable[str] | None = None,
    most_frequent: int = 0,
    vector_size: int | None = None,
    member: str | None = None,
    sha256: str | None = None,
    postprocess: str = NONE,
) -> WordVectors:
    """Load word vectors: those of `words` and the first `most_frequent`, or all without `words`.

    Words that the set does not list are left out. `subwords` of the result gives them a vector
    where the set has n-grams. Memory is in proportion to the words that are asked for. All vectors
    of a text are kept in the cache as a memory map, and come from there from then on.

    Args:
        source: A name of the catalogue (`glove_6b_50d`, `glove-wiki-gigaword-100`; the set is
            fetched where it is not in the cache), a file or folder of any format of
            `formats.FORMATS`, the address of such a file (`https://...`), the name of a Model2Vec
            model on the Hugging Face hub (`OWNER/NAME`), a gensim `KeyedVectors`, or `random` for a
            set without words, with which every row of a matrix starts from random numbers.
        words: The words whose vectors are loaded.
        most_frequent: How many of the first words of the set are loaded besides. Most sets list
            their words by frequency.
        vector_size: The dimension. It is needed for `random`, picks a member of a zip file, and is
            checked otherwise.
        member: The name of a member of a zip file.
        sha256: The digest of the file, in 64 hexadecimal digits. Without it, the file from an
            address has to be the same as at the first fetch.
        postprocess: A method of `postprocessing.METHODS`. What it has to know of the set comes from
            the set's 10,000 first words, whichever words are asked for.

    Raises:
        VectorsError: There is no such name, file or method, a file is damaged, or has another
            dimension.
        MissingExtraError: The package of the set is not installed.
        FetchError: The set could not be fetched.

    >>> load_vectors("random", vector_size=50).vectors.shape
    (0, 50)
    """
    if most_frequent < 0 or (vector_size is not None and vector_size < 1):
        raise VectorsError(
            "expected most_frequent from 0 and a vector_size from 1, got "
            f"{most_frequent} and {vector_size}"
        )
    wanted = None if words is None else list(dict.fromkeys(words))
    if postprocess != NONE and wanted is not None and most_frequent < N_FIRST_WORDS:
        whole = load_vectors(
            source,
            words=wanted,
            most_frequent=N_FIRST_WORDS,
            vector_size=vector_size,
            member=member,
            sha256=sha256,
            postprocess=postprocess,
        )
        return whole.subset([*wanted, *whole.first_words[:most_frequent]])
    if isinstance(source, WordVectors):
        loaded = source if wanted is None else source.subset(wanted, most_frequent)
    elif not isinstance(source, str | os.PathLike):
        loaded = _from_keyed_vectors(source, wanted, most_frequent)
    elif source == "random":
        if not vector_size:
            raise VectorsError("random vectors need a vector_size")
        loaded = WordVectors.from_rows([], np.empty((0, vector_size), np.float32), name="random")
    elif entry := find_set(str(source)):
        loaded = entry.load(wanted, most_frequent)
    else:
        path = locate(os.fspath(source), sha256)
        if path is None:
            raise _no_vectors(str(source))
        try:
            loaded = read_file(path, wanted, most_frequent, vector_size=vector_size, member=member)
        except NotVectorsError:
            if is_address(str(source)) and sha256 is None:
                # Its digest must not be what the right file is compared with.
                address_download(str(source)).forget()
            raise
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
    return change_rows(loaded, postprocess)


def choose_vectors(
    options: VectorsOptions,
    words: Sequence[str] | None = None,
    held_out: Collection[str] = (),
) -> WordVectors:
    """The vectors that options choose: a set, a set trained on one's own text, or several joined.

    Args:
        options: Which vectors.
        words: The words whose vectors are loaded, and the first `options.extra_words` besides;
            None loads all.
        held_out: The headlines of validation and test. Vectors are never trained on their text.

    Raises:
        VectorsError, MissingExtraError, FetchError: As `load_vectors`.
        DataError: The text to train vectors on cannot be read.
    """
    source: str | WordVectors
    if isinstance(options, CorpusOptions):
        source = _train(options, held_out)
    elif isinstance(options, JoinedOptions):
        # Each set gives only the words that are wanted before they are joined: all may not fit.
        source = join_vectors([_one_set(name, options, words, held_out) for name in options.sets])
    else:
        source = options.path or options.source
    return load_vectors(
        source,
        words=words,
        most_frequent=options.extra_words,
        vector_size=options.vector_size,
        member=options.member,
        sha256=options.sha256,
        postprocess=options.postprocess,
    )


def check_vectors(options: VectorsOptions) -> None:
    """Look whether the files of vectors are there, before anything heavy is loaded.

    Raises VectorsError: there is neither such a file nor such a set.
    """
    if isinstance(options, JoinedOptions):
        names = [name for name in options.sets if options.own_text(name) is None]
    else:
        names = [options.path] if options.source == "file" and options.path else []
    for name in names:
        is_named = name == "random" or find_set(name) or is_address(name) or is_hub_name(name)
        if not is_named and not os.path.exists(name):
            raise _no_vectors(name)


def vectors_name(options: VectorsOptions) -> str:
    """The name of the vectors for a table or a sentence: that of the set, or of the file."""
    if options.source == "file" and options.path:
        return Path(urlsplit(options.path).path if is_address(options.path) else options.path).name
    return options.source


def _no_vectors(source: str) -> VectorsError:
    name = source if len(source) < 200 else f"{source[:50]}..."
    return VectorsError(
        wrong_language(source)
        or f"{name}: expected a file of vectors, a name of the catalogue (`pipeline vectors list`) "
        f"or random, there is none{nearest(source, [*CATALOGUE, 'random'])}"
    )


def _train(options: OwnTextOptions, held_out: Collection[str]) -> WordVectors:
    return train_vectors(
        corpus_lines(options.path, held_out) if options.path else article_texts(held_out),
        algorithm=options.algorithm,
        vector_size=options.vector_size,
        window=options.window,
        min_count=options.min_count,
        epochs=options.epochs,
        negative=options.negative,
        seed=options.seed,
    )


def _one_set(
    name: str, options: JoinedOptions, words: Sequence[str] | None, held_out: Collection[str]
) -> WordVectors:
    own_text = options.own_text(name)
    source = name if own_text is None else _train(own_text, held_out)
    return load_vectors(source, words=words, most_frequent=options.extra_words)


def _from_keyed_vectors(source: Any, wanted: list[str] | None, most_frequent: int) -> WordVectors:
    try:
        keys, vectors = list(map(str, source.index_to_key)), np.asarray(source.vectors, np.float32)
    except AttributeError as error:
        raise VectorsError(
            f"expected a name, a file, WordVectors or gensim KeyedVectors, got {type(source)}"
        ) from error
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        word = keys[int(finite.argmin())]
        raise VectorsError(f"KeyedVectors, word {word!r}: expected finite numbers, got NaN or Inf")
    if zeros := rows_of_zeros(vectors).tolist():
        warn_of_zeros("KeyedVectors", keys, zeros)
    everything = WordVectors.from_rows(keys, vectors, name="KeyedVectors")
    return everything if wanted is None else everything.subset(wanted, most_frequent)
