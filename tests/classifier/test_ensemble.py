from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import all_words, make_headlines, topical_vectors
from scipy.special import log_softmax

from pipeline.classifier.calibration import log_loss, log_probabilities, temperature_factor
from pipeline.classifier.encoders import CnnOptions, MeanOptions, ModelOptions
from pipeline.classifier.ensemble import Blend, blend, joined
from pipeline.classifier.network import (
    Network,
    build_network,
    export_saved_model,
)
from pipeline.classifier.ngrams import fit_ngrams
from pipeline.classifier.sif import apply_pooled, fit_pooled
from pipeline.embedding.matrix import EmbeddingMatrix, build_embedding_matrix
from pipeline.embedding.vectors import WordVectors
from pipeline.embedding.vocabulary import build_vocabulary
from pipeline.training.loop import train
from pipeline.training.options import PhaseOptions, TrainingOptions

TEXTS, LABELS = make_headlines(60)
NAMES = sorted(set(LABELS))
NUMBERS = [NAMES.index(label) for label in LABELS]
TRAIN = (TEXTS[:60], NUMBERS[:60])
VALIDATION = (TEXTS[60:100], NUMBERS[60:100])
TEST = (TEXTS[100:], NUMBERS[100:])
SHORT = TrainingOptions(fine_tuned=PhaseOptions(2, 5e-3), batch_size=16)


def small_matrix() -> EmbeddingMatrix:
    words = [*all_words(), "avalanche"]
    vocabulary = build_vocabulary(TRAIN.texts)
    vectors = WordVectors.of(words, topical_vectors(words))
    return build_embedding_matrix(
        vocabulary.words, vectors, counts=vocabulary.counts, extra_words=words, std=0.4
    )


def network(config: ModelOptions, schedule: TrainingOptions = SHORT) -> Network:
    classifier = build_network(small_matrix(), 3, config)
    train(classifier, TRAIN, VALIDATION, schedule)
    return classifier


def blended(config: ModelOptions) -> Blend:
    return blend(network(config), small_matrix(), TRAIN, VALIDATION, config)


@pytest.fixture(scope="module")
def everything() -> Blend:
    return blended(CnnOptions(filters=4, letter_case=True))


def probabilities_of(model: Network, texts: list[str]) -> Any:
    return model.predict_proba(texts)


def test_it_is_the_product_of_its_parts(everything: Blend) -> None:
    """Through the exported layers against the parts one by one."""
    config = CnnOptions(filters=4, letter_case=True)
    classifier, matrix, labels = everything.classifier, small_matrix(), np.array(TRAIN.labels)
    inputs, held_out = classifier.token_ids(TRAIN.texts), classifier.token_ids(TEST.texts)
    pooled = fit_pooled(classifier, matrix, inputs, labels, 3)
    wide = fit_ngrams(joined(classifier, TRAIN.texts), labels, 3)
    logs = {
        "network": log_softmax(classifier.head.predict(list(held_out), verbose=0), axis=1),
        "pooled": apply_pooled(classifier, pooled, held_out),
        "wide": wide.log_probabilities(joined(classifier, TEST.texts)),
    }
    assert config.sif
    assert list(everything.parts) == list(logs)
    assert all(part.weight > 0 for part in everything.parts.values())
    product = sum(
        everything.parts[name].weight * np.maximum(log, -15) for name, log in logs.items()
    )
    expected = np.exp(log_softmax(product, axis=1))
    np.testing.assert_allclose(probabilities_of(classifier, TEST.texts), expected, atol=1e-5)


def test_what_it_says_of_validation_is_so(everything: Blend) -> None:
    probabilities = probabilities_of(everything.classifier, VALIDATION.texts)
    truth = np.array(VALIDATION.labels)
    assert everything.accuracy == (probabilities.argmax(axis=1) == truth).mean()
    assert everything.loss == pytest.approx(log_loss(np.log(probabilities), truth), abs=1e-4)
    assert everything.loss < everything.parts["network"].loss
    right = (
        probabilities_of(everything.classifier, TEST.texts).argmax(axis=1) == TEST.labels
    ).mean()
    assert right > 0.9


def test_the_whole_of_it_is_saved_exported_and_pickled(everything: Blend, tmp_path: Path) -> None:
    classifier = everything.classifier
    expected = probabilities_of(classifier, TEST.texts)
    classifier.model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.predict_proba(TEST.texts).tobytes() == expected.tobytes()
    export_saved_model(classifier, tmp_path / "model")
    scored = tf.saved_model.load(tmp_path / "model")(tf.constant(TEST.texts)).numpy()
    np.testing.assert_allclose(scored, expected, atol=1e-6)
    again = pickle.loads(pickle.dumps(classifier))
    assert again.predict_proba(TEST.texts).tobytes() == expected.tobytes()
    assert again.embedding.get_weights()[0].tobytes() == classifier.embedding.get_weights()[0].tobytes()  # fmt: skip


