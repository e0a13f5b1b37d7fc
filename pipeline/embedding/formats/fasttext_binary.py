"""fastText's .bin: words, and n-grams from which any other word gets a vector.

The file holds a header of little-endian integers, the words (each ends with a zero byte, then its
count and kind follow), and a matrix of float32: a row for each word, then one for each bucket of
n-grams. The vector of a word is the mean of its own row and those of its n-grams. The vector of an
unknown word is the mean of the rows of its n-grams (Bojanowski et al. 2017, arXiv 1607.04606;
fastText's dictionary.cc and fasttext.cc).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import IO

import numpy as np
from numpy.typing import NDArray

from pipeline.base.errors import VectorsError
from pipeline.embedding.formats.format import LARGEST_SIZE, Beginning, Layout
from pipeline.embedding.formats.rows import Rows
from pipeline.embedding.formats.streams import Source
from pipeline.embedding.vectors import Subwords, WordVectors

_MAGIC = struct.pack("<i", 793712314)
_VERSION = 12
_SUPERVISED = 3
_HEADER = struct.Struct("<14i d 3i 2q")  # magic, version, 12 arguments, t; sizes of the dictionary
_COUNT = struct.Struct("<qb")  # how often a word was seen, and its kind: 0 for a word
_AFTER_WORD = _COUNT.size
_LARGEST_COUNT = 1 << 50
_MATRIX = struct.Struct("<? 2q")  # quantised?, rows, columns
_CHUNK = 1 << 20  # bytes read at a time
_LARGEST = 1 << 60  # bytes: no file is larger
_NEAR, _ROWS = 8, 4096  # rows are read at once where they are at most _NEAR apart, up to _ROWS
_WORDS = 4096  # vectors are computed for this many words at once


@dataclass(frozen=True)
class _Model:
    """What stands before the matrix.

    N-grams have `shortest` to `longest` characters. The matrix begins at byte `matrix`.
    """

    source: Source
    vector_size: int
    n_words: int
    buckets: int
    shortest: int
    longest: int
    matrix: int = 0


def recognise(beginning: Beginning) -> Layout | None:
    """A file with fastText's first number. Raises VectorsError: no whole model trained on text."""
    if not beginning.sample.startswith(_MAGIC):
        return None
    with beginning.source.open() as stream:
        model = _read_header(beginning.source, stream)
    return Layout(model.vector_size, model.n_words)


def read(
    source: Source, layout: Layout, wanted: Sequence[str] | None, most_frequent: int
) -> WordVectors:
    """Read the words that are wanted. `subwords` of the result gives vectors to other words.

    Memory is needed for the words that are wanted, and for the n-grams of 4,096 of them at a time.
    A compressed file has no random access: there, the n-grams of all of them are needed.
    Raises VectorsError: a model for labels or a pruned one, truncated data.
    """
    rows = Rows(wanted, most_frequent)
    subwords = _read_into(rows, source)
    return rows.result(str(source), layout.vector_size, subwords)


def _read_into(rows: Rows, source: Source) -> Subwords | None:
    words: list[str] = []
    places: list[int] = []
    with source.open() as stream:
        model = _read_header(source, stream)
        rows.total = model.n_words
        position = _HEADER.size
        for place, word in enumerate(_dictionary(source, stream, model.n_words)):
            position += len(word) + 1 + _AFTER_WORD
            rows.see(word)
            if rows.take(word, place):
                words.append(word.decode(errors="backslashreplace"))
                places.append(place)
    with source.open() as stream:
        _skip(source, stream, position)
        quantised, n_rows, size = _MATRIX.unpack(_read(source, stream, _MATRIX.size))
    if quantised or size != model.vector_size or n_rows != model.n_words + model.buckets:
        raise VectorsError(
            f"{source}: expected a matrix of {model.n_words + model.buckets:,} x "
            f"{model.vector_size}, as the header says, got {n_rows:,} x {size}"
            f"{', quantised' * quantised}: it is damaged, or not a whole model"
        )
    model = replace(model, matrix=position + _MATRIX.size)
    _check_end(model)
    for start in range(0, len(words), _at_once(source, words)):
        part = slice(start, start + _at_once(source, words))
        rows.add(_vectors(model, words[part], places[part]))
    return partial(_from_parts, model) if model.buckets else None


def _read_header(source: Source, stream: IO[bytes]) -> _Model:
    values = _HEADER.unpack(_read(source, stream, _HEADER.size))
    _, version, size, _, _, _, _, _, _, kind, buckets, shortest, longest, _ = values[:14]
    entries, n_words, n_labels, _, pruned = values[15:]
    if version != _VERSION:
        raise VectorsError(f"{source}: expected fastText's version {_VERSION}, got {version}")
    if kind == _SUPERVISED or n_labels:
        raise VectorsError(
            f"{source}: this fastText model was trained on labels: expected one trained on text "
            "(skipgram or cbow)"
        )
    if pruned > 0 or entries != n_words:
        raise VectorsError(f"{source}: expected a whole fastText model, this one is pruned")
    if not (0 < size <= LARGEST_SIZE and n_words >= 0 and buckets >= 0):
        raise VectorsError(f"{source}: the header is damaged: fetch it again")
    return _Model(source, size, n_words, buckets if longest > 0 else 0, shortest, longest)


