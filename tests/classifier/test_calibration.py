from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax

from pipeline.classifier.calibration import (
    log_loss,
    log_probabilities,
    score_out_of_fold,
    temperature_factor,
)


def test_the_factor_finds_the_temperature() -> None:
    random = np.random.default_rng(0)
    scores = random.normal(size=(20_000, 3))
    cumulated = np.exp(log_softmax(3 * scores, axis=1)).cumsum(axis=1)
    classes = (cumulated < random.random((20_000, 1))).sum(axis=1)
    assert temperature_factor(scores, classes) == pytest.approx(3, rel=0.05)


def test_scores_that_say_nothing_count_little_and_sure_ones_much() -> None:
    random = np.random.default_rng(0)
    classes = random.integers(0, 2, 500)
    assert temperature_factor(random.normal(size=(500, 1)), classes) < 0.5
    right = np.where(classes == 1, 1.0, -1.0)[:, None]
    assert temperature_factor(right, classes) == pytest.approx(20, rel=0.01)  # the upper bound


def test_one_score_is_that_of_the_second_label() -> None:
    logs = log_probabilities(np.array([[0.0], [2.0]]))
    np.testing.assert_allclose(np.exp(logs).sum(axis=1), 1, rtol=1e-6)
    assert logs[1, 1] > logs[1, 0]
    assert log_loss(logs, np.array([0, 1])) == pytest.approx(-(logs[0, 0] + logs[1, 1]) / 2)


def test_scores_of_a_text_come_from_models_that_did_not_see_it() -> None:
    labels = np.array([0, 1] * 10 + [2])
    fitted: list[tuple[list[int], list[int]]] = []

    def score_fold(train: np.ndarray, held_out: np.ndarray) -> np.ndarray:
        fitted.append((train.tolist(), held_out.tolist()))
        return np.repeat(held_out[:, None], 3, axis=1).astype(float)

    rows, scores = score_out_of_fold(score_fold, labels, 3, folds=5, seed=0)
    assert rows.tolist() == list(range(len(labels)))
    np.testing.assert_array_equal(scores, np.repeat(np.arange(21.0)[:, None], 3, axis=1))
    assert len(fitted) == 5
    assert all(sorted(train + held_out) == list(range(21)) for train, held_out in fitted)


def test_of_many_scores_one_fold_is_enough() -> None:
    labels = np.array([0, 1] * 10)
    rows, scores = score_out_of_fold(
        lambda train, held_out: np.repeat(held_out[:, None], 2, axis=1).astype(float),
        labels, 2, folds=5, seed=0, many=39,
    )  # fmt: skip
    assert len(rows) == 4
    np.testing.assert_array_equal(scores, np.repeat(rows[:, None], 2, axis=1))


def test_nothing_can_be_held_out_of_one_text_a_label() -> None:
    def never(train: np.ndarray, held_out: np.ndarray) -> np.ndarray:
        raise AssertionError

    assert not score_out_of_fold(never, np.array([0, 1, 2]), 3, folds=5, seed=0)[1].any()
    n_folds: list[int] = []

    def nothing(train: np.ndarray, held_out: np.ndarray) -> None:
        n_folds.append(len(train))

    assert not score_out_of_fold(nothing, np.array([0, 0, 1]), 3, folds=5, seed=0)[1].any()
    assert len(n_folds) == 2  # no more than the commonest label has texts
