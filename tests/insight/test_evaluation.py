"""Accuracy, F1, calibration and their like, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.base.errors import DataError
from pipeline.data.examples import Examples
from pipeline.insight.evaluation import Evaluation, evaluate, evaluate_probabilities


def example() -> Evaluation:
    probabilities = [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]]
    examples = Examples(["a", "b", "c", "d"], [0, 1, 1, 1], ("no", "yes"))
    return evaluate_probabilities(probabilities, examples)


def test_figures_by_hand() -> None:
    evaluation = example()
    assert evaluation.accuracy == 0.75
    # no: precision 1/2, recall 1; yes: precision 1, recall 2/3.
    assert evaluation.macro_f1 == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert evaluation.log_loss == pytest.approx(-np.log([0.9, 0.4, 0.8, 0.7]).mean())
    # Four bins of one headline: |.9 - 1|, |.6 - 0|, |.8 - 1|, |.7 - 1|.
    assert evaluation.ece == pytest.approx((0.1 + 0.6 + 0.2 + 0.3) / 4)
    assert evaluation.confusion.tolist() == [[1, 0], [1, 2]]


def test_wilson_interval() -> None:
    low, high = example().accuracy_interval
    # Wilson (1927) for 3 of 4.
    assert (low, high) == (pytest.approx(0.3006, abs=1e-3), pytest.approx(0.9544, abs=1e-3))


def test_labels_that_do_not_occur_do_not_count() -> None:
    evaluation = evaluate_probabilities(
        [[1, 0, 0], [0, 1, 0]], Examples(["a", "b"], [0, 1], ("x", "y", "z"))
    )
    assert evaluation.macro_f1 == 1
    assert evaluation.confusion.shape == (3, 3)


def test_certain_and_right_is_calibrated() -> None:
    evaluation = evaluate_probabilities([[1, 0], [0, 1]], Examples(["a", "b"], [0, 1], ("x", "y")))
    assert evaluation.ece == 0
    assert evaluation.log_loss == pytest.approx(0, abs=1e-9)


def test_bad_input() -> None:
    with pytest.raises(DataError, match="got none"):
        evaluate_probabilities(np.zeros((0, 2)), Examples([], [], ("x", "y")))
    with pytest.raises(ValueError, match="shape"):
        evaluate_probabilities([[1, 0]], Examples(["a", "b"], [0, 1], ("x", "y")))
    with pytest.raises(ValueError, match=r"finite probabilities, got \[nan, 1\.0\] for text 1"):
        evaluate_probabilities([[1, 0], [np.nan, 1]], Examples(["a", "b"], [0, 1], ("x", "y")))


class Named:
    """A classifier that is always sure of its first label."""

    label_names = ("no", "yes")

    def predict_proba(self, texts: list[str]) -> np.ndarray:
        return np.tile([0.9, 0.1], (len(texts), 1))


def test_labels_are_matched_by_their_names() -> None:
    turned = Examples(["a", "b", "c"], [1, 1, 0], ("yes", "no"))
    evaluation = evaluate(Named(), turned)
    assert evaluation.label_names == ("no", "yes")
    assert evaluation.accuracy == pytest.approx(2 / 3)
    fewer = evaluate(Named(), Examples(["a"], [0], ("no",)))
    assert fewer.accuracy == 1
    with pytest.raises(DataError, match="labels of the model, no, yes, got 'perhaps'"):
        evaluate(Named(), Examples(["a"], [0], ("perhaps", "no")))
