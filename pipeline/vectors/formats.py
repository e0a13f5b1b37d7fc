"""The formats in which vectors are published, recognised by content and read in one pass.

    GloVe text        word v1 ... vn                         a line for each word, no header
    word2vec text     n_words n, then lines as above         also fastText's .vec
    word2vec binary   n_words n, then for each word its bytes, a space and n little-endian
                      float32, sometimes followed by a line feed

Any of them may be gzipped. A word may contain spaces (GloVe 840B has such): fields are counted
from the right. Where only some words are wanted, the lines of the others are not parsed, so that
damage there goes unnoticed and does no harm.
"""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import VectorsError
from pipeline.vectors.words import WordVectors

_SAMPLE = 1 << 16  # bytes looked at to recognise the format
_CHUNK = 1 << 20  # bytes read at a time
_LONGEST_WORD = 10_000  # bytes; a longer one means that the file is damaged
_CONTROL = frozenset(range(9)) | frozenset(range(14, 32))  # bytes that no text file has


@dataclass(frozen=True)
class Layout:
    """What the beginning of a file says: `n_words` is None without a header."""

    format: str
    vector_size: int
    n_words: int | None


def read_file(
    path: Path,
    wanted: Sequence[str] | None,
    most_frequent: int = 0,
) -> WordVectors:
    """Read the vectors of `wanted` and the first `most_frequent`, or all where `wanted` is None.

    Raises VectorsError: an empty, damaged, truncated or ragged file, a value that is not a finite
    number, bytes that are not UTF-8; with the line, or the word of a binary file.
    """
    try:
        with _opened(path) as stream:
            layout = _recognise(path, stream)
        with _opened(path) as stream:
            if layout.format == "word2vec binary":
                return _read_binary(path, stream, layout, wanted, most_frequent)
            return _read_text(path, stream, layout, wanted, most_frequent)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise VectorsError(
            f"{path}: expected whole gzipped data, it is truncated or damaged ({error}): "
            "fetch it again"
        ) from error
    except OSError as error:
        raise VectorsError(f"{path}: could not be read ({error})") from error


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as raw:
        gzipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if not gzipped:
            yield raw
        else:
            with (
                gzip.GzipFile(fileobj=raw) as unpacked,
                io.BufferedReader(unpacked, _CHUNK) as stream,
            ):
                yield stream


def _recognise(path: Path, stream: IO[bytes]) -> Layout:
    sample = stream.read(_SAMPLE)
    if not sample:
        raise VectorsError(f"{path}: expected word vectors, the file is empty")
    first, _, rest = sample.partition(b"\n")
    header = first.split()
    if len(header) == 2 and all(field.isdigit() for field in header):
        n_words, size = int(header[0]), int(header[1])
        if not 0 < size <= 100_000:
            raise VectorsError(
                f"{path}, line 1: expected the number of words and the dimension, got {first!r}"
            )
        format_ = "word2vec text" if _looks_like_text(rest, size) else "word2vec binary"
        return Layout(format_, size, n_words)
    if not _looks_like_text(sample, 1):
        raise VectorsError(
            f"{path}: expected GloVe text, word2vec text or word2vec binary, plain or gzipped, got "
            f"other binary data that begins with {sample[:16]!r}"
        )
    lines = sample.splitlines()
    # The last line of the sample is whole only where the file ends there.
    whole = lines if len(sample) < _SAMPLE or len(lines) == 1 else lines[:-1]
    sizes = Counter(len(line.split()) - 1 for line in whole)
    size = sizes.most_common(1)[0][0]
    if size < 1:
        raise VectorsError(f"{path}, line 1: expected a word and its numbers, got {first[:60]!r}")
    return Layout("GloVe text", size, None)


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


def _read_text(
    path: Path,
    stream: IO[bytes],
    layout: Layout,
    wanted: Sequence[str] | None,
    most_frequent: int,
) -> WordVectors:
    size, start = layout.vector_size, 1
    if layout.n_words is not None:
        stream.readline()
        start = 2
    # What stands before the first space of a wanted line. That is the word itself, but for words
    # with spaces; whether it really is one is looked at only for the lines that pass.
    keys = None if wanted is None else {word.encode() for word in wanted}
    beginnings = None if keys is None else {key.split(b" ", 1)[0] for key in keys}
    first_rare = start + most_frequent
    rows: dict[bytes, NDArray[np.float32]] = {}
    duplicates, blank, number, line = 0, 0, start - 1, b""
    for number, line in enumerate(stream, start):
        if line.isspace():
            blank += 1
            continue
        if layout.n_words is not None and number - blank - start >= layout.n_words:
            number -= 1
            break
        if not line.isascii():
            _decode(line.split(b" ", 1)[0], path, number)
        if keys is not None and beginnings is not None and number >= first_rare:
            if line[: line.find(b" ")] not in beginnings:
                continue
            word, values = _split_line(line, size, path, number)
            if word not in keys:
                continue
        else:
            word, values = _split_line(line, size, path, number)
        if word in rows:
            duplicates += 1
            continue
        rows[word] = _parse(values, path, number)
    found = number - blank - start + 1
    if layout.n_words is not None and found < layout.n_words:
        raise VectorsError(
            f"{path}, line {number}: expected {layout.n_words:,} words, as line 1 says, the file "
            f"ends after {found:,}: it is truncated, fetch it again"
        )
    if line.strip() and not line.endswith(b"\n"):
        _split_line(line, size, path, number)  # a file that was cut off ends within a line
    return _collected(path, rows, size, duplicates, wanted)


