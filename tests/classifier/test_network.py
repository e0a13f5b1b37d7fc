from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import (
    BOTH,
    TEST,
    TRAIN,
    VALIDATION,
    built,
    small_matrix,
    trained,
)

from pipeline.classifier.encoders import (
    AttentionOptions,
    BiGruOptions,
    CnnOptions,
    MeanOptions,
    MetricOptions,
)
from pipeline.classifier.network import (
    Network,
    build_network,
    export_saved_model,
)
from pipeline.embedding.matrix import build_embedding_matrix
from pipeline.embedding.vectors import WordVectors
from pipeline.embedding.vocabulary import build_vocabulary
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.history import Epoch, History
from pipeline.training.loop import train
from pipeline.training.optimizer import SparseAdam
from pipeline.training.options import PhaseOptions, TrainingOptions
from pipeline.training.schedule import Plan, plan_epoch

CONFIGS = [
    CnnOptions(filters=8),
    MeanOptions(),
    BiGruOptions(units=6),
    AttentionOptions(heads=2),
    MetricOptions(filters=8, width=6),
    CnnOptions(filters=8, letter_case=True),
]


# ------------------------------------------------------------------- what an embedding layer is


def test_lookup_equals_one_hot_times_matrix() -> None:
    matrix = small_matrix(TRAIN.texts).weights
    layer = keras.layers.Embedding(*matrix.shape)
    layer.build()
    layer.set_weights([matrix])
    rows = np.array([[2, 5, 5, 0], [1, 3, 2, 9]])
    one_hot = tf.one_hot(rows, len(matrix))
    np.testing.assert_array_equal(layer(rows), tf.einsum("btw,wd->btd", one_hot, matrix))


def test_its_gradient_too() -> None:
    """Back-propagation into the table is back-propagation into the matrix of a dense layer."""
    matrix = small_matrix(TRAIN.texts).weights
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


# ------------------------------------------------------------------------------------ the model


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.encoder + "-cased" * c.letter_case)
def test_strings_in_probabilities_out(config: Any) -> None:
    classifier = built(config)
    probabilities = classifier.predict_proba(["Alps lose snow", "", "zzz qqq", "the " * 99])
    assert probabilities.shape == (4, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert classifier.predict_proba([]).shape == (0, 3)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.encoder + "-cased" * c.letter_case)
def test_padding_makes_no_difference(config: Any) -> None:
    head = built(config).head
    inputs = [np.array([[2, 3, 4], [5, 0, 0]], dtype=np.int32)]
    inputs += [np.array([[1, 2, 1], [3, 0, 0]], dtype=np.int32)] * config.letter_case
    padded = [np.pad(array, ((0, 0), (0, 9))) for array in inputs]
    np.testing.assert_allclose(
        head.predict(inputs, verbose=0), head.predict(padded, verbose=0), rtol=1e-5, atol=1e-6
    )


def test_rows_of_further_words_are_used_in_prediction() -> None:
    classifier = built()
    known, further, unknown = classifier.predict_proba(["alps", "avalanche", "zzz"])
    assert not np.allclose(further, unknown)
    assert not np.allclose(further, known)


def test_saved_in_keras_format_gives_the_same_bits(tmp_path: Path) -> None:
    classifier, _ = trained(CnnOptions(filters=8))
    classifier.model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    before, after = (m.predict_proba(TEST.texts) for m in (classifier, loaded))
    assert before.tobytes() == after.tobytes()


def test_exported_for_tensorflow_gives_the_same_bits(tmp_path: Path) -> None:
    classifier, _ = trained(CnnOptions(filters=8))
    export_saved_model(classifier, tmp_path / "model")
    loaded = tf.saved_model.load(tmp_path / "model")
    after = loaded(tf.constant(TEST.texts)).numpy()
    assert classifier.predict_proba(TEST.texts).tobytes() == after.tobytes()


