"""From the options of a run to its vectors: a set, one trained on text, or several joined."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from pipeline.embedding.corpus import train_vectors
from pipeline.embedding.corpus_texts import article_texts, read_texts
from pipeline.embedding.joining import join_vectors
from pipeline.embedding.loading import load_vectors
from pipeline.embedding.options import CorpusOptions, JoinedOptions, OwnTextOptions, VectorsOptions
from pipeline.embedding.vectors import WordVectors


def choose_vectors(
    config: VectorsOptions,
    words: Sequence[str] | None = None,
    held_out: Collection[str] = (),
) -> WordVectors:
    """The vectors of `words` and the set's first `config.extra_words`, or all without `words`.

    `held_out`: the headlines of validation and test, whose text is never trained on.
    Raises VectorsError, DataError, MissingExtraError: as the functions that it calls.
    """
    source: str | WordVectors
    if isinstance(config, CorpusOptions):
        source = _train(config, held_out)
    elif isinstance(config, JoinedOptions):
        # Each set gives only what is wanted before they are joined: a whole one may not fit.
        source = join_vectors([_part(name, config, words, held_out) for name in config.sets])
    else:
        source = config.path or config.source
    return load_vectors(
        source,
        words=words,
        most_frequent=config.extra_words,
        vector_size=config.vector_size,
        member=config.member,
    )


def vectors_name(config: VectorsOptions) -> str:
    """What the vectors are called in a sentence: the name of the set or of the file."""
    return Path(config.path).name if config.source == "file" and config.path else config.source


def _train(config: OwnTextOptions, held_out: Collection[str]) -> WordVectors:
    return train_vectors(
        read_texts(config.path, held_out) if config.path else article_texts(held_out),
        algorithm=config.algorithm,
        vector_size=config.vector_size,
        window=config.window,
        min_count=config.min_count,
        epochs=config.epochs,
        negative=config.negative,
        seed=config.seed,
    )


def _part(
    name: str, config: JoinedOptions, words: Sequence[str] | None, held_out: Collection[str]
) -> WordVectors:
    own = config.own(name)
    source = name if own is None else _train(own, held_out)
    return load_vectors(source, words=words, most_frequent=config.extra_words)
