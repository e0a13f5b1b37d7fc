"""What several methods reached with growing numbers of labels, and what follows from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.insight.spread import Spread

METHODS = ("ensemble", "fine_tuned", "frozen", "scratch", "tfidf", "fasttext", "majority")
"""The methods in the order in which they are shown. Others stand before the last one."""

_RESAMPLES = 9_999  # random changes of sign in a permutation test


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one training reached on the test headlines.

    `method`: one of METHODS, or a name of an opponent. `size`: number of training headlines.
    `seed`: the seed that drew them. `test_accuracy`, `test_macro_f1`: fractions. `seconds`: time
    from headlines in memory to the trained classifier. `predicted`: int array, (n_test,), the
    predicted label of each test headline.
    """

    method: str
    size: int
    seed: int
    test_accuracy: float
    test_macro_f1: float
    seconds: float
    predicted: NDArray[np.int64]


@dataclass(frozen=True)
class MeanOutcome:
    """The outcomes of one method with `size` headlines, averaged over the seeds.

    `accuracy`: mean test accuracy. `accuracy_std`: its sample standard deviation.
    `accuracy_half_interval`: half the width of the 95% interval of the mean (Student's t).
    `macro_f1`, `seconds`: means. `seeds`: the number of seeds. With one seed the standard deviation
    and the interval are NaN.
    """

    method: str
    size: int
    seeds: int
    accuracy: float
    accuracy_std: float
    accuracy_half_interval: float
    macro_f1: float
    seconds: float


@dataclass(frozen=True)
class Difference:
    """Two methods compared with `size` headlines.

    `difference`: mean test accuracy of `method` minus that of `against`. `p`: the p-value of
    `compare_methods`. `p_adjusted`: the same, adjusted for the number of comparisons.
    """

    size: int
    method: str
    against: str
    difference: float
    p: float
    p_adjusted: float


@dataclass(frozen=True)
class Worth:
    """How many headlines another method `needs` to reach the `accuracy` that one has with `size`.

    `needs` is NaN where the other method needs more headlines than were tried.
    """

    size: int
    accuracy: float
    needs: float


def list_sizes(outcomes: Sequence[Outcome]) -> list[int]:
    """The numbers of training headlines, smallest first."""
    return sorted({outcome.size for outcome in outcomes})


def list_methods(outcomes: Sequence[Outcome]) -> list[str]:
    """The methods of the outcomes, in the order of METHODS."""
    place = {method: i for i, method in enumerate(METHODS)}
    others = place[METHODS[-1]] - 0.5
    present = dict.fromkeys(outcome.method for outcome in outcomes)
    return sorted(present, key=lambda method: place.get(method, others))


def mean_outcomes(outcomes: Sequence[Outcome]) -> list[MeanOutcome]:
    """Average the outcomes of each method and size over the seeds."""
    from scipy.stats import t

    means = []
    for method in list_methods(outcomes):
        for size in list_sizes(outcomes):
            group = [o for o in outcomes if (o.method, o.size) == (method, size)]
            if not group:
                continue
            accuracy = Spread.over(outcome.test_accuracy for outcome in group)
            n = accuracy.count
            half = float(t.ppf(0.975, n - 1)) * accuracy.std / n**0.5 if n > 1 else math.nan
            means.append(
                MeanOutcome(
                    method,
                    size,
                    n,
                    accuracy.mean,
                    accuracy.std,
                    half,
                    Spread.over(outcome.test_macro_f1 for outcome in group).mean,
                    Spread.over(outcome.seconds for outcome in group).mean,
                )
            )
    return means


def compare_methods(
    outcomes: Sequence[Outcome], labels: Sequence[int], method: str = "fine_tuned"
) -> list[Difference]:
    """Compare one method with every other, for each number of headlines.

    The p-value is that of a permutation test of paired differences (9,999 random changes of sign).
    A pair is one test headline; its difference is the mean over the seeds that both methods have.
    The p-values are adjusted for the number of comparisons (Benjamini and Hochberg 1995).

    `labels`: the true labels of the test headlines. `method`: where the outcomes do not have it,
    the first method that they have.
    """
    from scipy.stats import false_discovery_control

    methods, truth = list_methods(outcomes), np.asarray(labels)
    method = method if method in methods else methods[0]
    hits: dict[tuple[str, int], dict[int, NDArray[np.float64]]] = {}
    for outcome in outcomes:
        right = (outcome.predicted == truth).astype(float)
        hits.setdefault((outcome.method, outcome.size), {})[outcome.seed] = right
    rows = []
    for size in list_sizes(outcomes):
        for against in methods:
            ours, theirs = hits.get((method, size), {}), hits.get((against, size), {})
            seeds = sorted(ours.keys() & theirs.keys())
            if against == method or not seeds:
                continue
            differences = np.mean([ours[seed] - theirs[seed] for seed in seeds], axis=0)
            p = _sign_permutation_p(differences)
            rows.append((size, method, against, float(differences.mean()), p))
    adjusted = false_discovery_control([row[-1] for row in rows]) if rows else []
    return [Difference(*row, float(p)) for row, p in zip(rows, adjusted, strict=True)]


def measure_worth(
    outcomes: Sequence[Outcome], method: str = "fine_tuned", against: str = "tfidf"
) -> list[Worth]:
    """For each size, say how many headlines `against` needs to be as accurate as `method`.

    Between two sizes the curve of means is taken as straight over the logarithm of the size.
    """
    means = mean_outcomes(outcomes)
    curve = [(m.size, m.accuracy) for m in means if m.method == against]
    reached = [(m.size, m.accuracy) for m in means if m.method == method]
    return [Worth(size, accuracy, _first_size(curve, accuracy)) for size, accuracy in reached]


def _sign_permutation_p(differences: NDArray[np.float64]) -> float:
    """The two-sided p-value that the mean of the differences, (n,), is zero."""
    from scipy.stats import permutation_test

    if not differences.any():
        return 1.0
    result = permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        n_resamples=_RESAMPLES,
        batch=max(1, 10_000_000 // len(differences)),
        vectorized=True,
        rng=np.random.default_rng(0),
    )
    return float(result.pvalue)


def _first_size(curve: Sequence[tuple[int, float]], level: float) -> float:
    """The smallest size at which the curve of (size, accuracy) reaches the level, NaN if never."""
    below: tuple[int, float] | None = None
    for size, accuracy in curve:
        if accuracy >= level:
            if below is None:
                return float(size)
            fraction = (level - below[1]) / (accuracy - below[1])
            return float(below[0] * (size / below[0]) ** fraction)
        below = (size, accuracy)
    return math.nan
