"""GloVe text and word2vec text (also fastText's .vec): `word v1 ... vn`, a line for each word.

word2vec text has a first line `n_words vector_size`. Between the fields are spaces or tabs, one or
more. A word may contain spaces (GloVe 840B has such words): fields are counted from the right.
Lines of words that are not wanted are not parsed, so that damage there goes unnoticed and does no
harm, unless a line is so long that it may hold the next row as well.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from pipeline.base.errors import VectorsError
from pipeline.embedding.formats import cache
from pipeline.embedding.formats.format import Beginning, Layout, ends_in_numbers
from pipeline.embedding.formats.lines import (
    BARE_CR,
    Line,
    Lines,
    bare_cr_line,
    shown,
    split_line,
    whole,
)
from pipeline.embedding.formats.rows import Rows
from pipeline.embedding.formats.streams import Source, Watch
from pipeline.embedding.vectors import WordVectors

_BLOCK = 60_000  # numbers that are parsed at once: half a megabyte of text
_PENDING = 8  # blocks that may wait to be parsed


def recognise_word2vec(beginning: Beginning) -> Layout | None:
    """A file with the header of word2vec, and text after it.

    Raises VectorsError: the lines have another number of fields than the header says.
    """
    header = beginning.header
    if header is None or not beginning.is_text:
        return None
    size = _usual_size(beginning)
    if header.n_words and size != header.vector_size:
        raise VectorsError(
            f"{beginning.source}, line 1: expected the dimension of the lines that follow, {size}, "
            f"got {header.vector_size}"
        )
    return header


def recognise_glove(beginning: Beginning) -> Layout | None:
    """Any other text. Raises VectorsError: its lines are not a word and its numbers."""
    if beginning.header is not None or not beginning.is_text:
        return None
    size = _usual_size(beginning)
    if size < 1 or not any(ends_in_numbers(line, size) for line in _first_lines(beginning)):
        first = beginning.sample.partition(b"\n")[0]
        raise VectorsError(
            f"{beginning.source}, line 1: expected a word and its numbers, with spaces or tabs "
            f"between them, got {shown(first)}"
        )
    return Layout(size)


def _first_lines(beginning: Beginning) -> list[bytes]:
    """The lines of the sample that are not blank, without the last one where it may be cut off."""
    lines = [line for line in beginning.body.split(b"\n") if line.strip()]
    return lines if beginning.is_whole else lines[:-1] or lines


def _usual_size(beginning: Beginning) -> int:
    """How many numbers most lines hold. Few words have spaces, and few lines should be damaged."""
    number = bare_cr_line(beginning.sample)
    if number is not None:
        raise VectorsError(f"{beginning.source}, line {number}: {BARE_CR}")
    lines = _first_lines(beginning)
    sizes = Counter(len(line.split()) - 1 for line in lines)
    if not sizes:
        return 0
    ((size, count), *others) = sizes.most_common(2)
    if others and count <= sizes.total() / 2:
        raise VectorsError(
            f"{beginning.source}: expected lines of a word and as many numbers each, got {size} "
            f"numbers in {count:,} of the first {sizes.total():,} lines, {others[0][0]} in "
            f"{others[0][1]:,}: the file is damaged"
        )
    return size


def read(
    source: Source, layout: Layout, wanted: Sequence[str] | None, most_frequent: int
) -> WordVectors:
    """Read the lines of the words that are wanted. All lines are parsed once, and then kept.

    Raises VectorsError: a ragged line, a value that is not a finite number, another number of
    words than the header says. The message names the line.
    """
    if wanted is None:
        kept = cache.read_once(
            source, layout.vector_size, lambda rows: _read_into(rows, source, layout)
        )
        if kept is not None:
            return kept
    rows = Rows(wanted, most_frequent)
    _read_into(rows, source, layout)
    return rows.result(str(source), layout.vector_size)


def _read_into(rows: Rows, source: Source, layout: Layout) -> None:
    lengths = sorted(map(len, _first_lines(Beginning(source)))) or [0]
    length = lengths[len(lengths) // 2]
    # Arrow parses without Python's lock. So it parses in a second thread while this one finds
    # lines.
    with source.open(watch=Watch()) as stream, ThreadPoolExecutor(1) as thread:
        lines = Lines(stream, layout.n_words is not None, rows, layout.vector_size, length)
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


@dataclass
class _Blocks:
    """Parses lines in blocks, in another thread, and gives their rows to `rows` in order."""

    source: Source
    size: int
    rows: Rows
    thread: ThreadPoolExecutor

    def __post_init__(self) -> None:
        self._pending: deque[tuple[list[Line], Future[NDArray[np.float32] | None]]] = deque()

    def parse(self, block: list[Line]) -> None:
        texts = [text for _, text, _, _ in block]
        self._pending.append((block, self.thread.submit(_parse_block, texts, self.size)))
        if len(self._pending) > _PENDING:
            self._add()

    def finish(self) -> None:
        while self._pending:
            self._add()

    def _add(self) -> None:
        """Give the rows of the oldest block to `rows`."""
        block, future = self._pending.popleft()
        words, _, _, positions = zip(*block, strict=True)
        values = future.result()
        if values is not None and all(words) and b"\t" not in b"".join(words):
            taken = self.rows.take_all(words, positions)
            self.rows.add(values if all(taken) else values[taken])
            return
        # There is a word with spaces, other space between the fields, a number in a form that only
        # Python reads, or damage.
        split = [self.split(whole(head, text), number) for head, text, number, _ in block]
        taken = self.rows.take_all([word for word, _ in split], positions)
        kept = [
            (numbers, number)
            for (_, numbers), (_, _, number, _), take in zip(split, block, taken, strict=True)
            if take
        ]
        if not kept:
            return
        values = _parse_block([numbers for numbers, _ in kept], self.size)
        if values is None:
            values = np.array([self._row(numbers, number) for numbers, number in kept])
        self.rows.add(values)

    def split(self, line: bytes, number: int) -> tuple[bytes, bytes]:
        """The word, and the text of its numbers. Raises VectorsError: there are too many or few."""
        return split_line(line, self.size, f"{self.source}, line {number}")

    def _row(self, text: bytes, number: int) -> NDArray[np.float32]:
        values = []
        for field in text.split(b" "):
            try:
                with np.errstate(over="ignore"):
                    values.append(np.float32(float(field)))
            except ValueError:
                raise VectorsError(
                    f"{self.source}, line {number}: expected a number, got {shown(field)}"
                ) from None
            if not np.isfinite(values[-1]):
                raise VectorsError(
                    f"{self.source}, line {number}: expected finite numbers, got {shown(field)}"
                )
        return np.array(values, np.float32)


def _parse_block(texts: Sequence[bytes], size: int) -> NDArray[np.float32] | None:
    """Parse texts of `size` numbers with one space between: float32 array, (len(texts), size).

    None where a text has more or fewer numbers, or Arrow does not read one, or one is not finite.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    text = b" ".join(texts)
    spaces = np.flatnonzero(np.frombuffer(text, np.uint8) == ord(" "))
    if len(spaces) + 1 != size * len(texts):
        return None
    # An array of strings within the text: numbers, and between them the spaces, which are marked as
    # missing and so not parsed. Splitting the text would copy each number.
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
