"""The options of a run: frozen dataclasses, and the way from conf/ and overrides to them.

The dataclasses are pydantic's, so that types and ranges stand beside the names, and nothing is
heavy to import: TensorFlow and MLflow are not loaded here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast, get_args

from pydantic import (
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.dataclasses import dataclass

from pipeline.errors import ConfigError, nearest

if TYPE_CHECKING:
    from pipeline.vectors.catalogue import NamedSet

Fraction = Annotated[float, Field(gt=0, lt=1)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Seeds = Positive | Annotated[tuple[Seed, ...], Field(min_length=1)]
"""So many from a first one on, or a list."""

Rung = Literal[
    "exact", "lower", "capitalised", "upper", "mixed", "digits", "accents", "punctuation", "parts",
    "subwords",
]  # fmt: skip
OwnAlgorithm = Literal["skipgram", "cbow", "fasttext"]

STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=STRICT)
class DataConfig:
    """Which headlines. `source` is `bbc`, `stop_clickbait`, `hub` or `file`; `group` the column that
    says where each headline is from, if there is one."""

    source: Literal["bbc", "stop_clickbait", "hub", "file"] = "bbc"
    path: str | None = None
    text: str = "text"
    label: str = "label"
    group: str | None = None
    subset: str | None = None
    revision: str | None = None
    validation: Fraction = 0.1
    test: Fraction = 0.2
    seed: Seed = 0

    @model_validator(mode="after")
    def _leave_something_to_train_on(self) -> DataConfig:
        if self.validation + self.test >= 1:
            raise ValueError(
                f"validation + test must stay below 1, got {self.validation} + {self.test}"
            )
        if self.source in ("file", "hub") and not self.path:
            what = "a file or folder" if self.source == "file" else "the data set's name"
            raise ValueError(f"data={self.source} needs {what}: add data.path=...")
        return self


@dataclass(frozen=True, config=STRICT)
class VectorsConfig:
    """Which word vectors, and how they become rows of the matrix.

    `source`: a name of the catalogue, `file` or `random`. `provenance`: what the catalogue knows
    of the set (address, digest, licence, ...), so that it stands among a run's parameters.
    """

    source: str = "glove_6b_50d"
    path: str | None = None
    vector_size: Positive | None = None
    std: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = 0.4
    further_words: Annotated[int, Field(ge=0)] = 100_000
    min_coverage: Annotated[float, Field(ge=0, le=1)] = 0.3
    member: str | None = None
    match: Literal["auto"] | tuple[Rung, ...] = "auto"
    missing: Literal["quarter", "normal", "uniform", "zeros"] = "quarter"
    provenance: dict[str, Any] | None = Field(
        default_factory=lambda values: _provenance(values["source"])
    )

    @field_validator("source")
    @classmethod
    def _exists(cls, source: str) -> str:
        known = [*_catalogue(), *_OTHER_VECTORS]
        if source not in known:
            raise ValueError(
                f"expected a set of the catalogue (`pipeline vectors list`) or "
                f"{' or '.join(_OTHER_VECTORS)}, got {source!r}{nearest(source, known)}"
            )
        return source

    @model_validator(mode="after")
    def _complete(self) -> VectorsConfig:
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


def _catalogue() -> Mapping[str, NamedSet]:
    from pipeline.vectors.catalogue import CATALOGUE  # which reads conf/, found by this module

    return CATALOGUE


def _provenance(source: str) -> dict[str, Any] | None:
    entry = _catalogue().get(source)
    return entry.provenance if entry else None


@dataclass(frozen=True, config=STRICT)
class OwnTextConfig:
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
class CorpusConfig(OwnTextConfig, VectorsConfig):
    """Vectors trained on one's own text."""

    source: Literal["corpus"] = "corpus"


@dataclass(frozen=True, config=STRICT)
class JoinedConfig(VectorsConfig):
    """Several sets side by side: names, files, and `corpus` or `corpus:ALGORITHM`."""

    source: Literal["joined"] = "joined"
    sets: tuple[str, ...] = ("glove_6b_50d", "corpus")
    corpus: OwnTextConfig = Field(default_factory=OwnTextConfig)

    @model_validator(mode="after")
    def _several_that_are_known(self) -> JoinedConfig:
        if len(self.sets) < 2:
            raise ValueError(
                "vectors=joined needs two sets or more: vectors.sets=[glove_6b_50d,corpus]"
            )
        for name in self.sets:
            self.own(name)
        return self

    def own(self, name: str) -> OwnTextConfig | None:
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
    Annotated[VectorsConfig, Tag("set")]
    | Annotated[CorpusConfig, Tag("corpus")]
    | Annotated[JoinedConfig, Tag("joined")],
    Discriminator(_kind_of_vectors),
]


