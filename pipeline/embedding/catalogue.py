"""The sets of vectors that have a name: a set for each file of conf/vectors/ with a provenance."""

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
from pipeline.embedding.vectors import N_FIRST_WORDS, WordVectors


@dataclass(frozen=True, kw_only=True)
class NamedSet:
    """What the catalogue says about a set, before it is read.

    `size`: bytes. `licence`: its SPDX identifier, where the publisher states a licence.
    `vector_size`: the dimension. `n_words`: how many rows there are. `casing`: `lower` where every
    word is in lower case, otherwise `cased`.
    """

    name: str
    size: int
    licence: str
    vector_size: int
    n_words: int
    casing: str

    @property
    def provenance(self) -> dict[str, Any]:
        """All values but the name, as they stand in conf/."""
        return {key: value for key, value in asdict(self).items() if key != "name" and value}


@dataclass(frozen=True, kw_only=True)
class PublishedSet(NamedSet):
    """Vectors in one file at an address, in any format of `formats`.

    `digest`: `md5:HEX` or `sha256:HEX`. `prefix`: only words with this prefix are read, and without
    it (Numberbatch has `/c/en/` before English words).
    """

    url: str
    digest: str
    prefix: str = ""
    kept: ClassVar[str] = "cached"

    @property
    def download(self) -> Download:
        """The file, as it is fetched."""
        return Download(self.url, self.digest, self.size)

    @property
    def where(self) -> Path | None:
        """The file in the cache, None where it was not fetched."""
        return self.download.path if self.download.is_cached() else None

    @property
    def file(self) -> Path | None:
        """The file that holds the matrix, None where it is not on this machine."""
        return self.where

    def fetch(self) -> Path:
        """The file, downloaded unless its bytes are in the cache. Raises FetchError."""
        return fetch(self.download, check_digest=True)

    def load(self, wanted: Sequence[str] | None, most_frequent: int = 0) -> WordVectors:
        """Read the vectors of `wanted` and the first `most_frequent`, or all where it is None.

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
        """The folder of the package, None where it is not installed."""
        spec = importlib.util.find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            return None
        return Path(spec.submodule_search_locations[0])

    @property
    def file(self) -> Path | None:
        """The file that holds the matrix, None where it is not on this machine."""
        return self.where / self.matrix if self.where else None

    def fetch(self) -> Path:
        """The folder of the installed package. Raises MissingExtraError."""
        folder = self.where
        if folder is None:
            raise MissingExtraError(self.package.replace("_", "-"), "starter", self.name)
        return folder

    def load(self, wanted: Sequence[str] | None, most_frequent: int = 0) -> WordVectors:
        """Read the vectors of `wanted` and the first `most_frequent`, or all where it is None.

        Raises MissingExtraError: the package is not installed.
        """
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        folder = self.fetch()
        matrix = np.load(folder / self.matrix, mmap_mode="r", allow_pickle=False)
        words = pq.read_table(folder / self.index).column(0).combine_chunks()
        if wanted is None:
            return WordVectors.from_rows(words.to_pylist(), matrix, name=self.name)
        wanted = list(dict.fromkeys([*wanted, *words[:most_frequent].to_pylist()]))
        rows = pc.index_in(pa.array(wanted, words.type), value_set=words).to_pylist()
        listed = [pair for pair in zip(wanted, rows, strict=True) if pair[1] is not None]
        positions = np.array([row for _, row in listed], dtype=np.int64)
        order = np.argsort(positions)  # the file is read from its beginning to its end
        vectors = np.empty((len(listed), self.vector_size), np.float32)
        vectors[order] = matrix[positions[order]]
        return WordVectors.from_rows(
            [word for word, _ in listed],
            vectors,
            name=self.name,
            first_words=words[:N_FIRST_WORDS].to_pylist(),
            total=len(words),
        )


def named_set(name: str) -> PublishedSet | InstalledSet:
    """The set of that name. Raises VectorsError: there is none; the message says the nearest."""
    if name not in CATALOGUE:
        raise VectorsError(
            f"{name}: expected a set of the catalogue (`pipeline vectors list`), there is none"
            f"{nearest(name, CATALOGUE)}"
        )
    return CATALOGUE[name]


def _without_prefix(vectors: WordVectors, prefix: str, whole: bool) -> WordVectors:
    """The words with the prefix, without it. `whole`: `vectors` are all of the set."""
    keys = [key for key in vectors.index_to_key if key.startswith(prefix)]
    return WordVectors.from_rows(
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


_YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same in C, where it was built


def _read_catalogue(folder: Path) -> dict[str, PublishedSet | InstalledSet]:
    entries: dict[str, PublishedSet | InstalledSet] = {}
    for path in sorted(folder.glob("[!_]*.yaml")):
        provenance = yaml.load(path.read_text("utf-8"), _YAML).get("provenance")
        if provenance:
            kind = PublishedSet if "url" in provenance else InstalledSet
            entries[path.stem] = kind(name=path.stem, **provenance)
    return entries


CATALOGUE = _read_catalogue(conf_folder() / "vectors")
