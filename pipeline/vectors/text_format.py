"""GloVe text and word2vec text (also fastText's .vec): `word v1 ... vn`, a line for each word.

A word may contain spaces (GloVe 840B has such): fields are counted from the right. The lines of
words that nobody asked for are not parsed, so that damage there goes unnoticed and does no harm.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.errors import VectorsError
from pipeline.vectors.rows import Layout, Rows
from pipeline.vectors.streams import Source

# A word with a space in it may be ". . .", and hardly "alps 0.418": that is a number too many.
_ENDS_IN_NUMBER = re.compile(rb" -?[0-9]*\.[0-9]+(e-?[0-9]+)?$")
_BLOCK = 1 << 18  # bytes of text that are turned into numbers at once


def read_text(source: Source, layout: Layout, rows: Rows) -> None:
    """Read the lines that `rows` takes.

    Raises VectorsError: a ragged line, a value that is not a finite number, another number of
    words than the header says; with the line.
    """
    # What stands before the first space of a wanted line. That is the word itself, but for words
    # with spaces; whether it really is one is looked at only for the lines that pass. Blank
    # lines pass as well, to be counted.
    beginnings = {b"", b"\r", *(key.split(b" ", 1)[0] for key in rows.keys)}
    with source.open(watched=True) as stream:
        block = _Block(source, layout.vector_size, rows)
        start = 1
        if layout.n_words is not None:
            stream.readline()
            start = 2
        number, line = start - 1, b""
        lines = enumerate(stream, start)
        take = block.take
        for number, line in lines:
            beginning = line[: line.find(b" ")]
            if beginning:
                rows.see(beginning)
            position = number - start - block.blank
            if position < rows.taken_whole or beginning in beginnings:
                take(line, number, position)
            if position + 1 >= rows.looked_at:
                break
        for number, line in lines:
            if line[: line.find(b" ")] in beginnings:
                take(line, number, number - start - block.blank)
        if line.strip() and not line.endswith(b"\n"):
            block.split(line.rstrip(b" \r\n"), number)  # a file that was cut off ends within a line
        found = number - start + 1 - block.blank
        if layout.n_words is not None and found != layout.n_words:
            raise VectorsError(
                f"{source}, line {number}: expected {layout.n_words:,} words, as line 1 says, the "
                f"file ends after {found:,}: "
                + (
                    "it is truncated, fetch it again"
                    if found < layout.n_words
                    else "line 1 is wrong, correct it or take it out"
                )
            )
        block.flush()
        rows.total = found


class _Block:
    """Lines that were taken and are not numbers yet."""

    def __init__(self, source: Source, size: int, rows: Rows) -> None:
        self.source, self.size, self.rows = source, size, rows
        self.blank = 0
        self._texts: list[bytes] = []
        self._numbers: list[int] = []
        self._length = 0

    def take(self, line: bytes, number: int, position: int) -> None:
        line = line.rstrip(b" \r\n")
        if not line:
            self.blank += 1
            return
        word, text = self.split(line, number)
        if self.rows.take(word, position):
            self._texts.append(text)
            self._numbers.append(number)
            self._length += len(text)
            if self._length > _BLOCK:
                self.flush()

    def split(self, line: bytes, number: int) -> tuple[bytes, bytes]:
        """The word, and the text of its numbers. `line` ends with the last of them."""
        at = line.find(b" ")
        if at > 0 and line.count(b" ") == self.size:
            return line[:at], line[at + 1 :]
        fields = line.rsplit(b" ", self.size)
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

    def flush(self) -> None:
        if self._texts:
            self.rows.add(self._parsed(self._texts, self._numbers))
        self._texts, self._numbers, self._length = [], [], 0

    def _parsed(self, texts: list[bytes], numbers: list[int]) -> NDArray[np.float32]:
        try:
            # Correctly rounded to double precision and then to single, as gensim does: the same
            # bits. Arrow is 5 times as fast as Python's float().
            # Arrays are made from buffers, as pa.array() and to_numpy() would import pandas.
            text = b" ".join(texts)
            ends = pa.py_buffer(np.array([0, len(text)], np.int32))
            fields = pc.split_pattern(pa.StringArray.from_buffers(1, ends, pa.py_buffer(text)), " ")
            parsed = fields.values.cast(pa.float64())
            values = np.frombuffer(parsed.buffers()[1], np.float64, len(parsed))
        except pa.ArrowInvalid:
            values = None  # forms that only Python takes, or none at all
        if values is not None and len(values) == self.size * len(texts):
            with np.errstate(over="ignore"):
                block = values.astype(np.float32).reshape(-1, self.size)
            if np.isfinite(block).all():
                return block
        return np.stack([self._row(t, n) for t, n in zip(texts, numbers, strict=True)])

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


def _shown(field: bytes) -> str:
    return repr(field[:40].decode(errors="replace"))
