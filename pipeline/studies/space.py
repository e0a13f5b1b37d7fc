"""The space of a search: which options are tried, and with which values. It is a YAML file.

objectives: [accuracy]                           # left out: what training.select says
model.dropout: [0.1, 0.3, 0.5]                                  # one of these
training.frozen.learning_rate: {low: 5e-4, high: 1e-2, log: true}
model.spatial_dropout: {low: 0.0, high: 0.5, step: 0.1}
"""

from __future__ import annotations

import errno
import importlib.util
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Protocol

import yaml
from pydantic import Strict, model_validator
from pydantic.dataclasses import dataclass as checked_dataclass

from pipeline.base.errors import ConfigError, MissingExtraError, nearest
from pipeline.base.files import conf_folder
from pipeline.base.options import STRICT, check_options, flatten
from pipeline.classifier.options import EncoderOptions, Select
from pipeline.embedding.options import VectorsOptions
from pipeline.insight.search import ACCURACY, OBJECTIVES
from pipeline.training.options import TrainingOptions

ROOMS = ("vectors", "model", "training")
"""Whose options can be searched: with others the trials would not have the same headlines."""

_MOST_STEPS = 1_000_000
_Number = Annotated[int, Strict()] | Annotated[float, Strict()]


class TrialOptions(Protocol):
    """The options of one training, as a whole configuration has them."""

    @property
    def vectors(self) -> VectorsOptions: ...
    @property
    def model(self) -> EncoderOptions: ...
    @property
    def training(self) -> TrainingOptions: ...


Compose = Callable[[Sequence[str]], TrialOptions]
"""Overrides in the form NAME=VALUE -> the options. Raises ConfigError."""


@checked_dataclass(frozen=True, config=STRICT)
class Range:
    """Numbers from `low` to `high`, both included; whole ones where both are whole.

    `log`: small numbers are tried as often as large ones. `step`: between two values.
    """

    low: _Number
    high: _Number
    log: bool = False
    step: _Number | None = None

    @model_validator(mode="after")
    def _possible(self) -> Range:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"expected low < high, got low {self.low} and high {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"expected low above 0 with log: true, got {self.low}")
        if self.log and self.step is not None:
            raise ValueError("expected log or step, got both: leave one out")
        if self.step is not None:
            steps = (self.high - self.low) / self.step if self.step > 0 else 0.0
            if steps > _MOST_STEPS:
                raise ValueError(
                    f"expected at most {_MOST_STEPS:,} steps from low {self.low} to high "
                    f"{self.high}, got a step of {self.step}"
                )
            if steps < 1 or abs(steps - round(steps)) > 1e-6:
                raise ValueError(
                    f"expected a step that leads from low {self.low} to high {self.high}, got "
                    f"{self.step}"
                )
        return self

    @property
    def whole(self) -> bool:
        """Whether the numbers are whole."""
        return all(isinstance(n, int) for n in (self.low, self.high, self.step or 1))

    @property
    def values(self) -> tuple[str, ...]:
        """Both ends, and the first step between them, as they are written in an override."""
        ends = written(self.low), written(self.high)
        return ends if self.step is None else (*ends, written(self.low + self.step))

    def holds(self, value: object) -> bool:
        """Whether it is one of the numbers."""
        return isinstance(value, int | float) and self.low <= value <= self.high


@dataclass(frozen=True)
class Choices:
    """Values of a list, as they are written in an override."""

    values: tuple[str, ...]

    def holds(self, value: object) -> bool:
        """Whether it is one of the values."""
        return written(value) in self.values


@dataclass(frozen=True)
class Space:
    """What a search tries. `file`: where it was read. `objectives`: names of `OBJECTIVES`.
    `options`: by their names, as an override names them."""

    file: str
    objectives: tuple[str, ...]
    options: Mapping[str, Range | Choices]


def check_optuna() -> None:
    """Raises MissingExtraError: Optuna, which proposes the trials, is not installed."""
    if importlib.util.find_spec("optuna") is None:
        raise MissingExtraError("optuna", "sweep", "a search for options")


def spaces() -> list[str]:
    """The names of the spaces in conf/sweep/."""
    return sorted(path.stem for path in (conf_folder() / "sweep").glob("*.yaml"))


def load_space(name: str, select: Select = "accuracy") -> Space:
    """Read a space: a name of conf/sweep/, or a file. `select`: the objective where it names none.

    Raises ConfigError: there is none, or it is no space. The names of its options are not checked
    here, see `check_space`.
    """
    path = conf_folder() / "sweep" / f"{name}.yaml" if name in spaces() else Path(name)
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe may never end
            raise OSError(errno.EINVAL, "it is no regular file")
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise ConfigError(
            f"sweep.space={name}: expected one of {', '.join(spaces())}, or a YAML file "
            f"({reason}){nearest(name, spaces())}"
        ) from error
    values = _read(path.name, text)
    objectives = _objectives(path.name, values.pop("objectives", [select]))
    if not values:
        raise ConfigError(
            f"{path.name}: expected a line for each option to search, such as model.dropout: [0.1, "
            "0.3], there is none"
        )
    options = {option: _dimension(path.name, option, value) for option, value in values.items()}
    return Space(path.name, objectives, options)


