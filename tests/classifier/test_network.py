"""What an embedding layer is, and the network around it."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import (
    TEST,
    TEXTS,
    TRAIN,
    VALIDATION,
    built,
    phase,
    shared,
    small_matrix,
)

from pipeline.classifier.encoders import CnnOptions, MeanOptions
from pipeline.classifier.network import Network, build_network, with_labels
from pipeline.classifier.scoring import compile_scorer, score_texts
from pipeline.embedding.matrix import build_embedding_matrix
from pipeline.embedding.vectors import WordVectors
from pipeline.embedding.vocabulary import build_vocabulary
from pipeline.training.loop import train

CNN = CnnOptions(filters=8)


# ------------------------------------------------------------------- what an embedding layer is


def test_lookup_equals_one_hot_times_matrix() -> None:
    matrix = small_matrix().weights
    layer = keras.layers.Embedding(*matrix.shape)
    layer.build()
    layer.set_weights([matrix])
    rows = np.array([[2, 5, 5, 0], [1, 3, 2, 9]])
    one_hot = tf.one_hot(rows, len(matrix))
    np.testing.assert_array_equal(layer(rows), tf.einsum("btw,wd->btd", one_hot, matrix))


def test_its_gradient_too() -> None:
    """Back-propagation into the table is back-propagation into the matrix of a dense layer."""
    matrix = small_matrix().weights
    layer = keras.layers.Embedding(*matrix.shape)
    layer.build()
    layer.set_weights([matrix])
    rows = np.array([[2, 5, 5, 0], [1, 3, 2, 9]])
    target = np.random.default_rng(0).normal(size=(2, 4, 8)).astype(np.float32)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum((layer(rows) - target) ** 2)
    by_lookup = tf.convert_to_tensor(tape.gradient(loss, layer.embeddings.value))
    variable = tf.Variable(matrix)
    with tf.GradientTape() as tape:
        product = tf.einsum("btw,wd->btd", tf.one_hot(rows, len(matrix)), variable)
        loss = tf.reduce_sum((product - target) ** 2)
    np.testing.assert_allclose(by_lookup, tape.gradient(loss, variable), rtol=1e-5, atol=1e-6)
    assert not np.asarray(by_lookup)[4].any()  # a word that was not looked up does not move


# ---------------------------------------------------------------------------------- the network


def test_the_parts_are_what_they_say() -> None:
    network = built(CNN)
    (rows,) = network.token_ids(["Alps may lose snow", "zzz"])
    vectors, _ = network.embedder([rows])
    logits, representation, token_features = network.encoder([vectors, tf.constant(rows != 0)])
    assert vectors.shape == (2, 4, 8)
    assert representation.shape == (2, 24)
    assert token_features.shape == (2, 4, 24)
    np.testing.assert_allclose(network.last_layer(representation), logits, atol=1e-6)
    np.testing.assert_allclose(network.head([rows]), logits, atol=1e-6)
    probabilities = network.predict_proba(["Alps may lose snow", "zzz"])
    np.testing.assert_allclose(tf.nn.softmax(logits), probabilities, atol=1e-6)
    assert network.embedding.get_weights()[0].tobytes() == small_matrix().weights.tobytes()
    assert network.n_labels == 3


def test_rows_of_extra_words_are_used_in_prediction() -> None:
    trained_word, extra_word, unknown = built().predict_proba(["alps", "avalanche", "zzz"])
    assert not np.allclose(extra_word, unknown)
    assert not np.allclose(extra_word, trained_word)


def test_token_ids_of_many_texts_are_those_of_each() -> None:
    network = built(CnnOptions(filters=8, letter_case=True))
    texts = [*TEXTS[:50], "", "the Alps " * 9]
    rows, cases = network.token_ids(texts)
    assert rows.dtype == cases.dtype == np.int32
    assert rows.shape == cases.shape == (52, 18)
    for text, row, case in zip(texts, rows, cases, strict=True):
        (row_alone,), (case_alone,) = network.token_ids([text])
        assert row[: len(row_alone)].tolist() == row_alone.tolist()
        assert case[: len(case_alone)].tolist() == case_alone.tolist()
        assert not row[len(row_alone) :].any()
    assert [array.shape for array in network.token_ids([])] == [(0, 1), (0, 1)]


def test_tokens_joined_by_spaces() -> None:
    joined = built().joined_tokens(["Alps don't,  lose", ""])
    assert joined.tolist() == [b"alps do n't , lose", b""]
    cased = built(MeanOptions(letter_case=True)).joined_tokens(["Alps don't,  lose"])
    assert cased.tolist() == [b"Alps do n't , lose"]
    with pytest.raises(ValueError, match="expected a network built with ngrams=True"):
        built(MeanOptions(ngrams=False)).joined_tokens(["Alps"])


@pytest.mark.parametrize("batch_size", [7, 1024])
def test_many_texts_come_back_in_their_order(batch_size: int) -> None:
    """Threads score batches of texts of like length."""
    network, _ = shared(CNN)
    texts = [*TEXTS[:40], "", "the " * 40, *TEXTS[:10]]
    probabilities = network.predict_proba(iter(texts), batch_size)
    alone = [network.predict_proba([text])[0] for text in texts]
    np.testing.assert_allclose(probabilities, alone, atol=1e-6)
    assert network.predict_proba([]).shape == (0, 3)


def test_what_was_compiled_sees_later_weights() -> None:
    network = built()
    before, embedded = network.predict_proba(TEST.texts), network.embed(TEST.texts)
    weights = network.get_weights()
    with network.with_weights([weight * 2 for weight in weights]):
        assert network.predict_proba(TEST.texts).tobytes() != before.tobytes()
        assert network.embed(TEST.texts).tobytes() != embedded.tobytes()
    assert network.predict_proba(TEST.texts).tobytes() == before.tobytes()
    for weight, expected in zip(network.get_weights(), weights, strict=True):
        assert weight.tobytes() == expected.tobytes()
    with suppress(KeyboardInterrupt), network.with_weights(weights):
        network.set_weights([weight * 2 for weight in weights])
        raise KeyboardInterrupt
    assert network.predict_proba(TEST.texts).tobytes() == before.tobytes()


def test_other_labels_under_the_same_weights() -> None:
    network = built()
    weights = network.get_weights()
    network.predict_proba(TEST.texts)  # what is compiled stays with the first network
    more = with_labels(network, 5)
    assert more.n_labels == 5
    assert more.predict_proba(TEST.texts).shape == (len(TEST.texts), 5)
    assert more.embed(TEST.texts).tobytes() == network.embed(TEST.texts).tobytes()
    train(more, TRAIN, VALIDATION, phase("fine_tuned", 1))
    for weight, expected in zip(network.get_weights(), weights, strict=True):
        assert weight.tobytes() == expected.tobytes()  # the copy was trained, and nothing else
    copied = copy.deepcopy(more)
    assert copied.embed(TEST.texts).tobytes() == more.embed(TEST.texts).tobytes()


# ----------------------------------------------------------------------------- saved and pickled


def test_saved_and_pickled_it_gives_the_same_bits(tmp_path: Path) -> None:
    network, _ = shared(CNN)
    expected = network.predict_proba(TEST.texts)
    network.model.save(tmp_path / "model.keras")
    loaded = Network(keras.saving.load_model(tmp_path / "model.keras"), CNN)
    assert loaded.predict_proba(TEST.texts).tobytes() == expected.tobytes()
    assert loaded.embed(TEST.texts).tobytes() == network.embed(TEST.texts).tobytes()
    again = pickle.loads(pickle.dumps(network))
    assert again.options == replace(CNN, max_tokens=24)  # `auto`, where no texts are known
    assert again.predict_proba(TEST.texts).tobytes() == expected.tobytes()


ANOTHER_PROCESS = """
import pickle, sys
from pathlib import Path
import keras
from pipeline.classifier.network import Network

