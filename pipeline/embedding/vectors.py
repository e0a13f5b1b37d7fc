"""Words with a vector each: what every source of vectors gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.base.calls import checked
from pipeline.base.errors import VectorsError
from pipeline.base.options import Count
from pipeline.embedding.keys import normal_word

N_FIRST_WORDS = 10_000  # enough to show how a set writes capitals, numbers and contractions

Subwords = Callable[[Sequence[str]], NDArray[np.float32]]
"""Words -> float32 array, (len(words), vector_size), made from parts of the words. The row of a
word without any part that the set has is zeros."""


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Words with a vector each, under gensim's names.

    `name`: what the vectors are called in messages.
    `index_to_key`: the words.
    `vectors`: float32 array, (n_words, vector_size); row i is that of `index_to_key[i]`. It may be
    a memory map, which is read-only.
    `duplicates`: how many rows were left out because their word had come before.
    `first_words`: the first words of the whole set, in its order, whichever were asked for.
    `subwords`: gives a vector to any other word, where the set has parts of words. `subwords_by`:
    the name of the fallback that does so: `subwords` for n-grams (fastText), `pieces` for those of
    a tokenizer (Model2Vec). `total`: how many words the whole set lists. `postprocess`: the method
    of `postprocessing.METHODS` that has changed the rows.
    """

    name: str
    index_to_key: Sequence[str]
    vectors: NDArray[np.float32]
    duplicates: int = 0
    first_words: Sequence[str] = ()
    subwords: Subwords | None = None
    total: int = 0
    postprocess: str = "none"
    subwords_by: str = "subwords"

    @classmethod
    @checked
    def from_rows(
        cls,
        words: Sequence[str],
        vectors: NDArray[Any],
        *,
        name: str = "memory",
        duplicates: int = 0,
        first_words: Sequence[str] | None = None,
        subwords: Subwords | None = None,
        subwords_by: str = "subwords",
        total: int | None = None,
    ) -> WordVectors:
        """Put unique words and their rows together.

        Words that are not ASCII are kept in the form of `normal_word`. Where two become one, the
        first counts.

        Args:
            words: The words.
            vectors: float32 array, (len(words), vector_size).
            name: What the vectors are called in messages.
            duplicates: How many rows were left out because their word had come before.
            first_words: The first words of the whole set, where `words` are only some of it.
            subwords: Gives a vector to any other word.
            subwords_by: The name of the fallback that does so.
            total: How many words the whole set lists, where `words` are only some of it.

        Raises:
            VectorsError: A word is repeated, there are more or fewer rows than words, or the rows
                are no numbers.
        """
        vectors = np.asanyarray(vectors)  # a memory map stays one
        if vectors.ndim != 2 or vectors.dtype.kind not in "fiu":
            raise VectorsError(
                "expected vectors as an array of numbers, (n_words, vector_size), got "
                f"{vectors.dtype} of shape {vectors.shape}"
            )
        keys = tuple(word if word.isascii() else normal_word(word) for word in words)
        if keys != tuple(words):
            first_rows: dict[str, int] = {}
            for row, key in enumerate(keys):
                first_rows.setdefault(key, row)
            vectors = vectors[list(first_rows.values())]
            duplicates += len(keys) - len(first_rows)
            keys = tuple(first_rows)
        first = keys[:N_FIRST_WORDS] if first_words is None else tuple(first_words)
        n_words = len(keys) if total is None else total
        made = cls(
            name, keys, vectors, duplicates, first, subwords, n_words, subwords_by=subwords_by
        )
        if len(made.key_to_index) != len(keys) or vectors.shape[:1] != (len(keys),):
            raise VectorsError(
                f"expected unique words and a row each, got {len(keys)} words, "
                f"{len(made.key_to_index)} unique, and an array {vectors.shape}"
            )
        return made

    @cached_property
    def key_to_index(self) -> dict[str, int]:
        """The row of each word."""
        return dict(zip(self.index_to_key, range(len(self.index_to_key)), strict=True))

    @property
    def vector_size(self) -> int:
        """Dimension of the vectors."""
        return int(self.vectors.shape[1])

    @property
    def is_random(self) -> bool:
        """Whether the whole set lists no word, so that every row starts from random numbers."""
        return not self.index_to_key and not self.total

    def __len__(self) -> int:
        return len(self.index_to_key)

    def __contains__(self, word: object) -> bool:
        """Whether the set lists the word. `subwords` may give a vector to others."""
        return isinstance(word, str) and normal_word(word) in self.key_to_index

    def __getitem__(self, word: str) -> NDArray[np.float32]:
        """The vector of a word: float32 array, (vector_size,).

        A word that the set does not list gets it from `subwords`, where the set has them. Raises
        KeyError: there is no vector for the word.
        """
        key = normal_word(word) if isinstance(word, str) else word
        if key not in self.key_to_index and self.subwords is not None:
            return self.subwords([key])[0]
        return self.vectors[self.key_to_index[key]]

    def emptied(self) -> WordVectors:
        """A set without words, for training from scratch with the conventions of this set.

        It keeps `vector_size` and `first_words`. Everything else is as in the set `random`.
        """
        return WordVectors(
            "random",
            (),
            np.empty((0, self.vector_size), np.float32),
            first_words=self.first_words,
        )

    @checked
    def subset(self, words: Sequence[str], most_frequent: Count = 0) -> WordVectors:
        """The vectors of those of `words` that are listed, in that order.

        `most_frequent`: how many of the first words come after them.
        """
        asked = dict.fromkeys([*map(normal_word, words), *self.index_to_key[:most_frequent]])
        listed = [word for word in asked if word in self.key_to_index]
        rows = [self.key_to_index[word] for word in listed]
        return replace(
            self, index_to_key=tuple(listed), vectors=np.asarray(self.vectors[rows], np.float32)
        )
