"""What a format of files is: how it is recognised, and how it is read."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from pipeline.base.errors import VectorsError
from pipeline.embedding.formats.streams import Source
from pipeline.embedding.vectors import WordVectors

LARGEST_SIZE = 100_000  # the largest dimension that is believed
_SAMPLE = 1 << 16  # bytes that are read to recognise a format
_CONTROL = frozenset(range(9)) | frozenset(range(14, 32))  # bytes that no text file has


@dataclass(frozen=True)
class Layout:
    """What the beginning of a file says.

    `vector_size`: the dimension, 0 where only the reader finds it. `n_words`: how many words
    follow, None where the file does not say.
    """

    vector_size: int = 0
    n_words: int | None = None


@dataclass(frozen=True)
class Format:
    """A format of files with word vectors.

    `recognise` takes the beginning of a file and returns its layout, or None where the file has
    another format. It may raise VectorsError: the format is this one, and the file is damaged.
    `read` takes the source, the layout, the words that are wanted (None: all) and how many of the
    first words are wanted besides. It returns the vectors.
    """

    recognise: Callable[[Beginning], Layout | None]
    read: Callable[[Source, Layout, Sequence[str] | None, int], WordVectors]


@dataclass(frozen=True)
class Beginning:
    """The beginning of a file. Its format is recognised by this, and never by the file's name."""

    source: Source

    @cached_property
    def stored(self) -> bytes:
        """The first 16 bytes as they are stored. Nothing is unpacked; a zip member has none."""
        return self.source.stored(16) if self.source.member is None else b""

    @cached_property
    def sample(self) -> bytes:
        """The first 65,536 bytes, unpacked. Raises VectorsError: the file is empty."""
        with self.source.open() as stream:
            sample = stream.read(_SAMPLE)
        if not sample:
            raise VectorsError(f"{self.source}: expected word vectors, the file is empty")
        return sample

    @property
    def is_whole(self) -> bool:
        """Whether `sample` is the whole file."""
        return len(self.sample) < _SAMPLE

    @cached_property
    def header(self) -> Layout | None:
        """What word2vec's first line says, `n_words vector_size`; None where it is another line.

        Raises VectorsError: there is no such dimension.
        """
        first = self.sample.partition(b"\n")[0]
        fields = first.removeprefix(codecs.BOM_UTF8).split()
        if len(fields) != 2 or not all(field.isdigit() for field in fields):
            return None
        n_words, vector_size = int(fields[0]), int(fields[1])
        if not 0 < vector_size <= LARGEST_SIZE:
            raise VectorsError(
                f"{self.source}, line 1: expected the number of words and the dimension, got "
                f"{first!r}"
            )
        return Layout(vector_size, n_words)

    @cached_property
    def body(self) -> bytes:
        """The sample without word2vec's first line."""
        return self.sample.partition(b"\n")[2] if self.header else self.sample

    @cached_property
    def is_text(self) -> bool:
        """Whether lines of text follow, perhaps damaged ones. Otherwise it is binary data."""
        size = self.header.vector_size if self.header else 1
        lines = self.body.split(b"\n")
        if ends_in_numbers(lines[0], size):
            return True
        if any(byte in _CONTROL for byte in self.body):
            return False
        try:
            # The sample may end within a character.
            codecs.getincrementaldecoder("utf-8")().decode(self.body)
        except UnicodeDecodeError:
            # Text in another encoding still has its numbers.
            return any(ends_in_numbers(line, size) for line in lines)
        return True


def ends_in_numbers(line: bytes, n: int) -> bool:
    """Whether there are `n` numbers at the end of a line, and something before them."""
    fields = line.replace(codecs.BOM_UTF8, b"").split()
    return len(fields) > n and all(map(is_number, fields[-n:]))


def is_number(value: bytes) -> bool:
    """Whether Python reads the value as a number."""
    try:
        float(value)
    except ValueError:
        return False
    return True
