"""Compose conf/ and overrides into the options of the rooms. Each room has its own in
options.py."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Any, get_args

import yaml
from pydantic import Field
from pydantic.dataclasses import dataclass

from pipeline.base.calls import checked
from pipeline.base.errors import ConfigError, nearest
from pipeline.base.files import conf_folder
from pipeline.base.options import COMMAND_LINE, STRICT, Name, Seed, check_options, flatten
from pipeline.classifier.encoders import CnnOptions, ModelOptions
from pipeline.data.options import DataOptions
from pipeline.embedding.options import VectorsChoice, VectorsOptions
from pipeline.insight.options import InsightOptions
from pipeline.studies.options import CompareOptions, ExplainOptions, SweepOptions
from pipeline.tracking.options import TrackingOptions
from pipeline.training.options import PhaseName, TrainingOptions


@dataclass(frozen=True, config=STRICT)
class Config:
    """Everything that a run needs to know: the options of each room, the seed, and the earlier
    classifier from which a training begins."""

    data: DataOptions = Field(default_factory=DataOptions)
    vectors: VectorsChoice = Field(default_factory=VectorsOptions)
    model: ModelOptions = Field(default_factory=CnnOptions)
    training: TrainingOptions = Field(default_factory=TrainingOptions)
    insight: InsightOptions = Field(default_factory=InsightOptions)
    tracking: TrackingOptions = Field(default_factory=TrackingOptions)
    compare: CompareOptions = Field(default_factory=CompareOptions)
    explain: ExplainOptions = Field(default_factory=ExplainOptions)
    sweep: SweepOptions = Field(default_factory=SweepOptions)
    start: Name | None = None
    seed: Seed = 0


def options(group: str) -> list[str]:
    """The names of the choices of a group, such as `cnn` of `model`.

    A file whose name begins with _ holds what choices share, and is no choice itself.
    """
    return sorted(path.stem for path in (conf_folder() / group).glob("[!_]*.yaml"))


def groups() -> list[str]:
    """The names of the groups of conf/: those of which config.yaml takes a choice."""
    config = yaml.safe_load((conf_folder() / "config.yaml").read_text("utf-8"))
    return sorted(name for row in config["defaults"] if isinstance(row, dict) for name in row)


@checked
def load_config(overrides: Sequence[str] = ()) -> Config:
    """Compose conf/ with `overrides` in Hydra's form, and check each value.

    >>> load_config(["model=mean", "training.fine_tuned.epochs=3"]).model.encoder
    'mean'

    Raises ConfigError: an option or choice that does not exist (the message has the nearest one),
    or a value of the wrong type or out of range.
    """
    return check_options(Config, _composed(list(overrides)), context=COMMAND_LINE)


def option_values(overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Each option that can be set together with `overrides`, and its value.

    >>> option_values(["model=mean"])["model.encoder"]
    'mean'

    The values are as they are written: they are not checked, so that a missing path is listed too.

    Raises ConfigError: an option or choice that does not exist.
    """
    return flatten(_composed(list(overrides)))


def unused_overrides(overrides: Sequence[str], config: Config, uses: Sequence[str]) -> list[str]:
    """The names of overrides that change nothing where only the options of `uses` are read.

    `uses`: names of groups, sections and options. `config`: composed with the overrides. The
    options of a phase of training are read where the phase is in `training.phases`, or where `uses`
    names it by itself, as in `training.scratch`.

    >>> overrides = ["model=mean", "compare.seeds=3", "training.scratch.epochs=2"]
    >>> unused_overrides(overrides, load_config(overrides), ["model", "training"])
    ['compare.seeds', 'training.scratch.epochs']
    """
    phases = get_args(PhaseName)
    left_out = [f"training.{phase}" for phase in phases if phase not in config.training.phases]

    def among(name: str, options: Sequence[str]) -> bool:
        return any(f"{name}.".startswith(f"{option}.") for option in options)

    return [
        name
        for name in map(_name, overrides)
        if not among(name, uses)
        or (among(name, left_out) and not among(name, [use for use in uses if use in left_out]))
    ]


def _name(override: str) -> str:
    """What an override sets: `data.path` of `data.path=my.csv`."""
    return override.partition("=")[0].lstrip("+~")


