"""word2vec binary: a line `n_words n`, then for each word its bytes, a space and n little-endian
float32, in some files followed by a line feed."""

from __future__ import annotations

import numpy as np

from pipeline.errors import VectorsError
from pipeline.vectors.rows import Layout, Rows
from pipeline.vectors.streams import Source

_CHUNK = 1 << 20  # bytes read at a time
_LONGEST_WORD = 10_000  # bytes; a longer one means that the file is damaged


def read_binary(source: Source, layout: Layout, rows: Rows) -> None:
    """Hop from record to record and copy those that `rows` takes.

    Raises VectorsError: fewer or more bytes than the header says, a value that is not finite;
    with the word.
    """
    assert layout.n_words is not None
    n_words, looked_at = layout.n_words, rows.looked_at
    step = 1 + 4 * layout.vector_size
    # A record may begin with the line feed that ends the one before it.
    passing = rows.keys | {b"\n" + key for key in rows.keys}
    rows.total = n_words
    taken: list[tuple[bytes, bytes]] = []
    with source.open(watched=True) as stream:
        stream.readline()
        buffer, position, number = b"", 0, 0
        while number < n_words:
            find, length = buffer.find, len(buffer)
            for number in range(number, n_words):  # noqa: B020 goes on from where it stopped
                space = find(b" ", position)
                end = space + step
                if space < 0 or end > length:
                    break
                word = buffer[position:space]
                if word in passing or number < looked_at:
                    word = word.removeprefix(b"\n")
                    if not word or b"\n" in word:
                        raise VectorsError(
                            f"{source}, word {number + 1}: expected a word, got {word[:40]!r}: "
                            "the file is damaged"
                        )
                    if rows.take(word, number):
                        taken.append((word, buffer[space + 1 : end]))
                position = end
            else:
                break
            if space < 0 and length - position > _LONGEST_WORD:
                raise VectorsError(
                    f"{source}, word {number + 1}: expected a word, the file is damaged"
                )
            chunk = stream.read(_CHUNK)
            if not chunk:
                raise VectorsError(
                    f"{source}: expected {n_words:,} words, as its header says, the file ends "
                    f"after {number:,}: it is truncated, fetch it again"
                )
            _flush(source, layout, rows, taken)
            buffer, position = buffer[position:] + chunk, 0
        _flush(source, layout, rows, taken)
        rest = (buffer[position:] + stream.read(_CHUNK)).strip(b"\n")
        if rest:
            raise VectorsError(
                f"{source}: expected the end after {n_words:,} words, as its header says, more "
                "follows: the file is damaged, fetch it again"
            )


def _flush(source: Source, layout: Layout, rows: Rows, taken: list[tuple[bytes, bytes]]) -> None:
    """Give `rows` what was taken from a chunk, and empty the list."""
    if not taken:
        return
    values = b"".join(values for _, values in taken)
    block = np.frombuffer(values, "<f4").reshape(len(taken), layout.vector_size)
    finite = np.isfinite(block).all(axis=1)
    if not finite.all():
        word = taken[int(finite.argmin())][0]
        raise VectorsError(f"{source}, word {word[:40]!r}: expected finite numbers, got NaN or Inf")
    rows.add(block.astype(np.float32, copy=False))
    taken.clear()
