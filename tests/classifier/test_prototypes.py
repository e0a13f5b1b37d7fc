"""`model=metric`: its loss, and what the network learns by it."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import tensorflow as tf
from networks import TEST, built, phase, trained

from pipeline.classifier.encoders import MetricOptions
from pipeline.classifier.prototypes import Prototypes, pair_loss

SMALL = MetricOptions(filters=16, width=10)


def slow_loss(labels: list[int], vectors: np.ndarray, margin: float) -> float:
    """Equation 4 of Hadsell, Chopra and LeCun (2006), pair by pair."""
    losses = []
    for i, j in combinations(range(len(labels)), 2):
        distance = math.sqrt(sum((vectors[i] - vectors[j]) ** 2))
        apart = max(0.0, margin - distance)
        losses.append((distance if labels[i] == labels[j] else apart) ** 2 / 2)
    return sum(losses) / len(losses)


def some_vectors(n: int, width: int = 6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (n, width)).astype(np.float32)


# ------------------------------------------------------------------------------------- the loss


@pytest.mark.parametrize("labels", [[0, 0, 1, 1, 2, 0, 1], [0, 0], [0, 1, 2], [3, 1, 1, 1]])
@pytest.mark.parametrize("margin", [0.5, 2.0, 9.0])
def test_the_loss_is_that_of_the_paper(labels: list[int], margin: float) -> None:
    vectors = some_vectors(len(labels))
    loss = pair_loss(tf.constant(labels), tf.constant(vectors), margin)
    assert float(loss) == pytest.approx(slow_loss(labels, vectors, margin), rel=1e-4, abs=1e-6)


def test_its_gradient() -> None:
    """Against differences of the slow one."""
    labels, vectors = [0, 0, 1, 1, 1], some_vectors(5).astype(np.float64)
    variable = tf.Variable(vectors.astype(np.float32))
    with tf.GradientTape() as tape:
        loss = pair_loss(tf.constant(labels), variable, 3.0)
    gradient = tape.gradient(loss, variable).numpy()
    step = 1e-5
    for place in np.ndindex(vectors.shape):
        moved = [vectors.copy(), vectors.copy()]
        moved[0][place] += step
        moved[1][place] -= step
        slope = (slow_loss(labels, moved[0], 3.0) - slow_loss(labels, moved[1], 3.0)) / (2 * step)
        assert gradient[place] == pytest.approx(slope, abs=1e-4)


def test_texts_in_one_place_and_a_text_alone_do_no_harm() -> None:
    vectors = tf.Variable([[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]])
    with tf.GradientTape() as tape:
        loss = pair_loss(tf.constant([0, 0, 1]), vectors, 3.0)
    assert float(loss) == pytest.approx(slow_loss([0, 0, 1], vectors.numpy(), 3.0), rel=1e-2)
    assert np.isfinite(tape.gradient(loss, vectors).numpy()).all()
    assert float(pair_loss(tf.constant([4]), vectors[:1], 3.0)) == 0


def test_logits_are_distances_to_the_prototypes() -> None:
    layer = Prototypes(3, margin=5.0, contrastive=0.5, seed=4)
    vectors, labels = some_vectors(5), tf.constant([0, 1, 1, 2, 0])
    logits = layer(vectors).numpy()
    prototypes = layer.get_weights()[0]
    distances = np.linalg.norm(vectors[:, None] - prototypes[None], axis=2)
    np.testing.assert_allclose(logits, -(distances**2) / 2, rtol=1e-4, atol=1e-6)
    assert float(layer.extra_loss(labels, vectors)) == pytest.approx(
        float(0.5 * pair_loss(labels, tf.constant(vectors), 5.0))
    )
    again = Prototypes.from_config(layer.get_config())
    again.build((None, 6))
    assert again.get_weights()[0].tobytes() == prototypes.tobytes()


# ----------------------------------------------------------------------------------- the network


def separation(vectors: np.ndarray, labels: list[int]) -> float:
    """Mean distance between texts of two labels, in multiples of that within one."""
    distances = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    same = np.equal.outer(labels, labels)
    return float(
        distances[~same].mean() / distances[same & ~np.eye(len(labels), dtype=bool)].mean()
    )


def test_it_separates_labels_by_distance() -> None:
    """The loss between texts does it, and not the prototypes alone."""
    ratios = {}
    for weight in (0.0, 1.0):
        options = replace(SMALL, contrastive=weight)
        network, history = trained(options, phase("fine_tuned", 6, 1e-2))
        ratios[weight] = separation(network.embed(TEST.texts), TEST.labels)
        assert history.best.best.val_accuracy > 0.9
        assert (np.abs(network.embed(TEST.texts)) <= 1).all()
    untrained = separation(built(SMALL).embed(TEST.texts), TEST.labels)
    assert ratios[1.0] > ratios[0.0] > untrained
    assert ratios[1.0] > 2


def test_the_logged_loss_is_the_cross_entropy() -> None:
    """Comparable with the validation loss, whatever the weight of the other loss."""
    still = phase("frozen", 1, 1e-12, batch_size=120)
    losses = []
    for weight in (0.0, 5.0):
        options = MetricOptions(
            filters=4, width=6, kernel_sizes=(1,), contrastive=weight, dropout=0, spatial_dropout=0
        )
        losses.append(trained(options, still)[1].epochs[0].loss)
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