@dataclass(frozen=True, config=STRICT)
class EncoderConfig:
    """What all encoders have in common.

    `letter_case`: the network also sees how each word was capitalised, and the n-grams keep their
    capitals. `pooled`, `wide`: the parts of pipeline/blending.py that stand beside the network.
    """

    max_tokens: Positive = 24
    min_count: Positive = 1
    spatial_dropout: Rate = 0.2
    dropout: Rate = 0.3
    letter_case: bool = False
    pooled: bool = True
    wide: bool = True


@dataclass(frozen=True, config=STRICT)
class CnnConfig(EncoderConfig):
    """Convolutions of several widths, each max-pooled over the headline (Kim 2014)."""

    encoder: Literal["cnn"] = "cnn"
    filters: Positive = 128
    kernel_sizes: Annotated[tuple[Positive, ...], Field(min_length=1)] = (1, 2, 3)


@dataclass(frozen=True, config=STRICT)
class MeanConfig(EncoderConfig):
    """Mean and maximum over the words of the headline."""

    encoder: Literal["mean"] = "mean"


@dataclass(frozen=True, config=STRICT)
class BiGruConfig(EncoderConfig):
    """A gated recurrent network in both directions, max-pooled over the headline."""

    encoder: Literal["bigru"] = "bigru"
    units: Positive = 64


@dataclass(frozen=True, config=STRICT)
class AttentionConfig(EncoderConfig):
    """Several learned weighted means over the words (`heads`), and their maximum."""

    encoder: Literal["attention"] = "attention"
    heads: Positive = 4


@dataclass(frozen=True, config=STRICT)
class MetricConfig(EncoderConfig):
    """Convolutions as in `cnn`, and on them a representation of `width` numbers, in which labels
    are told apart by Euclidean distance. `margin`: how far headlines of two labels are driven
    apart; `contrastive`: the weight of the loss that does it (pipeline/metric.py)."""

    encoder: Literal["metric"] = "metric"
    filters: Positive = 128
    kernel_sizes: Annotated[tuple[Positive, ...], Field(min_length=1)] = (1, 2, 3)
    width: Annotated[int, Field(ge=2)] = 100
    margin: Annotated[float, Field(gt=0, le=100)] = 5.0
    contrastive: Annotated[float, Field(ge=0, le=100)] = 0.3


ModelConfig = CnnConfig | MeanConfig | BiGruConfig | AttentionConfig | MetricConfig


@dataclass(frozen=True, config=STRICT)
class PhaseConfig:
    """One phase of training. `epochs=0` leaves it out; `auto`: as `training.schedule` decides by
    the number of headlines. `patience`: epochs without a better validation result that end the
    phase early; null: none do."""

    epochs: Annotated[int, Field(ge=0)] | Literal["auto"] = "auto"
    learning_rate: Annotated[float, Field(gt=0, lt=10)] = 2e-3
    patience: Positive | None = None


@dataclass(frozen=True, config=STRICT)
class TrainingConfig:
    """The schedule: the phases that are given run in this order.

    In `frozen` the embedding does not move; in `fine_tuned` and `scratch` it is trained with
    the rest (`scratch` is the phase's name where the matrix started from random numbers).
    `batch_size`: headlines a step, or `auto`. `embedding_rate`: the embedding's learning rate in
    multiples of the rest's. `adversarial`: how far the word vectors of a headline are moved in
    the direction that hurts most, in lengths of a typical vector; 0 leaves that out.
    """

    frozen: PhaseConfig | None = None
    fine_tuned: PhaseConfig | None = None
    scratch: PhaseConfig | None = None
    batch_size: Positive | Literal["auto"] = "auto"
    warmup: Rate = 0.1
    embedding_rate: Annotated[float, Field(gt=0, le=100)] = 2.0
    adversarial: Annotated[float, Field(ge=0, le=10)] = 0.25

    @model_validator(mode="after")
    def _at_least_one(self) -> TrainingConfig:
        if not self.phases:
            raise ValueError("at least one phase needs epochs >= 1")
        return self

    @property
    def phases(self) -> dict[str, PhaseConfig]:
        """The phases that will run, by name, in order."""
        phases = {"frozen": self.frozen, "fine_tuned": self.fine_tuned, "scratch": self.scratch}
        return {name: phase for name, phase in phases.items() if phase and phase.epochs}


