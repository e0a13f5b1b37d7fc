"""The nearest of many vectors, by faiss (Douze et al. 2024, arXiv 2401.08281)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.base.errors import MissingExtraError


class NeighbourIndex:
    """Vectors by their ids, and an exact search for the nearest ones (Euclidean distance).

    Raises MissingExtraError: faiss is not installed.
    """

    def __init__(self) -> None:
        self._faiss = _import_faiss()
        self._index: Any = None

    @property
    def width(self) -> int | None:
        """The numbers of a vector; None before the first one was added."""
        return None if self._index is None else int(self._index.d)

    def add(self, ids: Iterable[int], vectors: NDArray[np.float32]) -> None:
        """Add vectors, float32 array, (n, width), under new ids."""
        if self._index is None:
            flat = self._faiss.IndexFlatL2(vectors.shape[1])
            self._index = self._faiss.IndexIDMap2(flat)
        self._index.add_with_ids(np.ascontiguousarray(vectors), np.array([*ids], np.int64))

    def remove(self, ids: Sequence[int]) -> None:
        """Remove the vectors of these ids."""
        if len(ids):
            self._index.remove_ids(np.array(ids, np.int64))

    def vectors(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """The vectors of these ids: float32 array, (n, width)."""
        if not len(ids):
            return np.zeros((0, 0), np.float32)
        return self._index.reconstruct_batch(ids)

    def search(self, vectors: NDArray[np.float32], k: int) -> list[list[tuple[int, float]]]:
        """The ids of the `k` nearest vectors with their distances, nearest first.

        `vectors`: float32 array, (n, width). The result has one list for each of them. `k`: at most
        the number of vectors in the index.
        """
        # One thread: for one text several are no faster. Where other work keeps the cores busy they
        # wait for each other, ten times as long.
        threads = self._faiss.omp_get_max_threads()
        self._faiss.omp_set_num_threads(1)
        try:
            squared, ids = self._index.search(np.ascontiguousarray(vectors), k)
        finally:
            self._faiss.omp_set_num_threads(threads)
        distances = np.sqrt(np.maximum(squared, 0)).tolist()
        return [list(zip(*row, strict=True)) for row in zip(ids.tolist(), distances, strict=True)]


def _import_faiss() -> Any:
    try:
        import faiss
    except ImportError as error:
        raise MissingExtraError("faiss-cpu", "cases", "a case base") from error
    return faiss
