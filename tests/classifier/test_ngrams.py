from __future__ import annotations

import math
from itertools import chain
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import make_headlines

from pipeline.base.errors import DataError
from pipeline.classifier import ngrams as wide
from pipeline.classifier.calibration import log_probabilities
from pipeline.classifier.ngrams import CHARACTERS, WORDS, NgramLayer, fit_ngrams, hash_ngrams
from pipeline.embedding.text import standardize

TEXTS, LABELS = make_headlines(60)
NAMES = sorted(set(LABELS))
STRINGS = standardize(tf.constant([text.lower() for text in TEXTS])).numpy()
NUMBERS = np.array([NAMES.index(label) for label in LABELS])


def ngrams(text: str) -> tuple[list[str], list[str]]:
    """What is hashed, in the order of the layer: by place, then by size."""
    marked = f"\x02 {text} \x03"
    tokens = marked.split()
    words = [" ".join(tokens[i : i + n]) for i in range(len(tokens)) for n in WORDS]
    letters = [marked[i : i + n] for i in range(len(marked)) for n in CHARACTERS]
    keep = [i + n <= len(tokens) for i in range(len(tokens)) for n in WORDS]
    keep_letters = [i + n <= len(marked) for i in range(len(marked)) for n in CHARACTERS]
    return (
        [word if kept else "" for word, kept in zip(words, keep, strict=True)],
        [letter if kept else "" for letter, kept in zip(letters, keep_letters, strict=True)],
    )