def test_words_and_numbers_unseen_in_training_find_their_rows_in_a_cased_set(
    tmp_path: Path,
) -> None:
    """In Keras, after saving, and in TensorFlow: of a set with capitals, `####` and `don't`."""
    keys = ["the", "Alps", "####", "don't", "Himalaya", "himalaya's", "iPhone", "##", "of"]
    values = np.random.default_rng(0).normal(0, 0.4, (len(keys), 4)).astype(np.float32)
    vectors = WordVectors.of(keys, values)
    vocabulary = build_vocabulary(["The Alps don't, 1999", "of 1999"], contractions="whole")
    matrix = build_embedding_matrix(
        vocabulary.words, vectors, counts=vocabulary.counts, extra_words=keys
    )
    classifier = build_network(matrix, 3, MeanOptions(), contractions=vocabulary.contractions)
    headline = "IPHONE 2031 Himalaya 70 DON’T Alps 1999 zzz"
    expected = ["iPhone", "####", "Himalaya", "##", "don't", "Alps", "####", None]

    def rows_of(model: keras.Model) -> list[list[float]]:
        """What the tables hold for each token."""
        embedder = model.get_layer("embedder")
        tables = [embedder.get_layer(name).get_weights()[0] for name in ("embedding", "extra")]
        rows = model.get_layer("text")(tf.constant([headline]))[0].numpy()[0]
        return np.concatenate(tables)[rows[rows > 0]].tolist()

    wanted = [vectors[key].tolist() if key else [0.0] * 4 for key in expected]
    assert rows_of(classifier.model) == wanted
    classifier.model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert rows_of(loaded) == wanted
    export_saved_model(classifier, tmp_path / "exported")
    exported = tf.saved_model.load(tmp_path / "exported")
    others = [headline, headline.replace("Himalaya", "zzz"), headline.replace("2031", "5")]
    probabilities = classifier.predict_proba(others)
    assert exported(tf.constant(others)).numpy().tobytes() == probabilities.tobytes()
    assert loaded.predict_proba(others).tobytes() == probabilities.tobytes()
    assert len({row.tobytes() for row in probabilities}) == 3  # each of the words counts


# ----------------------------------------------------------------------------------- training


def test_frozen_rows_stay_and_fine_tuned_rows_move() -> None:
    classifier = built()
    started = classifier.embedding.get_weights()[0]
    further = classifier.embedder.get_layer("extra").get_weights()[0]
    frozen_only = TrainingOptions(frozen=PhaseOptions(3, 5e-3), batch_size=16)
    train(classifier, TRAIN, VALIDATION, frozen_only)
    assert classifier.embedding.get_weights()[0].tobytes() == started.tobytes()
    tuned_only = TrainingOptions(fine_tuned=PhaseOptions(2, 5e-3), batch_size=16)
    train(classifier, TRAIN, VALIDATION, tuned_only)
    moved = (classifier.embedding.get_weights()[0] != started).any(axis=1)
    assert moved[2:].all()  # every word of the training headlines
    assert not moved[:2].any()  # padding, and the row of unknown words: there are none in training
    assert classifier.embedder.get_layer("extra").get_weights()[0].tobytes() == further.tobytes()


def test_the_same_seed_gives_the_same_bits_and_another_seed_others() -> None:
    results = [
        trained(CnnOptions(filters=8), seed=seed)[0].predict_proba(TEST.texts).tobytes()
        for seed in (1, 1, 2)
    ]
    assert results[0] == results[1] != results[2]


def test_training_leaves_the_global_random_state_alone() -> None:
    np.random.seed(3)
    expected = np.random.random()
    np.random.seed(3)
    trained()
    assert np.random.random() == expected


def test_rare_words_of_training_can_be_in_the_second_table() -> None:
    """With min_count, which leaves them out of the first; either way the vectors are the same."""
    texts = [f"{text} avalanche" if i == 0 else text for i, text in enumerate(TRAIN.texts)]
    classifier = built(CnnOptions(filters=8, letter_case=True))
    inputs = classifier.token_ids(texts)
    n_trained = classifier.embedding.input_dim
    assert (inputs[0] >= n_trained).sum() == 1
    history = train(classifier, (texts, TRAIN.labels), VALIDATION, BOTH)
    assert np.isfinite([epoch.loss for epoch in history.epochs]).all()
    known = [array[1:] for array in inputs]
    np.testing.assert_array_equal(
        classifier.embed_trained(known), classifier.embedder([tf.constant(a) for a in known])[0]
    )


def test_it_learns() -> None:
    schedule = TrainingOptions(
        frozen=PhaseOptions(8, 1e-2), fine_tuned=PhaseOptions(8, 1e-2), batch_size=16
    )
    classifier, history = trained(CnnOptions(filters=16), schedule)
    predicted = classifier.predict_proba(TEST.texts).argmax(axis=1)
    assert (predicted == TEST.labels).mean() > 0.9
    assert history.epochs[0].loss > history.epochs[-1].loss


def test_the_better_phase_is_kept() -> None:
    """A second phase that destroys everything does no harm."""
    ruin = TrainingOptions(
        frozen=PhaseOptions(8, 1e-2),
        fine_tuned=PhaseOptions(2, 9.0),
        batch_size=16,
        warmup_fraction=0,
    )
    classifier, history = trained(CnnOptions(filters=8), ruin)
    assert history.best.name == "frozen"
    assert history.phases[1].best.val_accuracy < history.phases[0].best.val_accuracy
    for kept, expected in zip(classifier.get_weights(), history.phases[0].weights, strict=True):
        assert kept.tobytes() == expected.tobytes()


