"""From conf/ and overrides to the options of the rooms. Each room has its own, in its options.py."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from pipeline.base.errors import ConfigError, nearest
from pipeline.base.files import conf_folder
from pipeline.base.options import STRICT, Seed
from pipeline.classifier.options import CnnOptions, ModelOptions
from pipeline.data.options import DataOptions
from pipeline.embedding.options import VectorsChoice, VectorsOptions
from pipeline.insight.options import InsightOptions
from pipeline.studies.options import CompareOptions, ExplainOptions
from pipeline.tracking.options import TrackingOptions
from pipeline.training.options import TrainingOptions


@dataclass(frozen=True, config=STRICT)
class Config:
    """Everything that a run needs to know: the options of each room, and the seed."""

    data: DataOptions = Field(default_factory=DataOptions)
    vectors: VectorsChoice = Field(default_factory=VectorsOptions)
    model: Annotated[ModelOptions, Field(discriminator="encoder")] = Field(
        default_factory=CnnOptions
    )
    training: TrainingOptions = Field(default_factory=TrainingOptions)
    insight: InsightOptions = Field(default_factory=InsightOptions)
    tracking: TrackingOptions = Field(default_factory=TrackingOptions)
    compare: CompareOptions = Field(default_factory=CompareOptions)
    explain: ExplainOptions = Field(default_factory=ExplainOptions)
    seed: Seed = 0


def options(group: str) -> list[str]:
    """Names of the choices of a group: `options("model") == ["bigru", "cnn", "mean"]`.

    A file whose name begins with _ holds what choices share and is none itself.
    """
    return sorted(path.stem for path in (conf_folder() / group).glob("[!_]*.yaml"))


def groups() -> list[str]:
    """Names of the groups of conf/."""
    return sorted(path.name for path in conf_folder().iterdir() if path.is_dir())


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

    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
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
