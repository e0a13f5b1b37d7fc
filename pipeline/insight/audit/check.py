"""What every audit check takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from pipeline.base.calls import check_fields
from pipeline.base.options import Count, Positive
from pipeline.data.cleaning import Contradiction
from pipeline.insight.audit.words import Words
from pipeline.insight.text_views import Vectors

SIGNIFICANCE = 0.01  # p-value above which a result counts as chance; several results are tested


@dataclass(frozen=True)
class AuditBounds:
    """How much of large data a check looks at; above that it takes a random sample.

    `max_comparisons`: comparisons of two headlines for each pair of splits (a few seconds).
    `max_signal_headlines`: headlines of each split for the signals. With 30,000 the standard error
    of an accuracy is at most 0.003. `max_group_headlines`: headlines for the groups.
    `max_group_scores`: headlines x labels above which their model is a simpler one.
    `max_label_headlines`: headlines among which wrong labels are looked for.

    Raises ConfigError: a number is below 1, or that of comparisons below 0.
    """

    max_comparisons: Count = 7_500_000
    max_signal_headlines: Positive = 30_000
    max_group_headlines: Positive = 100_000
    max_group_scores: Positive = 1_000_000
    max_label_headlines: Positive = 30_000

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, eq=False)
class AuditInputs:
    """What a check may look at.

    `words`: the headlines of all splits. `groups`: the group of each headline, by split; None where
    the headlines have no groups. `letter_case`: whether the model sees how words are capitalised.
    `seed`: draws samples. `bounds`: the sizes of the samples. `contradictions`: the headlines that
    came with several labels. `vectors`: those of the words; None where none are at hand.
    """

    words: Words
    groups: Mapping[str, Sequence[str]] | None = None
    letter_case: bool = True
    seed: int = 0
    bounds: AuditBounds = field(default_factory=AuditBounds)
    contradictions: Sequence[Contradiction] = ()
    vectors: Vectors | None = None


@dataclass(frozen=True, eq=False)
class CheckTable:
    """A table of a check.

    `title`: what it shows, as a heading. `frame`: all rows, which a run logs. `short`: a smaller
    table for the terminal; None where all rows are shown. `note`: a line below the table.
    """

    title: str
    frame: pd.DataFrame
    short: pd.DataFrame | None = None
    note: str = ""


@dataclass(frozen=True)
class CheckResult:
    """What a check gives: a frozen dataclass that overrides what it has to say.

    `best`: the accuracy of the best model that is known; 1.0 where none is.
    """

    def warnings(self, best: float = 1.0) -> list[str]:
        """One sentence for each finding that may make an accuracy worth less."""
        return []

    def samples(self) -> list[str]:
        """One sentence for each part of the data of which only a sample was looked at."""
        return []

    def metrics(self) -> dict[str, float]:
        """The numbers that a run logs, by name: rows of `tables/audit.csv`."""
        return {}

    def tables(self, best: float = 1.0) -> dict[str, CheckTable]:
        """The tables by the names of their files."""
        return {}

    def values(self) -> dict[str, Any]:
        """Everything as values of a JSON object."""
        return asdict(self)


Check = Callable[[AuditInputs], CheckResult | None]
"""A check. It gives None where it does not apply."""