def test_a_phase_goes_back_to_its_best_epoch_and_stops_early() -> None:
    schedule = TrainingOptions(
        frozen=PhaseOptions(40, 5e-2, patience=2), batch_size=16, warmup_fraction=0
    )
    classifier, history = trained(schedule=schedule)
    phase = history.phases[0]
    assert len(phase.epochs) == phase.best.number + 2 < 40
    accuracy = [epoch.val_accuracy for epoch in phase.epochs]
    assert phase.best.val_accuracy == max(accuracy)
    predicted = classifier.predict_proba(VALIDATION.texts).argmax(axis=1)
    assert (predicted == VALIDATION.labels).mean() == pytest.approx(phase.best.val_accuracy)


def test_epochs_are_reported_while_they_happen() -> None:
    seen: list[tuple[str, int]] = []
    train(built(), TRAIN, VALIDATION, BOTH, on_epoch=lambda e: seen.append((e.phase, e.number)))
    assert seen[:3] == [("frozen", 1), ("frozen", 2), ("frozen", 3)]
    assert seen[3] == ("fine_tuned", 1)


def test_batches_come_in_another_order_in_every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[Plan] = []

    def keep(*args: Any) -> Plan:
        plans.append(plan_epoch(*args))
        return plans[-1]

    monkeypatch.setattr("pipeline.training.loop.plan_epoch", keep)
    trained(schedule=BOTH)
    trained(schedule=BOTH)
    orders = [plan.order.tolist() for plan in plans]
    assert len(orders) == 12
    assert orders[:6] == orders[6:]  # the same seed
    assert len({tuple(order) for order in orders}) == 6  # another order in every epoch
    assert all(sorted(order) == list(range(120)) for order in orders)


def test_dropout_differs_in_every_epoch_and_repeats_with_the_seed() -> None:
    """With a learning rate of nearly nothing, dropout is what is left to change the loss."""
    still = TrainingOptions(frozen=PhaseOptions(3, 1e-12), batch_size=120, adversarial_epsilon=0)
    losses = [
        [epoch.loss for epoch in trained(MeanOptions(dropout=0.5), still)[1].epochs]
        for _ in range(2)
    ]
    assert losses[0] == losses[1]
    assert len(set(losses[0])) == 3


def test_the_adversarial_step_is_the_sum_of_both_gradients() -> None:
    """One step of the compiled loop against one computed here, without dropout."""
    config = TrainingOptions(
        fine_tuned=PhaseOptions(1, 1e-2),
        batch_size=120,
        warmup_fraction=0,
        adversarial_epsilon=0.5,
        embedding_lr_scale=1,
    )
    classifier, reference = (built(MeanOptions(dropout=0, spatial_dropout=0)) for _ in range(2))
    train(classifier, TRAIN, VALIDATION, config)

    (rows,), labels = reference.token_ids(TRAIN.texts), tf.constant(TRAIN.labels)
    present = tf.constant(rows != 0)
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    table = reference.embedding.get_weights()[0][2:]
    reach = 0.5 * np.sqrt((table**2).sum(axis=1).mean())
    variables = list(reference.changing)
    with tf.GradientTape() as tape:
        tokens = reference.embedder([rows])[0]
        tape.watch(tokens)
        clean = loss_of(labels, reference.encoder([tokens, present]))
    against = tape.gradient(clean, tokens) * tf.cast(present, tf.float32)[:, :, None]
    length = tf.norm(tf.reshape(against, [120, -1]), axis=1)[:, None, None]
    with tf.GradientTape() as tape:
        moved = reference.embedder([rows])[0] + reach * against / length
        loss = loss_of(labels, reference.encoder([moved, present]))
        loss += loss_of(labels, reference.encoder([reference.embedder([rows])[0], present]))
    gradients = tape.gradient(loss, [v.value for v in variables])
    keras.optimizers.Adam(1e-2).apply([tf.convert_to_tensor(g) for g in gradients], variables)
    seen = np.unique(rows)
    for mine, theirs in zip(classifier.get_weights(), reference.get_weights(), strict=True):
        if len(mine) == len(table) + 2:
            mine, theirs = mine[seen[seen > 1]], theirs[seen[seen > 1]]
        np.testing.assert_allclose(mine, theirs, atol=2e-4)


# -------------------------------------------------------------- a training that was cut off


class CutOffError(Exception):
    pass


