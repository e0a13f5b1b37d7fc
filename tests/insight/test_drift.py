"""How far words moved, and towards which label."""

from __future__ import annotations

import numpy as np
import pytest
from builders import TOPICS, all_words, topical_vectors
from drift_builders import (
    NAMES,
    UNSEEN,
    WORDS,
    drift_of,
    examples,
    network_and_matrix,
    put,
)
from sklearn.decomposition import PCA

from pipeline import build_embedding_matrix, build_network, train
from pipeline.classifier.encoders import CnnOptions, MeanOptions, ModelOptions
from pipeline.data.examples import Examples
from pipeline.embedding.matrix import FIRST_WORD
from pipeline.embedding.vectors import WordVectors
from pipeline.insight.drift import count_words, measure_drift
from pipeline.training.options import PhaseOptions, TrainingOptions


def test_counts_by_hand() -> None:
    network, _ = network_and_matrix()
    texts = ["Alps the alps", "bank", "bank xyzzy himalaya", ""]
    counts = count_words(network, Examples(texts, [1, 0, 2, 2], NAMES))
    assert counts.shape == (FIRST_WORD + len(WORDS), 3)
    rows = {
        word: counts[FIRST_WORD + WORDS.index(word)].tolist() for word in ("alps", "the", "bank")
    }
    assert rows == {"alps": [0, 2, 0], "the": [0, 1, 0], "bank": [1, 0, 1]}
    assert counts[:FIRST_WORD].tolist() == [[0, 0, 0], [0, 0, 1]]  # padding does not count
    assert counts.sum() == 6  # nor what is in the second table


def test_distances_and_cosines_by_hand() -> None:
    network, matrix = network_and_matrix()
    alps = matrix.weights[FIRST_WORD + WORDS.index("alps")]
    put(network, "alps", -2 * alps)
    drift = drift_of(network, matrix)
    row = WORDS.index("alps")
    assert drift.moved
    assert drift.distances[row] == pytest.approx(3 * np.linalg.norm(alps), rel=1e-5)
    assert drift.cosines[row] == pytest.approx(-1)
    assert drift.distances.sum() == drift.distances[row]
    assert np.delete(drift.cosines, row).tolist() == [1] * (len(WORDS) - 1)
    metrics = drift.metrics()
    assert metrics["largest"] == drift.distances[row]
    assert metrics["mean"] == pytest.approx(drift.distances[row] / len(WORDS))
    assert metrics["median"] == 0
    typical = np.sqrt((matrix.weights[FIRST_WORD:] ** 2).sum(axis=1).mean())
    assert metrics["relative"] == pytest.approx(metrics["mean"] / typical)


@pytest.mark.parametrize(
    "options", [MeanOptions(), MeanOptions(letter_case=True), CnnOptions(filters=16)]
)
def test_towards_which_label(options: ModelOptions) -> None:
    """A word that is put where another stands gets the scores of that one."""
    network, matrix = network_and_matrix(options)
    schedule = TrainingOptions(
        phases=("frozen",), frozen=PhaseOptions(epochs=30, learning_rate=1e-2)
    )
    train(network, examples(), examples(), schedule)
    for topic, name in (("nature", "alps"), ("money", "bank"), ("sport", "goal")):
        put(network, "may", matrix.weights[FIRST_WORD + WORDS.index(name)])
        drift, row = drift_of(network, matrix), WORDS.index("may")
        assert NAMES[drift.towards[row]] == topic
        logits = [network.head(network.token_ids([word])).numpy()[0] for word in ("may", name)]
        np.testing.assert_allclose(*logits, atol=1e-5)
        before, _ = network_and_matrix(options)
        before.set_weights(
            [matrix.weights if w.shape == matrix.weights.shape else w
             for w in network.get_weights()]
        )  # fmt: skip
        change = logits[0] - before.head(before.token_ids(["may"])).numpy()[0]
        np.testing.assert_allclose(drift.pushes[row], change - change.mean(), atol=1e-5)
        assert not np.delete(drift.pushes, row, axis=0).any()


def test_training_moves_words_towards_the_labels_whose_headlines_hold_them() -> None:
    network, matrix = network_and_matrix()
    schedule = TrainingOptions(
        frozen=PhaseOptions(epochs=5), fine_tuned=PhaseOptions(epochs=10, learning_rate=1e-2)
    )
    train(network, examples(), examples(), schedule)
    drift = drift_of(network, matrix)
    for topic, words in TOPICS.items():
        rows = [WORDS.index(word) for word in words if word != UNSEEN]
        assert {NAMES[label] for label in drift.leanings[rows]} == {topic}
        assert {NAMES[label] for label in drift.towards[rows]} == {topic}
    assert drift.metrics()["agreement"] > 0.7


