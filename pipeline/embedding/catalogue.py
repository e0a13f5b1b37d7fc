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
from pipeline.embedding.formats import NotVectorsError, read_file
from pipeline.embedding.vectors import N_FIRST_WORDS, WordVectors


@dataclass(frozen=True, kw_only=True)
class NamedSet:
    """What the catalogue says about a set, before it is read.

    `size`: bytes, None where the publisher does not state them. `licence`: its SPDX identifier,
    where the publisher states a licence. `vector_size`: the dimension. `n_words`: how many rows
    there are, None where that is not stated. `casing`: `lower` where every word is in lower case,
    otherwise `cased`.
    """

    name: str
    size: int | None
    licence: str
    vector_size: int
    n_words: int | None
    casing: str

    @property
    def provenance(self) -> dict[str, Any]:
        """All values but the name, as they stand in conf/."""
        values = asdict(self).items()
        return {key: value for key, value in values if key != "name" and value not in ("", 0)}


@dataclass(frozen=True, kw_only=True)
class PublishedSet(NamedSet):
    """Vectors in one file at an address, in any format of `formats`.

    `digest`: `md5:HEX` or `sha256:HEX`, None where the publisher states none: then that of the
    first fetch holds. `prefix`: only words with this prefix are read, and without it (Numberbatch
    has `/c/en/` before English words). `stated_mb`: the size as the publisher rounds it, where
    `size` is not known.
    """

    url: str
    digest: str | None
    prefix: str = ""
    stated_mb: int = 0
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
        # Where the size is not known either, only the digest tells whether the file is whole.
        path = fetch(self.download, check_digest=self.size is None)
        try:
            read = replace(read_file(path, keys, most_frequent), name=self.name)
        except NotVectorsError:
            if self.digest is None:
                # Its digest must not be what the right file is compared with.
                self.download.forget()
            raise
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


@dataclass(frozen=True)
class LanguageSets:
    """Sets that differ only in their language, whose code stands in their names and addresses.

    `name`, `provenance`: with _LANGUAGE in place of the code.
    """

    name: str
    provenance: dict[str, Any]

    def language_in(self, name: str) -> str | None:
        """The code in the name of a set, whether there is that language or not.

        >>> LANGUAGE_SETS["fasttext-cc"].language_in("cc.de.300")
        'de'
        """
        start, _, end = self.name.partition(_LANGUAGE)
        fits = name.startswith(start) and name.endswith(end)
        return name[len(start) : -len(end)] if fits and len(name) > len(start + end) else None

    def in_language(self, code: str) -> PublishedSet:
        """The set of a language. `code`: one of LANGUAGES."""
        url = self.provenance["url"].replace(_LANGUAGE, code)
        name = self.name.replace(_LANGUAGE, code)
        return PublishedSet(name=name, **{**self.provenance, "url": url})


def language_in(name: str) -> str | None:
    """The code of the language in the name of a set, None for another name."""
    codes = (sets.language_in(name) for sets in LANGUAGE_SETS.values())
    return next(filter(None, codes), None)


def find_set(name: str) -> PublishedSet | InstalledSet | None:
    """The set of that name, None where there is none.

    >>> find_set("cc.de.300").url
    'https://dl.fbaipublicfiles.com/fasttext/vectors-crawl/cc.de.300.vec.gz'
    """
    for sets in LANGUAGE_SETS.values():
        if (code := sets.language_in(name)) in LANGUAGES:
            return sets.in_language(code)
    return CATALOGUE.get(name)


def wrong_language(name: str) -> str:
    """The message for the name of a set in a language that there is not; empty for other names."""
    for choice, sets in LANGUAGE_SETS.items():
        code = sets.language_in(name)
        if code and code not in LANGUAGES:
            return (
                f"{name}: expected the code of one of the {len(LANGUAGES)} languages of {choice}, "
                f"such as de, got {code!r}: https://fasttext.cc/docs/en/crawl-vectors.html lists "
                "them"
            )
    return ""


def named_set(name: str) -> PublishedSet | InstalledSet:
    """The set of that name. Raises VectorsError: there is none; the message says the nearest."""
    if (entry := find_set(name)) is None:
        raise VectorsError(
            wrong_language(name)
            or f"{name}: expected a set of the catalogue (`pipeline vectors list`), there is none"
            f"{nearest(name, CATALOGUE)}"
        )
    return entry


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
_LANGUAGE = "${vectors.language}"  # as Hydra reads it in conf/

# Those of https://fasttext.cc/docs/en/crawl-vectors.html: 157, and English.
_CODES = """
    af als am an ar arz as ast az azb ba bar bcl be bg bh bn bo bpy br bs ca ce ceb ckb co cs cv
    cy da de diq dv el eml en eo es et eu fa fi fr frr fy ga gd gl gom gu gv he hi hif hr hsb ht
    hu hy ia id ilo io is it ja jv ka kk km kn ko ku ky la lb li lmo lt lv mai mg mhr min mk ml
    mn mr mrj ms mt mwl my myv mzn nah nap nds ne new nl nn no nso oc or os pa pam pfl pl pms
    pnb ps pt qu rm ro ru sa sah sc scn sco sd sh si sk sl so sq sr su sv sw ta te tg th tk tl
    tr tt ug uk ur uz vec vi vls vo wa war xmf yi yo zea zh
"""
LANGUAGES = tuple(_CODES.split())


def _read_catalogue(
    folder: Path,
) -> tuple[dict[str, PublishedSet | InstalledSet], dict[str, LanguageSets]]:
    entries: dict[str, PublishedSet | InstalledSet] = {}
    rules: dict[str, LanguageSets] = {}
    for path in sorted(folder.glob("[!_]*.yaml")):
        values = yaml.load(path.read_text("utf-8"), _YAML)
        provenance = values.get("provenance")
        if "language" in values:
            rules[path.stem] = LanguageSets(values["source"], provenance)
        elif provenance:
            kind = PublishedSet if "url" in provenance else InstalledSet
            entries[path.stem] = kind(name=path.stem, **provenance)
    return entries, rules


CATALOGUE, LANGUAGE_SETS = _read_catalogue(conf_folder() / "vectors")
