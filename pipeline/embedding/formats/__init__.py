"""The formats of files with word vectors. A file's format is recognised by its content.

A new format is one file here, with a function that recognises it and one that reads it, and one
row in FORMATS. `format.py` says what the two functions take and return.

Text, word2vec binary and fastText binary may be compressed with gzip, bz2, xz or zstd, or stand in
a zip file: `streams.py` reads them without unpacking them to disk. The others are matrices with a
list of words or a tokenizer. They are mapped into memory, and so are never compressed.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from pipeline.base.errors import VectorsError
from pipeline.embedding.formats import (
    fasttext_binary,
    keyed_vectors,
    model2vec,
    numpy_matrix,
    safetensors_matrix,
    text,
    word2vec_binary,
)
from pipeline.embedding.formats.foreign import something_else
from pipeline.embedding.formats.format import Beginning, Format, Layout
from pipeline.embedding.formats.matrix_rows import matrix_in
from pipeline.embedding.formats.streams import Source
from pipeline.embedding.vectors import WordVectors

__all__ = ["FORMATS", "NotVectorsError", "format_of", "read_file"]

logger = logging.getLogger(__name__)

# The last row is asked first: a format that is added comes before text, which has no mark.
FORMATS: dict[str, Format] = {
    "GloVe text": Format(text.recognise_glove, text.read),
    "word2vec text": Format(text.recognise_word2vec, text.read),
    "word2vec binary": Format(word2vec_binary.recognise, word2vec_binary.read),
    "fastText binary": Format(fasttext_binary.recognise, fasttext_binary.read),
    "NumPy matrix": Format(numpy_matrix.recognise, numpy_matrix.read),
    "safetensors matrix": Format(safetensors_matrix.recognise, safetensors_matrix.read),
    "Model2Vec model": Format(model2vec.recognise, model2vec.read),
    "gensim KeyedVectors": Format(keyed_vectors.recognise, keyed_vectors.read),
}


class NotVectorsError(VectorsError):
    """A file holds something else than word vectors."""


def read_file(
    path: Path,
    wanted: Sequence[str] | None,
    most_frequent: int = 0,
    *,
    vector_size: int | None = None,
    member: str | None = None,
) -> WordVectors:
    """Read word vectors from a file of any format of FORMATS.

    Args:
        path: The file, or a folder with one matrix and its words.
        wanted: The words whose vectors are read; None reads all. All vectors of a text are kept as
            a memory map in the cache, and are read from there from then on.
        most_frequent: How many of the first words are read besides.
        vector_size: The dimension. It picks one of several members of a zip file.
        member: The name of one of several members of a zip file.

    Raises:
        VectorsError: The file is empty, damaged, truncated or ragged, or a value is not a finite
            number. The message names the line, or the word in a binary file.
    """
    source, name, layout = _choose(path, member, vector_size)
    return FORMATS[name].read(source, layout, wanted, most_frequent)


def format_of(path: Path, *, vector_size: int | None = None, member: str | None = None) -> str:
    """The name of a file's format: a key of FORMATS. Raises VectorsError, as `read_file` does."""
    return _choose(path, member, vector_size)[1]


Recognised = tuple[Source, str, Layout]
"""A stream, the name of its format, and its layout."""


def _choose(path: Path, member: str | None, vector_size: int | None) -> Recognised:
    """The file, or the member of a zip file that is meant."""
    members = Source(_regular(matrix_in(path) if path.is_dir() else path)).members()
    if member is not None:
        members = [source for source in members if source.member == member]
        if not members:
            raise VectorsError(f"{path}: there is no member {member!r} in it")
    if not members:
        raise VectorsError(f"{path}: expected word vectors, the zip file is empty")
    if len(members) == 1:
        return _recognise(members[0])
    recognised = _recognise_some(path, members)
    if len(recognised) == 1:
        return recognised[0]
    fitting = [item for item in recognised if item[2].vector_size == vector_size]
    if len(fitting) != 1:
        shown = ", ".join(f"{s.member} ({layout.vector_size})" for s, _, layout in recognised[:8])
        raise VectorsError(
            f"{path}: expected one member, it holds {shown}: choose with vectors.vector_size=... "
            "or vectors.member=..."
        )
    return fitting[0]


def _regular(path: Path) -> Path:
    """The path of a file with bytes. Reading a pipe would wait for its writer, without a word."""
    if path.exists() and not path.is_file():
        raise VectorsError(
            f"{path}: expected a file of vectors, this is {_kind(path)}: copy its content to a file"
        )
    return path


def _kind(path: Path) -> str:
    kinds = {"is_fifo": "a named pipe", "is_socket": "a socket", "is_dir": "a folder"}
    return next((kind for test, kind in kinds.items() if getattr(path, test)()), "a device")


def _recognise_some(path: Path, members: Sequence[Source]) -> list[Recognised]:
    """Those of several members that are vectors: a licence or a readme may lie beside them."""
    recognised: list[Recognised] = []
    errors: dict[str, VectorsError] = {}
    for source in members:
        try:
            recognised.append(_recognise(source))
        except VectorsError as error:
            errors[str(source.member)] = error
    if not recognised:
        raise next(iter(errors.values()))
    if errors:
        logger.warning("vectors: %s: left out %s: not word vectors", path, ", ".join(errors))
    return recognised


def _recognise(source: Source) -> Recognised:
    beginning = Beginning(source)
    if what := something_else(beginning):
        raise NotVectorsError(f"{source}: expected word vectors, this is {what}")
    for name, candidate in reversed(FORMATS.items()):
        layout = candidate.recognise(beginning)
        if layout is not None:
            return source, name, layout
    raise NotVectorsError(
        f"{source}: expected word vectors ({', '.join(FORMATS)}), got other binary data that "
        f"begins with {beginning.sample[:16]!r}"
    )