def test_neighbours_before_and_after() -> None:
    """Of a training word, and of one without a row of its own, which stays where it is."""
    network, matrix = network_and_matrix()
    bank = matrix.weights[FIRST_WORD + WORDS.index("bank")]
    put(network, "alps", bank * 1.5)
    drift = drift_of(network, matrix, "alps", UNSEEN, "xyzzy", "alps")
    assert [(near.word, near.trained) for near in drift.neighbours] == [
        ("alps", True), (UNSEEN, False)
    ]  # fmt: skip
    alps, himalaya = drift.neighbours
    assert len(alps.before) == len(alps.after) == 8
    assert alps.before[0][0] != "bank"
    assert alps.after[0] == ("bank", pytest.approx(1))
    names, still = [*WORDS, UNSEEN], matrix.extra_weights
    for near, table in (
        (himalaya.before, matrix.weights), (himalaya.after, network.embedding.embeddings.numpy())
    ):  # fmt: skip
        rows = np.concatenate([table[FIRST_WORD:], still])
        cosines = rows @ still[0] / np.linalg.norm(rows, axis=1) / np.linalg.norm(still[0])
        nearest = np.argsort(-cosines)[1:9]
        assert [word for word, _ in near] == [names[i] for i in nearest]
        assert [cosine for _, cosine in near] == pytest.approx(cosines[nearest].tolist(), abs=1e-5)
    assert himalaya.before != himalaya.after


def test_the_words_that_moved_most_are_among_them() -> None:
    network, matrix = network_and_matrix()
    moved = ("goal", "tax", "may", "ice", "cup")
    for far, word in enumerate(moved, start=1):
        put(network, word, matrix.weights[FIRST_WORD + WORDS.index(word)] + far)
    drift = drift_of(network, matrix, "alps", "cup")
    assert [near.word for near in drift.neighbours] == ["alps", "cup", "ice", "may", "tax"]


def test_the_map_is_one_projection_of_both() -> None:
    network, matrix = network_and_matrix()
    random = np.random.default_rng(0)
    for word in WORDS[::2]:
        put(network, word, random.normal(0, 1, 8))
    drift = drift_of(network, matrix)
    plane = drift.words_map
    counts = drift.counts.sum(axis=1)
    assert counts[plane.chosen].tolist() == sorted(counts, reverse=True)
    before, after = (
        table[FIRST_WORD:][plane.chosen]
        for table in (matrix.weights, network.embedding.embeddings.numpy())
    )
    both = PCA(2).fit(np.concatenate([before, after]))
    for points, table in ((plane.before, before), (plane.after, after)):
        np.testing.assert_allclose(np.abs(points), np.abs(both.transform(table)), atol=1e-4)
    assert plane.share == pytest.approx(both.explained_variance_ratio_.sum(), rel=1e-5)


def test_headlines_are_on_the_map_by_their_mean_vector() -> None:
    network, matrix = network_and_matrix()
    put(network, "alps", np.full(8, 3.0))
    counts = count_words(network, examples())
    texts = ["alps snow", "bank", "himalaya of the alps", "snow snow", "shares"]
    drift = measure_drift(network, matrix, counts, Examples(texts, [1, 0, 1, 1, 0], NAMES))
    vectors = dict(zip(WORDS, matrix.weights[FIRST_WORD:], strict=True))
    vectors[UNSEEN] = matrix.extra_weights[0]
    before = [np.mean([vectors[word] for word in text.split()], axis=0) for text in texts]
    vectors["alps"] = np.full(8, 3.0)
    after = [np.mean([vectors[word] for word in text.split()], axis=0) for text in texts]
    plane = drift.headlines_map
    both = PCA(2).fit_transform([*before, *after])
    np.testing.assert_allclose(np.abs([*plane.before, *plane.after]), np.abs(both), atol=1e-4)
    assert drift.headline_labels.tolist() == [1, 0, 1, 1, 0]


def test_where_nothing_moved() -> None:
    drift = drift_of(*network_and_matrix(), "alps")
    assert not drift.moved
    assert drift.neighbours[0].before == drift.neighbours[0].after
    np.testing.assert_array_equal(drift.words_map.before, drift.words_map.after)
    np.testing.assert_array_equal(drift.headlines_map.before, drift.headlines_map.after)


def test_what_is_kept_is_bounded() -> None:
    network, matrix = network_and_matrix()
    put(network, "alps", np.zeros(8))
    counts = count_words(network, examples())
    drift = measure_drift(
        network, matrix, counts, examples(5), max_values=8 * 5, max_points=3, batch_size=4
    )
    assert drift.before.shape == drift.after.shape == (5, 8)
    assert len(drift.words_map.before) == len(drift.headlines_map.after) == 3
    assert len(drift.distances) == len(drift.pushes) == len(WORDS)
    in_one_batch = measure_drift(network, matrix, counts, examples(5))
    np.testing.assert_allclose(drift.pushes, in_one_batch.pushes, atol=1e-6)
    frequencies = drift.counts.sum(axis=1)
    assert frequencies[drift.frequent].min() >= np.sort(frequencies)[-5]
    np.testing.assert_array_equal(drift.before, matrix.weights[FIRST_WORD:][drift.frequent])


def test_of_many_headlines_a_sample_is_counted() -> None:
    network, _ = network_and_matrix()
    counts = count_words(network, examples(), max_headlines=20)
    again = count_words(network, examples(), max_headlines=20)
    np.testing.assert_array_equal(counts, again)
    assert 20 <= counts.sum() <= 20 * 5  # a headline has five words


def test_vectors_of_one_dimension() -> None:
    vectors = WordVectors.from_rows(all_words(), topical_vectors(all_words(), size=1))
    matrix = build_embedding_matrix(WORDS, vectors)
    drift = drift_of(build_network(matrix, 3, MeanOptions()), matrix)
    assert drift.words_map.before.shape == (len(WORDS), 2)
