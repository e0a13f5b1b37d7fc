"""How far words moved, and towards which label."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from builders import TOPICS, all_words, make_headlines, topical_vectors
from sklearn.decomposition import PCA

from pipeline import EmbeddingMatrix, Network, build_embedding_matrix, build_network, train
from pipeline.classifier.encoders import CnnOptions, MeanOptions, ModelOptions
from pipeline.embedding.matrix import FIRST_WORD
from pipeline.embedding.vectors import WordVectors
from pipeline.insight import drift as drifting
from pipeline.insight.drift import Drift, measure_drift, word_counts
from pipeline.training.options import PhaseOptions, TrainingOptions

NAMES = tuple(sorted(TOPICS))
UNSEEN = "himalaya"
WORDS = tuple(word for word in all_words() if word != UNSEEN)


def made(config: ModelOptions | None = None) -> tuple[Network, EmbeddingMatrix]:
    vectors = WordVectors.of(all_words(), topical_vectors(all_words()))
    matrix = build_embedding_matrix(WORDS, vectors, extra_words=[UNSEEN])
    return build_network(matrix, 3, config or MeanOptions()), matrix


def headlines(n: int = 40) -> tuple[list[str], list[int]]:
    texts, labels = make_headlines(n)
    return texts, [NAMES.index(label) for label in labels]


def put(classifier: Network, word: str, vector: np.ndarray) -> None:
    table = classifier.embedding.embeddings.numpy()
    table[FIRST_WORD + WORDS.index(word)] = vector
    classifier.embedding.embeddings.assign(table)


def measured(classifier: Network, matrix: EmbeddingMatrix, *words: str) -> Drift:
    counts = word_counts(classifier, *headlines(), 3)
    return measure_drift(classifier, matrix, counts, headlines(5), NAMES, words)


def test_counts_by_hand() -> None:
    classifier, _ = made()
    texts = ["Alps the alps", "bank", "bank xyzzy himalaya", ""]
    counts = word_counts(classifier, texts, [1, 0, 2, 2], 3)
    assert counts.shape == (FIRST_WORD + len(WORDS), 3)
    of = {word: counts[FIRST_WORD + WORDS.index(word)].tolist() for word in ("alps", "the", "bank")}
    assert of == {"alps": [0, 2, 0], "the": [0, 1, 0], "bank": [1, 0, 1]}
    assert counts[:FIRST_WORD].tolist() == [[0, 0, 0], [0, 0, 1]]  # padding does not count
    assert counts.sum() == 6  # nor what is in the second table


def test_distances_and_cosines_by_hand() -> None:
    classifier, matrix = made()
    alps = matrix.weights[FIRST_WORD + WORDS.index("alps")]
    put(classifier, "alps", -2 * alps)
    found = measured(classifier, matrix)
    row = WORDS.index("alps")
    assert found.moved
    assert found.distances[row] == pytest.approx(3 * np.linalg.norm(alps), rel=1e-5)
    assert found.cosines[row] == pytest.approx(-1)
    assert found.distances.sum() == found.distances[row]
    assert np.delete(found.cosines, row).tolist() == [1] * (len(WORDS) - 1)
    metrics = found.metrics()
    assert metrics["largest"] == found.distances[row]
    assert metrics["mean"] == pytest.approx(found.distances[row] / len(WORDS))
    assert metrics["median"] == 0
    typical = np.sqrt((matrix.weights[FIRST_WORD:] ** 2).sum(axis=1).mean())
    assert metrics["relative"] == pytest.approx(metrics["mean"] / typical)


@pytest.mark.parametrize(
    "config", [MeanOptions(), MeanOptions(letter_case=True), CnnOptions(filters=16)]
)
def test_towards_which_label(config: ModelOptions) -> None:
    """A word that is put where another stands gets the scores of that one."""
    classifier, matrix = made(config)
    schedule = TrainingOptions(frozen=PhaseOptions(epochs=30, learning_rate=1e-2))
    train(classifier, headlines(), headlines(), schedule)
    for topic, name in (("nature", "alps"), ("money", "bank"), ("sport", "goal")):
        put(classifier, "may", matrix.weights[FIRST_WORD + WORDS.index(name)])
        found, row = measured(classifier, matrix), WORDS.index("may")
        assert NAMES[found.towards[row]] == topic
        logits = [
            classifier.head(classifier.token_ids([word])).numpy()[0] for word in ("may", name)
        ]
        np.testing.assert_allclose(*logits, atol=1e-5)
        before, _ = made(config)
        before.set_weights(
            [matrix.weights if w.shape == matrix.weights.shape else w
             for w in classifier.get_weights()]
        )  # fmt: skip
        change = logits[0] - before.head(before.token_ids(["may"])).numpy()[0]
        np.testing.assert_allclose(found.pushes[row], change - change.mean(), atol=1e-5)
        assert not np.delete(found.pushes, row, axis=0).any()


def test_training_moves_words_towards_the_labels_whose_headlines_hold_them() -> None:
    classifier, matrix = made()
    schedule = TrainingOptions(
        frozen=PhaseOptions(epochs=5), fine_tuned=PhaseOptions(epochs=10, learning_rate=1e-2)
    )
    train(classifier, headlines(), headlines(), schedule)
    found = measured(classifier, matrix)
    for topic, words in TOPICS.items():
        rows = [WORDS.index(word) for word in words if word != UNSEEN]
        assert {NAMES[label] for label in found.leanings[rows]} == {topic}
        assert {NAMES[label] for label in found.towards[rows]} == {topic}
    assert found.metrics()["agreement"] > 0.7


def test_neighbours_before_and_after() -> None:
    """Of a training word, and of one without a row of its own, which stays where it is."""
    classifier, matrix = made()
    bank = matrix.weights[FIRST_WORD + WORDS.index("bank")]
    put(classifier, "alps", bank * 1.5)
    found = measured(classifier, matrix, "alps", UNSEEN, "xyzzy", "alps")
    assert [(near.word, near.trained) for near in found.neighbours] == [
        ("alps", True), (UNSEEN, False)
    ]  # fmt: skip
    alps, himalaya = found.neighbours
    assert len(alps.before) == len(alps.after) == 8
    assert alps.before[0][0] != "bank"
    assert alps.after[0] == ("bank", pytest.approx(1))
    names, still = [*WORDS, UNSEEN], matrix.extra_weights
    for near, table in (
        (himalaya.before, matrix.weights), (himalaya.after, classifier.embedding.embeddings.numpy())
    ):  # fmt: skip
        rows = np.concatenate([table[FIRST_WORD:], still])
        cosines = rows @ still[0] / np.linalg.norm(rows, axis=1) / np.linalg.norm(still[0])
        nearest = np.argsort(-cosines)[1:9]
        assert [word for word, _ in near] == [names[i] for i in nearest]
        assert [cosine for _, cosine in near] == pytest.approx(cosines[nearest].tolist(), abs=1e-5)
    assert himalaya.before != himalaya.after


def test_the_words_that_moved_most_are_among_them() -> None:
    classifier, matrix = made()
    moved = ("goal", "tax", "may", "ice", "cup")
    for far, word in enumerate(moved, start=1):
        put(classifier, word, matrix.weights[FIRST_WORD + WORDS.index(word)] + far)
    found = measured(classifier, matrix, "alps", "cup")
    assert [near.word for near in found.neighbours] == ["alps", "cup", "ice", "may", "tax"]


def test_the_map_is_one_projection_of_both() -> None:
    classifier, matrix = made()
    random = np.random.default_rng(0)
    for word in WORDS[::2]:
        put(classifier, word, random.normal(0, 1, 8))
    found = measured(classifier, matrix)
    plane = found.words_map
    counts = found.counts.sum(axis=1)
    assert counts[plane.chosen].tolist() == sorted(counts, reverse=True)
    before, after = (
        table[FIRST_WORD:][plane.chosen]
        for table in (matrix.weights, classifier.embedding.embeddings.numpy())
    )
    both = PCA(2).fit(np.concatenate([before, after]))
    for points, table in ((plane.before, before), (plane.after, after)):
        np.testing.assert_allclose(np.abs(points), np.abs(both.transform(table)), atol=1e-4)
    assert plane.share == pytest.approx(both.explained_variance_ratio_.sum(), rel=1e-5)


def test_headlines_are_on_the_map_by_their_mean_vector() -> None:
    classifier, matrix = made()
    put(classifier, "alps", np.full(8, 3.0))
    counts = word_counts(classifier, *headlines(), 3)
    texts = ["alps snow", "bank", "himalaya of the alps", "snow snow", "shares"]
    found = measure_drift(classifier, matrix, counts, (texts, [1, 0, 1, 1, 0]), NAMES)
    vectors = dict(zip(WORDS, matrix.weights[FIRST_WORD:], strict=True))
    vectors[UNSEEN] = matrix.extra_weights[0]
    before = [np.mean([vectors[word] for word in text.split()], axis=0) for text in texts]
    vectors["alps"] = np.full(8, 3.0)
    after = [np.mean([vectors[word] for word in text.split()], axis=0) for text in texts]
    plane = found.headlines_map
    both = PCA(2).fit_transform([*before, *after])
    np.testing.assert_allclose(np.abs([*plane.before, *plane.after]), np.abs(both), atol=1e-4)
    assert found.headline_labels.tolist() == [1, 0, 1, 1, 0]


def test_where_nothing_moved() -> None:
    found = measured(*made(), "alps")
    assert not found.moved
    assert found.neighbours[0].before == found.neighbours[0].after
    np.testing.assert_array_equal(found.words_map.before, found.words_map.after)
    np.testing.assert_array_equal(found.headlines_map.before, found.headlines_map.after)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drifting, "_KEPT", 8 * 5)
    monkeypatch.setattr(drifting, "_ON_MAP", 3)
    monkeypatch.setattr(drifting, "_BATCH", 4)
    classifier, matrix = made()
    put(classifier, "alps", np.zeros(8))
    found = measured(classifier, matrix)
    assert found.before.shape == found.after.shape == (5, 8)
    assert len(found.words_map.before) == len(found.headlines_map.after) == 3
    assert len(found.distances) == len(found.pushes) == len(WORDS)
    whole = replace(found, counts=found.counts[::-1])
    assert whole.leanings.tolist() == found.leanings[::-1].tolist()
    counts = found.counts.sum(axis=1)
    assert counts[found.frequent].min() >= np.sort(counts)[-5]
    np.testing.assert_array_equal(found.before, matrix.weights[FIRST_WORD:][found.frequent])


def test_vectors_of_one_dimension() -> None:
    vectors = WordVectors.of(all_words(), topical_vectors(all_words(), size=1))
    matrix = build_embedding_matrix(WORDS, vectors)
    found = measured(build_network(matrix, 3, MeanOptions()), matrix)
    assert found.words_map.before.shape == (len(WORDS), 2)
