"""word2vec binary: a line `n_words vector_size`, then a record for each word.

A record is the word, a space, and `vector_size` little-endian float32. In some files a line feed
follows. So a word ends at its first space. Where a word holds one, all after it is read at the
wrong place: numbers are far too large or small, and the next word begins with bytes of numbers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from pipeline.base.errors import VectorsError
from pipeline.embedding.formats.format import Beginning, Layout
from pipeline.embedding.formats.rows import Rows
from pipeline.embedding.formats.streams import Source, Watch
from pipeline.embedding.keys import is_normal, normal_word
from pipeline.embedding.vectors import N_FIRST_WORDS, WordVectors

_CHUNK = 1 << 18  # bytes read at a time
_BLOCK = 1 << 20  # bytes of rows that are looked through at once
_LONGEST_WORD = 1_000  # bytes; a longer one means that the file is damaged
_LARGEST, _SMALLEST = 1e20, 1e-18  # numbers beyond are bytes of something else
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")

Record = tuple[bytes, bytes, int]
"""A word, the bytes of its numbers, and how many words come before it."""


def recognise(beginning: Beginning) -> Layout | None:
    """A file with the header of word2vec, and binary data after it."""
    return beginning.header if beginning.header and not beginning.is_text else None


def read(
    source: Source, layout: Layout, wanted: Sequence[str] | None, most_frequent: int
) -> WordVectors:
    """Step from record to record and copy those that are wanted.

    Raises VectorsError: the file has fewer or more bytes than the header says, or a value that is
    not finite. The message names the word.
    """
    rows = Rows(wanted, most_frequent)
    _read_into(rows, source, layout)
    return rows.result(str(source), layout.vector_size)


def _read_into(rows: Rows, source: Source, layout: Layout) -> None:
    assert layout.n_words is not None
    n_words = layout.n_words
    step = 1 + 4 * layout.vector_size
    # A record may begin with the line feed that ends the one before it.
    passing = rows.keys | {b"\n" + key for key in rows.keys}
    width = 4 * layout.vector_size
    rows.total = n_words
    taken: list[Record] = []
    with source.open(watch=Watch()) as stream:
        stream.readline()
        buffer, position, number, goes_on = b"", 0, 0, True
        while number < n_words:
            # A record that begins up to here lies within the buffer, unless its word is longer.
            last = len(buffer) - step - (_LONGEST_WORD if goes_on else 0)
            everything = number < rows.n_seen
            stop = int(min(rows.n_seen, n_words)) if everything else n_words
            index = buffer.index
            try:
                for number in range(number, stop):  # noqa: B020 goes on from where it stopped
                    if position > last:
                        break
                    space = index(b" ", position)
                    word = buffer[position:space]
                    # A zero byte is in no word and in many numbers.
                    if everything or word in passing or not word.isascii() or b"\0" in word:
                        word = word.removeprefix(b"\n")
                        key = _key(word)
                        if not key:
                            before = buffer[max(position - width, 0) : position]
                            _check_odd(word, before, number, source)
                        if number < N_FIRST_WORDS:
                            rows.see(word)
                        if number < rows.n_taken or key in rows.keys or not word:
                            taken.append((word, buffer[space + 1 : space + step], number))
                    position = space + step
                else:
                    number = stop
            except ValueError:
                raise VectorsError(
                    f"{source}, word {number + 1}: expected a word, there is no end to it: the "
                    "file is damaged"
                ) from None
            if position > len(buffer) or (not goes_on and number < stop):
                raise VectorsError(
                    f"{source}: expected {n_words:,} words, as its header says, the file ends "
                    f"within word {number + 1:,}: it is truncated or damaged, fetch it again"
                )
            if number < stop:
                if len(taken) * step > _BLOCK:
                    _flush(source, layout, rows, taken)
                chunk = stream.read1(_CHUNK)  # without a copy in between
                kept = max(position - width, 0)  # with the numbers before the next word
                buffer, position = buffer[kept:] + chunk, position - kept
                goes_on = bool(chunk)
        _flush(source, layout, rows, taken)
        rest = (buffer[position:] + stream.read(_CHUNK)).strip(b"\n")
        if rest:
            raise VectorsError(
                f"{source}: expected the end after {n_words:,} words, as its header says, more "
                "follows: the file is damaged, fetch it again"
            )


def _key(word: bytes) -> bytes:
    """The word as it is looked for; nothing where it looks like bytes of numbers."""
    try:
        text = word.decode()
    except UnicodeDecodeError:
        return b""
    if not text.isprintable() and _CONTROL.search(word):
        return b""
    return word if is_normal(text) else normal_word(text).encode()


def _check_odd(word: bytes, before: bytes, number: int, source: Source) -> None:
    """Raise VectorsError where a word is none, or the numbers before it are none.

    `before`: the bytes of the numbers of the word `number`, counted from 1; none where it is 0.
    """
    sizes = np.abs(np.frombuffer(before, "<f4"))
    if (~(sizes < _LARGEST) | ((sizes > 0) & (sizes < _SMALLEST))).any():
        raise VectorsError(
            f"{source}, word {number}: its numbers go up to {sizes.max():.0e}, and word "
            f"{number + 1} begins with {word[:8]!r}: {_WORD_WITH_SPACE}"
        )
    if b"\n" in word:
        raise VectorsError(
            f"{source}, word {number + 1}: expected a word, got {word[:40]!r}: the file is damaged"
        )


_WORD_WITH_SPACE = (
    "probably a word holds a space, where words end in this format: write `_` for it, or save the "
    "vectors as text"
)


def _flush(source: Source, layout: Layout, rows: Rows, taken: list[Record]) -> None:
    """Give the records that were taken from a chunk to `rows`, and empty the list."""
    if not taken:
        return
    words, values, numbers = zip(*taken, strict=True)
    block = np.frombuffer(b"".join(values), "<f4").reshape(len(taken), layout.vector_size)
    kept = rows.take_all(words, numbers)
    block = block if all(kept) else block[kept]
    finite = np.isfinite(block).all(axis=1)
    if not finite.all():
        word = [word for word, keep in zip(words, kept, strict=True) if keep][int(finite.argmin())]
        raise VectorsError(f"{source}, word {word[:40]!r}: expected finite numbers, got NaN or Inf")
    large = np.abs(block).max(axis=1, initial=0) > _LARGEST
    if large.any():
        word = [word for word, keep in zip(words, kept, strict=True) if keep][int(large.argmax())]
        raise VectorsError(
            f"{source}, word {word[:40]!r}: expected numbers of a usual size, got up to "
            f"{np.abs(block).max():.0e}: {_WORD_WITH_SPACE}"
        )
    rows.add(block.astype(np.float32, copy=False))
    taken.clear()
