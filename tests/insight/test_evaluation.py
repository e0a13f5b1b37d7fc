"""Accuracy, F1, calibration and their like, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.base.errors import DataError
from pipeline.classifier.conformal import calibrate
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
    # Also where one is predicted: x has F1 1, y has precision 1 and recall 1/2.
    predicted = evaluate_probabilities(
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]], Examples(["a", "b", "c"], [0, 1, 1], ("x", "y", "z"))
    )
    assert predicted.macro_f1 == pytest.approx((1 + 2 / 3) / 2)


def test_certain_and_right_is_calibrated() -> None:
    evaluation = evaluate_probabilities([[1, 0], [0, 1]], Examples(["a", "b"], [0, 1], ("x", "y")))
    assert evaluation.ece == 0
    assert evaluation.log_loss == pytest.approx(0, abs=1e-9)


def unsure() -> Evaluation:
    """Ten texts that are less and less sure; the third is wrong, and so is the last."""
    sure = np.linspace(0.95, 0.55, 10)
    labels = np.zeros(10, int)
    labels[[2, 9]] = 1
    validation = np.stack([np.linspace(0.4, 0.98, 9), 1 - np.linspace(0.4, 0.98, 9)], axis=1)
    return evaluate_probabilities(
        np.stack([sure, 1 - sure], axis=1)[::-1],
        Examples([f"text {i}" for i in range(10)], labels[::-1].tolist(), ("x", "y")),
        calibration=calibrate(validation, np.zeros(9, int)),
        marks=np.array(["no_known_word", None, "no_known_word", *[None] * 6, "empty"], object),
    )


def test_accuracy_by_the_share_that_is_answered() -> None:
    table = unsure().by_share()
    assert table["share_answered"] == pytest.approx(np.arange(10, 0, -1) / 10)
    right = [8, 8, 7, 6, 5, 4, 3, 2, 2, 1]
    assert table["accuracy"] == pytest.approx(
        [n / m for n, m in zip(right, range(10, 0, -1), strict=True)]
    )
    assert table["threshold"] == pytest.approx(np.linspace(0.55, 0.95, 10))
    few = evaluate_probabilities([[0.9, 0.1]], Examples(["a"], [0], ("x", "y"))).by_share()
    assert few["share_answered"] == [1.0] * 10


def test_sets_of_labels_by_hand() -> None:
    """Of nine validation texts eight have a right label from .4725 on, and all from .4 on."""
    evaluation = unsure()
    table = evaluation.label_sets()
    assert table["coverage_asked"] == [0.8, 0.9]  # nine texts tell no more
    # All ten texts have x in their set. With .4 the two that are least sure have y too.
    assert table["coverage_reached"] == [0.8, pytest.approx(0.9)]
    assert table["worst_label_coverage"] == [0.0, 0.5]
    assert table["labels_per_set"] == [1.0, 1.2]
    assert (table["empty_sets"], table["one_label_sets"]) == ([0.0, 0.0], [1.0, 0.8])
    assert example().label_sets()["coverage_asked"] == []


def test_texts_with_a_mark_are_counted_by_themselves() -> None:
    table = unsure().by_mark()
    assert table == {
        "mark": ["empty", "no_known_word"], "headlines": [1, 2], "accuracy": [1.0, 0.5]
    }  # fmt: skip
    assert example().by_mark() == {"mark": [], "headlines": [], "accuracy": []}


def test_bad_input() -> None:
    with pytest.raises(DataError, match="got none"):
        evaluate_probabilities(np.zeros((0, 2)), Examples([], [], ("x", "y")))
    with pytest.raises(DataError, match="shape"):
        evaluate_probabilities([[1, 0]], Examples(["a", "b"], [0, 1], ("x", "y")))
    with pytest.raises(DataError, match=r"finite probabilities, got \[nan, 1\.0\] for text 1"):
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
    with pytest.raises(
        DataError,
        match="labels of the model, no, yes, got others for 1 of 1 headlines, such as 'perhaps'",
    ):
        evaluate(Named(), Examples(["a"], [0], ("perhaps", "no")))
