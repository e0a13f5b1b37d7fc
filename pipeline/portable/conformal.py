"""Sets of labels that hold the right one as often as asked: split conformal prediction.

A label is in the set where it is as probable as the right label is often enough among headlines
that the classifier did not learn from (LAC: Sadinle, Lei and Wasserman 2019,
doi 10.1080/01621459.2017.1395341). So a set has no label where none is as probable.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.errors import DataError

_ROUNDING = 1e-9  # 0.7 x 210 is a little above 147 for a computer


@dataclass(frozen=True, eq=False)
class Calibration:
    """How probable a classifier finds the right label.

    `right`: for each group of labels a float32 array, (n_texts,), sorted: the probability of the
    right label of each validation text of the group. `group_of`: int array, (n_labels,), the group
    of each label.
    """

    right: tuple[NDArray[np.float32], ...]
    group_of: NDArray[np.intp]

    @property
    def most(self) -> float:
        """The highest coverage that the smallest group can tell."""
        n = min(map(len, self.right))
        return n / (n + 1)

    def thresholds(self, coverage: float) -> NDArray[np.float32]:
        """How probable each label has to be: float32 array, (n_labels,).

        Of n validation texts, ceil((n + 1) x coverage) have a right label that is as probable. Then
        the next text has one with a chance of at least `coverage`, where it comes from where these
        came from (Vovk, Gammerman and Shafer 2005).

        Raises DataError: there are too few validation texts for this coverage.
        """
        if coverage > self.most + _ROUNDING:
            n = min(map(len, self.right))
            raise DataError(
                f"coverage: expected at most {floor(1000 * self.most) / 1000}, as the model has "
                f"{n:,} validation headlines for it, got {coverage}: ask for less, or train with "
                "more"
            )
        by_group = [
            right[len(right) - max(ceil((len(right) + 1) * coverage - _ROUNDING), 1)]
            for right in self.right
        ]
        return np.array(by_group, np.float32)[self.group_of]


def label_sets(
    probabilities: NDArray[Any], calibration: Calibration | None, coverage: float
) -> NDArray[np.bool_]:
    """Which labels are in the set of each text: bool array, (n, n_labels).

    Args:
        probabilities: float array, (n, n_labels).
        calibration: of the classifier that gave them; None: it has none.
        coverage: above 0 and below 1, how often a set shall hold the right label.

    Raises DataError: there is no calibration, or it has too few texts for this coverage.
    """
    if calibration is None:
        raise DataError(
            "coverage: expected a model with a calibration, this one has none, as it comes from an "
            "earlier version: train again, or leave coverage out"
        )
    return probabilities.astype(np.float32) >= calibration.thresholds(coverage)
