"""WordVectors: what every source of vectors becomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Words with a vector each, under gensim's names.

    `vectors`: float32 array, (n_words, vector_size); row i belongs to `index_to_key[i]`.
    `duplicates`: rows that were left out because their word had come before.
    """

    name: str
    index_to_key: tuple[str, ...]
    key_to_index: dict[str, int]
    vectors: NDArray[np.float32]
    duplicates: int = 0

    @classmethod
    def of(
        cls,
        words: Sequence[str],
        vectors: NDArray[Any],
        *,
        name: str = "memory",
        duplicates: int = 0,
    ) -> WordVectors:
        """Words (unique) and their rows: float32 array, (len(words), vector_size)."""
        keys = tuple(words)
        index = {word: i for i, word in enumerate(keys)}
        if len(index) != len(keys) or vectors.shape[:1] != (len(keys),):
            raise ValueError(
                f"expected unique words and a row each, got {len(keys)} words, "
                f"{len(index)} unique, and an array {vectors.shape}"
            )
        return cls(name, keys, index, vectors, duplicates)

    @property
    def vector_size(self) -> int:
        """Dimension of the vectors."""
        return int(self.vectors.shape[1])

    def __len__(self) -> int:
        return len(self.index_to_key)

    def __contains__(self, word: object) -> bool:
        return word in self.key_to_index

    def __getitem__(self, word: str) -> NDArray[np.float32]:
        """The vector of a word: float32 array, (vector_size,). Raises KeyError."""
        return self.vectors[self.key_to_index[word]]

    def subset(self, words: Sequence[str], most_frequent: int = 0) -> WordVectors:
        """Those of `words` that are here, in that order, then the first `most_frequent`."""
        words = [*words, *self.index_to_key[:most_frequent]]
        known = [word for word in dict.fromkeys(words) if word in self.key_to_index]
        rows = [self.key_to_index[word] for word in known]
        return WordVectors.of(
            known, np.asarray(self.vectors[rows]), name=self.name, duplicates=self.duplicates
        )