def check_space(space: Space, compose: Compose) -> dict[str, str]:
    """Check every value of a space with the options of the rooms. Trains nothing.

    Gives the value that each option has without the search, where the space holds it.

    `compose`: with the overrides from which the search starts.

    Raises ConfigError: an option that does not exist or is not searched, or a value out of range.
    """
    base = compose(())
    defaults = flatten({name: flatten(getattr(base, name)) for name in ROOMS})
    for option in space.options:
        if option == "training.workers":
            raise ConfigError(f"{space.file}: {option} cannot be searched: leave it out")
        if option.partition(".")[0] not in ROOMS:
            _composed(space, compose, {option: space.options[option].values[0]})
            raise ConfigError(
                f"{space.file}: {option} cannot be searched, as all trials have the same "
                f"headlines: expected an option of {', '.join(ROOMS)}"
            )
    # All first values together, then all second values: to compose takes a third of a second.
    for position in range(max(len(dimension.values) for dimension in space.options.values())):
        together = {
            option: dimension.values[min(position, len(dimension.values) - 1)]
            for option, dimension in space.options.items()
        }
        try:
            _composed(space, compose, together)
        except ConfigError:
            for option, value in together.items():  # which one is it?
                _composed(space, compose, {option: value})
            raise
    return {
        option: written(value)
        for option, dimension in space.options.items()
        for value in [_default(option, dimension, base, compose, defaults)]
        if value is not None and dimension.holds(value)
    }


def overrides_of(options: Mapping[str, Any]) -> list[str]:
    """Options as overrides. `options`: values as they are written there."""
    return [f"{name}={value}" for name, value in options.items()]


def written(value: object) -> str:
    """A value in the form of an override.

    >>> written(True), written(None), written([1, 2]), written(0.1 + 0.2), written("cnn")
    ('true', 'null', '[1,2]', '0.3', 'cnn')
    """
    if isinstance(value, list | tuple):
        return f"[{','.join(map(written, value))}]"
    if isinstance(value, float):
        return str(float(f"{value:.12g}"))
    return value if isinstance(value, str) else json.dumps(value)


def _composed(space: Space, compose: Compose, options: Mapping[str, str]) -> TrialOptions:
    try:
        return compose(overrides_of(options))
    except ConfigError as error:
        raise ConfigError(f"{space.file}: {error}") from error


def _default(
    option: str,
    dimension: Range | Choices,
    base: TrialOptions,
    compose: Compose,
    defaults: Mapping[str, Any],
) -> object:
    """The value that an option has without the search. Of a group it is the choice that changes
    nothing. None: it is not among the values."""
    if option in ROOMS:
        same = (
            value
            for value in dimension.values
            if getattr(compose([f"{option}={value}"]), option) == getattr(base, option)
        )
        return next(same, None)
    value = defaults.get(option)
    return "null" if value is None and option in defaults else value


def _read(file: str, text: str) -> dict[str, Any]:
    """The file as a mapping. OmegaConf's loader reads 1e-3 as a number and refuses a name twice."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        values = OmegaConf.to_container(OmegaConf.create(text), resolve=False)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise ConfigError(f"{file}{where}: expected YAML: {problem}") from error
    except RecursionError as error:
        raise ConfigError(f"{file}: expected plain values, got too many lists in lists") from error
    except (OmegaConfBaseException, OSError) as error:
        raise ConfigError(f"{file}: expected plain values: {str(error).splitlines()[0]}") from error
    wrong = (
        [name for name in values if not isinstance(name, str)]
        if isinstance(values, dict)
        else values
    )
    if wrong or not isinstance(values, dict):
        raise ConfigError(
            f"{file}: expected lines such as model.dropout: [0.1, 0.3], got {wrong!r}"
        )
    for name, value in values.items():
        if "${" in f"{name}{value}":  # it would be looked up, also in the environment
            raise ConfigError(
                f"{file}: {name}: expected plain values, got ${{...}}: write the value"
            )
    return values


def _objectives(file: str, value: Any) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if (
        not isinstance(names, list)
        or not 1 <= len(names) <= 3
        or len({*map(str, names)}) < len(names)
    ):
        raise ConfigError(
            f"{file}: objectives: expected one to three different names of "
            f"{', '.join(OBJECTIVES)}, got {value!r}"
        )
    for name in names:
        if name not in OBJECTIVES:
            raise ConfigError(
                f"{file}: objectives: expected names of {', '.join(OBJECTIVES)}, got {name!r}"
                f"{nearest(str(name), OBJECTIVES)}"
            )
    if len(names) > 1 and names[0] != ACCURACY:
        raise ConfigError(
            f"{file}: objectives: expected {ACCURACY} as the first of several, got {names[0]}: the "
            "best trial is chosen among the most accurate ones"
        )
    return tuple(names)


def _check_range(where: str, value: Mapping[Any, Any]) -> None:
    """Whether it has the names of a `Range`, and numbers."""
    names = [field.name for field in fields(Range)]
    for name in value:
        if name not in names:
            raise ConfigError(
                f"{where}: expected low and high, and log or step, got {name!r}"
                f"{nearest(str(name), names)}"
            )
    for name in ("low", "high", "step"):
        number = value.get(name)
        if name in value and (isinstance(number, bool) or not isinstance(number, int | float)):
            raise ConfigError(f"{where}: expected a number as {name}, got {number!r}")
        if name != "step" and name not in value:
            raise ConfigError(f"{where}: expected low and high, {name} is missing")


def _dimension(file: str, option: str, value: Any) -> Range | Choices:
    if isinstance(value, dict):
        _check_range(f"{file}: {option}", value)
        try:
            return check_options(Range, value)
        except ConfigError as error:
            raise ConfigError(f"{file}: {option}: {error}") from error
    if not isinstance(value, list):
        raise ConfigError(
            f"{file}: {option}: expected a list of values, or {{low: ..., high: ...}}, got {value!r}"
        )
    values = tuple(map(written, value))
    if len(set(values)) < 2 or len(set(values)) < len(values):
        raise ConfigError(
            f"{file}: {option}: expected two different values or more, got {written(value)}"
        )
    return Choices(values)
