"""The classifier: the network and the linear members beside it, weighed against each other."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from networks import (
    NAMES,
    TEST,
    TRAIN,
    VALIDATION,
    built,
    phase,
    shared,
    small_matrix,
    trained,
)
from scipy.special import log_softmax
from sklearn.metrics import balanced_accuracy_score, f1_score

from pipeline.classifier.calibration import log_loss
from pipeline.classifier.encoders import CnnOptions, MeanOptions
from pipeline.classifier.ensemble import Classifier, Ensemble, fit_ensemble
from pipeline.classifier.network import build_network
from pipeline.classifier.ngram_fitting import fit_ngrams
from pipeline.classifier.scoring import compile_scorer, score_texts
from pipeline.classifier.sif import fit_sif, sif_log_probabilities
from pipeline.data.examples import Examples

CASED = CnnOptions(filters=4, letter_case=True)
SHORT = phase("fine_tuned", 2)
FEW = Examples(TRAIN.texts[:60], TRAIN.labels[:60], TRAIN.label_names)


@pytest.fixture(scope="module")
def everything() -> Ensemble:
    """An ensemble with all members, of a network that still makes mistakes."""
    network, _ = shared(CASED, SHORT)
    return fit_ensemble(network, small_matrix(), FEW, VALIDATION)


def test_it_is_the_product_of_its_members(everything: Ensemble) -> None:
    """Through the exported layers against the members one by one."""
    classifier, matrix, labels = everything.classifier, small_matrix(), np.array(FEW.labels)
    network = classifier.network
    inputs, held_out = network.token_ids(FEW.texts), network.token_ids(TEST.texts)
    sif = fit_sif(network, matrix, inputs, labels, 3)
    ngrams = fit_ngrams(network.joined_tokens(FEW.texts), labels, 3)
    logs = {
        "network": log_softmax(network.logits(held_out), axis=1),
        "sif": sif_log_probabilities(network, sif, held_out),
        "ngrams": ngrams.score_strings(network.joined_tokens(TEST.texts)),
    }
    assert list(everything.members) == list(logs)
    assert [member.name for member in classifier.members] == list(logs)
    weights = [member.weight for member in everything.members.values()]
    assert min(weights) > 0
    assert classifier.weights == tuple(weights)
    product = sum(w * np.maximum(log, -15) for w, log in zip(weights, logs.values(), strict=True))
    expected = np.exp(log_softmax(product, axis=1))
    np.testing.assert_allclose(classifier.predict_proba(TEST.texts), expected, atol=1e-5)


def test_what_it_says_about_the_validation_texts_is_so(everything: Ensemble) -> None:
    classifier, truth = everything.classifier, np.array(VALIDATION.labels)
    probabilities = classifier.predict_proba(VALIDATION.texts)
    assert everything.accuracy == (probabilities.argmax(axis=1) == truth).mean()
    assert everything.loss == pytest.approx(log_loss(np.log(probabilities), truth), abs=1e-4)
    assert everything.loss < everything.members["network"].loss
    alone_loss = everything.members["network"].loss
    assert everything.decision == ("log_loss", everything.loss, alone_loss, False)
    best = probabilities.argmax(axis=1)
    assert everything.validation["macro_f1"] == pytest.approx(
        f1_score(truth, best, average="macro")
    )
    assert everything.validation["balanced_accuracy"] == pytest.approx(
        balanced_accuracy_score(truth, best)
    )
    alone = classifier.network.predict_proba(VALIDATION.texts)
    assert everything.members["network"].accuracy == (alone.argmax(axis=1) == truth).mean()
    assert everything.seconds > 0
    assert (classifier.predict_proba(TEST.texts).argmax(axis=1) == TEST.labels).mean() > 0.9


def test_a_classifier_names_labels_and_embeds(everything: Ensemble) -> None:
    classifier = everything.classifier
    best = classifier.predict_proba(TEST.texts).argmax(axis=1)
    assert classifier.label_names == tuple(NAMES)
    assert classifier.predict(iter(TEST.texts)).tolist() == [NAMES[i] for i in best]
    assert classifier.predict([]).tolist() == []
    expected = classifier.network.embed(TEST.texts)
    assert classifier.embed(TEST.texts).tobytes() == expected.tobytes()
    with pytest.raises(ValueError, match="expected a classifier with label_names"):
        Classifier(classifier.network).predict(TEST.texts)


def test_the_whole_of_it_is_saved_and_pickled(everything: Ensemble, tmp_path: Path) -> None:
    classifier = everything.classifier
    expected = classifier.predict_proba(TEST.texts)
    classifier.model.save(tmp_path / "model.keras")
    loaded = compile_scorer(keras.saving.load_model(tmp_path / "model.keras"))
    assert score_texts(loaded, TEST.texts, 3).tobytes() == expected.tobytes()
    again = pickle.loads(pickle.dumps(classifier))
    assert again.predict_proba(TEST.texts).tobytes() == expected.tobytes()
    assert (again.weights, again.label_names) == (classifier.weights, classifier.label_names)
    for weight, same in zip(
        again.network.get_weights(), classifier.network.get_weights(), strict=True
    ):
        assert weight.tobytes() == same.tobytes()


def test_members_can_be_left_out() -> None:
    network = built(MeanOptions(sif=False, ngrams=False))
    alone = fit_ensemble(network, small_matrix(), TRAIN, VALIDATION)
    assert alone.network_only
    assert alone.classifier.network is network
    assert list(alone.members) == ["network"]
    result = alone.members["network"]
    assert result.weight == 1
    assert (alone.accuracy, alone.loss) == (result.accuracy, result.loss)
    expected = network.predict_proba(TEST.texts)
    assert alone.classifier.predict_proba(TEST.texts).tobytes() == expected.tobytes()
    for options, names in (
        (MeanOptions(ngrams=False), ["network", "sif"]),
        (MeanOptions(sif=False), ["network", "ngrams"]),
    ):
        result = fit_ensemble(built(options), small_matrix(), TRAIN, VALIDATION)
        assert list(result.members) == names


def test_a_network_that_cannot_be_helped_stays_alone() -> None:
    """Members that know nothing, and a network that is certain and right."""
    network, _ = trained(MeanOptions(dropout=0, spatial_dropout=0), phase("frozen", 60, 5e-2))
    noise = replace(TRAIN, labels=[0, 1, 2] * 40)
    result = fit_ensemble(network, small_matrix(), noise, VALIDATION)
    assert result.network_only
    assert result.classifier.network is network
    assert [member.weight for member in result.members.values()] == [1, 0, 0]
    assert result.loss == result.members["network"].loss
    assert result.classifier.label_names == noise.label_names


def test_a_member_that_is_not_finite_is_never_weighed(caplog: pytest.LogCaptureFixture) -> None:
    """Its vector of a word that only a validation text has is NaN."""
    matrix = small_matrix([*TRAIN.texts, "xylophone"])
    network = build_network(matrix, 3, MeanOptions())
    weights = matrix.weights.copy()
    weights[2 + matrix.words.index("xylophone")] = np.nan
    held_out = Examples(
        [*VALIDATION.texts, "xylophone"], [*VALIDATION.labels, 0], VALIDATION.label_names
    )
    result = fit_ensemble(network, replace(matrix, weights=weights), TRAIN, held_out)
    assert list(result.members) == ["network", "ngrams"]
    assert "ensemble: the member sif has numbers that are not finite, left out" in caplog.text
    assert np.isfinite(result.classifier.predict_proba(["a xylophone"])).all()


def test_the_calibration_is_that_of_the_answers() -> None:
    """Also where a text has no known word, and gets the prior."""
    network = built(MeanOptions(ngrams=False))
    validation = Examples(
        [*VALIDATION.texts, "zzz qqq", ""], [*VALIDATION.labels, 0, 1], VALIDATION.label_names
    )
    classifier = fit_ensemble(network, small_matrix(), TRAIN, validation).classifier
    answers = classifier.predict_proba(validation.texts)
    right = answers[np.arange(len(validation)), validation.labels]
    assert classifier.calibration is not None
    kept = np.sort(np.concatenate(classifier.calibration.right))
    np.testing.assert_allclose(kept, np.sort(right), atol=1e-6)


def test_few_validation_texts_leave_the_weights_equal() -> None:
    network, _ = shared(CASED, SHORT)
    few = Examples(VALIDATION.texts[:3], VALIDATION.labels[:3], VALIDATION.label_names)
    many = Examples(list(VALIDATION.texts) * 50, list(VALIDATION.labels) * 50, few.label_names)
    spreads = []
    for validation in (few, many):
        result = fit_ensemble(network, small_matrix(), FEW, validation)
        spreads.append(np.std([member.weight for member in result.members.values()]))
    assert spreads[0] < 0.03
    assert spreads[1] > 2 * spreads[0]


def test_the_same_seed_gives_the_same_bits(everything: Ensemble) -> None:
    network, _ = shared(CASED, SHORT)
    same, changed = (
        fit_ensemble(network, small_matrix(), FEW, VALIDATION, seed=seed).classifier
        for seed in (0, 1)
    )
    expected = everything.classifier.predict_proba(TEST.texts).tobytes()
    assert same.predict_proba(TEST.texts).tobytes() == expected
    assert changed.predict_proba(TEST.texts).tobytes() != expected


def test_labels_that_are_rare_or_absent() -> None:
    """Four labels, of which training has one once and one never."""
    matrix = small_matrix()
    network = build_network(matrix, 4, MeanOptions())
    names = (*TRAIN.label_names, "never")
    labels = [3 if i == 0 else min(label, 1) for i, label in enumerate(TRAIN.labels)]
    rare = Examples(TRAIN.texts, labels, names)
    zeros = Examples(VALIDATION.texts, [0] * len(VALIDATION), names)
    result = fit_ensemble(network, matrix, rare, zeros)
    probabilities = result.classifier.predict_proba(TEST.texts)
    assert probabilities.shape == (len(TEST), 4)
    assert np.isfinite(probabilities).all()


def test_with_one_label_only_the_network_stays_alone() -> None:
    network = build_network(small_matrix(), 3, MeanOptions())
    same = replace(TRAIN, labels=[1] * len(TRAIN))
    result = fit_ensemble(network, small_matrix(), same, VALIDATION)
    assert result.network_only
    assert list(result.members) == ["network"]


def test_one_text_a_label() -> None:
    network = build_network(small_matrix(), 3, MeanOptions())
    first = [TRAIN.labels.index(label) for label in range(3)]
    few = Examples([TRAIN.texts[i] for i in first], [0, 1, 2], TRAIN.label_names)
    result = fit_ensemble(network, small_matrix(), few, VALIDATION)
    assert list(result.members) == ["network", "ngrams"]  # sif cannot be fitted to so few
    assert np.isfinite(result.classifier.predict_proba(TEST.texts)).all()


def test_a_floor_bounds_what_one_member_can_do(everything: Ensemble) -> None:
    """With a floor near zero no member tells labels apart."""
    classifier = everything.classifier
    bounded = replace(classifier, floor=-1e-6)
    np.testing.assert_allclose(bounded.predict_proba(TEST.texts), 1 / 3, atol=1e-4)
    lower, lowest = (replace(classifier, floor=floor) for floor in (-1e3, -1e4))
    assert lower.predict_proba(TEST.texts).tobytes() == lowest.predict_proba(TEST.texts).tobytes()
