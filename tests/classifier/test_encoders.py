"""Every encoder of the table, and one that is added from outside."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import QUICK, TEST, TRAIN, VALIDATION, built, phase, shared, small_matrix, trained
from pydantic.dataclasses import dataclass

from pipeline.base.options import STRICT, Positive
from pipeline.classifier.encoders import (
    ENCODERS,
    AttentionOptions,
    BiGruOptions,
    CnnOptions,
    Encoded,
    Encoder,
    MeanOptions,
    MetricOptions,
    Seeds,
)
from pipeline.classifier.ensemble import fit_ensemble
from pipeline.classifier.layers import MaskedPooling
from pipeline.classifier.network import Network
from pipeline.classifier.options import EncoderOptions
from pipeline.insight.attribution import contributions

OPTIONS = {
    "cnn": CnnOptions(filters=8),
    "mean": MeanOptions(),
    "bigru": BiGruOptions(units=6),
    "attention": AttentionOptions(heads=2),
    "metric": MetricOptions(filters=8, width=6),
    "cnn with letter case": CnnOptions(filters=8, letter_case=True),
}
WIDTHS = {
    "cnn": 24, "mean": 16, "bigru": 12, "attention": 24, "metric": 6, "cnn with letter case": 24,
}  # fmt: skip


@pytest.fixture(scope="module", params=OPTIONS)
def network(request: pytest.FixtureRequest) -> Network:
    return built(OPTIONS[request.param])


def test_every_encoder_of_the_table_is_tested() -> None:
    assert {options.encoder for options in OPTIONS.values()} == set(ENCODERS)


def test_strings_in_probabilities_out(network: Network) -> None:
    probabilities = network.predict_proba(["Alps lose snow", "", "zzz qqq", "the " * 99])
    assert probabilities.shape == (4, 3)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert network.predict_proba([]).shape == (0, 3)


def test_padding_makes_no_difference(network: Network) -> None:
    inputs = [np.array([[2, 3, 4], [5, 0, 0]], dtype=np.int32)]
    inputs += [np.array([[1, 2, 1], [3, 0, 0]], dtype=np.int32)] * network.options.letter_case
    padded = [np.pad(array, ((0, 0), (0, 9))) for array in inputs]
    np.testing.assert_allclose(network.head(inputs), network.head(padded), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("network", OPTIONS, indirect=True)
def test_the_representation_is_what_the_last_layer_takes(
    network: Network, request: pytest.FixtureRequest
) -> None:
    width = WIDTHS[request.node.callspec.params["network"]]
    vectors = network.embed(iter(TEST.texts))
    assert vectors.shape == (len(TEST.texts), width)
    assert vectors.dtype == np.float32
    probabilities = tf.nn.softmax(network.last_layer(tf.constant(vectors))).numpy()
    np.testing.assert_allclose(
        probabilities, network.predict_proba(TEST.texts), rtol=1e-4, atol=1e-6
    )
    assert network.embed([]).shape == (0, width)


def test_training_reaches_every_weight(network: Network) -> None:
    """No part of an encoder is cut off from the loss."""
    changed, history = shared(network.options, phase("fine_tuned", 1))
    assert np.isfinite([epoch.loss for epoch in history.epochs]).all()
    for after, before in zip(changed.get_weights(), network.get_weights(), strict=True):
        assert (after != before).any()


def test_the_seed_decides_the_initial_weights(network: Network) -> None:
    same, changed = (built(network.options, seed=seed) for seed in (0, 1))
    expected = network.predict_proba(TEST.texts).tobytes()
    assert same.predict_proba(TEST.texts).tobytes() == expected
    assert changed.predict_proba(TEST.texts).tobytes() != expected


# ------------------------------------------------------------------ an encoder added from outside


@dataclass(frozen=True, config=STRICT)
class GatedOptions(EncoderOptions):
    """One hidden layer on the mean of the words, with a gate for each word."""

    encoder: Literal["gated"] = "gated"
    units: Positive = 12


def build_gated(tokens: Any, present: Any, options: Any, seeds: Seeds) -> Encoded:
    gates = keras.layers.Dense(1, activation="sigmoid", kernel_initializer=seeds.glorot())(tokens)
    mean = MaskedPooling("mean")(tokens * gates, token_mask=present)
    hidden = keras.layers.Dense(options.units, activation="tanh", kernel_initializer=seeds.glorot())
    return Encoded(hidden(mean), tokens)


def test_an_encoder_is_a_function_its_options_and_a_row(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(ENCODERS, "gated", Encoder(GatedOptions, build_gated))
    options = GatedOptions(units=7)
    network, history = trained(options, QUICK)
    assert np.isfinite([epoch.val_loss for epoch in history.epochs]).all()
    assert network.embed(TEST.texts).shape == (len(TEST.texts), 7)
    classifier = fit_ensemble(network, small_matrix(), TRAIN, VALIDATION).classifier
    assert (classifier.predict_proba(TEST.texts).argmax(axis=1) == TEST.labels).mean() > 0.9

    explained = contributions(classifier, TEST.texts)
    scores = np.stack([explanation.scores for explanation in explained])
    logs = np.log(classifier.predict_proba(TEST.texts))
    np.testing.assert_allclose(scores, logs - logs.mean(axis=1, keepdims=True), atol=1e-4)

    expected = network.predict_proba(TEST.texts).tobytes()
    network.model.save(tmp_path / "model.keras")
    loaded = Network(keras.saving.load_model(tmp_path / "model.keras"), options)
    assert loaded.predict_proba(TEST.texts).tobytes() == expected
    again = pickle.loads(pickle.dumps(classifier))
    assert again.network.predict_proba(TEST.texts).tobytes() == expected
    assert again.predict_proba(TEST.texts).tobytes() == classifier.predict_proba(TEST.texts).tobytes()  # fmt: skip