@pytest.mark.parametrize("after", [1, 3, 4, 6])
def test_taken_up_after_any_epoch_it_gives_the_same_bits(tmp_path: Path, after: int) -> None:
    whole, history = trained(CnnOptions(filters=8))
    shown: list[Epoch] = []

    def cut(epoch: Epoch) -> None:
        shown.append(epoch)
        if len(shown) == after:
            raise CutOffError

    def again(on_epoch: Any) -> tuple[Network, History]:
        classifier = built(CnnOptions(filters=8))
        return classifier, train(
            classifier, TRAIN, VALIDATION, BOTH, on_epoch=on_epoch, checkpoints=tmp_path
        )

    with pytest.raises(CutOffError):
        again(cut)
    assert len(list(tmp_path.iterdir())) == 1
    seen: list[Epoch] = []
    classifier, resumed = again(seen.append)
    assert tuple(seen) == resumed.epochs == history.epochs
    for mine, theirs in zip(classifier.get_weights(), whole.get_weights(), strict=True):
        assert mine.tobytes() == theirs.tobytes()
    assert not list(tmp_path.iterdir())  # nothing is left behind


def test_another_training_is_not_taken_up(tmp_path: Path) -> None:
    def cut(epoch: Epoch) -> None:
        raise CutOffError

    for schedule, seed in ((BOTH, 0), (BOTH, 1), (replace(BOTH, warmup_fraction=0.2), 0)):
        with pytest.raises(CutOffError):
            train(
                built(seed=0), TRAIN, VALIDATION, schedule, seed=seed, on_epoch=cut,
                checkpoints=tmp_path,
            )  # fmt: skip
    assert len(list(tmp_path.iterdir())) == 3


def test_nor_one_with_other_options_that_the_weights_do_not_show(tmp_path: Path) -> None:
    def cut(epoch: Epoch) -> None:
        raise CutOffError

    configs = [MetricOptions(filters=8, width=6)]
    configs += [replace(configs[0], margin=9.0), replace(configs[0], dropout=0.1)]
    for config in [*configs, configs[0]]:
        with pytest.raises(CutOffError):
            train(built(config), TRAIN, VALIDATION, BOTH, on_epoch=cut, checkpoints=tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_folder_that_cannot_be_written_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    history = train(built(), TRAIN, VALIDATION, BOTH, checkpoints=tmp_path / "file" / "training")
    assert len(history.epochs) == 6
    said = [r.message for r in caplog.records if r.levelname == "WARNING"]
    assert len(said) == 1
    assert "could not be taken up if it were cut off: Not a directory" in said[0]


def test_a_damaged_checkpoint_is_as_good_as_none(tmp_path: Path) -> None:
    checkpoint = Checkpoint.for_training(tmp_path, "training", np.arange(3))
    assert checkpoint.load() is None
    checkpoint.save({"phase": {"epochs": 2}}, {"now": [np.arange(4.0), np.eye(2)]})
    values, arrays = checkpoint.load() or ({}, {})
    assert values == {"phase": {"epochs": 2}}
    np.testing.assert_array_equal(arrays["now"][1], np.eye(2))
    content = checkpoint.path.read_bytes()
    for damaged in (b"", b"PK", content[: len(content) // 2], content[:-30], b"x" + content[1:]):
        checkpoint.path.write_bytes(damaged)
        assert checkpoint.load() is None


# ------------------------------------------------------------------------------- the optimizer


def test_sparse_adam_is_adam_where_every_row_is_looked_up() -> None:
    start = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    tables = [keras.Variable(start) for _ in range(2)]
    optimizers = [SparseAdam(1e-2), keras.optimizers.Adam(1e-2)]
    rows = np.array([0, 1, 1, 2, 3, 4, 5, 5, 5])  # some several times in a batch
    for step in range(5):
        for table, optimizer in zip(tables, optimizers, strict=True):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(tf.gather(table.value, rows) ** 2) * (step + 1)
            gradient = tape.gradient(loss, table.value)
            # Keras squares sparse gradients before it adds up those of one row: dense for it.
            if not isinstance(optimizer, SparseAdam):
                gradient = tf.convert_to_tensor(gradient)
            optimizer.apply([gradient], [table])
    np.testing.assert_allclose(*(table.numpy() for table in tables), rtol=1e-5)


def test_sparse_adam_leaves_other_rows_and_their_moments_alone() -> None:
    table = keras.Variable(np.ones((1000, 4), np.float32))
    optimizer = SparseAdam(1e-2, sparse_rate=3.0)
    gradient = tf.IndexedSlices(tf.ones((2, 4)), tf.constant([7, 9]), tf.constant([1000, 4]))
    optimizer.apply([gradient], [table])
    moved = np.flatnonzero((table.numpy() != 1).any(axis=1))
    assert moved.tolist() == [7, 9]
    np.testing.assert_allclose(table.numpy()[7], 1 - 3e-2, rtol=1e-4)  # Adam's first step: the rate
    moments = [v.numpy() for v in optimizer.variables if v.shape == (1000, 4)]
    assert [np.flatnonzero(m.any(axis=1)).tolist() for m in moments] == [[7, 9]] * 2
