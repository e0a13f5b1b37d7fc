"""The options of `vectors`: which word vectors, and how they become rows of the matrix."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, field_validator, model_validator
from pydantic.dataclasses import dataclass

from pipeline.base.errors import nearest
from pipeline.base.options import STRICT, Positive, Seed, Share, Text
from pipeline.embedding.algorithms import ALGORITHMS
from pipeline.embedding.catalogue import (
    CATALOGUE,
    LANGUAGE_SETS,
    find_set,
    language_in,
    wrong_language,
)
from pipeline.embedding.initial_rows import INITIAL
from pipeline.embedding.matching import AUTO, FALLBACK_NAMES
from pipeline.embedding.postprocessing import METHODS, NONE


def _key_of(table: Collection[str]) -> AfterValidator:
    """Check that a value is a name of a table, so that the names stand there alone."""

    def check(value: str) -> str:
        if value not in table:
            raise ValueError(
                f"expected one of {', '.join(table)}, got {value!r}{nearest(value, table)}"
            )
        return value

    return AfterValidator(check)


OwnAlgorithm = Annotated[str, _key_of(ALGORITHMS)]
Missing = Annotated[str, _key_of(INITIAL)]
FallbackName = Annotated[str, _key_of(FALLBACK_NAMES)]
Postprocess = Annotated[str, _key_of(METHODS)]


@dataclass(frozen=True, config=STRICT)
class VectorsOptions:
    """Which word vectors, and how they become rows of the matrix.

    `source`: a name of the catalogue, `file` or `random`. `path`: a file, a folder, an address, or
    OWNER/NAME on the Hugging Face hub. `member`: the one of several sets in a zip file. `sha256`:
    the digest of the file. `language`: of a set that there is in many languages. `vector_size`: the
    dimension, None where the set says it.
    `std`: the standard deviation to which the rows are scaled, None for the rows as they are.
    `extra_words`: how many of the first words of the set the model knows besides those of training.
    `min_coverage`: the fraction of the running words that must have a vector. `fallbacks`: `auto`,
    or names of `matching.FALLBACKS`. `missing`: a name of `initial_rows.INITIAL`, for words without
    a vector. `postprocess`: a name of `postprocessing.METHODS`. `provenance`: what the catalogue
    says about the set (address, digest, licence, ...), so that it stands among the parameters of a
    run.
    """

    source: str = "glove_6b_50d"
    path: Text | None = None
    vector_size: Positive | None = None
    std: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = 0.4
    extra_words: Annotated[int, Field(ge=0)] = 100_000
    min_coverage: Share = 0.3
    member: Text | None = None
    sha256: Annotated[str, Field(pattern="^[0-9A-Fa-f]{64}$")] | None = None
    language: str | None = None
    fallbacks: Literal["auto"] | tuple[FallbackName, ...] = AUTO
    missing: Missing = "quarter"
    postprocess: Postprocess = NONE
    provenance: dict[str, Any] | None = Field(
        default_factory=lambda values: _provenance(values["source"])
    )

    @property
    def is_trained(self) -> bool:
        """Whether vectors are trained first, which takes long."""
        return False

    @field_validator("source")
    @classmethod
    def _exists(cls, source: str) -> str:
        names = [*CATALOGUE, *_OTHER_SOURCES]
        if source not in names and find_set(source) is None:
            raise ValueError(
                wrong_language(source)
                or f"expected a set of the catalogue (`pipeline vectors list`) or "
                f"{' or '.join(_OTHER_SOURCES)}, got {source!r}{nearest(source, names)}"
            )
        return source

    @model_validator(mode="after")
    def _complete(self) -> VectorsOptions:
        if self.source == "file" and not self.path:
            raise ValueError("vectors=file needs a file: add vectors.path=...")
        if self.source == "random" and not self.vector_size:
            raise ValueError("vectors=random needs vectors.vector_size=...")
        if self.language is not None and self.language != language_in(self.source):
            raise ValueError(
                f"vectors.language={self.language} is not the language of {self.source}: choose it "
                f"with vectors={' or '.join(LANGUAGE_SETS)}"
            )
        if self.provenance != _provenance(self.source):
            raise ValueError(
                f"the provenance is not that of {self.source}: choose a set with "
                f"vectors={self.source}, a mirror with HEADLINE_TRANSFER_MIRROR, another file with "
                "vectors=file"
            )
        return self


_OTHER_SOURCES = ("file", "random", "corpus", "joined")  # those that the catalogue does not have


def _provenance(source: str) -> dict[str, Any] | None:
    entry = find_set(source)
    return entry.provenance if entry else None


@dataclass(frozen=True, config=STRICT)
class OwnTextOptions:
    """How vectors are trained on one's own text: see `corpus.train_vectors`.

    `path`: a text file, or a folder of .txt files; None for the BBC articles.
    """

    path: Text | None = None
    algorithm: OwnAlgorithm = "skipgram"
    vector_size: Positive = 100
    window: Positive = 5
    min_count: Positive = 2
    epochs: Positive = 20
    negative: Positive = 5
    seed: Seed = 0


@dataclass(frozen=True, config=STRICT)
class CorpusOptions(OwnTextOptions, VectorsOptions):
    """Vectors trained on one's own text."""

    source: Literal["corpus"] = "corpus"

    @property
    def is_trained(self) -> bool:
        """True."""
        return True


@dataclass(frozen=True, config=STRICT)
class JoinedOptions(VectorsOptions):
    """Several sets side by side: names, files, and `corpus` or `corpus:ALGORITHM`."""

    source: Literal["joined"] = "joined"
    sets: tuple[str, ...] = ("glove_6b_50d", "corpus")
    corpus: OwnTextOptions = Field(default_factory=OwnTextOptions)

    @model_validator(mode="after")
    def _several_sets(self) -> JoinedOptions:
        if len(self.sets) < 2:
            raise ValueError(
                "vectors=joined needs two sets or more: vectors.sets=[glove_6b_50d,corpus]"
            )
        for name in self.sets:
            self.own_text(name)
        return self

    @property
    def is_trained(self) -> bool:
        """Whether one of the sets is trained first."""
        return any(self.own_text(name) for name in self.sets)

    def own_text(self, name: str) -> OwnTextOptions | None:
        """How `corpus` or `corpus:ALGORITHM` is trained; None for the name of another set.

        Raises ValueError: there is no such algorithm.
        """
        source, _, algorithm = name.partition(":")
        if source != "corpus":
            return None
        if algorithm not in ("", *ALGORITHMS):
            names = " or ".join(f"corpus:{algorithm}" for algorithm in ALGORITHMS)
            raise ValueError(f"expected {names}, got {name!r}")
        return replace(self.corpus, algorithm=algorithm) if algorithm else self.corpus


def _tag(vectors: Any) -> str:
    """Which class of options belongs to these values, or is the class of these options."""
    values = vectors if isinstance(vectors, Mapping) else vars(vectors)
    source = values.get("source")
    return source if source in ("corpus", "joined") else "set"


VectorsChoice = Annotated[
    Annotated[VectorsOptions, Tag("set")]
    | Annotated[CorpusOptions, Tag("corpus")]
    | Annotated[JoinedOptions, Tag("joined")],
    Discriminator(_tag),
]
