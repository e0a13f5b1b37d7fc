"""The member `sif`: common words count less, and a linear model on the mean vector."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from networks import TEST, TRAIN, built, small_matrix

from pipeline.classifier.encoders import MeanOptions
from pipeline.classifier.network import Network, build_network
from pipeline.classifier.sif import SifMember, fit_sif, sif_log_probabilities
from pipeline.embedding.matrix import EmbeddingMatrix, build_embedding_matrix
from pipeline.embedding.vectors import WordVectors
from pipeline.embedding.vocabulary import build_vocabulary

LABELS = np.array(TRAIN.labels)


@pytest.fixture(scope="module")
def fitted() -> tuple[Network, EmbeddingMatrix, SifMember]:
    network, matrix = built(), small_matrix()
    return network, matrix, fit_sif(network, matrix, network.token_ids(TRAIN.texts), LABELS, 3)


def test_common_words_count_less() -> None:
    """In a set that stands by frequency; in another order nothing is known."""
    words = [*(f"common{i}" for i in range(200)), *(f"rare{i}" for i in range(40))]
    values = np.ones((240, 4), np.float32)
    texts = [f"common{i % 7} common{i % 3} rare{i}" for i in range(40)]
    vocabulary = build_vocabulary(texts)

    def matrix_for(vectors: WordVectors) -> EmbeddingMatrix:
        return build_embedding_matrix(vocabulary.words, vectors, counts=vocabulary.counts)

    matrix = matrix_for(WordVectors.from_rows(words, values))
    probability = dict(zip(matrix.words, matrix.word_probabilities[2:], strict=True))
    assert probability["common0"] > probability["common6"] > 10 * probability["rare9"] > 0
    backwards = matrix_for(WordVectors.from_rows(words[::-1], values[::-1]))
    assert not backwards.word_probabilities.any()

    network = build_network(matrix, 2, MeanOptions())
    inputs = network.token_ids(texts)
    layer = fit_sif(network, matrix, inputs, np.arange(40) % 2, 2).layer
    weights = layer.rarity.get_weights()[0][:, 0]
    np.testing.assert_allclose(weights[2:], 1e-3 / (1e-3 + matrix.word_probabilities[2:]), rtol=1e-6)  # fmt: skip
    assert weights[0] == 0  # padding
    by_word = dict(zip(matrix.words, weights[2:], strict=True))
    assert by_word["common0"] < by_word["common6"] < by_word["rare9"] < 1


def test_the_mean_vector_is_weighed_and_of_length_1(
    fitted: tuple[Network, EmbeddingMatrix, SifMember],
) -> None:
    """Against a loop over the words, with extra and unknown ones."""
    network, matrix, member = fitted
    texts = ["Alps may lose avalanche snow", "zzz dividend", "goal"]
    (rows,) = network.token_ids(texts)
    _, extra = network.embedder([rows])
    means = member.layer.mean_vectors([tf.constant(rows), extra]).numpy()
    table = np.concatenate([matrix.weights, matrix.extra_weights])
    assert (rows >= len(matrix.weights)).sum() == 2
    for row, vector in zip(rows, means, strict=True):
        weights = 1e-3 / (1e-3 + matrix.word_probabilities[row]) * (row > 0)
        expected = weights @ table[row]
        np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=1e-5)


def test_topics_are_learned(fitted: tuple[Network, EmbeddingMatrix, SifMember]) -> None:
    network, _, member = fitted
    logs = sif_log_probabilities(network, member, network.token_ids(TEST.texts))
    assert logs.shape == (len(TEST), 3)
    np.testing.assert_allclose(np.exp(logs).sum(axis=1), 1, rtol=1e-5)
    assert (logs.argmax(axis=1) == TEST.labels).mean() > 0.9


def test_a_sample_of_many_texts(fitted: tuple[Network, EmbeddingMatrix, SifMember]) -> None:
    network, matrix, member = fitted
    inputs = network.token_ids(TRAIN.texts)

    def kernel(seed: int, most_texts: int) -> bytes:
        sampled = fit_sif(network, matrix, inputs, LABELS, 3, seed=seed, most_texts=most_texts)
        return sampled.layer.scores.get_weights()[0].tobytes()

    whole = member.layer.scores.get_weights()[0].tobytes()
    assert kernel(0, 120) == whole
    assert kernel(0, 60) == kernel(0, 60) != whole
    assert kernel(1, 60) != kernel(0, 60)


def test_texts_that_cannot_be_fitted(fitted: tuple[Network, EmbeddingMatrix, SifMember]) -> None:
    network, matrix, _ = fitted
    inputs = network.token_ids(TRAIN.texts[:3])
    for labels in ([1, 1, 1], [0, 1, 2]):
        with pytest.raises(ValueError, match="expected"):
            fit_sif(network, matrix, inputs, np.array(labels), 3)