def test_parts_can_be_left_out() -> None:
    only = blended(MeanOptions(sif=False, ngrams=False))
    assert only.alone
    assert list(only.parts) == ["network"]
    assert only.parts["network"].weight == 1
    assert only.accuracy == only.parts["network"].accuracy
    assert list(blended(MeanOptions(ngrams=False)).parts) == ["network", "pooled"]


def test_a_network_that_cannot_be_helped_stays_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts that know nothing, and a network that is certain and right."""
    monkeypatch.setattr(
        "pipeline.classifier.ensemble._weigh", lambda logs, truth: np.full(len(logs), 1 / 3)
    )
    schedule = TrainingOptions(frozen=PhaseOptions(60, 5e-2), batch_size=16)
    config = MeanOptions(dropout=0, spatial_dropout=0)
    classifier = network(config, schedule)
    result = blend(classifier, small_matrix(), (TRAIN.texts, [0, 1, 2] * 20), VALIDATION, config)
    assert result.alone
    assert result.classifier is classifier
    assert result.parts["wide"].weight == 0


def test_few_validation_headlines_leave_the_weights_equal(everything: Blend) -> None:
    classifier = network(CnnOptions(filters=4))
    few = blend(classifier, small_matrix(), TRAIN, (VALIDATION.texts[:3], VALIDATION.labels[:3]))
    many = blend(classifier, small_matrix(), TRAIN, (VALIDATION.texts * 50, VALIDATION.labels * 50))
    spread = [np.std([part.weight for part in result.parts.values()]) for result in (few, many)]
    assert spread[0] < 0.03
    assert spread[1] > 2 * spread[0]


def test_the_same_seed_gives_the_same_bits() -> None:
    results = [
        probabilities_of(blended(CnnOptions(filters=4)).classifier, TEST.texts).tobytes()
        for _ in range(2)
    ]
    assert results[0] == results[1]


def test_labels_that_are_rare_or_absent() -> None:
    """Four labels, of which training has one once and one never."""
    matrix = small_matrix()
    classifier = build_network(matrix, 4, MeanOptions())
    labels = [3 if i == 0 else min(label, 1) for i, label in enumerate(TRAIN.labels)]
    result = blend(classifier, matrix, (TRAIN.texts, labels), (VALIDATION.texts, [0] * 40))
    probabilities = probabilities_of(result.classifier, TEST.texts)
    assert probabilities.shape == (20 + 60, 4)
    assert np.isfinite(probabilities).all()
    assert blend(classifier, matrix, (TRAIN.texts, [1] * 60), VALIDATION).alone  # one label only
    one_each = [TRAIN.labels.index(label) for label in range(3)]
    few = [TRAIN.texts[i] for i in one_each], [0, 1, 2]
    alone = blend(classifier, matrix, few, VALIDATION)
    assert np.isfinite(probabilities_of(alone.classifier, TEST.texts)).all()


def test_common_words_count_less_in_the_mean() -> None:
    """With a set that stands by frequency: a headline is what its rare word says."""
    words = [*(f"common{i}" for i in range(200)), *(f"rare{i}" for i in range(40))]
    values = np.ones((240, 4), np.float32)
    vectors = WordVectors.of(words, values)
    texts = [f"common{i % 7} common{i % 3} rare{i}" for i in range(40)]
    vocabulary = build_vocabulary(texts)
    matrix = build_embedding_matrix(vocabulary.words, vectors, counts=vocabulary.counts)
    share = dict(zip(matrix.words, matrix.word_probabilities[2:], strict=True))
    assert share["common0"] > share["common6"] > 10 * share["rare9"] > 0
    backwards = WordVectors.of(words[::-1], values[::-1])
    no_order = build_embedding_matrix(vocabulary.words, backwards, counts=vocabulary.counts)
    assert not no_order.shares.any()


def test_the_factor_finds_the_temperature() -> None:
    random = np.random.default_rng(0)
    scores = random.normal(size=(20_000, 3))
    classes = (np.exp(log_softmax(3 * scores, axis=1)).cumsum(axis=1) < random.random((20_000, 1))).sum(axis=1)  # fmt: skip
    assert temperature_factor(scores, classes) == pytest.approx(3, rel=0.05)
    two = log_probabilities(np.array([[0.0], [2.0]]))
    np.testing.assert_allclose(np.exp(two).sum(axis=1), 1, rtol=1e-6)
    assert two[1, 1] > two[1, 0]
