"""What follows from the outcomes of several methods: means, significance, worth in labels."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.insight.outcomes import (
    Outcome,
    compare_methods,
    list_methods,
    list_sizes,
    mean_outcomes,
    measure_worth,
)


def make_outcome(method: str, size: int, seed: int, right: list[int]) -> Outcome:
    """An outcome on test headlines that all have the label 1."""
    predicted = np.array(right)
    return Outcome(method, size, seed, float(predicted.mean()), 0.5, 1.0, predicted)


def make_curve(method: str, accuracies: dict[int, float]) -> list[Outcome]:
    return [
        Outcome(method, size, 0, value, value, 1.0, np.zeros(1, int))
        for size, value in accuracies.items()
    ]


def test_methods_and_sizes_have_an_order() -> None:
    outcomes = [*make_curve("tfidf", {100: 0.5, 25: 0.4}), *make_curve("ensemble", {50: 0.6})]
    assert list_methods(outcomes) == ["ensemble", "tfidf"]
    assert list_sizes(outcomes) == [25, 50, 100]


def test_means_and_their_interval() -> None:
    accuracies = [0.25, 0.5, 0.75]
    outcomes = [
        Outcome("frozen", 10, seed, accuracy, accuracy, seed, np.zeros(1, int))
        for seed, accuracy in enumerate(accuracies)
    ]
    (result,) = mean_outcomes(outcomes)
    assert (result.method, result.size, result.seeds) == ("frozen", 10, 3)
    assert result.accuracy == result.macro_f1 == 0.5
    assert result.seconds == 1
    assert result.accuracy_std == 0.25
    # Student's t of two degrees of freedom is 4.3027 at 97.5 %.
    assert result.accuracy_half_interval == pytest.approx(4.3027 * 0.25 / 3**0.5, rel=1e-4)
    (single,) = mean_outcomes(outcomes[:1])
    assert math.isnan(single.accuracy_std)
    assert math.isnan(single.accuracy_half_interval)


def test_significance_is_paired_by_headline() -> None:
    """Both methods are right equally often, but in one case never on the same headlines."""
    n = 40
    better, worse = [1] * 30 + [0] * 10, [1] * 20 + [0] * 20
    crossed = [0] * 20 + [1] * 20
    outcomes = [
        make_outcome("fine_tuned", 10, 0, better),
        make_outcome("tfidf", 10, 0, worse),
        make_outcome("fasttext", 10, 0, crossed),
        make_outcome("majority", 10, 0, better),
    ]
    results = {d.against: d for d in compare_methods(outcomes, [1] * n)}
    assert results["tfidf"].difference == results["fasttext"].difference == 0.25
    # Ten headlines differ, all in one direction: 2 of 2**10 ways to choose their signs.
    assert results["tfidf"].p == pytest.approx(2 / 2**10, abs=2e-3)
    assert results["fasttext"].p > 0.05
    assert results["majority"].p == 1
    assert all(d.p_adjusted >= d.p for d in results.values())


def test_significance_takes_the_mean_over_the_seeds_that_both_have() -> None:
    outcomes = [make_outcome("fine_tuned", 10, seed, [1, 1, 1, 0]) for seed in (0, 1)]
    outcomes += [
        make_outcome("tfidf", 10, 1, [1, 0, 1, 0]),
        make_outcome("tfidf", 10, 7, [0, 0, 0, 0]),
    ]
    (result,) = compare_methods(outcomes, [1] * 4)
    assert result.difference == 0.25


def test_how_many_headlines_another_method_needs() -> None:
    outcomes = make_curve("fine_tuned", {10: 0.5, 100: 0.8, 1000: 0.95})
    outcomes += make_curve("tfidf", {10: 0.6, 100: 0.7, 1000: 0.9})
    needs = {row.size: row.needs for row in measure_worth(outcomes)}
    assert needs[10] == 10  # the smallest size that was tried
    # 0.8 is half-way from 0.7 to 0.9, so it is half-way over the logarithm too.
    assert needs[100] == pytest.approx(10**2.5)
    assert math.isnan(needs[1000])