def _dictionary(source: Source, stream: IO[bytes], n_words: int) -> Iterator[bytes]:
    buffer, start = b"", 0
    for number in range(n_words):
        end = buffer.find(b"\0", start)
        while end < 0 or end + _AFTER_WORD >= len(buffer):
            chunk = stream.read(_CHUNK)
            if len(buffer) - start > _CHUNK:
                raise VectorsError(
                    f"{source}, word {number + 1}: expected a word, there is no end to it: the "
                    "file is damaged, fetch it again"
                )
            if not chunk:
                raise VectorsError(
                    f"{source}: expected {n_words:,} words, as the header says, the file ends "
                    f"after {number:,}: it is truncated, fetch it again"
                )
            buffer, start = buffer[start:] + chunk, 0
            end = buffer.find(b"\0")
        count, kind = _COUNT.unpack_from(buffer, end + 1)
        if kind or not 0 <= count < _LARGEST_COUNT:
            raise VectorsError(
                f"{source}, word {number + 1}: expected a word and its count, got "
                f"{buffer[start:end][:40]!r} and {count}: the file is damaged, fetch it again"
            )
        yield buffer[start:end]
        start = end + 1 + _AFTER_WORD


def _check_end(model: _Model) -> None:
    """Check that the file ends after the matrix of the outputs, which follows.

    A byte that was lost or inserted has moved the numbers, and the end.
    """
    with model.source.open() as stream:
        rows = model.n_words + model.buckets
        _skip(model.source, stream, model.matrix + 4 * rows * model.vector_size)
        _, outputs, size = _MATRIX.unpack(_read(model.source, stream, _MATRIX.size))
        if size == model.vector_size and outputs >= 0:
            _skip(model.source, stream, 4 * outputs * size)
        if size != model.vector_size or outputs < 0 or stream.read(1):
            raise VectorsError(
                f"{model.source}: the file has bytes too many or too few: it is damaged, fetch it "
                "again"
            )


def _from_parts(model: _Model, words: Sequence[str]) -> NDArray[np.float32]:
    """Vectors of words that the model does not list: float32 array, (len(words), vector_size)."""
    step = _at_once(model.source, words)
    blocks = [
        _vectors(model, words[start : start + step], None) for start in range(0, len(words), step)
    ]
    return np.concatenate([np.empty((0, model.vector_size), np.float32), *blocks])


def _at_once(source: Source, words: Sequence[str]) -> int:
    return max(len(words), 1) if source.compressed else _WORDS


def _vectors(
    model: _Model, words: Sequence[str], places: Sequence[int] | None
) -> NDArray[np.float32]:
    """The mean of the rows of each word: float32 array, (len(words), vector_size).

    `places`: the rows of the words themselves, None where the model does not list them.
    """
    from gensim.models.fasttext import ft_ngram_hashes

    if model.buckets:
        lists = [
            [model.n_words + bucket for bucket in
             ft_ngram_hashes(word, model.shortest, model.longest, model.buckets)]
            for word in words
        ]  # fmt: skip
    else:
        lists = [[] for _ in words]
    if places is not None:
        lists = [[place, *parts] for place, parts in zip(places, lists, strict=True)]
    needed = np.unique(np.fromiter((row for rows in lists for row in rows), np.int64))
    table = _rows(model, needed)
    vectors = np.zeros((len(words), model.vector_size), np.float32)
    for vector, rows in zip(vectors, lists, strict=True):
        if rows:
            # One row after the other, as gensim adds them: the same bits.
            np.add.reduce(table[np.searchsorted(needed, rows)], axis=0, out=vector)
            vector /= len(rows)
    if not np.isfinite(vectors).all():
        raise VectorsError(
            f"{model.source}: expected finite numbers, got NaN or Inf: the file is damaged"
        )
    return vectors


def _rows(model: _Model, needed: NDArray[np.int64]) -> NDArray[np.float32]:
    """Rows of the matrix: float32 array, (len(needed), vector_size). `needed` is sorted."""
    table = np.empty((len(needed), model.vector_size), np.float32)
    width = 4 * model.vector_size
    if model.source.compressed:
        with model.source.open() as stream:
            position = 0
            for values, row in zip(table, needed.tolist(), strict=True):
                start = model.matrix + row * width
                _skip(model.source, stream, start - position)
                values[:] = np.frombuffer(_read(model.source, stream, width), "<f4")
                position = start + width
        return table
    # Rows near each other are read at once, with those between them.
    apart = (np.diff(needed) > _NEAR) | (np.diff(needed // _ROWS) > 0)
    spans = np.split(np.arange(len(needed)), np.flatnonzero(apart) + 1)
    with model.source.errors_named(), model.source.path.open("rb", buffering=0) as file:
        for span in spans if len(needed) else ():
            first, last = int(needed[span[0]]), int(needed[span[-1]])
            file.seek(model.matrix + first * width)
            values = np.frombuffer(_read(model.source, file, (last - first + 1) * width), "<f4")
            table[span] = values.reshape(-1, model.vector_size)[needed[span] - first]
    return table


def _read(source: Source, stream: IO[bytes], n: int) -> bytes:
    data = stream.read(n)
    if len(data) < n:
        raise VectorsError(f"{source}: the file ends early: it is truncated, fetch it again")
    return data


def _skip(source: Source, stream: IO[bytes], n: int) -> None:
    if n > _LARGEST:
        raise VectorsError(f"{source}: the file ends early: it is damaged, fetch it again")
    if not source.compressed and n > 0:
        # Seeking beyond the end raises nothing: reading the last byte does.
        stream.seek(n - 1, io.SEEK_CUR)
        n = 1
    while n > 0:
        n -= len(_read(source, stream, min(n, _CHUNK)))
