"""Which trial of a search is best."""

from __future__ import annotations

import pytest

from pipeline.insight.search import SearchedTrial, State, best_trial, pareto_front

SEVERAL = ("accuracy", "megabytes", "milliseconds")


def trial(
    number: int, accuracy: float, loss: float = 0.5, state: State = "complete", **values: float
) -> SearchedTrial:
    return SearchedTrial(number, state, {}, {"accuracy": accuracy, "log_loss": loss, **values})


def number(
    *trials: SearchedTrial, objectives: tuple[str, ...] = ("accuracy",), n: int = 100
) -> int:
    best = best_trial(trials, objectives, n)
    assert best is not None
    return best.number


def test_the_most_accurate_is_best() -> None:
    assert number(trial(0, 0.8), trial(1, 0.9), trial(2, 0.85)) == 1


def test_the_log_loss_decides_between_equal_ones_and_then_the_order() -> None:
    assert number(trial(0, 0.9, 0.4), trial(1, 0.9, 0.3), trial(2, 0.9, 0.3)) == 1


def test_the_log_loss_can_be_the_objective() -> None:
    assert number(trial(0, 0.9, 0.4), trial(1, 0.8, 0.3), objectives=("log_loss",)) == 1


@pytest.mark.parametrize("state", ["pruned", "failed", "cut off"])
def test_only_complete_trials_count(state: State) -> None:
    assert number(trial(0, 0.8), trial(1, 0.9, state=state)) == 0
    assert best_trial([trial(1, 0.9, state=state)], ("accuracy",), 100) is None


def test_the_smallest_of_those_that_are_as_accurate_within_the_error() -> None:
    """With 100 validation texts the standard error of 90 % is 3 points, with 10,000 it is 0.3."""
    trials = (
        trial(0, 0.90, megabytes=20, milliseconds=1),
        trial(1, 0.88, megabytes=5, milliseconds=9),
        trial(2, 0.85, megabytes=1, milliseconds=1),
    )
    assert number(*trials, objectives=SEVERAL, n=100) == 1
    assert number(*trials, objectives=SEVERAL, n=10_000) == 0


def test_the_third_objective_and_the_accuracy_decide_between_equal_sizes() -> None:
    same = dict.fromkeys(("megabytes", "milliseconds"), 2.0)
    faster = trial(1, 0.89, megabytes=2, milliseconds=1)
    assert number(trial(0, 0.9, **same), faster, objectives=SEVERAL) == 1
    assert number(trial(0, 0.89, **same), trial(1, 0.9, **same), objectives=SEVERAL) == 1


def test_the_front_has_the_trials_that_no_other_one_beats() -> None:
    trials = [
        trial(0, 0.90, megabytes=20),
        trial(1, 0.88, megabytes=5),
        trial(2, 0.87, megabytes=6),  # beaten by 1
        trial(3, 0.88, megabytes=5),  # as good as 1
        trial(4, 0.99, megabytes=1, state="pruned"),
    ]
    front = pareto_front(trials, ("accuracy", "megabytes"))
    assert [each.number for each in front] == [0, 1, 3]