folder = Path(sys.argv[1])
pickled, texts = pickle.loads((folder / "network.pickle").read_bytes())
loaded = Network(keras.saving.load_model(folder / "network.keras"), pickled.options)
for network in (pickled, loaded):
    sys.stdout.write(network.predict_proba(texts).tobytes().hex() + "\\n")
    sys.stdout.write(network.embed(texts).tobytes().hex() + "\\n")
"""


@pytest.mark.slow
def test_loaded_in_another_process_it_gives_the_same_bits(tmp_path: Path) -> None:
    network, _ = shared(CNN)
    network.model.save(tmp_path / "network.keras")
    (tmp_path / "network.pickle").write_bytes(pickle.dumps((network, TEST.texts)))
    command = [sys.executable, "-c", ANOTHER_PROCESS, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    expected = [f(TEST.texts).tobytes().hex() for f in (network.predict_proba, network.embed)]
    assert done.stdout.splitlines() == expected * 2


def test_words_and_numbers_unseen_in_training_find_their_rows_in_a_cased_set(
    tmp_path: Path,
) -> None:
    """In Keras, after saving, and in TensorFlow: in a set with capitals, `####` and `don't`."""
    keys = ["the", "Alps", "####", "don't", "Himalaya", "himalaya's", "iPhone", "##", "of"]
    values = np.random.default_rng(0).normal(0, 0.4, (len(keys), 4)).astype(np.float32)
    vectors = WordVectors.from_rows(keys, values)
    vocabulary = build_vocabulary(["The Alps don't, 1999", "of 1999"], contractions="whole")
    matrix = build_embedding_matrix(
        vocabulary.words, vectors, counts=vocabulary.counts, extra_words=keys
    )
    network = build_network(matrix, 3, MeanOptions(), contractions=vocabulary.contractions)
    headline = "IPHONE 2031 Himalaya 70 DON’T Alps 1999 zzz"
    expected = ["iPhone", "####", "Himalaya", "##", "don't", "Alps", "####", None]

    def look_up(model: keras.Model) -> list[list[float]]:
        """What the tables hold for each token."""
        embedder = model.get_layer("embedder")
        tables = [embedder.get_layer(name).get_weights()[0] for name in ("embedding", "extra")]
        rows = model.get_layer("text")(tf.constant([headline]))[0].numpy()[0]
        return np.concatenate(tables)[rows[rows > 0]].tolist()

    wanted = [vectors[key].tolist() if key else [0.0] * 4 for key in expected]
    assert look_up(network.model) == wanted
    network.model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert look_up(loaded) == wanted
    texts = [headline, headline.replace("Himalaya", "zzz"), headline.replace("2031", "5")]
    probabilities = network.predict_proba(texts)
    scored = score_texts(compile_scorer(loaded), texts, 3)
    assert scored.tobytes() == probabilities.tobytes()
    assert len({row.tobytes() for row in probabilities}) == 3  # each of the words counts
