"""The types of option values, and the check of options.

The options of a room are a frozen dataclass of pydantic in its options.py. Types and ranges stand
beside the names there, and the module is light to import.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
)

from pipeline.base.errors import ConfigError, written

STRICT = ConfigDict(extra="forbid")


def _as_typed(value: Any, info: ValidationInfo) -> Any:
    is_short = type(value) is int and abs(value) < 10**18
    return str(value) if info.context == COMMAND_LINE and is_short else value


COMMAND_LINE = "command line"
Text = Annotated[str, BeforeValidator(_as_typed)]
"""A text. On the command line a name such as 2024 reads as a number."""
Name = Annotated[str, Field(min_length=1), BeforeValidator(_as_typed)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Seeds = Positive | Annotated[tuple[Seed, ...], Field(min_length=1)]
"""The number of seeds, counted from the run's own seed; or a list of seeds."""

Options = TypeVar("Options")

_SHOWN = 200  # characters of a value that a message shows


def list_seeds(seeds: Seeds, first: int) -> list[int]:
    """The seeds as a list, without repetitions.

    >>> list_seeds(3, first=5), list_seeds((1, 8, 1), first=5)
    ([5, 6, 7], [1, 8])
    """
    if isinstance(seeds, int):
        return list(range(first, first + seeds))
    return list(dict.fromkeys(seeds))


def check_options(
    kind: type[Options] | TypeAdapter[Options],
    values: Mapping[str, Any],
    names: Mapping[str, str] | None = None,
    context: str | None = None,
) -> Options:
    """Make options from plain values, and check each value.

    `kind`: a dataclass of options, or a TypeAdapter for a union of them. `values`: by the names of
    the fields; a field that has options itself takes a mapping. `names`: the caller's name of a
    field, by the field's dotted name. Messages use the caller's name. `context`: COMMAND_LINE
    where a whole number may be meant as a text.

    Raises ConfigError: a value has the wrong type or is out of range.

    >>> @dataclasses.dataclass
    ... class PhaseOptions:
    ...     epochs: Positive = 1
    >>> check_options(PhaseOptions, {"epochs": 3})
    PhaseOptions(epochs=3)
    >>> check_options(PhaseOptions, {"epochs": 0}, {"epochs": "frozen_epochs"})
    Traceback (most recent call last):
    pipeline.base.errors.ConfigError: frozen_epochs=0: expected greater than or equal to 1, got 0
    """
    adapter: TypeAdapter[Options] = kind if isinstance(kind, TypeAdapter) else TypeAdapter(kind)
    try:
        return adapter.validate_python(values, context=context)
    except ValidationError as error:
        raise ConfigError(describe_validation_error(error, values, names or {})) from error


def describe_validation_error(
    error: ValidationError, values: Mapping[str, Any], names: Mapping[str, str]
) -> str:
    """The first finding of pydantic in one line. `values`, `names`: as for `check_options`."""
    # A default that follows from other options is not known where one of those is wrong.
    findings = [
        each
        for each in error.errors(include_url=False)
        if each["type"] != "default_factory_not_called"
    ]
    # A finding about one option is clearer than a finding about several options together.
    finding = min(findings, key=lambda each: len(each["loc"]) > 1)
    option = _option(finding["loc"], values)
    same = [each for each in findings if _option(each["loc"], values) == option]
    # In a list, an item is wrong and not the whole list. An empty list is still a list.
    finding = max(same, key=lambda each: (len(each["loc"]), each["type"] == "too_short"))
    path, value = ".".join(option), finding["input"]
    text = written(value)
    if text.startswith("a huge number"):  # it cannot be shown as it is
        value = "a huge number"
    elif isinstance(value, str) and len(text) > _SHOWN:
        value = f"{value[:_SHOWN]}..."
    name = names.get(path, path)
    match finding["type"]:
        case "unexpected_keyword_argument" | "extra_forbidden":
            return f"there is no option {name!r}"
        case "union_tag_invalid":
            context = finding["ctx"]
            path = ".".join([*option, context["discriminator"].strip("'")])
            name = names.get(path, path)
            return f"{name}={context['tag']}: expected one of {context['expected_tags']}"
        case "value_error":
            message = finding["msg"].removeprefix("Value error, ")
            return f"{name}: {message}" if name else message
        case "string_type" if "." in name and isinstance(value, int | float):
            return (
                f"{name}={value}: expected a text, got {value!r}: put it in quotes, as in "
                f"'{name}=\"{value}\"'"
            )
        case "tuple_type" if len(same) == 1 and str(value).lstrip().startswith("["):
            return (
                f"{name}={value}: expected a list, where quotes and brackets close: put such an "
                f"item in double quotes, as in '{name}=[\"an item\"]'"
            )
        case "tuple_type" if len(same) == 1:
            return f"{name}={value}: expected a list, as in {name}=[{value}], got {value!r}"
        case "int_parsing_size":
            return f"{name}={value}: expected a number of fewer digits, got {value!r}"
        case "too_short":
            return f"{name}={value}: expected at least one value, got {value!r}"
    return f"{name}={value}: {_expected(same, finding)}, got {value!r}"


def _option(location: Sequence[str | int], values: Any) -> tuple[str, ...]:
    """The names that lead to the option in `values`.

    pydantic's location also has the tags of unions, and places in lists. They are left out.
    """
    option: list[str] = []
    for position, part in enumerate(location):
        if not isinstance(values, Mapping):
            break
        last = position == len(location) - 1
        if part in values or (last and not option):
            option.append(str(part))
            values = values.get(part)
    return tuple(option)


def _expected(same: Sequence[Any], finding: Any) -> str:
    """What was expected. Where a value may have several types, all of them are named."""
    kinds = {each["type"]: each for each in same if len(each["loc"]) == len(finding["loc"])}
    alternatives = []
    if {"int_parsing", "int_type"} & kinds.keys():
        alternatives.append("a whole number")
    if "literal_error" in kinds:
        alternatives.append(kinds["literal_error"]["ctx"]["expected"])
    if "tuple_type" in kinds:
        alternatives.append("a list")
    if len(alternatives) > 1:
        return f"expected {' or '.join(alternatives)}"
    message = str(same[0]["msg"] if len(kinds) > 1 else finding["msg"])
    # What came is said behind it.
    return re.split(", (?:got|unable to parse) ", message)[0].replace("Input should be", "expected")


def flatten(config: object, prefix: str = "") -> dict[str, Any]:
    """The values of options by their dotted names, as an override names them.

    >>> flatten({"seed": 0, "model": {"encoder": "cnn"}})
    {'seed': 0, 'model.encoder': 'cnn'}
    """
    values = config if isinstance(config, Mapping) else dataclasses.asdict(config)  # type: ignore[call-overload]
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