@dataclass(frozen=True, config=STRICT)
class SemanticsConfig:
    """What is asked of the embedding after training. `probes`: a file of probe sentences, else
    conf/probes.yaml. `words`: those whose neighbours are shown before and after, where known.
    `seeds`: of `pipeline explain`."""

    probes: str | None = None
    words: tuple[str, ...] = (
        "alps", "himalaya", "snow", "minister", "bank", "match", "phone", "wow", "you", "recipe",
    )  # fmt: skip
    seeds: Seeds = 5

    def drawn(self, first: int) -> list[int]:
        """The seeds themselves."""
        return _drawn(self.seeds, first)


@dataclass(frozen=True, config=STRICT)
class TrackingConfig:
    """Where the run is logged and what its model is called in the registry.

    `uri` falls back to the variable MLFLOW_TRACKING_URI and then to `sqlite:///mlflow.db`.
    `registered_model` falls back to `<experiment>-<name of the data>`.
    """

    experiment: Annotated[str, Field(min_length=1)] = "headlines"
    uri: str | None = None
    run_name: str | None = None
    registered_model: str | None = None
    promote: Literal["auto", "always", "never"] = "auto"


@dataclass(frozen=True, config=STRICT)
class CompareConfig:
    """The grid of `pipeline compare`: numbers of training headlines, of which those above what
    there is stand for all; and seeds, each of which draws other headlines: so many from the run's
    own on, or a list."""

    sizes: Annotated[tuple[Positive, ...], Field(min_length=1)] = (
        25, 50, 100, 200, 400, 800, 1600,
    )  # fmt: skip
    seeds: Seeds = 5

    def drawn(self, first: int) -> list[int]:
        """The seeds themselves."""
        return _drawn(self.seeds, first)


def _drawn(seeds: Seeds, first: int) -> list[int]:
    if isinstance(seeds, int):
        return list(range(first, first + seeds))
    return list(dict.fromkeys(seeds))


@dataclass(frozen=True, config=STRICT)
class Config:
    """Everything a run needs to know, one slice a stage."""

    data: DataConfig = Field(default_factory=DataConfig)
    vectors: VectorsChoice = Field(default_factory=VectorsConfig)
    model: Annotated[ModelConfig, Field(discriminator="encoder")] = Field(default_factory=CnnConfig)
    training: TrainingConfig = Field(
        default_factory=lambda: TrainingConfig(
            frozen=PhaseConfig(), fine_tuned=PhaseConfig(learning_rate=1e-3)
        )
    )
    semantics: SemanticsConfig = Field(default_factory=SemanticsConfig)
    tracking: TrackingConfig = Field(default_factory=TrackingConfig)
    compare: CompareConfig = Field(default_factory=CompareConfig)
    seed: Seed = 0


