"""The portable classifier gives what the Keras model gives."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from keras.saving import load_model
from networks import (
    NAMES,
    TEXTS,
    TRAIN,
    VALIDATION,
    random_classifier,
    random_network,
    small_matrix,
)
from test_tokens import TEXTS as ANY_TEXTS

from pipeline.classifier.encoders import ENCODERS, MeanOptions
from pipeline.classifier.ensemble import Classifier, fit_ensemble
from pipeline.classifier.export import export_classifier
from pipeline.classifier.scoring import compile_scorer, score_texts
from pipeline.data.examples import Examples
from pipeline.insight.attribution import contributions
from pipeline.portable import PortableClassifier, load_classifier, normalize
from pipeline.portable.hashing import fingerprint

# Tokens behind the last that counts, words that training did not see, odd pieces, no tokens.
ODD = [
    "",
    "—",
    "snow " * 40,
    "Avalanche! The ALPS' dividend isn't 3.5%, it's “new”…",
    "İstanbul ΑΣ 日本 e\u0301cole x\u00a0y " + "z" * 90,
]
SAMPLE = [*ODD, *TEXTS[::9]]
OPTIONS = {
    **{name: row.options(letter_case=name in ("cnn", "attention")) for name, row in ENCODERS.items()},
    "cnn without members": ENCODERS["cnn"].options(kernel_sizes=(5, 2), sif=False, ngrams=False),
    "mean with a low floor": ENCODERS["mean"].options(sif=False),
}  # fmt: skip


@cache
def classifier(name: str) -> Classifier:
    return random_classifier(OPTIONS[name], floor=-1.5 if "floor" in name else -15.0)


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], tuple[Classifier, PortableClassifier]]:
    """A classifier by the name of its options, and what was exported of it."""

    @cache
    def get(name: str) -> tuple[Classifier, PortableClassifier]:
        folder = tmp_path_factory.mktemp("exported") / "model"
        export_classifier(classifier(name), folder, dtype="float32")
        return classifier(name), load_classifier(folder)

    return get


@pytest.mark.parametrize("name", OPTIONS)
def test_probabilities_and_representations_are_equal(name: str, both: Any) -> None:
    keras, portable = both(name)
    expected = keras.predict_proba(SAMPLE)
    np.testing.assert_allclose(portable.predict_proba(SAMPLE), expected, atol=1e-5)
    assert portable.predict(SAMPLE).tolist() == keras.predict(SAMPLE).tolist()
    np.testing.assert_allclose(portable.embed(SAMPLE), keras.embed(SAMPLE), atol=2e-5)
    assert portable.predict_proba([]).shape == (0, 3)
    assert portable.embed([]).shape == keras.embed([]).shape


@pytest.mark.parametrize("name", OPTIONS)
def test_each_word_gives_the_same(name: str, both: Any) -> None:
    """Within 0.001 nats: gradients of a maximum that is at two places are the least exact."""
    keras, portable = both(name)
    texts = normalize(SAMPLE[:14])
    for row, expected in zip(portable.why(texts), contributions(keras, texts), strict=True):
        assert [word["word"] for word in row["words"]] == list(expected.words)
        assert [t for word in row["words"] for t in word["tokens"]] == list(expected.tokens)
        values = [list(word["contributions"].values()) for word in row["words"]]
        shape = expected.word_values.shape
        np.testing.assert_allclose(np.reshape(values, shape), expected.word_values, atol=1e-3)
        assert list(row["bias"]) == list(keras.label_names)
        np.testing.assert_allclose(list(row["bias"].values()), expected.bias, atol=1e-3)


@settings(max_examples=25, deadline=None)
@given(texts=ANY_TEXTS)
def test_any_text_has_equal_probabilities(texts: list[str], both: Any) -> None:
    keras, portable = both("cnn")
    expected = keras.predict_proba(texts)
    np.testing.assert_allclose(portable.predict_proba(texts), expected, atol=1e-5)


@pytest.mark.parametrize("ngrams", [True, False], ids=["with n-grams", "without"])
def test_texts_of_which_nothing_is_known_have_the_prior_and_a_mark(
    ngrams: bool, tmp_path: Path
) -> None:
    """The Keras model, its file, the portable classifier, and what the words give."""
    network = random_network(MeanOptions(ngrams=ngrams), 0.1)
    training = Examples(TRAIN.texts[:100], TRAIN.labels[:100], TRAIN.label_names)
    keras = fit_ensemble(network, small_matrix(), training, VALIDATION).classifier
    assert keras.beside
    export_classifier(keras, tmp_path / "model", dtype="float32")
    portable = load_classifier(tmp_path / "model")
    texts = ["", " \u00a0", "?! —", "xqzw vvk", "xqzw " * 24 + "snow", "snow xqzw", *TEXTS[:9]]
    probabilities, marks = portable.predict_marked(texts)
    given = keras.predict_proba(texts)
    np.testing.assert_allclose(probabilities, given, atol=1e-6)
    assert marks.tolist() == ["empty"] * 2 + ["no_known_word"] * 3 + [None] * 10
    prior = np.bincount(training.labels).astype(np.float32) / 100
    for rows in (given, probabilities):
        # N-grams say something of words that have no vector.
        is_prior = (rows == prior).all(axis=1)
        assert is_prior.tolist() == [True] * 2 + [not ngrams] * 3 + [False] * 10
    for row, expected in zip(portable.why(texts), contributions(keras, texts), strict=True):
        np.testing.assert_allclose(list(row["bias"].values()), expected.bias, atol=1e-4)
        values = [list(word["contributions"].values()) for word in row["words"]]
        shape = expected.word_values.shape
        np.testing.assert_allclose(np.reshape(values, shape), expected.word_values, atol=1e-3)
    np.testing.assert_allclose(
        [e.probabilities for e in contributions(keras, texts)], given, atol=1e-4
    )
    keras.model.save(tmp_path / "model.keras")
    read = compile_scorer(load_model(tmp_path / "model.keras"))
    assert score_texts(read, texts, 3).tobytes() == given.tobytes()


def test_the_calibration_comes_through(tmp_path: Path) -> None:
    fitted = fit_ensemble(random_network(scale=0.1), small_matrix(), TRAIN, VALIDATION)
    keras = fitted.classifier
    assert keras.calibration is not None
    right = keras.predict_proba(VALIDATION.texts)[np.arange(30), VALIDATION.labels]
    np.testing.assert_allclose(keras.calibration.right[0], np.sort(right), atol=1e-5)
    export_classifier(keras, tmp_path / "model", dtype="int8", extra_words=0)
    portable = load_classifier(tmp_path / "model")
    assert portable.calibration is not None
    assert portable.calibration.right[0].tolist() == keras.calibration.right[0].tolist()
    expected = keras.calibration.thresholds(0.9)
    assert portable.calibration.thresholds(0.9).tolist() == expected.tolist()
    again = pickle.loads(pickle.dumps(keras))
    assert again.calibration.thresholds(0.9).tolist() == expected.tolist()
    assert again.prior == keras.prior
    for row in portable.answer(TEXTS[:20], coverage=0.9):
        chosen = [n for n, t in zip(NAMES, expected, strict=True) if row["probabilities"][n] >= t]
        assert row["labels"] == sorted(chosen, key=lambda name: -row["probabilities"][name])
    assert "labels" not in portable.answer(TEXTS[:1])[0]


def test_many_texts_have_the_answers_of_each(both: Any) -> None:
    _, portable = both("cnn")
    texts = TEXTS * 30
    np.testing.assert_allclose(
        portable.predict_proba(texts)[::173],
        np.concatenate([portable.predict_proba([text]) for text in texts[::173]]),
        atol=1e-6,
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1))
def test_fingerprints_are_those_of_tensorflow(strings: list[bytes]) -> None:
    most = 2**63 - 1
    expected = tf.strings.to_hash_bucket_fast(strings, most).numpy().tolist()
    assert [fingerprint(string) % most for string in strings] == expected


@pytest.mark.parametrize(("dtype", "most"), [("float16", 0.005), ("int8", 0.1)])
def test_few_bytes_change_little(dtype: str, most: float, tmp_path: Path) -> None:
    keras = classifier("cnn")
    sizes = {}
    for kept in (dtype, "float32"):
        folder = export_classifier(keras, tmp_path / kept, dtype=kept)
        sizes[kept] = sum(path.stat().st_size for path in folder.iterdir())
    difference = load_classifier(tmp_path / dtype).predict_proba(TEXTS) - keras.predict_proba(TEXTS)
    assert 0 < abs(difference).max() < most
    assert sizes[dtype] < sizes["float32"]


def test_extra_words_that_are_left_out_are_unknown(tmp_path: Path) -> None:
    keras = classifier("cnn")
    export_classifier(keras, tmp_path / "model", dtype="float32", extra_words=0)
    portable = load_classifier(tmp_path / "model")
    trained, unknown = ["snow", "profit"], ["avalanche"]
    np.testing.assert_allclose(
        portable.predict_proba(trained), keras.predict_proba(trained), atol=1e-5
    )
    assert abs(portable.embed(unknown) - keras.embed(unknown)).max() > 0.01