def test_equal_ngrams_have_equal_buckets_and_no_ngram_reaches_into_the_next_headline() -> None:
    texts = ["alps lose snow", "the alps lose", "zürich — 東京", "", "a"]
    found = hash_ngrams(tf.constant(texts), 2**30)
    for block, (buckets, rows) in enumerate(found):
        expected = [ngrams(text)[block] for text in texts]
        sizes = len((WORDS, CHARACTERS)[block])
        places = np.repeat(range(len(texts)), [len(own) // sizes for own in expected])
        assert rows.numpy().tolist() == places.tolist()
        bucket_of: dict[str, int] = {"": 0}
        for written, bucket in zip(chain(*expected), buckets.numpy().ravel(), strict=True):
            assert bucket_of.setdefault(written, int(bucket)) == bucket
        assert len(set(bucket_of.values())) == len(bucket_of)  # 2**30 buckets: none is shared


def test_buckets_are_even() -> None:
    """As many are used as if numbers were drawn at random: 1 - exp(-distinct / buckets) of all."""
    random = np.random.default_rng(0)
    text = " ".join("".join(random.choice(list("etaoinshr"), 6)) for _ in range(3_000))
    for (buckets, _), written, sizes in zip(
        hash_ngrams(tf.constant([text]), 2**12), ngrams(text), (WORDS, CHARACTERS), strict=True
    ):
        for column in range(len(sizes)):
            distinct = len(set(written[column :: len(sizes)]))
            used = len(np.unique(buckets[:, column]))
            assert used == pytest.approx(2**12 * (1 - math.exp(-distinct / 2**12)), rel=0.05)


def test_the_layer_computes_what_was_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same scores from scikit-learn's matrix and from the layer's table."""
    seen = {}

    def keep(scores: np.ndarray, classes: np.ndarray) -> float:
        return seen.setdefault("factor", 2.0)

    monkeypatch.setattr(wide, "temperature_factor", keep)
    for n_classes, which in ((3, NUMBERS >= 0), (2, NUMBERS < 2)):
        strings, labels = STRINGS[which], NUMBERS[which]
        fitted = fit_ngrams(strings, labels, n_classes, n_buckets=2**16)
        features = wide._Features.extract(strings, 2**16)
        model = wide._fit(features, labels, n_classes, 3.0, 0)
        expected = log_probabilities(2.0 * model.scores(features))
        np.testing.assert_allclose(fitted.log_probabilities(strings), expected, atol=1e-4)


def test_topics_are_learned_and_noise_is_said_to_be_noise() -> None:
    fitted = fit_ngrams(STRINGS[:120], NUMBERS[:120], 3)
    scores = fitted.log_probabilities(STRINGS[120:])
    assert (scores.argmax(1) == NUMBERS[120:]).mean() > 0.9
    np.testing.assert_allclose(np.exp(scores).sum(1), 1, rtol=1e-5)
    # Labels that mean nothing: what was seen is known by heart, what was not is a guess, and the
    # probabilities say so: they are no worse than even odds.
    random = np.random.default_rng(0).integers(0, 2, len(STRINGS))
    fitted = fit_ngrams(STRINGS[:120], random[:120], 2)
    assert (fitted.log_probabilities(STRINGS[:120]).argmax(1) == random[:120]).mean() > 0.95
    unseen = fitted.log_probabilities(STRINGS[120:])
    assert -unseen[np.arange(len(unseen)), random[120:]].mean() < math.log(2) + 0.05


def test_the_same_seed_gives_the_same_bits() -> None:
    first, second, other = (fit_ngrams(STRINGS, NUMBERS, 3, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.bias, second.bias)
    assert np.array_equal(first.table, second.table)
    assert not np.array_equal(first.table, other.table)  # the folds, and so the factor


@pytest.mark.parametrize(
    ("labels", "n_classes"),
    [
        ([0, 0, 1, 1], 2),
        ([0, 1], 2),
        ([0, 0, 0], 2),
        ([1, 1, 1], 3),
        ([0, 2, 2, 2], 3),  # 0 is missing in a fold, 1 altogether
        ([0, 0, 1, 1, 2, 2], 3),
        ([2], 3),
    ],
)
def test_few_headlines_a_class(labels: list[int], n_classes: int) -> None:
    strings = [
        text
        for label in range(3)
        for text in STRINGS[np.flatnonzero(label == NUMBERS)[: labels.count(label)]]
    ]
    fitted = fit_ngrams(strings, labels, n_classes)
    scores = fitted.log_probabilities(strings)
    assert np.isfinite(scores).all()
    assert scores.shape == (len(labels), n_classes)
    assert scores.argmax(1).tolist() == labels


def test_a_sample_of_many_headlines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wide, "_MAX_HEADLINES", 90)
    labels = np.where(np.arange(len(NUMBERS)) == 5, 3, NUMBERS)  # a class of one headline
    fitted = fit_ngrams(STRINGS, labels, 4)
    chosen = wide._sample(labels, 0)
    assert len(chosen) == 91
    assert 5 in chosen
    assert (fitted.log_probabilities(STRINGS).argmax(1) == labels).mean() > 0.85


def test_saved_with_keras_and_as_a_saved_model(tmp_path: Path) -> None:
    fitted = fit_ngrams(STRINGS, NUMBERS, 3)
    texts = keras.Input((), dtype="string")
    model = keras.Model(texts, fitted.layer()(texts))
    strings = tf.constant([*STRINGS[:5], b"", b"never seen"])
    expected = model(strings).numpy()
    np.testing.assert_allclose(expected[:5], fitted.log_probabilities(STRINGS[:5]), atol=1e-6)
    assert np.isfinite(expected).all()

    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(strings).numpy(), expected)
    assert not loaded.trainable_weights

    module = tf.Module()
    module.model = model
    module.__call__ = tf.function(
        lambda strings: model(strings), input_signature=[tf.TensorSpec([None], tf.string)]
    )
    tf.saved_model.save(module, str(tmp_path / "saved"))
    saved = tf.saved_model.load(str(tmp_path / "saved"))
    np.testing.assert_allclose(saved(strings).numpy(), expected, atol=1e-5)
    assert saved(tf.constant([], tf.string)).shape == (0, 3)


def test_no_headlines_to_score() -> None:
    assert fit_ngrams(STRINGS, NUMBERS, 3).log_probabilities([]).shape == (0, 3)
    assert NgramLayer(2**16, 2).compute_output_shape((None,)) == (None, 2)


def test_the_table_stays_within_bounds() -> None:
    assert wide._default_buckets(50, 2) == 2**18
    assert wide._default_buckets(10**6, 2) == 2**20
    assert wide._default_buckets(10**6, 100) * 101 * 4 <= 2**26


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        ([], [], "at least one.*got 0 headlines and 0 labels"),
        (["a", "b"], [0], "got 2 headlines and 1 labels"),
        (["a", "b"], [0, 2], "expected labels from 0 to 1 .*got 0 to 2"),
    ],
)
def test_what_cannot_be_fitted(texts: list[str], labels: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        fit_ngrams(texts, labels, 2)
