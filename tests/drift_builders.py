"""Small embeddings whose words the tests move by hand, and small embedding reports."""

from __future__ import annotations

from typing import Any

import numpy as np
from builders import TOPICS, all_words, make_headlines, topical_vectors

from pipeline.classifier.encoders import CnnOptions, MeanOptions, ModelOptions
from pipeline.classifier.network import Network, build_network
from pipeline.data.examples import Examples
from pipeline.embedding.matrix import FIRST_WORD, EmbeddingMatrix, build_embedding_matrix
from pipeline.embedding.vectors import WordVectors
from pipeline.insight.drift import Drift, count_words, measure_drift
from pipeline.training.history import History
from pipeline.training.loop import train
from pipeline.training.options import PhaseOptions, TrainingOptions

NAMES = tuple(sorted(TOPICS))
UNSEEN = "himalaya"
WORDS = tuple(word for word in all_words() if word != UNSEEN)


def examples(n: int = 40) -> Examples:
    """`n` headlines of each topic."""
    texts, labels = make_headlines(n)
    return Examples(texts, [NAMES.index(label) for label in labels], NAMES)


def network_and_matrix(options: ModelOptions | None = None) -> tuple[Network, EmbeddingMatrix]:
    """A network that is not trained, and the matrix that it was built from."""
    vectors = WordVectors.from_rows(all_words(), topical_vectors(all_words()))
    matrix = build_embedding_matrix(WORDS, vectors, extra_words=[UNSEEN])
    return build_network(matrix, 3, options or MeanOptions()), matrix


def put(network: Network, word: str, vector: np.ndarray) -> None:
    """Give a word another vector."""
    table = network.embedding.embeddings.numpy()
    table[FIRST_WORD + WORDS.index(word)] = vector
    network.embedding.embeddings.assign(table)


def drift_of(network: Network, matrix: EmbeddingMatrix, *words: str) -> Drift:
    """The drift on 120 training headlines and 15 test headlines."""
    return measure_drift(network, matrix, count_words(network, examples()), examples(5), words)


def trained_for_report(
    seed: int, *, scratch: bool = False, options: ModelOptions | None = None
) -> tuple[Network, EmbeddingMatrix, History]:
    """A network after one epoch of each phase. Some of its words are in WordSim-353."""
    words = [*all_words(), "tiger", "cat", "coffee"]  # "cup" and "coffee" are a pair
    vectors = WordVectors.from_rows(words, topical_vectors(words))
    if scratch:
        vectors = WordVectors.from_rows([], np.zeros((0, 8), np.float32))
    matrix = build_embedding_matrix(
        [word for word in words if word != UNSEEN],
        vectors,
        extra_words=() if scratch else [UNSEEN],
    )
    network = build_network(matrix, 3, options or CnnOptions(filters=6), seed=seed)
    phases: Any = ("scratch",) if scratch else ("frozen", "fine_tuned")
    schedule = TrainingOptions(phases=phases, **{name: PhaseOptions(epochs=1) for name in phases})
    return network, matrix, train(network, examples(), examples(), schedule, seed=seed)
