"""The sets of vectors that have a name: one for each file of conf/vectors/ with a provenance."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import yaml

from pipeline.base.download import Download, fetch
from pipeline.base.errors import MissingExtraError, VectorsError, nearest
from pipeline.base.files import conf_folder
from pipeline.embedding.formats import read_file
from pipeline.embedding.vectors import FIRST_WORDS, WordVectors


@dataclass(frozen=True, kw_only=True)
class NamedSet:
    """What is known of a set before it is read.

    `size`: bytes; `vector_size`: dimension; `n_words`: rows; `casing`: `lower` where every word is
    in lower case, else `cased`; `licence`: its SPDX identifier, where one is stated.
    """

    name: str
    size: int
    licence: str
    vector_size: int
    n_words: int
    casing: str

    @property
    def provenance(self) -> dict[str, Any]:
        """All of it but the name, as it stands in conf/."""
        return {key: value for key, value in asdict(self).items() if key != "name" and value}


@dataclass(frozen=True, kw_only=True)
class PublishedSet(NamedSet):
    """Vectors in one file at an address, in any format of `formats`.

    `digest`: `md5:HEX` or `sha256:HEX`; `prefix`: stands before the words that are of use, and is
    left out (Numberbatch has `/c/en/` before the English ones).
    """

    url: str
    digest: str
    prefix: str = ""
    kept: ClassVar[str] = "cached"

    @property
    def download(self) -> Download:
        """The file."""
        return Download(self.url, self.digest, self.size)

    @property
    def where(self) -> Path | None:
        """The file in the cache, or None where it was not fetched."""
        return self.download.path if self.download.is_cached() else None

    @property
    def file(self) -> Path | None:
        """The file that holds the matrix, if it is here."""
        return self.where

    def fetch(self) -> Path:
        """The file, downloaded unless its bytes are in the cache. Raises FetchError."""
        return fetch(self.download, check_digest=True)

    def load(self, wanted: Sequence[str] | None, most_frequent: int = 0) -> WordVectors:
        """Read the vectors of `wanted` and the first `most_frequent`, or all without `wanted`.

        The file is downloaded where it is not in the cache. Raises FetchError, VectorsError.
        """
        keys = None if wanted is None else [self.prefix + word for word in wanted]
        read = replace(read_file(fetch(self.download), keys, most_frequent), name=self.name)
        return _without_prefix(read, self.prefix, wanted is None) if self.prefix else read


@dataclass(frozen=True, kw_only=True)
class InstalledSet(NamedSet):
    """Vectors that a Python package carries: a NumPy matrix and a Parquet list of words.

    `matrix`, `index`: the two files within the package.
    """

    package: str
    matrix: str
    index: str
    kept: ClassVar[str] = "installed"

    @property
    def where(self) -> Path | None:
        """The folder of the package, or None where it is not installed."""
        spec = importlib.util.find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            return None
        return Path(spec.submodule_search_locations[0])

    @property
    def file(self) -> Path | None:
        """The file that holds the matrix, if it is here."""
        return self.where / self.matrix if self.where else None

    def fetch(self) -> Path:
        """The folder of the installed package. Raises MissingExtraError."""
        folder = self.where
        if folder is None:
            raise MissingExtraError(self.package.replace("_", "-"), "starter", self.name)
        return folder

    def load(self, wanted: Sequence[str] | None, most_frequent: int = 0) -> WordVectors:
        """Read the rows of `wanted` and the first `most_frequent`, or all where `wanted` is None."""
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        folder = self.fetch()
        matrix = np.load(folder / self.matrix, mmap_mode="r", allow_pickle=False)
        words = pq.read_table(folder / self.index).column(0).combine_chunks()
        if wanted is None:
            return WordVectors.of(words.to_pylist(), matrix, name=self.name)
        wanted = list(dict.fromkeys([*wanted, *words[:most_frequent].to_pylist()]))
        rows = pc.index_in(pa.array(wanted, words.type), value_set=words).to_pylist()
        known = [pair for pair in zip(wanted, rows, strict=True) if pair[1] is not None]
        positions = np.array([row for _, row in known], dtype=np.int64)
        order = np.argsort(positions)  # one sweep through the file
        vectors = np.empty((len(known), self.vector_size), np.float32)
        vectors[order] = matrix[positions[order]]
        return WordVectors.of(
            [word for word, _ in known],
            vectors,
            name=self.name,
            first_words=words[:FIRST_WORDS].to_pylist(),
            total=len(words),
        )


def named_set(name: str) -> PublishedSet | InstalledSet:
    """The set of that name. Raises VectorsError: there is none, with the nearest name."""
    if name not in CATALOGUE:
        raise VectorsError(
            f"{name}: expected a set of the catalogue (`pipeline vectors list`), there is none"
            f"{nearest(name, CATALOGUE)}"
        )
    return CATALOGUE[name]


def _without_prefix(vectors: WordVectors, prefix: str, whole: bool) -> WordVectors:
    keys = [key for key in vectors.index_to_key if key.startswith(prefix)]
    return WordVectors.of(
        [key.removeprefix(prefix) for key in keys],
        vectors.subset(keys).vectors,
        name=vectors.name,
        duplicates=vectors.duplicates,
        first_words=[
            key.removeprefix(prefix) for key in vectors.first_words if key.startswith(prefix)
        ],
        # How many words have the prefix is known only where all were read.
        total=len(keys) if whole else vectors.total,
    )


def _read_catalogue(folder: Path) -> dict[str, PublishedSet | InstalledSet]:
    entries: dict[str, PublishedSet | InstalledSet] = {}
    for path in sorted(folder.glob("[!_]*.yaml")):
        facts = yaml.safe_load(path.read_text("utf-8")).get("provenance")
        if facts:
            kind = PublishedSet if "url" in facts else InstalledSet
            entries[path.stem] = kind(name=path.stem, **facts)
    return entries


CATALOGUE = _read_catalogue(conf_folder() / "vectors")
