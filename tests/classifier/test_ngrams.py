"""The member `ngrams`: how n-grams are hashed, weighed, fitted and saved."""

from __future__ import annotations

import math
from itertools import chain
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import LABELS, NAMES, TEXTS
from sklearn.svm import LinearSVC

from pipeline.base.errors import DataError
from pipeline.classifier.ngram_fitting import choose_n_buckets, fit_ngrams
from pipeline.classifier.ngram_hashing import CHARACTERS, WORDS, hash_ngrams
from pipeline.classifier.ngrams import NgramLayer
from pipeline.embedding.text import standardize

STRINGS = standardize(tf.constant([text.lower() for text in TEXTS])).numpy()
NUMBERS = np.array([NAMES.index(label) for label in LABELS])


def write_ngrams(text: str) -> tuple[list[str], list[str]]:
    """What is hashed, in the order of the layer: by place, then by size."""
    marked = f"\x02 {text} \x03"
    tokens = marked.split()
    words = [
        " ".join(tokens[i : i + n]) if i + n <= len(tokens) else ""
        for i in range(len(tokens))
        for n in WORDS
    ]
    characters = [
        marked[i : i + n] if i + n <= len(marked) else ""
        for i in range(len(marked))
        for n in CHARACTERS
    ]
    return words, characters


# --------------------------------------------------------------------------------------- hashing


