"""The formats in which vectors are published, recognised by content, never by the name.

    GloVe text, word2vec text (fastText's .vec)          text_format.py
    word2vec binary                                      word2vec_binary.py
    fastText binary (.bin)                               fasttext_binary.py
    NumPy or safetensors matrix and a list of words,
    gensim's saved KeyedVectors                          matrices.py

The first three kinds may be compressed with gzip, bz2, xz or zstd, or lie in a zip file; they are
read as a stream (streams.py).
"""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.base.errors import VectorsError
from pipeline.embedding.formats import cache, fasttext_binary, matrices
from pipeline.embedding.formats.rows import Layout, Rows
from pipeline.embedding.formats.streams import Source
from pipeline.embedding.formats.text import read_text
from pipeline.embedding.formats.word2vec_binary import read_binary
from pipeline.embedding.vectors import Subwords, WordVectors

_SAMPLE = 1 << 16  # bytes looked at to recognise the format
_CONTROL = frozenset(range(9)) | frozenset(range(14, 32))  # bytes that no text file has

_READERS: dict[str, Callable[[Source, Layout, Rows], Subwords | None]] = {
    "GloVe text": read_text,
    "word2vec text": read_text,
    "word2vec binary": read_binary,
    "fastText binary": fasttext_binary.read_fasttext,
}

_MATRICES: dict[str, tuple[Callable[[bytes], bool], Callable[..., WordVectors]]] = {
    "NumPy matrix": (matrices.is_numpy, matrices.read_numpy),
    "safetensors matrix": (matrices.is_safetensors, matrices.read_safetensors),
    "gensim KeyedVectors": (matrices.is_pickle, matrices.read_keyed_vectors),
}


def read_file(
    path: Path,
    wanted: Sequence[str] | None,
    most_frequent: int = 0,
    *,
    vector_size: int | None = None,
    member: str | None = None,
) -> WordVectors:
    """Read the vectors of `wanted` and the first `most_frequent`, or all where `wanted` is None.

    Of a zip file with several members, `member` names one, or `vector_size` picks it. A folder is
    one that holds a matrix and its words. All of a text is kept as a memory map in the cache and
    comes from there from then on.
    Raises VectorsError: an empty, damaged, truncated or ragged file, a value that is not a finite
    number; with the line, or the word of a binary file.
    """
    path = _matrix_in(path) if path.is_dir() else path
    matrix = _matrix_format(path)
    if matrix is not None:
        return _MATRICES[matrix][1](path, wanted, most_frequent)
    source, layout = _chosen(path, member, vector_size)
    if wanted is None and layout.format.endswith("text"):
        kept = cache.find(source) or cache.keep(
            source, lambda write: _read_into(write, source, layout)
        )
        if kept is not None:
            return kept
    rows = Rows(wanted, most_frequent)
    subwords = _READERS[layout.format](source, layout, rows)
    return rows.result(str(source), layout.vector_size, subwords)


def _read_into(
    write: Callable[[NDArray[np.float32]], None], source: Source, layout: Layout
) -> tuple[Rows, int]:
    rows = Rows(None, write=write)
    _READERS[layout.format](source, layout, rows)
    rows.warn(str(source))
    return rows, layout.vector_size


def format_of(path: Path, *, vector_size: int | None = None, member: str | None = None) -> str:
    """The name of a file's format, found in its beginning."""
    path = _matrix_in(path) if path.is_dir() else path
    return _matrix_format(path) or _chosen(path, member, vector_size)[1].format


def _matrix_format(path: Path) -> str | None:
    beginning = _beginning(path)
    return next((name for name, (is_, _) in _MATRICES.items() if is_(beginning)), None)


def _beginning(path: Path) -> bytes:
    with Source(path).errors_named(), path.open("rb") as file:
        return file.read(16)


def _matrix_in(folder: Path) -> Path:
    found = [p for p in sorted(folder.iterdir()) if p.suffix in (".npy", ".safetensors")]
    if len(found) != 1:
        raise VectorsError(
            f"{folder}: expected a folder with one matrix (.npy or .safetensors) and its words, "
            f"found {len(found)} matrices"
        )
    return found[0]


