"""Mean and spread of a number over several seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import mean, stdev


@dataclass(frozen=True)
class Spread:
    """A number measured `count` times.

    `std`: sample standard deviation, NaN for a single value. `low`, `high`: smallest and largest.
    All are NaN where there is no value.
    """

    mean: float
    std: float
    low: float
    high: float
    count: int

    @classmethod
    def over(cls, values: Iterable[float]) -> Spread:
        """Summarise the values.

        >>> Spread.over([0.5, 0.75])
        Spread(mean=0.625, std=0.1767766952966369, low=0.5, high=0.75, count=2)
        """
        numbers = list(values)
        if not numbers:
            return cls(math.nan, math.nan, math.nan, math.nan, 0)
        std = stdev(numbers) if len(numbers) > 1 else math.nan
        return cls(mean(numbers), std, min(numbers), max(numbers), len(numbers))

    def format(self, digits: int = 4) -> str:
        """Mean and standard deviation as text: the mean alone for one value, `-` for none.

        >>> Spread.over([0.5, 0.75]).format(2)
        '0.62 ± 0.18'
        """
        if not self.count:
            return "-"
        spread = f" ± {self.std:.{digits}f}" if self.count > 1 else ""
        return f"{self.mean:.{digits}f}{spread}"