def test_equal_ngrams_have_equal_buckets_and_none_reaches_into_the_next_text() -> None:
    texts = ["alps lose snow", "the alps lose", "zürich — 東京", "", "a"]
    hashed = hash_ngrams(tf.constant(texts), 2**30)
    for block, (buckets, rows) in enumerate(hashed):
        expected = [write_ngrams(text)[block] for text in texts]
        n_sizes = len((WORDS, CHARACTERS)[block])
        places = np.repeat(range(len(texts)), [len(ngrams) // n_sizes for ngrams in expected])
        assert rows.numpy().tolist() == places.tolist()
        bucket_by_ngram: dict[str, int] = {"": 0}
        for written, bucket in zip(chain(*expected), buckets.numpy().ravel(), strict=True):
            assert bucket_by_ngram.setdefault(written, int(bucket)) == bucket
        # 2**30 buckets: none is shared
        assert len(set(bucket_by_ngram.values())) == len(bucket_by_ngram)


def test_buckets_are_even() -> None:
    """As many are used as if numbers were drawn at random: 1 - exp(-distinct / buckets) of all."""
    random = np.random.default_rng(0)
    text = " ".join("".join(random.choice(list("etaoinshr"), 6)) for _ in range(3_000))
    for (buckets, _), written, sizes in zip(
        hash_ngrams(tf.constant([text]), 2**12), write_ngrams(text), (WORDS, CHARACTERS), strict=True
    ):  # fmt: skip
        for column in range(len(sizes)):
            distinct = len(set(written[column :: len(sizes)]))
            used = len(np.unique(buckets[:, column]))
            assert used == pytest.approx(2**12 * (1 - math.exp(-distinct / 2**12)), rel=0.05)


@pytest.mark.parametrize(
    ("n", "n_labels", "expected"),
    [(50, 2, 2**18), (600, 2, 2**19), (10**6, 2, 2**20), (10**6, 100, 2**17)],
)
def test_the_table_stays_within_bounds(n: int, n_labels: int, expected: int) -> None:
    assert choose_n_buckets(n, n_labels) == expected
    assert expected * (1 + n_labels) * 4 <= 2**26


# --------------------------------------------------------------------------------------- fitting


def count_ngrams(strings: Any, n_buckets: int) -> list[np.ndarray]:
    """How often each bucket occurs in each text, for words and for characters: (n, n_buckets)."""
    counts = []
    for buckets, rows in hash_ngrams(tf.constant(strings), n_buckets):
        block = np.zeros((len(strings), n_buckets))
        for row, ngrams in zip(rows.numpy(), buckets.numpy(), strict=True):
            for bucket in ngrams[ngrams > 0]:
                block[row, bucket] += 1
        counts.append(block)
    return counts


def expected_weights(counts: list[np.ndarray], labels: np.ndarray) -> np.ndarray:
    """The weight of each bucket, by a loop over the labels (Wang and Manning 2012)."""
    n, present = len(labels), (counts[0] + counts[1]) > 0
    seen = present.sum(axis=0)
    strongest = np.zeros(len(seen))
    for label in np.unique(labels):
        inside = present[labels == label].sum(axis=0)
        occurs = seen > 0
        p, q = (inside + 1)[occurs], (seen - inside + 1)[occurs]
        strongest[occurs] = np.maximum(strongest[occurs], abs(np.log(p / p.sum() / (q / q.sum()))))
    share = n / (n + 1_000)
    idf = np.log((1 + n) / (1 + seen)) + 1
    return np.where(seen > 0, idf**1.5 * (1 - share + share * strongest), 0)


@pytest.mark.parametrize("n_labels", [2, 3])
def test_the_layer_computes_what_scikit_learn_fitted(n_labels: int) -> None:
    """The same scores, times one factor, from a dense matrix of features and from the layer."""
    which, random = n_labels > NUMBERS, np.random.default_rng(0)
    strings, labels = STRINGS[which], NUMBERS[which]
    noise = random.random(len(labels)) < 0.2  # so that the best factor is no extreme one
    labels = np.where(noise, random.integers(0, n_labels, len(labels)), labels)
    layer = fit_ngrams(strings, labels, n_labels, n_buckets=2**13).layer
    counts = count_ngrams(strings, 2**13)
    weights = expected_weights(counts, labels)
    np.testing.assert_allclose(layer.table.numpy()[:, 0], weights**2, rtol=1e-5)

    # A repeated n-gram counts each time, in the length too.
    features = sum(block * weights / np.sqrt(block @ weights**2)[:, None] for block in counts)
    machine = LinearSVC(C=3.0, dual=True, random_state=0).fit(features, labels)
    scores = machine.decision_function(features).reshape(len(labels), -1)
    logits = np.pad(scores, ((0, 0), (1, 0))) if n_labels == 2 else scores
    given = layer(tf.constant(strings)).numpy()
    given, logits = (x - x.mean(axis=1, keepdims=True) for x in (given, logits))
    factor = float((given * logits).sum() / (logits**2).sum())
    assert 0.2 < factor < 10
    np.testing.assert_allclose(given, factor * logits, atol=1e-3)


def test_topics_are_learned_and_noise_is_said_to_be_noise() -> None:
    fitted = fit_ngrams(STRINGS[:120], NUMBERS[:120], 3)
    scores = fitted.score_strings(STRINGS[120:])
    assert (scores.argmax(1) == NUMBERS[120:]).mean() > 0.9
    np.testing.assert_allclose(np.exp(scores).sum(1), 1, rtol=1e-5)
    # Labels that mean nothing: the member knows by heart what it has seen. The rest is a guess, and
    # the probabilities say so: they are no worse than even odds.
    random = np.random.default_rng(0).integers(0, 2, len(STRINGS))
    fitted = fit_ngrams(STRINGS[:120], random[:120], 2)
    assert (fitted.score_strings(STRINGS[:120]).argmax(1) == random[:120]).mean() > 0.95
    unseen = fitted.score_strings(STRINGS[120:])
    assert -unseen[np.arange(len(unseen)), random[120:]].mean() < math.log(2) + 0.05


def test_the_same_seed_gives_the_same_bits() -> None:
    first, second, third = (fit_ngrams(STRINGS, NUMBERS, 3, seed=seed).layer for seed in (1, 1, 2))
    assert np.array_equal(first.bias, second.bias)
    assert np.array_equal(first.table, second.table)
    assert not np.array_equal(first.table, third.table)  # the folds, and so the factor


@pytest.mark.parametrize(
    ("labels", "n_labels"),
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
def test_few_texts_a_label(labels: list[int], n_labels: int) -> None:
    strings = [
        text
        for label in range(3)
        for text in STRINGS[np.flatnonzero(label == NUMBERS)[: labels.count(label)]]
    ]
    scores = fit_ngrams(strings, labels, n_labels).score_strings(strings)
    assert np.isfinite(scores).all()
    assert scores.shape == (len(labels), n_labels)
    assert scores.argmax(1).tolist() == labels


def test_with_many_labels_each_is_held_against_some_of_the_other_texts() -> None:
    """It still tells the labels apart, and it is another fit."""
    exact, sampled = (fit_ngrams(STRINGS, NUMBERS, 3, many=many) for many in (10**6, 90))
    right = (sampled.score_strings(STRINGS).argmax(axis=1) == NUMBERS).mean()
    assert right > 0.95
    assert sampled.score_strings(STRINGS).tobytes() != exact.score_strings(STRINGS).tobytes()
    again = fit_ngrams(STRINGS, NUMBERS, 3, many=90)
    assert again.score_strings(STRINGS).tobytes() == sampled.score_strings(STRINGS).tobytes()


def test_a_sample_of_many_texts() -> None:
    labels = np.where(np.arange(len(NUMBERS)) == 5, 3, NUMBERS)  # a label with one text

    def fit(most_texts: int, seed: int = 0) -> Any:
        return fit_ngrams(STRINGS, labels, 4, seed=seed, most_texts=most_texts)

    sampled, whole = fit(90), fit(len(labels))
    scores = sampled.score_strings(STRINGS)
    assert (scores.argmax(1) == labels).mean() > 0.85
    assert scores[5].argmax() == 3  # the rare label is not lost
    n_ngrams = [np.count_nonzero(member.layer.table[:, 0]) for member in (sampled, whole)]
    assert n_ngrams[0] < n_ngrams[1]
    assert np.array_equal(sampled.layer.table, fit(90).layer.table)
    assert not np.array_equal(sampled.layer.table, fit(90, seed=1).layer.table)


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        ([], [], "at least one.*got 0 texts and 0 labels"),
        (["a", "b"], [0], "got 2 texts and 1 labels"),
        (["a", "b"], [0, 2], "expected labels from 0 to 1 .*got 0 to 2"),
    ],
)
def test_texts_that_cannot_be_fitted(texts: list[str], labels: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        fit_ngrams(texts, labels, 2)


# ---------------------------------------------------------------------------------------- saving


def test_saved_with_keras_and_as_a_saved_model(tmp_path: Path) -> None:
    fitted = fit_ngrams(STRINGS, NUMBERS, 3)
    texts = keras.Input((), dtype="string")
    model = keras.Model(texts, fitted.layer(texts))
    strings = tf.constant([*STRINGS[:5], b"", b"never seen"])
    expected = model(strings).numpy()
    np.testing.assert_allclose(expected[:5], fitted.score_strings(STRINGS[:5]), atol=1e-6)
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


def test_no_texts_to_score() -> None:
    assert fit_ngrams(STRINGS, NUMBERS, 3).score_strings([]).shape == (0, 3)
    assert NgramLayer(2**16, 2).compute_output_shape((None,)) == (None, 2)
