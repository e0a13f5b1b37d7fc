"""The options of `training`: the schedule."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from numbers import Real
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from pipeline.base.errors import DataError, nearest
from pipeline.base.options import STRICT, Positive, Rate
from pipeline.classifier.options import Select
from pipeline.data.content import shown
from pipeline.data.examples import MOST_WEIGHT

PhaseName = Literal["frozen", "fine_tuned", "scratch"]


# A label in double quotes as in JSON, in single ones, or without; and its weight.
_PAIR = re.compile(
    r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s,:"'\[\]{}](?:[^,:"'\[\]{}]*[^\s,:"'\[\]{}])?))"""
    r"""\s*:\s*([^\s,:\[\]{}]+)\s*(?:,|$)""",
    re.DOTALL,
)


def _check_class_weight(value: Any) -> Any:
    """The weights by the names of the labels, which are those that `label_text` gives."""
    if value is None or (isinstance(value, str) and value == "balanced"):
        return value
    pairs = [*value.items()] if isinstance(value, Mapping) else _pairs(value)
    if not pairs:
        raise ValueError(
            "expected balanced or the weight of each label, as in {sport: 2, politics: 0.5}, with double "
            f'quotes around any other name, as in {{"R&D: new": 2}}, got {shown(value)}'
            f"{nearest(value, ['balanced']) if isinstance(value, str) else ''}"
        )
    from pipeline.data.cleaning import label_text  # it imports pandas

    weights: dict[str, float] = {}
    for label, weight in pairs:
        try:
            name = label_text(label)
        except DataError as error:
            raise ValueError(str(error)) from error
        is_number = isinstance(weight, Real) and not isinstance(weight, bool)
        if not is_number or not 0 <= weight <= MOST_WEIGHT:
            raise ValueError(
                f"expected a number from 0 to {MOST_WEIGHT:g} as the weight of the label "
                f"{shown(name)}, got {shown(weight)}"
            )
        if not name:
            raise ValueError(f"expected the name of a label, got {shown(label)}")
        if name in weights:
            raise ValueError(f"expected one weight for each label, {shown(name)} has two")
        weights[name] = float(weight)
    return weights


def _pairs(value: Any) -> list[tuple[str, Any]]:
    """The labels and weights of a text such as {sport: 2, "R&D: new": 3}; none where it is
    another."""
    text = value.strip() if isinstance(value, str) else ""
    inside, at = text[1:-1].rstrip(), 0
    if (text[:1], text[-1:]) != ("{", "}"):
        return []
    pairs = []
    while at < len(inside):
        match = _PAIR.match(inside, at)
        if match is None:
            return []
        escaped, quoted, plain, weight = match.groups()
        try:
            name = plain or quoted if escaped is None else json.loads(f'"{escaped}"', strict=False)
        except ValueError:  # a backslash before another letter
            return []
        pairs.append((name or "", _number(weight)))
        at = match.end()
    return pairs


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


@dataclass(frozen=True, config=STRICT)
class PhaseOptions:
    """One phase of training.

    `epochs`: 0 leaves the phase out; with `auto` pipeline/training/schedule.py decides by the
    number of headlines. `patience`: the phase ends early after so many epochs without a better
    validation result; None: it never does.
    """

    epochs: Annotated[int, Field(ge=0)] | Literal["auto"] = "auto"
    learning_rate: Annotated[float, Field(gt=0, lt=10)] = 2e-3
    patience: Positive | None = None


@dataclass(frozen=True, config=STRICT)
class TrainingOptions:
    """The schedule: which phases run, in their order, and how.

    In `frozen` the embedding does not move. In `fine_tuned` and `scratch` it is trained with the
    rest; `scratch` is the phase's name where the vectors started from random numbers.
    `batch_size`: headlines a step, or `auto`. `warmup_fraction`: of a phase's steps, before the
    learning rate falls. `embedding_lr_scale`: the embedding's learning rate in multiples of the
    rest's. `adversarial_epsilon`: how far the word vectors of a headline are moved in the direction
    that hurts most, in lengths of a typical vector; 0 leaves these steps out. `workers`: processes
    that train together, named in the environment variable TF_CONFIG; 1: this process alone.
    `class_weight`: how much the headlines of a label count: `balanced` (all labels the same), or a
    weight for each label by its name; None: each headline counts once. `select`: what decides on
    validation between epochs and phases, trials of a search, and on the champion; `accuracy` and
    then the loss by default.
    """

    phases: Annotated[tuple[PhaseName, ...], Field(min_length=1)] = ("frozen", "fine_tuned")
    frozen: PhaseOptions = Field(default_factory=PhaseOptions)
    fine_tuned: PhaseOptions = Field(default_factory=lambda: PhaseOptions(learning_rate=1e-3))
    scratch: PhaseOptions = Field(default_factory=PhaseOptions)
    batch_size: Positive | Literal["auto"] = "auto"
    warmup_fraction: Rate = 0.1
    embedding_lr_scale: Annotated[float, Field(gt=0, le=100)] = 2.0
    adversarial_epsilon: Annotated[float, Field(ge=0, le=10)] = 0.25
    workers: Positive = 1
    class_weight: Annotated[
        Literal["balanced"] | dict[str, float] | None, BeforeValidator(_check_class_weight)
    ] = None
    select: Select = "accuracy"

    @model_validator(mode="after")
    def _at_least_one(self) -> TrainingOptions:
        if len(set(self.phases)) < len(self.phases):
            raise ValueError(f"expected each phase once, got {', '.join(self.phases)}")
        if not self.planned:
            raise ValueError("at least one phase needs epochs >= 1")
        return self

    @property
    def planned(self) -> Mapping[PhaseName, PhaseOptions]:
        """The phases that run, by name, in their order: those with at least one epoch."""
        phases: dict[PhaseName, PhaseOptions] = {name: getattr(self, name) for name in self.phases}
        return {name: phase for name, phase in phases.items() if phase.epochs}
