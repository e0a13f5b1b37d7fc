"""GloVe text and word2vec text (also fastText's .vec): `word v1 ... vn`, a line for each word.

A word may contain spaces (GloVe 840B has such): fields are counted from the right. The lines of
words that nobody asked for are not parsed, so that damage there goes unnoticed and does no harm.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice, repeat
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.base.errors import VectorsError
from pipeline.embedding.formats.rows import Layout, Rows
from pipeline.embedding.formats.streams import Source

# A word with a space in it may be ". . .", and hardly "alps 0.418": that is a number too many.
_ENDS_IN_NUMBER = re.compile(rb" -?[0-9]*\.[0-9]+(e-?[0-9]+)?$")
_BLANK = frozenset([b"", b"\n", b"\r\n", b"\r"])
_ENDS = b" \r\n"  # what a line may end with
_BLOCK = 60_000  # numbers that are parsed at once, of half a megabyte of text
_PENDING = 8  # blocks that may wait for that

Line = tuple[bytes, bytes, int, int]
"""What stands before the first space of a line and what behind it, the line's number in the file,
and how many words come before it."""


def read_text(source: Source, layout: Layout, rows: Rows) -> None:
    """Read the lines that `rows` takes.

    Raises VectorsError: a ragged line, a value that is not a finite number, another number of
    words than the header says; with the line.
    """
    # Arrow parses without Python's lock: in a second thread, while this one looks for lines.
    with source.open(watched=True) as stream, ThreadPoolExecutor(1) as thread:
        lines = _Lines(stream, layout.n_words is not None, rows)
        blocks = _Blocks(source, layout.vector_size, rows, thread)
        passing = iter(lines)
        while block := [*islice(passing, max(_BLOCK // layout.vector_size, 1))]:
            blocks.parse(block)
        blocks.finish()
        if lines.last.strip() and not lines.last.endswith(b"\n"):
            blocks.split(lines.last, lines.number)  # a file that was cut off ends within a line
    if layout.n_words not in (None, lines.n_words):
        raise VectorsError(
            f"{source}, line {lines.number}: expected {layout.n_words:,} words, as line 1 says, "
            f"the file ends after {lines.n_words:,}: "
            + (
                "it is truncated, fetch it again"
                if lines.n_words < layout.n_words
                else "line 1 is wrong, correct it or take it out"
            )
        )
    rows.total = lines.n_words


class _Lines:
    """Iterates over the lines that may be wanted, and then knows the `number` of the `last` line
    and how many words there were, blank lines left out."""

    def __init__(self, stream: IO[bytes], header: bool, rows: Rows) -> None:
        self._stream, self._rows = stream, rows
        self.number = self._start = 1
        if header:
            stream.readline()
            self._start = 2
        self.last = b""
        self.n_words = 0

    def __iter__(self) -> Iterator[Line]:
        rows, start, blank = self._rows, self._start, 0
        # What stands before the first space of a wanted line. That is the word itself, but for
        # words with spaces; whether it really is one is looked at only for the lines that pass.
        # Blank lines pass as well, to be counted, and words without numbers, to be refused.
        beginnings = {key.partition(b" ")[0] if b" " in key else key for key in rows.keys}
        beginnings |= {*_BLANK, *(beginning + b"\n" for beginning in beginnings)}
        number, beginning, text = start - 1, b"", b""
        # In C, and so sooner than finding the space here, although it copies the numbers.
        lines = enumerate(map(bytes.partition, self._stream, repeat(b" ")), start)
        for number, (beginning, _, text) in lines:
            if beginning in _BLANK and not text.strip():
                blank += 1
                continue
            rows.see(beginning)
            position = number - start - blank
            if position < rows.taken_whole or beginning in beginnings:
                yield beginning, text.rstrip(_ENDS), number, position
            if position + 1 >= rows.looked_at:
                break
        for number, (beginning, _, text) in lines:
            if beginning in beginnings:
                if beginning in _BLANK and not text.strip():
                    blank += 1
                    continue
                yield beginning, text.rstrip(_ENDS), number, number - start - blank
        self.number, self.n_words = number, number - start + 1 - blank
        self.last = _whole(beginning, text)


def _whole(beginning: bytes, text: bytes) -> bytes:
    return beginning + b" " + text if text else beginning


@dataclass
class _Blocks:
    """Turns lines into rows, a block at a time."""

    source: Source
    size: int
    rows: Rows
    thread: ThreadPoolExecutor

    def __post_init__(self) -> None:
        self._pending: deque[tuple[list[Line], Future[NDArray[np.float32] | None]]] = deque()

    def parse(self, block: list[Line]) -> None:
        texts = [text for _, text, _, _ in block]
        self._pending.append((block, self.thread.submit(_parsed, texts, self.size)))
        if len(self._pending) > _PENDING:
            self._add()

    def finish(self) -> None:
        while self._pending:
            self._add()

    def _add(self) -> None:
        """Give the rows of the oldest block to those who asked for them."""
        block, future = self._pending.popleft()
        words, _, _, positions = zip(*block, strict=True)
        values = future.result()
        if values is not None and all(words):
            taken = self.rows.take_all(words, positions)
            self.rows.add(values if all(taken) else values[taken])
            return
        # A word with spaces, a number in a form that only Python takes, or something is wrong.
        for beginning, text, number, position in block:
            word, numbers = self.split(_whole(beginning, text), number)
            if self.rows.take(word, position):
                self.rows.add(self._row(numbers, number)[None])

    def split(self, line: bytes, number: int) -> tuple[bytes, bytes]:
        """The word, and the text of its numbers."""
        fields = line.rstrip(_ENDS).rsplit(b" ", self.size)
        if len(fields) == self.size + 1 and fields[0] and not _ENDS_IN_NUMBER.search(fields[0]):
            return fields[0], b" ".join(fields[1:])
        if b"\t" in line:
            raise VectorsError(
                f"{self.source}, line {number}: expected spaces between the word and its numbers, "
                "got tabs"
            )
        raise VectorsError(
            f"{self.source}, line {number}: expected a word and {self.size} numbers, got "
            f"{max(len(line.split()) - 1, 0)} numbers: the file is damaged or truncated"
        )

    def _row(self, text: bytes, number: int) -> NDArray[np.float32]:
        values = []
        for field in text.split(b" "):
            try:
                with np.errstate(over="ignore"):
                    values.append(np.float32(float(field)))
            except ValueError:
                raise VectorsError(
                    f"{self.source}, line {number}: expected a number, got {_shown(field)}"
                ) from None
            if not np.isfinite(values[-1]):
                raise VectorsError(
                    f"{self.source}, line {number}: expected finite numbers, got {_shown(field)}"
                )
        return np.array(values, np.float32)


def _parsed(texts: Sequence[bytes], size: int) -> NDArray[np.float32] | None:
    """`size` numbers of each text, with one space between: float32 array, (len(texts), size).

    None where a text has another number of them, or one is not finite or not read by Arrow.
    """
    text = b" ".join(texts)
    spaces = np.flatnonzero(np.frombuffer(text, np.uint8) == ord(" "))
    if len(spaces) + 1 != size * len(texts):
        return None
    # Strings that lie in the text itself: numbers, and in turn the spaces between them, which are
    # marked as missing and so not parsed. Splitting would copy each number.
    ends = np.zeros(2 * len(spaces) + 2, np.int32)
    ends[1:-1:2], ends[2:-1:2], ends[-1] = spaces, spaces + 1, len(text)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    if (ends[: -1 : 2 * size] != np.cumsum(lengths + 1) - lengths - 1).any():
        return None  # one text has a number too few, another one too many
    numbers_only = np.full(len(ends) // 8 + 1, 0b01010101, np.uint8)
    buffers = [pa.py_buffer(buffer) for buffer in (numbers_only, ends, text)]
    strings = pa.Array.from_buffers(pa.string(), len(ends) - 1, buffers, len(spaces))
    try:
        # Correctly rounded to double precision and then to single, as gensim does: the same bits.
        # Arrow is 5 times as fast as Python's float().
        parsed = pc.cast(strings, pa.float64())
    except pa.ArrowInvalid:
        return None
    # From the buffer, as to_numpy() would import pandas.
    values = np.frombuffer(parsed.buffers()[1], np.float64, len(parsed))[::2]
    with np.errstate(over="ignore"):
        block = values.astype(np.float32).reshape(-1, size)
    return block if np.isfinite(block).all() else None


def _shown(field: bytes) -> str:
    return repr(field[:40].decode(errors="replace"))
