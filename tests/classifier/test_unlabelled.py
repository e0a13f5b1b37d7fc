"""Texts without a label: which labels they get, what is learned from them, and when they are refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from networks import NAMES, QUICK, TEST, TRAIN, VALIDATION, small_vectors

from pipeline.classifier.encoders import CnnOptions, MeanOptions
from pipeline.classifier.network import build_network
from pipeline.classifier.unlabelled import SelfLabelled, label_unlabelled
from pipeline.data.examples import Examples
from pipeline.embedding.matrix import build_embedding_matrix
from pipeline.embedding.vectors import WordVectors
from pipeline.embedding.vocabulary import build_vocabulary
from pipeline.training.fit import fit

N_FEW = 6


def cut(examples: Examples, start: int, end: int | None = None) -> Examples:
    return Examples(examples.texts[start:end], examples.labels[start:end], examples.label_names)


FEW = cut(TRAIN, 0, N_FEW)
OTHERS = cut(TRAIN, N_FEW)


def label(
    training: Examples,
    validation: Examples,
    texts: Sequence[str],
    vectors: WordVectors | None = None,
    most_texts: int = 1_000,
    most_labelled: int = 100,
) -> SelfLabelled:
    vocabulary = build_vocabulary([*training.texts, *texts])
    matrix = build_embedding_matrix(
        vocabulary.words, vectors or small_vectors(), counts=vocabulary.counts
    )
    network = build_network(matrix, len(training.label_names), MeanOptions())
    return label_unlabelled(
        network,
        matrix,
        training,
        validation,
        texts,
        seed=1,
        most_texts=most_texts,
        most_labelled=most_labelled,
    )


def test_they_get_the_label_of_their_topic() -> None:
    result = label(FEW, VALIDATION, OTHERS.texts)
    assert result.used
    assert result.examples.texts[: len(FEW)] == list(FEW.texts)
    assert result.examples.labels[: len(FEW)] == list(FEW.labels)
    assert result.examples.texts[len(FEW) :] == list(OTHERS.texts)
    right = np.array(result.examples.labels[len(FEW) :]) == np.array(OTHERS.labels)
    assert right.mean() > 0.8
    assert result.n_texts == len(OTHERS)
    assert result.accuracy >= result.accuracy_without


def test_weights_that_balance_labels_do_so_with_them_too() -> None:
    weights = [4.0 if i % 2 else 1.0 for i in FEW.labels]
    texts = [text for text, i in zip(OTHERS.texts, OTHERS.labels, strict=True) if i == 2]
    result = label(replace(FEW, weights=weights), VALIDATION, texts)
    assert result.used
    assert result.examples.weights is not None
    all_weights, labels = map(np.array, (result.examples.weights, result.examples.labels))
    assert all_weights[: len(FEW)].tolist() == weights
    assert (all_weights > 0).all()
    own = np.array(FEW.labels)
    for each in set(FEW.labels):
        share = all_weights[: len(FEW)][own == each].sum() / len(FEW)
        assert all_weights[labels == each].sum() <= share * len(labels) + 1e-6


def test_with_many_labelled_texts_they_are_not_learned_from() -> None:
    assert label(FEW, VALIDATION, OTHERS.texts, most_labelled=len(FEW)).used
    result = label(FEW, VALIDATION, OTHERS.texts, most_labelled=len(FEW) - 1)
    assert not result.used
    assert result.examples is FEW


def test_of_many_a_sample_is_taken() -> None:
    result = label(FEW, VALIDATION, OTHERS.texts, most_texts=20)
    assert result.n_texts == 20
    drawn = result.examples.texts[len(FEW) :]
    assert len(drawn) == 20
    assert drawn == [text for text in OTHERS.texts if text in set(drawn)]  # in their order
    assert drawn != list(OTHERS.texts[:20])


def test_validation_texts_can_refuse_them() -> None:
    """Texts that mix the words of both labels, and texts of something else, teach what is wrong."""
    words = [*(f"left{i}" for i in range(20)), *(f"right{i}" for i in range(20)), "else"]
    random = np.random.default_rng(0)
    centres = np.array([[1.0, 0.05, 0]] * 20 + [[1.0, -0.05, 0]] * 20 + [[1, 0.15, 0]])
    rows = (centres + random.normal(0, 0.02, centres.shape)).astype(np.float32)

    def topic(side: str, n: int, start: int) -> list[str]:
        return [f"{side}{(start + i) % 20} {side}{(start + 3 * i) % 20}" for i in range(n)]

    labels = [0] * 5 + [1] * 5
    training = Examples(topic("left", 5, 0) + topic("right", 5, 0), labels, ("left", "right"))
    validation = Examples(
        topic("left", 20, 7) + topic("right", 20, 7), [0] * 20 + [1] * 20, ("left", "right")
    )
    off_topic = [f"left{i % 20} right{i % 17}" for i in range(300)] + ["else"] * 100
    result = label(training, validation, off_topic, WordVectors.from_rows(words, rows))
    assert result.accuracy_without > 0.9
    assert result.accuracy < 0.7
    assert not result.used
    assert result.examples is training


def test_the_chain_learns_from_them() -> None:
    fitted = fit(
        FEW, VALIDATION, small_vectors(), model=CnnOptions(filters=4, letter_case=True),
        schedule=QUICK, unlabelled=OTHERS.texts,
    )  # fmt: skip
    assert fitted.unlabelled is not None
    assert fitted.unlabelled.used
    assert fitted.seconds["unlabelled"] > 0
    words = {word for text in OTHERS.texts for word in text.lower().split()}
    assert words <= set(fitted.vocabulary.words)
    right = fitted.classifier.predict(TEST.texts) == np.array(NAMES)[list(TEST.labels)]
    assert right.mean() > 0.8