def conf_dir() -> Path:
    """The folder with config.yaml: inside the installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "conf"
    return installed if installed.is_dir() else package.parent / "conf"


def options(group: str) -> list[str]:
    """Names of the choices of a group: `options("model") == ["bigru", "cnn", "mean"]`.

    A file whose name begins with _ holds what choices share and is none itself.
    """
    return sorted(path.stem for path in (conf_dir() / group).glob("[!_]*.yaml"))


def groups() -> list[str]:
    """Names of the groups of conf/."""
    return sorted(path.name for path in conf_dir().iterdir() if path.is_dir())


def load_config(overrides: Sequence[str] = ()) -> Config:
    """Compose conf/ with `overrides` in Hydra's form and check every value.

    >>> load_config(["model=mean", "training.fine_tuned.epochs=3"]).model.encoder
    'mean'

    Raises ConfigError: an option or choice that does not exist (with the nearest one), a value
    of the wrong type or out of range.
    """
    return _validated(_composed(list(overrides)))


def flatten(config: object, prefix: str = "") -> dict[str, Any]:
    """Every value of a config by its dotted name, as it would be overridden."""
    values = config if isinstance(config, Mapping) else asdict(config)  # type: ignore[call-overload]
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def _composed(overrides: list[str]) -> dict[str, Any]:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    parser = OverridesParser.create()
    choices = []
    for text in overrides:
        try:
            override = parser.parse_override(text)
        except HydraException as error:
            raise ConfigError(
                f"expected an override such as data.path=my.csv, got {text!r} "
                "(a value with special characters goes in quotes: data.path='\"a (b).csv\"')"
            ) from error
        group, value = override.key_or_group, override.value()
        if group in groups():
            known = options(group)
            if value not in (*known, None):
                raise ConfigError(
                    f"{group}={value}: expected one of {', '.join(known)}"
                    f"{nearest(str(value), known)}"
                )
            choices.append(text)
    known = _names(_compose(choices))
    for text in overrides:
        name = text.partition("=")[0]
        if name.lstrip("+~") not in known:
            raise ConfigError(_unknown(name.lstrip("+~"), known))
    try:
        return _compose(overrides)
    except (HydraException, OmegaConfBaseException) as error:
        reason = " ".join(str(error.__cause__ or error).split())
        raise ConfigError(f"the options {' '.join(overrides)} do not compose: {reason}") from error


def _compose(overrides: list[str]) -> dict[str, Any]:
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return OmegaConf.to_container(compose("config", overrides), resolve=True)


def _names(composed: dict[str, Any]) -> list[str]:
    """What may stand before the = of an override: groups, options, and branches of options."""
    names = list(flatten(composed))
    branches = {name.rsplit(".", depth)[0] for name in names for depth in (1, 2) if "." in name}
    return [*groups(), *names, *sorted(branches - set(names))]


def _unknown(name: str, known: Sequence[str]) -> str:
    """What to say of an option that this composition does not have."""
    group = name.partition(".")[0]
    homes = [
        choice
        for choice in (options(group) if group in groups() else ())
        if name in _names(_compose([f"{group}={choice}"]))
    ]
    if homes:
        choices = " or ".join(filter(None, [", ".join(homes[:-1]), homes[-1]]))
        home = "file" if "file" in homes else homes[0]
        return f"{name} belongs to {group}={choices}, which is not chosen: add {group}={home}"
    return f"there is no option {name!r} here{nearest(name, known)}; `pipeline stages` lists the options"


def _validated(values: dict[str, Any]) -> Config:
    try:
        return TypeAdapter(Config).validate_python(values)
    except ValidationError as error:
        raise ConfigError(_describe(error)) from error


def _describe(error: ValidationError) -> str:
    """The first finding of pydantic in one line, under the name that the user would override."""
    finding = min(error.errors(include_url=False), key=lambda found: len(found["loc"]) > 1)
    # The discriminator's tag (`cnn`) is part of pydantic's path, but not of the option's name.
    path = [str(part) for part in finding["loc"]]
    if path[0] in ("model", "vectors") and len(path) > 1:
        del path[1]
    if re.fullmatch(r".*\[.*|constrained-int", path[-1]):
        # One of several types, such as a word or a list of words: what is wrong within the list
        # tells more, and of a word or a number both.
        path.pop()
        option = finding["loc"][:-1]
        found = [f for f in error.errors(include_url=False) if f["loc"][: len(option)] == option]
        finding = max(found, key=lambda f: len(f["loc"]))
        if "constrained-int" in finding["loc"]:
            listed = any(str(f["loc"][-1]).startswith("tuple") for f in found)
            other = "a list of them" if listed else "'auto'"
            if listed or isinstance(finding["input"], str):
                finding["msg"] = f"expected a whole number or {other}"
    name = ".".join(path)
    if finding["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"there is no option {name!r}; `pipeline stages` lists the options"
    if finding["type"] == "union_tag_invalid":
        context = finding["ctx"]
        return f"model.encoder={context['tag']}: expected one of {context['expected_tags']}"
    if finding["type"] == "tuple_type":
        finding["msg"] = f"expected a list, as in {name}=[{finding['input']}]"
    elif finding["type"] == "too_short":
        finding["msg"] = "expected at least one value"
    message = finding["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    if finding["type"] == "value_error":
        return f"{name}: {message}"
    return f"{name}={finding['input']}: {message}, got {finding['input']!r}"
