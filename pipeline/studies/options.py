"""The options of `compare`, `explain` and `sweep`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from pipeline.base.options import STRICT, Positive, Seeds


@dataclass(frozen=True, config=STRICT)
class CompareOptions:
    """The grid of `pipeline compare`.

    `sizes`: numbers of training headlines; a number above what there is stands for all of them.
    `seeds`: how many seeds, counted from the run's own, or a list. Each draws other headlines.
    `also`: more methods, see `pipeline.studies.opponents`: `package.module:Factory`, or an encoder.
    """

    sizes: Annotated[tuple[Positive, ...], Field(min_length=1)] = (
        25, 50, 100, 200, 400, 800, 1600,
    )  # fmt: skip
    seeds: Seeds = 5
    also: tuple[str, ...] = ()


@dataclass(frozen=True, config=STRICT)
class ExplainOptions:
    """How often `pipeline explain` trains each method.

    `seeds`: how many seeds, counted from the run's own, or a list.
    """

    seeds: Seeds = 5


@dataclass(frozen=True, config=STRICT)
class SweepOptions:
    """What `pipeline sweep` tries, and how long.

    `space`: a name of conf/sweep/, or a YAML file. `trials`: trainings in all, those that were
    pruned or failed included. `minutes`: no trial begins later; None: no limit. `processes`: that
    train side by side.
    """

    space: Annotated[str, Field(min_length=1)] = "default"
    trials: Positive = 30
    minutes: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    processes: Annotated[int, Field(ge=1, le=64)] = 1
