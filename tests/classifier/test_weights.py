"""Texts that do not all count the same: a text of weight k counts as if it were there k times."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from networks import NAMES, TRAIN, VALIDATION, built, small_matrix
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from pipeline.classifier.calibration import log_loss, temperature_factor
from pipeline.classifier.discriminant import discriminate, ledoit_wolf, rule_out
from pipeline.classifier.ensemble import fit_ensemble
from pipeline.classifier.ngram_fitting import fit_ngrams
from pipeline.classifier.prototypes import pair_loss
from pipeline.classifier.selection import count_labels, score
from pipeline.classifier.sif import fit_sif, sif_log_probabilities
from pipeline.data.examples import Examples
from pipeline.data.weighting import text_weights, weigh_labels

RANDOM = np.random.default_rng(3)
TIMES = RANDOM.integers(1, 4, len(TRAIN))
ROWS = np.repeat(np.arange(len(TRAIN)), TIMES)
LABELS = np.array(TRAIN.labels)


def repeated(examples: Examples, times: np.ndarray) -> Examples:
    rows = np.repeat(np.arange(len(examples)), times)
    return replace(
        examples,
        texts=[examples.texts[i] for i in rows],
        labels=[examples.labels[i] for i in rows],
    )


@pytest.mark.parametrize("n_labels", [2, 3])
def test_the_weighted_discriminant_analysis_is_that_of_repeated_texts(n_labels: int) -> None:
    chosen = np.isin(LABELS, range(n_labels))
    labels, times = LABELS[chosen], TIMES[chosen]
    features = RANDOM.normal(size=(len(labels), 5)) + labels[:, None]
    kernel, bias = discriminate(features, labels, times.astype(float), n_labels, -30.0)
    rows = np.repeat(np.arange(len(labels)), times)
    oracle = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    oracle.fit(features[rows], labels[rows])
    scores = features @ kernel + bias
    if n_labels == 2:
        np.testing.assert_allclose(scores[:, 1] - scores[:, 0], oracle.decision_function(features))
    else:
        np.testing.assert_allclose(scores, oracle.decision_function(features))


def test_shrinkage_of_weighted_rows_is_that_of_repeated_ones() -> None:
    rows = RANDOM.normal(size=(20, 4))
    times = RANDOM.integers(1, 4, 20)
    expected = ledoit_wolf_shrinkage(np.repeat(rows, times, axis=0), assume_centered=True)
    assert ledoit_wolf(rows, times.astype(float)) == pytest.approx(expected)


def test_sif_of_weighted_texts_is_that_of_repeated_ones() -> None:
    """The folds that calibrate differ, so the scores are compared up to their factor."""
    network, matrix = built(), small_matrix()
    inputs = network.token_ids(TRAIN.texts)
    weighted = fit_sif(network, matrix, inputs, LABELS, 3, weights=TIMES.astype(float))
    repeats = fit_sif(network, matrix, [each[ROWS] for each in inputs], LABELS[ROWS], 3)
    first, second = (np.array(m.layer.scores.kernel) for m in (weighted, repeats))
    np.testing.assert_allclose(
        first / np.linalg.norm(first), second / np.linalg.norm(second), rtol=1e-3, atol=1e-5
    )
    assert np.isfinite(sif_log_probabilities(network, weighted, inputs)).all()


def test_ngrams_of_weighted_texts_are_those_of_repeated_ones() -> None:
    strings = built().joined_tokens(TRAIN.texts)
    weighted = fit_ngrams(strings, LABELS, 3, n_buckets=2**12, weights=TIMES.astype(float))
    repeats = fit_ngrams(np.asarray(strings)[ROWS], LABELS[ROWS], 3, n_buckets=2**12)
    first, second = (np.array(m.layer.table) for m in (weighted, repeats))
    np.testing.assert_allclose(first[:, 0], second[:, 0], rtol=1e-5)  # idf and log-count ratios
    first, second = (each[:, 1:] / np.linalg.norm(each[:, 1:]) for each in (first, second))
    np.testing.assert_allclose(first, second, atol=2e-3)  # the solver stops at 1e-4


def test_losses_and_factors_of_weighted_texts_are_those_of_repeated_ones() -> None:
    logs = np.log(RANDOM.dirichlet(np.ones(3), len(TRAIN)))
    weights = TIMES.astype(float)
    assert log_loss(logs, LABELS, weights) == pytest.approx(log_loss(logs[ROWS], LABELS[ROWS]))
    assert temperature_factor(logs, LABELS, weights) == pytest.approx(
        temperature_factor(logs[ROWS], LABELS[ROWS]), rel=1e-3
    )


def test_pairs_of_weighted_texts_count_as_those_of_repeated_ones() -> None:
    """Between two texts of different labels, as a text has no pair with itself."""
    places = np.array([[0.0, 0.0], [1.0, 1.0]], np.float32)
    once = pair_loss(np.array([0, 1]), places, 5.0)
    twice = pair_loss(np.array([0, 1]), places, 5.0, np.array([2.0, 3.0], np.float32))
    assert float(once) == pytest.approx(float(twice))
    three = np.concatenate([places, [[4.0, 0.0]]]).astype(np.float32)
    left_out = pair_loss(np.array([0, 1, 1]), three, 5.0, np.array([1.0, 1.0, 0.0], np.float32))
    assert float(left_out) == pytest.approx(float(once))


def test_the_ensemble_of_weighted_texts() -> None:
    """Weights move the blending and the prior, and no figure that the result tells."""
    network, matrix = built(), small_matrix()
    plain = fit_ensemble(network, matrix, TRAIN, VALIDATION)
    training, validation = weigh_labels(TRAIN, VALIDATION, {NAMES[0]: 9})
    weighted = fit_ensemble(network, matrix, training, validation)
    shares = np.bincount(LABELS, text_weights(training))
    np.testing.assert_allclose(weighted.classifier.prior, shares / shares.sum())
    assert weighted.members["network"].accuracy == plain.members["network"].accuracy
    assert weighted.members["network"].loss == plain.members["network"].loss
    assert weighted.classifier.weights != plain.classifier.weights
    n = sum(map(len, weighted.classifier.calibration.right))
    assert n == len(VALIDATION)  # sets of labels count each text once


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    from sklearn.utils.class_weight import compute_sample_weight

    labels = [0] * 7 + [1] * 2 + [2]
    examples = Examples([f"text {i}" for i in range(10)], labels, ("a", "b", "c"))
    training, validation = weigh_labels(examples, examples, "balanced")
    np.testing.assert_allclose(training.weights, compute_sample_weight("balanced", labels))
    assert validation.weights == training.weights
    some = weigh_labels(replace(examples, weights=[1, 0] * 5), examples, {"b": 2, "c": 1})[0]
    assert list(zip(some.labels, some.weights, strict=True)) == [(0, 1)] * 4 + [(1, 2)]


def test_weights_of_one_are_no_weights() -> None:
    ones = replace(TRAIN, weights=[1] * len(TRAIN))
    for given in ({NAMES[0]: 1}, None):
        training, validation = weigh_labels(ones, VALIDATION, given)
        assert training.weights is validation.weights is None
        assert training.sha256 == TRAIN.sha256 != replace(TRAIN, weights=[2] * len(TRAIN)).sha256


def test_scores_are_those_of_scikit_learn() -> None:
    from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

    truth, predicted = RANDOM.integers(0, 3, 50), RANDOM.integers(0, 4, 50)
    weights = RANDOM.random(50)
    counts = count_labels(predicted, truth, weights)
    given = {"sample_weight": weights}
    assert score("accuracy", counts, 0) == pytest.approx(accuracy_score(truth, predicted, **given))
    assert score("macro_f1", counts, 0) == pytest.approx(
        f1_score(truth, predicted, labels=[0, 1, 2], average="macro", zero_division=0, **given)
    )
    seen = predicted < 3
    counts = count_labels(predicted[seen], truth[seen], weights[seen])
    assert score("balanced_accuracy", counts, 0) == pytest.approx(
        balanced_accuracy_score(truth[seen], predicted[seen], sample_weight=weights[seen])
    )
    assert score("log_loss", counts, 0.5) == -0.5


@pytest.mark.parametrize("select", ["accuracy", "macro_f1", "balanced_accuracy", "log_loss"])
def test_the_ensemble_is_not_worse_than_the_network_in_what_decides(select: str) -> None:
    network, matrix = built(), small_matrix()
    result = fit_ensemble(network, matrix, TRAIN, VALIDATION, select=select)
    truth = np.array(VALIDATION.labels)
    scores = []
    for method in (result.classifier, network):
        probabilities = method.predict_proba(VALIDATION.texts)
        counts = count_labels(probabilities.argmax(axis=1), truth, np.ones(len(truth)))
        loss = log_loss(np.log(probabilities), truth)
        scores.append(score("log_loss" if select == "accuracy" else select, counts, loss))
    assert scores[0] >= scores[1] - 1e-6


def test_a_label_without_a_text_is_never_the_best_one() -> None:
    random = np.random.default_rng(0)
    kernel, bias = random.normal(size=(5, 4)), random.normal(-95, 1, 4)
    absent = np.array([False, True, False, False])
    features = 3 * random.normal(size=(500, 5))
    before = np.delete(features @ kernel + bias, 1, axis=1)
    moved, offsets = rule_out(kernel, bias, absent, -30.0)
    scores = features @ moved + offsets
    assert (scores.argmax(axis=1) != 1).all()
    after = np.delete(scores, 1, axis=1)
    np.testing.assert_allclose(np.diff(after, axis=1), np.diff(before, axis=1), atol=1e-9)