def _split_line(line: bytes, size: int, path: Path, number: int) -> tuple[bytes, list[bytes]]:
    fields = line.rstrip(b" \r\n").rsplit(b" ", size)
    if len(fields) != size + 1 or not fields[0]:
        if b"\t" in line:
            raise VectorsError(
                f"{path}, line {number}: expected spaces between the word and its numbers, got tabs"
            )
        raise VectorsError(
            f"{path}, line {number}: expected a word and {size} numbers, got "
            f"{max(len(fields) - 1, 0)} numbers: the file is damaged or truncated"
        )
    return fields[0], fields[1:]


def _parse(values: list[bytes], path: Path, number: int) -> NDArray[np.float32]:
    try:
        # Through double precision, as gensim does: the same bits.
        with np.errstate(over="ignore"):
            row = np.array([float(value) for value in values], np.float32)
    except ValueError:
        wrong = next(value for value in values if not _is_number(value))
        raise VectorsError(
            f"{path}, line {number}: expected a number, got {wrong[:40].decode(errors='replace')!r}"
        ) from None
    if not np.isfinite(row).all():
        wrong = values[int(np.flatnonzero(~np.isfinite(row))[0])]
        raise VectorsError(
            f"{path}, line {number}: expected finite numbers, got {wrong[:40].decode(errors='replace')!r}"
        )
    return row


def _is_number(value: bytes) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _decode(word: bytes, path: Path, number: int) -> str:
    try:
        return word.decode()
    except UnicodeDecodeError:
        where = f", line {number}" if number else ""
        raise VectorsError(
            f"{path}{where}: expected UTF-8, got the word {word[:40]!r}: convert the file, for "
            "example with iconv -f latin1 -t utf-8"
        ) from None


def _read_binary(
    path: Path,
    stream: IO[bytes],
    layout: Layout,
    wanted: Sequence[str] | None,
    most_frequent: int,
) -> WordVectors:
    stream.readline()
    size, n_words = layout.vector_size, layout.n_words or 0
    keys = None if wanted is None else {word.encode() for word in wanted}
    rows: dict[bytes, NDArray[np.float32]] = {}
    duplicates = 0
    for number, (word, values) in enumerate(_records(path, stream, 4 * size, n_words), 1):
        if keys is not None and number > most_frequent and word not in keys:
            continue
        if word in rows:
            duplicates += 1
            continue
        row = np.frombuffer(values, "<f4").astype(np.float32)
        if not np.isfinite(row).all():
            raise VectorsError(
                f"{path}, word {number} ({word[:40]!r}): expected finite numbers, got NaN or Inf"
            )
        rows[word] = row
    return _collected(path, rows, size, duplicates, wanted)


def _records(
    path: Path, stream: IO[bytes], width: int, n_words: int
) -> Iterator[tuple[bytes, bytes]]:
    """Each word and its `width` bytes."""
    buffer, position = b"", 0
    for number in range(n_words):
        space = buffer.find(b" ", position)
        while space < 0 or len(buffer) - space <= width:
            if space < 0 and len(buffer) - position > _LONGEST_WORD:
                raise VectorsError(
                    f"{path}, word {number + 1}: expected a word, the file is damaged"
                )
            chunk = stream.read(_CHUNK)
            if not chunk:
                raise VectorsError(
                    f"{path}: expected {n_words:,} words, as its header says, the file ends after "
                    f"{number:,}: it is truncated, fetch it again"
                )
            buffer, position = buffer[position:] + chunk, 0
            space = buffer.find(b" ")
        yield buffer[position:space].lstrip(b"\n"), buffer[space + 1 : space + 1 + width]
        position = space + 1 + width


def _collected(
    path: Path,
    rows: dict[bytes, NDArray[np.float32]],
    size: int,
    duplicates: int,
    wanted: Sequence[str] | None,
) -> WordVectors:
    """The rows read; the words of `wanted` first and in its order, as every source gives them."""
    words = [_decode(word, path, 0) for word in rows]
    matrix = np.array(list(rows.values()), np.float32).reshape(len(rows), size)
    vectors = WordVectors.of(words, matrix, name=str(path), duplicates=duplicates)
    return vectors if wanted is None else vectors.subset(wanted, len(vectors))
