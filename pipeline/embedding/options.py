"""The options of `vectors`: which word vectors, and how they become rows of the matrix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, cast, get_args

from pydantic import Discriminator, Field, Tag, field_validator, model_validator
from pydantic.dataclasses import dataclass

from pipeline.base.errors import nearest
from pipeline.base.options import STRICT, Positive, Seed
from pipeline.embedding.catalogue import CATALOGUE

FallbackName = Literal[
    "exact", "lower", "capitalised", "upper", "mixed", "digits", "accents", "punctuation", "parts",
    "subwords",
]  # fmt: skip
OwnAlgorithm = Literal["skipgram", "cbow", "fasttext"]


@dataclass(frozen=True, config=STRICT)
class VectorsOptions:
    """Which word vectors, and how they become rows of the matrix.

    `source`: a name of the catalogue, `file` or `random`. `provenance`: what the catalogue knows
    of the set (address, digest, licence, ...), so that it stands among a run's parameters.
    """

    source: str = "glove_6b_50d"
    path: str | None = None
    vector_size: Positive | None = None
    std: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = 0.4
    extra_words: Annotated[int, Field(ge=0)] = 100_000
    min_coverage: Annotated[float, Field(ge=0, le=1)] = 0.3
    member: str | None = None
    fallbacks: Literal["auto"] | tuple[FallbackName, ...] = "auto"
    missing: Literal["quarter", "normal", "uniform", "zeros"] = "quarter"
    provenance: dict[str, Any] | None = Field(
        default_factory=lambda values: _provenance(values["source"])
    )

    @field_validator("source")
    @classmethod
    def _exists(cls, source: str) -> str:
        known = [*CATALOGUE, *_OTHER_VECTORS]
        if source not in known:
            raise ValueError(
                f"expected a set of the catalogue (`pipeline vectors list`) or "
                f"{' or '.join(_OTHER_VECTORS)}, got {source!r}{nearest(source, known)}"
            )
        return source

    @model_validator(mode="after")
    def _complete(self) -> VectorsOptions:
        if self.source == "file" and not self.path:
            raise ValueError("vectors=file needs a file: add vectors.path=...")
        if self.source == "random" and not self.vector_size:
            raise ValueError("vectors=random needs vectors.vector_size=...")
        if self.provenance != _provenance(self.source):
            raise ValueError(
                f"the provenance is not that of {self.source}: choose a set with vectors={self.source}, "
                "a mirror with HEADLINE_TRANSFER_MIRROR, another file with vectors=file"
            )
        return self


_OTHER_VECTORS = ("file", "random", "corpus", "joined")  # sources that are no set of the catalogue


def _provenance(source: str) -> dict[str, Any] | None:
    entry = CATALOGUE.get(source)
    return entry.provenance if entry else None


@dataclass(frozen=True, config=STRICT)
class OwnTextOptions:
    """How vectors are trained on one's own text: that of `path`, or the BBC articles."""

    path: str | None = None
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


@dataclass(frozen=True, config=STRICT)
class JoinedOptions(VectorsOptions):
    """Several sets side by side: names, files, and `corpus` or `corpus:ALGORITHM`."""

    source: Literal["joined"] = "joined"
    sets: tuple[str, ...] = ("glove_6b_50d", "corpus")
    corpus: OwnTextOptions = Field(default_factory=OwnTextOptions)

    @model_validator(mode="after")
    def _several_that_are_known(self) -> JoinedOptions:
        if len(self.sets) < 2:
            raise ValueError(
                "vectors=joined needs two sets or more: vectors.sets=[glove_6b_50d,corpus]"
            )
        for name in self.sets:
            self.own(name)
        return self

    def own(self, name: str) -> OwnTextOptions | None:
        """How `corpus` or `corpus:ALGORITHM` is trained; None for the name of another set."""
        source, _, algorithm = name.partition(":")
        if source != "corpus":
            return None
        known = get_args(OwnAlgorithm)
        if algorithm not in ("", *known):
            raise ValueError(f"expected {' or '.join(f'corpus:{a}' for a in known)}, got {name!r}")
        return (
            replace(self.corpus, algorithm=cast("OwnAlgorithm", algorithm))
            if algorithm
            else self.corpus
        )


def _kind_of_vectors(vectors: Any) -> str:
    given = vectors if isinstance(vectors, Mapping) else vars(vectors)
    source = given.get("source")
    return source if source in ("corpus", "joined") else "set"


VectorsChoice = Annotated[
    Annotated[VectorsOptions, Tag("set")]
    | Annotated[CorpusOptions, Tag("corpus")]
    | Annotated[JoinedOptions, Tag("joined")],
    Discriminator(_kind_of_vectors),
]
