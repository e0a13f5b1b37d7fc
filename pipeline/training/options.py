"""The options of `training`: the schedule."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from numbers import Real
from typing import Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from pipeline.base.errors import nearest
from pipeline.base.options import STRICT, Positive, Rate
from pipeline.classifier.options import Select
from pipeline.data.content import shown
from pipeline.data.examples import MOST_WEIGHT

PhaseName = Literal["frozen", "fine_tuned", "scratch"]


def _check_class_weight(value: Any) -> Any:
    """The weights with names of labels: those that are numbers or truth values become text."""
    if value is None or (isinstance(value, str) and value == "balanced"):
        return value
    if isinstance(value, str) and value.startswith("{"):  # with quotes, which Hydra reads as text
        with suppress(yaml.YAMLError):
            value = yaml.safe_load(value)
    if not isinstance(value, Mapping) or not value:
        raise ValueError(
            f"expected balanced or the weight of each label, as in {{sport: 2, politics: 0.5}}, got "
            f"{value!r}{nearest(value, ['balanced']) if isinstance(value, str) else ''}"
        )
    weights = {}
    for label, weight in value.items():
        is_number = isinstance(weight, Real) and not isinstance(weight, bool)
        if not is_number or not 0 <= weight <= MOST_WEIGHT:
            raise ValueError(
                f"expected a number from 0 to {MOST_WEIGHT:g} as the weight of the label {label!r}, got "
                f"{shown(weight)}"
            )
        whole = isinstance(label, float) and label.is_integer()
        weights[str(int(label)) if whole else str(label)] = float(weight)
    return weights


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
    that hurts most, in lengths of a typical vector; 0 leaves these steps out. `workers`: processes that
    train together, named in the environment variable TF_CONFIG; 1: this process alone.
    `class_weight`: how much the headlines of a label count: `balanced` (all labels the same), or a
    weight for each label by its name; None: each headline counts once. `select`: what decides on
    validation between epochs and phases, trials of a search, and on the champion; `accuracy` and then
    the loss by default.
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