def _composed(overrides: list[str]) -> dict[str, Any]:
    """conf/ with the overrides, as plain values. Raises ConfigError: as `load_config`."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    parser = OverridesParser.create()
    # All options are there already: to add one (+) is to set it.
    overrides = [_quoted(text.lstrip("+"), parser) for text in overrides]
    choices = []
    for text in overrides:
        try:
            override = parser.parse_override(text)
        except HydraException as error:
            raise ConfigError(
                f"expected NAME=VALUE, such as data.path=my.csv, got {text!r}"
            ) from error
        if override.is_delete() or override.package is not None:
            raise ConfigError(
                f"{text}: expected NAME=VALUE or GROUP=CHOICE, where no option is taken away (~) "
                "or put elsewhere (@): set another value, or null where the option may have none"
            )
        group, value = override.key_or_group, override.value()
        if "${" in str(value):
            raise ConfigError(
                f"{_name(text)}: expected a plain value, got one with ${{...}}, which would be looked "
                f"up elsewhere: write the value itself, or let the shell do it, as in "
                f'{_name(text)}="$HOME"'
            )
        if group in groups():
            names = options(group)
            if value not in (*names, None):
                own = ""
                if "file" in names and isinstance(value, str) and re.search(r"[./]", value):
                    command = shlex.join([f"{group}=file", f"{group}.path={value}"])
                    own = f"; for a file of yours: {command}"
                raise ConfigError(
                    f"{group}={value}: expected one of {', '.join(names)}"
                    f"{own}{nearest(str(value), names)}"
                )
            choices.append(text)
    names = _names(_compose(choices))
    for name in map(_name, overrides):
        if name not in names:
            raise ConfigError(_unknown(name, names))
    try:
        return _compose(overrides)
    except (HydraException, OmegaConfBaseException) as error:
        reason = " ".join(str(error.__cause__ or error).split())
        raise ConfigError(f"the options {' '.join(overrides)} do not compose: {reason}") from error


# Hydra takes few names as keys of a mapping, and of two equal ones the last.
_OWN_MAPPINGS = ("training.class_weight",)


def _quoted(text: str, parser: Any) -> str:
    """The override with its value in quotes, where only that makes it one:
    `data.text=Title (EN)`."""
    from hydra.errors import HydraException

    name, equals, value = text.partition("=")
    try:
        if name in _OWN_MAPPINGS and value.strip().startswith("{"):
            raise HydraException("a mapping, which the option reads by itself")
        if equals and parser.parse_override(text).is_sweep_override():
            raise HydraException("a list of several values, which a run does not take")
    except (HydraException, ValueError):  # as Python reads no number of more than 4,300 digits
        if re.fullmatch(rf"\s*\[{_ITEM}(,{_ITEM})*\]\s*", value):
            items = [match[0].strip() for match in re.finditer(_ITEM, value.strip()[1:-1])]
            return f"{name}=[{','.join(map(_list_item, items))}]"
        return f"{name}{equals}{in_quotes(value)}"
    return text


_QUOTED = r"""("(\\.|[^"\\])*"|'(\\.|[^'\\])*')"""
# Of a list on the command line: in quotes, or up to the next comma.
_ITEM = rf"""(\s*{_QUOTED}\s*|\s*[^\s,"'\[{{][^,]*)"""


def _list_item(text: str) -> str:
    """An item as Hydra reads it, which knows few signs and only the letters of ASCII."""
    plain = re.fullmatch(r"[\w.+/-][\w.+/ -]*", text, re.ASCII) or re.fullmatch(_QUOTED, text)
    return text if plain else in_quotes(text)


def in_quotes(text: str) -> str:
    """A text in double quotes, as Hydra reads it: it takes a backslash for itself only before a
    quote.

    >>> in_quotes('the "Alps"')
    '"the \\\\"Alps\\\\""'
    """
    inside = re.sub(r'(\\*)("|$)', lambda match: 2 * match[1] + match[2].replace('"', r"\""), text)
    return f'"{inside}"'


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


def _unknown(name: str, names: Sequence[str]) -> str:
    """The message for an option that is not among the `names` of this composition."""
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
    return f"there is no option {name!r} here{nearest(name, names)}; `pipeline options` lists the options"