def _chosen(path: Path, member: str | None, vector_size: int | None) -> tuple[Source, Layout]:
    """The stream to read and what it holds; of several in a zip file the one that is meant."""
    members = Source(path).members()
    if member is not None:
        members = [m for m in members if m.member == member]
        if not members:
            raise VectorsError(f"{path}: there is no member {member!r} in it")
    if not members:
        raise VectorsError(f"{path}: expected word vectors, the zip file is empty")
    if len(members) == 1:
        return members[0], _recognise(members[0])
    found = [(source, _recognise(source)) for source in members]
    fitting = [pair for pair in found if pair[1].vector_size == vector_size]
    if len(fitting) != 1:
        shown = ", ".join(f"{s.member} ({layout.vector_size})" for s, layout in found[:8])
        raise VectorsError(
            f"{path}: expected one member, it holds {shown}: choose with vectors.vector_size=... "
            "or vectors.member=..."
        )
    return fitting[0]


def _recognise(source: Source) -> Layout:
    with source.open() as stream:
        sample = stream.read(_SAMPLE)
    if not sample:
        raise VectorsError(f"{source}: expected word vectors, the file is empty")
    if sample.startswith(fasttext_binary.MAGIC):
        return fasttext_binary.recognise_fasttext(source)
    first, _, rest = sample.partition(b"\n")
    header = first.split()
    if len(header) == 2 and all(field.isdigit() for field in header):
        n_words, size = int(header[0]), int(header[1])
        if not 0 < size <= 100_000:
            raise VectorsError(
                f"{source}, line 1: expected the number of words and the dimension, got {first!r}"
            )
        if not _looks_like_text(rest, size):
            return Layout("word2vec binary", size, n_words)
        found = _usual_size(source, rest, len(sample) < _SAMPLE)
        if n_words and found != size:
            raise VectorsError(
                f"{source}, line 1: expected the dimension of the lines that follow, {found}, "
                f"got {size}"
            )
        return Layout("word2vec text", size, n_words)
    if not _looks_like_text(sample, 1):
        raise VectorsError(
            f"{source}: expected word vectors (GloVe or word2vec text, word2vec or fastText "
            "binary, NumPy, safetensors, gensim's KeyedVectors), got other binary data that "
            f"begins with {sample[:16]!r}"
        )
    size = _usual_size(source, sample, len(sample) < _SAMPLE)
    if size < 1:
        raise VectorsError(f"{source}, line 1: expected a word and its numbers, got {first[:60]!r}")
    return Layout("GloVe text", size)


def _usual_size(source: Source, sample: bytes, whole: bool) -> int:
    """How many numbers the lines hold. Words with spaces are few, and so must be damaged lines."""
    lines = [line for line in sample.split(b"\n") if line.strip()]
    # The last line of the sample is whole only where the file ends there.
    sizes = Counter(len(line.split()) - 1 for line in (lines if whole else lines[:-1] or lines))
    if not sizes:
        return 0
    ((size, count), *others) = sizes.most_common(2)
    if others and count <= sizes.total() / 2:
        raise VectorsError(
            f"{source}: expected lines of a word and as many numbers each, got {size} numbers in "
            f"{count:,} of the first {sizes.total():,} lines, {others[0][0]} in {others[0][1]:,}: "
            "the file is damaged"
        )
    return size


def _looks_like_text(sample: bytes, size: int) -> bool:
    """Whether lines of a word and `size` numbers follow, be they damaged, or binary floats."""
    fields = sample.partition(b"\n")[0].split()
    if len(fields) > size and all(map(_is_number, fields[-size:])):
        return True
    if any(byte in _CONTROL for byte in sample):
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)  # may end within a character
    except UnicodeDecodeError:
        # Text in another encoding is still mostly numbers.
        return sum(byte in b"0123456789.-+e \n" for byte in sample) > len(sample) / 2
    return True


def _is_number(value: bytes) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True
