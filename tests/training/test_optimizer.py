"""`SparseAdam` against Keras's Adam, and what it leaves alone."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from networks import built

from pipeline.classifier.encoders import MeanOptions
from pipeline.training.optimizer import SparseAdam


def test_a_dense_gradient_moves_as_in_keras() -> None:
    random = np.random.default_rng(1)
    gradients = [tf.constant(random.normal(size=(5, 3)), tf.float32) for _ in range(4)]
    rate = keras.optimizers.schedules.CosineDecay(0.1, 4)
    start = random.normal(size=(5, 3)).astype(np.float32)
    moved = []
    for optimizer in (SparseAdam(rate, sparse_scale=2.0), keras.optimizers.Adam(rate)):
        variable = keras.Variable(start)
        for gradient in gradients:
            optimizer.apply([gradient], [variable])
        moved.append(variable.numpy())
    np.testing.assert_allclose(*moved, atol=1e-5)
    assert (np.abs(moved[0] - start) > 0.01).all()


def test_it_is_adam_where_every_row_is_looked_up() -> None:
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


def test_it_leaves_other_rows_and_their_moments_alone() -> None:
    table = keras.Variable(np.ones((1000, 4), np.float32))
    optimizer = SparseAdam(1e-2, sparse_scale=3.0)
    gradient = tf.IndexedSlices(tf.ones((2, 4)), tf.constant([7, 9]), tf.constant([1000, 4]))
    optimizer.apply([gradient], [table])
    moved = np.flatnonzero((table.numpy() != 1).any(axis=1))
    assert moved.tolist() == [7, 9]
    np.testing.assert_allclose(table.numpy()[7], 1 - 3e-2, rtol=1e-4)  # Adam's first step: the rate
    moments = [v.numpy() for v in optimizer.variables if v.shape == (1000, 4)]
    assert [np.flatnonzero(m.any(axis=1)).tolist() for m in moments] == [[7, 9]] * 2


def test_the_state_is_all_that_is_needed_to_go_on() -> None:
    gradients = [
        tf.IndexedSlices(tf.constant([[1.0 + i, -2.0]]), tf.constant([i]), tf.constant([3, 2]))
        for i in (0, 1, 0, 2)
    ]
    whole, halved = (keras.Variable(np.ones((3, 2), np.float32)) for _ in range(2))
    optimizer, first, second = (SparseAdam(1e-2) for _ in range(3))
    for gradient in gradients:
        optimizer.apply([gradient], [whole])
    for gradient in gradients[:2]:
        first.apply([gradient], [halved])
    second.build([halved])
    for state, value in zip(second.variables, first.variables, strict=True):
        state.assign(value)
    for gradient in gradients[2:]:
        second.apply([gradient], [halved])
    assert whole.numpy().tobytes() == halved.numpy().tobytes()


def test_the_trained_table_is_never_read_whole() -> None:
    """After a sparse update, TensorFlow copies a table that is read."""
    head = built(MeanOptions()).head
    rows = tf.TensorSpec([None, None], tf.int32)
    graph = tf.function(lambda rows: head(rows)).get_concrete_function(rows).graph
    kinds = [op.type for op in graph.get_operations() if "/embedding" in op.name]
    assert "ResourceGather" in kinds
    assert "ReadVariableOp" not in kinds
