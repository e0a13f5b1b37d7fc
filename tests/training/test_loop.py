"""What training changes, what it keeps, and what it repeats with the seed."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import QUICK, TEST, TRAIN, VALIDATION, built, phase, trained

from pipeline.base.errors import DataError, TrainingError
from pipeline.classifier.encoders import CnnOptions, MeanOptions
from pipeline.data.examples import Examples
from pipeline.training.history import Epoch
from pipeline.training.loop import train
from pipeline.training.options import PhaseOptions, TrainingOptions

CNN = CnnOptions(filters=8)


def test_frozen_rows_stay_and_fine_tuned_rows_move() -> None:
    network = built()
    started = network.embedding.get_weights()[0]
    extra = network.embedder.get_layer("extra").get_weights()[0]
    train(network, TRAIN, VALIDATION, phase("frozen", 3))
    assert network.embedding.get_weights()[0].tobytes() == started.tobytes()
    train(network, TRAIN, VALIDATION, phase("fine_tuned", 2))
    moved = (network.embedding.get_weights()[0] != started).any(axis=1)
    assert moved[2:].all()  # every word of the training texts
    assert not moved[:2].any()  # padding, and the row of unknown words: there are none in training
    assert network.embedder.get_layer("extra").get_weights()[0].tobytes() == extra.tobytes()


def test_the_same_seed_gives_the_same_bits_and_another_seed_others() -> None:
    (first, history), (same, again), (changed, _) = (trained(seed=seed) for seed in (0, 0, 1))
    expected = first.predict_proba(TEST.texts).tobytes()
    assert same.predict_proba(TEST.texts).tobytes() == expected
    assert changed.predict_proba(TEST.texts).tobytes() != expected
    assert history.epochs == again.epochs
    for one_phase, same_phase in zip(history.phases, again.phases, strict=True):
        for weights, expected_weights in zip(one_phase.weights, same_phase.weights, strict=True):
            assert weights.tobytes() == expected_weights.tobytes()


def test_training_leaves_the_global_random_state_alone() -> None:
    np.random.seed(3)
    expected = np.random.random()
    np.random.seed(3)
    trained(schedule=phase("frozen", 1))
    assert np.random.random() == expected


def test_rare_words_of_training_can_be_in_the_second_table() -> None:
    """With min_count, which leaves them out of the first; either way the vectors are the same."""
    texts = [f"{text} avalanche" if i == 0 else text for i, text in enumerate(TRAIN.texts)]
    network = built(CnnOptions(filters=8, letter_case=True))
    inputs = network.token_ids(texts)
    n_trained = network.embedding.input_dim
    assert (inputs[0] >= n_trained).sum() == 1
    schedule = phase("fine_tuned", 1, adversarial_epsilon=0.25)
    history = train(network, Examples(texts, TRAIN.labels, TRAIN.label_names), VALIDATION, schedule)
    assert np.isfinite([epoch.loss for epoch in history.epochs]).all()
    without = [array[1:] for array in inputs]
    np.testing.assert_array_equal(
        network.embed_trained(without), network.embedder([tf.constant(a) for a in without])[0]
    )


def test_it_learns() -> None:
    schedule = TrainingOptions(
        frozen=PhaseOptions(8, 1e-2), fine_tuned=PhaseOptions(8, 1e-2), batch_size=16
    )
    network, history = trained(CNN, schedule)
    predicted = network.predict_proba(TEST.texts).argmax(axis=1)
    assert (predicted == TEST.labels).mean() > 0.9
    assert history.epochs[0].loss > history.epochs[-1].loss


def test_the_better_phase_is_kept() -> None:
    """A second phase that destroys everything does no harm."""
    ruin = TrainingOptions(
        frozen=PhaseOptions(8, 1e-2),
        fine_tuned=PhaseOptions(2, 9.0),
        batch_size=16,
        warmup_fraction=0,
        adversarial_epsilon=0,
    )
    network, history = trained(CNN, ruin)
    assert [finished.name for finished in history.phases] == ["frozen", "fine_tuned"]
    assert history.best.name == "frozen"
    assert history.phases[1].best.val_accuracy < history.phases[0].best.val_accuracy
    for kept, expected in zip(network.get_weights(), history.phases[0].weights, strict=True):
        assert kept.tobytes() == expected.tobytes()


def test_a_phase_goes_back_to_its_best_epoch_and_stops_early() -> None:
    schedule = TrainingOptions(
        phases=("frozen",), frozen=PhaseOptions(40, 5e-2, patience=2), batch_size=16,
        warmup_fraction=0, adversarial_epsilon=0,
    )  # fmt: skip
    network, history = trained(schedule=schedule)
    (finished,) = history.phases
    assert len(finished.epochs) == finished.best.number + 2 < 40
    assert {epoch.planned for epoch in finished.epochs} == {40}
    accuracy = [epoch.val_accuracy for epoch in finished.epochs]
    assert finished.best.val_accuracy == max(accuracy)
    predicted = network.predict_proba(VALIDATION.texts).argmax(axis=1)
    assert (predicted == VALIDATION.labels).mean() == pytest.approx(finished.best.val_accuracy)


def test_the_best_epoch_has_the_highest_accuracy_and_then_the_lowest_loss() -> None:
    def epoch(accuracy: float, loss: float) -> Epoch:
        return Epoch("frozen", 1, 3, 0, 0, loss, accuracy)

    assert epoch(0.5, 9).better_than(None)
    assert epoch(0.6, 9).better_than(epoch(0.5, 1))
    assert epoch(0.5, 1).better_than(epoch(0.5, 2))
    assert not epoch(0.5, 1).better_than(epoch(0.5, 1))


def test_epochs_are_reported_while_they_happen() -> None:
    network, seen = built(), []

    def note(epoch: Epoch) -> None:
        seen.append((epoch, network.get_weights()[-1].tobytes()))

    history = train(network, TRAIN, VALIDATION, QUICK, on_epoch=note)
    epochs, weights = zip(*seen, strict=True)
    assert [(epoch.phase, epoch.number) for epoch in epochs] == [
        *(("frozen", n) for n in (1, 2, 3)), *(("fine_tuned", n) for n in (1, 2, 3)),
    ]  # fmt: skip
    assert history.epochs == epochs
    assert len(set(weights)) == 6


def test_dropout_and_order_differ_in_every_epoch_and_repeat_with_the_seed() -> None:
    """With a learning rate of nearly nothing, dropout is what is left to change the loss."""
    still = phase("frozen", 3, 1e-12, batch_size=120)
    losses = [
        [epoch.loss for epoch in trained(MeanOptions(dropout=0.5), still)[1].epochs]
        for _ in range(2)
    ]
    assert losses[0] == losses[1]
    assert len(set(losses[0])) == 3


def test_the_validation_loss_is_that_of_the_network() -> None:
    network, history = trained(schedule=phase("frozen", 2))
    probabilities = network.predict_proba(VALIDATION.texts)
    right = probabilities[np.arange(len(VALIDATION)), VALIDATION.labels]
    assert history.best.best.val_loss == pytest.approx(-np.log(right).mean(), abs=1e-5)


def test_the_adversarial_step_is_the_sum_of_both_gradients() -> None:
    """One step of the compiled loop against one computed here, without dropout."""
    options = phase(
        "fine_tuned", 1, 1e-2, batch_size=120, warmup_fraction=0, adversarial_epsilon=0.5,
        embedding_lr_scale=1,
    )  # fmt: skip
    network, reference = (built(MeanOptions(dropout=0, spatial_dropout=0)) for _ in range(2))
    train(network, TRAIN, VALIDATION, options)

    (rows,), labels = reference.token_ids(TRAIN.texts), tf.constant(TRAIN.labels)
    present = tf.constant(rows != 0)
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    table = reference.embedding.get_weights()[0][2:]
    reach = 0.5 * np.sqrt((table**2).sum(axis=1).mean())
    variables = list(reference.changing)

    def loss_at(vectors: tf.Tensor) -> tf.Tensor:
        return cross_entropy(labels, reference.encoder([vectors, present])[0])

    with tf.GradientTape() as tape:
        tokens = reference.embedder([rows])[0]
        tape.watch(tokens)
        clean = loss_at(tokens)
    against = tape.gradient(clean, tokens) * tf.cast(present, tf.float32)[:, :, None]
    length = tf.norm(tf.reshape(against, [120, -1]), axis=1)[:, None, None]
    with tf.GradientTape() as tape:
        loss = loss_at(reference.embedder([rows])[0] + reach * against / length)
        loss += loss_at(reference.embedder([rows])[0])
    gradients = tape.gradient(loss, [v.value for v in variables])
    keras.optimizers.Adam(1e-2).apply([tf.convert_to_tensor(g) for g in gradients], variables)
    seen = np.unique(rows)
    for mine, theirs in zip(network.get_weights(), reference.get_weights(), strict=True):
        if len(mine) == len(table) + 2:
            mine, theirs = mine[seen[seen > 1]], theirs[seen[seen > 1]]
        np.testing.assert_allclose(mine, theirs, atol=2e-4)


def test_examples_that_cannot_be_trained_on() -> None:
    network, names = built(), TRAIN.label_names
    nothing = Examples([], [], names)
    for training, validation in ((nothing, VALIDATION), (TRAIN, nothing)):
        with pytest.raises(DataError, match=r"expected texts to learn from .* got \d+ and \d+"):
            train(network, training, validation)
    with pytest.raises(DataError, match="expected the same label names"):
        train(network, TRAIN, replace(VALIDATION, label_names=names[::-1]))


def test_a_loss_that_is_not_finite_ends_the_training() -> None:
    """At once, with the network as trainable as it was."""
    epochs: list[Epoch] = []
    network = built()
    network.set_weights([np.full_like(weights, 1e30) for weights in network.get_weights()])
    with pytest.raises(TrainingError, match=r"epoch 1 of frozen: expected a finite loss, got nan"):
        train(network, TRAIN, VALIDATION, phase("frozen", 3), on_epoch=epochs.append)
    assert epochs == []
    assert network.embedding.trainable


def test_the_embedding_learns_faster_by_its_scale() -> None:
    """One step without warm-up moves each row by the learning rate times the scale."""
    options = phase("fine_tuned", 1, 1e-3, batch_size=120, warmup_fraction=0, embedding_lr_scale=3)
    network = built()
    before = network.embedding.get_weights()[0]
    train(network, TRAIN, VALIDATION, options)
    moved = np.abs(network.embedding.get_weights()[0] - before)
    assert np.median(moved[2:]) == pytest.approx(3e-3, rel=0.01)
