"""Options: checked values, and messages with the caller's own names."""

from __future__ import annotations

from dataclasses import field

import pytest
from pydantic.dataclasses import dataclass

from pipeline.base.errors import ConfigError, MissingExtraError, nearest
from pipeline.base.options import (
    STRICT,
    Fraction,
    Positive,
    Seeds,
    check_options,
    flatten,
    list_seeds,
)


@dataclass(frozen=True, config=STRICT)
class PhaseOptions:
    epochs: Positive = 1


@dataclass(frozen=True, config=STRICT)
class Options:
    phase: PhaseOptions = field(default_factory=PhaseOptions)
    test: Fraction = 0.5
    seeds: Seeds = 3
    words: tuple[str, ...] = ()


def test_values_are_checked_and_defaults_filled_in() -> None:
    options = check_options(Options, {"phase": {"epochs": 3}, "seeds": [1, 2]})
    assert options == Options(PhaseOptions(3), 0.5, (1, 2), ())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"phase": {"epochs": 0}}, "n_epochs=0: expected greater than or equal to 1, got 0"),
        ({"phase": {"epoch": 0}}, "there is no option 'phase.epoch'"),
        ({"tests": 0.5}, "there is no option 'tests'"),
        ({"test": 1}, "test=1: expected less than 1, got 1"),
        ({"test": "x"}, "test=x: expected a valid number, got 'x'"),
        ({"seeds": "x"}, "seeds=x: expected a whole number or a list, got 'x'"),
        ({"seeds": []}, "seeds=[]: expected at least one value, got []"),
        ({"words": "alps"}, "words=alps: expected a list, as in words=[alps], got 'alps'"),
    ],
)
def test_a_wrong_value_is_named_as_the_caller_names_it(
    values: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        check_options(Options, values, {"phase.epochs": "n_epochs"})
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)


def test_seeds() -> None:
    assert list_seeds(3, first=5) == [5, 6, 7]
    assert list_seeds((1, 8, 1), first=5) == [1, 8]


def test_flatten() -> None:
    assert flatten(Options()) == {"phase.epochs": 1, "test": 0.5, "seeds": 3, "words": ()}


def test_the_nearest_name() -> None:
    assert nearest("clickbait", ["bbc", "stop_clickbait"]) == "; did you mean stop_clickbait?"
    assert nearest("xyz", ["bbc", "hub"]) == ""


def test_a_missing_package_is_named_with_its_extra() -> None:
    error = MissingExtraError("faiss-cpu", "cases", "a case base")
    assert str(error) == (
        "a case base needs the package faiss-cpu, which is not installed: "
        "pip install 'headline-transfer[cases]'"
    )
