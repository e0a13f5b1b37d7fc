"""Sets of labels: against MAPIE, and what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from mapie.classification import SplitConformalClassifier
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from pipeline.base.errors import DataError
from pipeline.classifier.conformal import ENOUGH, calibrate
from pipeline.portable.conformal import label_sets


class Given(ClassifierMixin, BaseEstimator):
    """Probabilities that are there already, for MAPIE."""

    def __init__(self, n_labels: int = 3) -> None:
        self.n_labels = n_labels
        self.classes_ = np.arange(n_labels)

    def fit(self, X: NDArray[np.float64], y: object) -> Given:  # noqa: N803
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:  # noqa: N803
        return X

    def predict(self, X: NDArray[np.float64]) -> NDArray[np.intp]:  # noqa: N803
        return X.argmax(axis=1)


def drawn(n: int, n_labels: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Probabilities of n texts, and right labels that they fit roughly. Float32 holds them exactly."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.full(n_labels, 0.4), n).astype(np.float32).astype(float)
    shares = (probabilities + 0.05).cumsum(axis=1)
    return probabilities, (random.random((n, 1)) * shares[:, -1:] > shares).sum(axis=1)


def of_mapie(
    validation: NDArray[np.float64],
    labels: NDArray[np.int64],
    test: NDArray[np.float64],
    coverage: float,
) -> NDArray[np.bool_]:
    mapie = SplitConformalClassifier(
        Given(test.shape[1]), confidence_level=coverage, conformity_score="lac", prefit=True
    )
    return mapie.conformalize(validation, labels).predict_set(test)[1][:, :, 0]


@pytest.mark.parametrize("n", [20, 99, 210])
@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95])
def test_sets_are_those_of_mapie(n: int, coverage: float) -> None:
    validation, labels = drawn(n, 4, seed=n)
    test, _ = drawn(300, 4, seed=1)
    ours = label_sets(test, calibrate(validation, labels, enough=1_000), coverage)
    assert 0 < ours.mean() < 1
    assert ours.tolist() == of_mapie(validation, labels, test, coverage).tolist()


@pytest.mark.filterwarnings("ignore:.*conformalization dataset has less labels")
def test_sets_by_label_are_those_of_mapie_asked_for_each_label() -> None:
    validation, labels = drawn(900, 3, seed=0)
    test, _ = drawn(300, 3, seed=1)
    assert np.bincount(labels).min() >= ENOUGH
    ours = label_sets(test, calibrate(validation, labels), 0.9)
    for label in range(3):
        rows = labels == label
        expected = of_mapie(validation[rows], labels[rows], test, 0.9)
        assert ours[:, label].tolist() == expected[:, label].tolist()


def test_they_hold_the_right_label_as_often_as_asked() -> None:
    """Over 300 draws of 60 validation texts: at least as often, and by no more than one in 61."""
    shares = []
    for seed in range(300):
        probabilities, labels = drawn(160, 3, seed)
        calibration = calibrate(probabilities[:60], labels[:60])
        sets = label_sets(probabilities[60:], calibration, 0.9)
        shares.append(sets[np.arange(100), labels[60:]].mean())
    # The mean of so many draws varies by about 0.003.
    assert 0.9 - 0.01 < np.mean(shares) < 0.9 + 1 / 61 + 0.01


def test_labels_with_few_texts_share_a_threshold() -> None:
    probabilities, labels = drawn(400, 4, seed=3)
    labels[:] = np.repeat([0, 1, 2, 3], [200, 150, 30, 20])

    def groups(enough: int) -> list[int]:
        calibration = calibrate(probabilities, labels, enough=enough)
        assert sum(map(len, calibration.right)) == 400
        return calibration.group_of.tolist()

    assert groups(20) == [0, 1, 2, 3]
    assert groups(50) == [1, 2, 0, 0]
    # 50 texts of the two are not enough, so the next larger label joins them.
    assert groups(ENOUGH) == [1, 0, 0, 0]
    assert groups(1_000) == [0, 0, 0, 0]
    absent = calibrate(probabilities[:200], labels[:200])
    assert absent.group_of.tolist() == [0, 0, 0, 0]


def test_of_many_texts_some_are_kept() -> None:
    probabilities, labels = drawn(1_000, 2, seed=4)
    whole, part = (calibrate(probabilities, labels, most=most) for most in (5_000, 300))
    assert [*map(len, part.right)] == [300, 300]
    assert set(part.right[0]) <= set(whole.right[0])
    again = calibrate(probabilities, labels, most=300)
    assert again.right[0].tolist() == part.right[0].tolist()
    np.testing.assert_allclose(part.thresholds(0.9), whole.thresholds(0.9), atol=0.1)


def test_a_set_may_have_no_label_or_all_of_them() -> None:
    sure = np.tile([0.9, 0.05, 0.05], (30, 1))
    calibration = calibrate(sure, np.zeros(30, int))
    assert label_sets(np.full((1, 3), 1 / 3), calibration, 0.9).sum() == 0
    assert label_sets(sure, calibration, 0.9).tolist() == [[True, False, False]] * 30
    lost = calibrate(sure, np.full(30, 2))
    assert label_sets(sure[:1], lost, 0.9).all()


def test_too_few_texts_cannot_tell_a_high_coverage() -> None:
    probabilities, labels = drawn(30, 3, seed=5)
    calibration = calibrate(probabilities, labels)
    assert calibration.most == 30 / 31
    least = calibration.right[0][0]
    assert calibration.thresholds(30 / 31).tolist() == [least] * 3
    with pytest.raises(DataError, match=r"at most 0\.967, as the model has 30 validation"):
        calibration.thresholds(0.97)
    with pytest.raises(DataError, match="this one has none, as it comes from an earlier version"):
        label_sets(probabilities, None, 0.9)
