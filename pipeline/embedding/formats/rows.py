"""What the readers of files share: which rows are wanted, and the rows that were taken."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.embedding.keys import normal_word
from pipeline.embedding.vectors import N_FIRST_WORDS, Subwords, WordVectors

logger = logging.getLogger(__name__)


class Rows:
    """Takes the rows of `words` and the first `most_frequent`, or all where `words` is None.

    A reader calls `see` for the first words of a file, `take` or `take_all` for each word that may
    be wanted, and `add` for the rows of the words that were taken. It sets `total`. Words are taken
    in the form of `normal_word`; of several rows with one word, the first counts. `write`, if
    given, gets each block of rows, float32 array (k, vector_size), and nothing stays in memory.
    """

    def __init__(
        self,
        words: Iterable[str] | None,
        most_frequent: int = 0,
        write: Callable[[NDArray[np.float32]], None] | None = None,
    ) -> None:
        self.wanted = None if words is None else dict.fromkeys(map(normal_word, words))
        # No UTF-8 file has a lone surrogate, so that a word with one is never found.
        self.keys = frozenset(word.encode("utf-8", "surrogatepass") for word in self.wanted or ())
        # Of the first words of the file, `n_taken` are taken whichever they are, and `n_seen` are
        # looked at, as they show how the set writes its words.
        self.n_taken = np.inf if self.wanted is None else most_frequent
        self.n_seen = max(self.n_taken, N_FIRST_WORDS)
        self.first_words: list[bytes] = []
        self.duplicates = 0
        self.undecodable = self.without_word = 0
        self.zeros: list[int] = []  # rows that are zeros
        self.total = 0  # words in the file, set by the reader
        self._write = write
        self._taken: dict[str, int] = {}
        self._blocks: list[NDArray[np.float32]] = []
        self._added = 0

    def __len__(self) -> int:
        return len(self._taken)

    @property
    def words(self) -> list[str]:
        """The words taken, in the order of their rows."""
        return list(self._taken)

    def see(self, word: bytes) -> None:
        """Remember one of the first words of the file, whether it is taken or not; no empty one."""
        if word.strip() and len(self.first_words) < N_FIRST_WORDS:
            self.first_words.append(word)

    def take(self, word: bytes, position: int) -> bool:
        """Whether the row of `word`, the `position`-th of the file from 0, is to be taken.

        Words that are not UTF-8 never are: old versions of word2vec cut words within a character.
        """
        is_asked = position < self.n_taken or word in self.keys
        if not word.strip():
            self.without_word += 1
            return False
        if not is_asked and word.isascii():
            return False
        try:
            key = normal_word(word.decode())
        except UnicodeDecodeError:
            self.undecodable += is_asked
            return False
        if not is_asked and key not in (self.wanted or ()):
            return False
        if not key:
            self.without_word += 1
            return False
        if key in self._taken:
            self.duplicates += 1
            return False
        self._taken[key] = len(self._taken)
        return True

    def take_all(self, words: Sequence[bytes], positions: Sequence[int]) -> list[bool]:
        """`take` for each of several words. It is faster where all are taken, as is usual."""
        if max(positions) < self.n_taken or self.keys.issuperset(words):
            try:
                keys = [normal_word(word.decode()) for word in words]
            except UnicodeDecodeError:
                keys = []
            start = len(self._taken)
            new = dict(zip(keys, range(start, start + len(keys)), strict=True))
            if len(new) == len(words) and "" not in new and self._taken.keys().isdisjoint(new):
                self._taken.update(new)
                return [True] * len(words)
        return [*map(self.take, words, positions)]

    def add(self, block: NDArray[np.float32]) -> None:
        """The rows of the words taken since the last block: float32 array, (k, vector_size)."""
        self.zeros += (rows_of_zeros(block) + self._added).tolist()
        self._added += len(block)
        if self._write is not None:
            self._write(block)
        else:
            self._blocks.append(block)

    def warn(self, name: str) -> None:
        """Log how many words were left out, and which rows say nothing."""
        left_out = {
            "words that are not UTF-8": self.undecodable,
            "rows without a word": self.without_word,
        }
        for what, count in left_out.items():
            if count:
                logger.warning("vectors: %s: %s: %s, left out", name, what, f"{count:,}")
        if self.zeros:
            warn_of_zeros(name, self.words, self.zeros)

    def result(
        self,
        name: str,
        vector_size: int,
        subwords: Subwords | None = None,
        subwords_by: str = "subwords",
    ) -> WordVectors:
        """The vectors that were taken: the wanted words first in their order, then the others."""
        taken = self._taken
        rows = {word: taken[word] for word in self.wanted or () if word in taken} | taken
        # Block by block, so that the rows are not in memory three times.
        order = np.empty(len(rows), np.int64)
        order[list(rows.values())] = np.arange(len(rows))
        vectors = np.empty((len(rows), vector_size), np.float32)
        start = 0
        while self._blocks:
            block = self._blocks.pop(0)
            vectors[order[start : start + len(block)]] = block
            start += len(block)
        self.warn(name)
        return WordVectors.from_rows(
            list(rows),
            vectors,
            name=name,
            duplicates=self.duplicates,
            first_words=decoded(self.first_words),
            subwords=subwords,
            subwords_by=subwords_by,
            total=self.total,
        )


def rows_of_zeros(block: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """The numbers of the rows that are zeros: int64 array, (n_zeros,)."""
    candidates = np.flatnonzero(block[:, 0] == 0)  # few: all numbers of few rows need a look
    return candidates[~block[candidates].any(axis=1)]


def warn_of_zeros(name: str, words: Sequence[str], rows: Sequence[int]) -> None:
    """Log how many rows are zeros, and the words of the first of them."""
    shown = ", ".join(repr(words[row]) for row in rows[:3]) + ", ..." * (len(rows) > 3)
    logger.warning("vectors: %s: rows of zeros: %s (%s), kept", name, f"{len(rows):,}", shown)


def decoded(words: Sequence[bytes]) -> list[str]:
    """The words as text. What is not UTF-8 becomes a replacement character; empty ones are left
    out."""
    return [*filter(None, (normal_word(word.decode(errors="replace")) for word in words))]
