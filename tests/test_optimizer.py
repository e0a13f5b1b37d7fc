"""SparseAdam against Keras's own Adam."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from pipeline.optimizer import SparseAdam


def _after_steps(optimizer: keras.optimizers.Optimizer, gradients: list[object]) -> np.ndarray:
    start = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    variable = keras.Variable(start)
    optimizer.build([variable])
    step = tf.function(lambda gradient: optimizer.apply([gradient], [variable]))
    for gradient in gradients:
        step(gradient)
    return variable.numpy()


def test_a_dense_gradient_moves_as_in_keras() -> None:
    random = np.random.default_rng(1)
    gradients = [tf.constant(random.normal(size=(5, 3)), tf.float32) for _ in range(4)]
    rate = keras.optimizers.schedules.CosineDecay(0.1, 4)
    own = _after_steps(SparseAdam(rate, sparse_rate=2.0), gradients)
    np.testing.assert_allclose(own, _after_steps(keras.optimizers.Adam(rate), gradients), atol=1e-5)


def test_a_sparse_gradient_moves_its_rows_as_a_dense_one_and_no_others() -> None:
    random = np.random.default_rng(1)
    values = random.normal(size=(3, 3)).astype(np.float32)
    rows = [4, 1, 4]  # one of them twice
    dense = np.zeros((5, 3), np.float32)
    np.add.at(dense, rows, values)
    sparse = tf.IndexedSlices(tf.constant(values), tf.constant(rows), tf.constant([5, 3]))
    own = _after_steps(SparseAdam(0.05, sparse_rate=2.0), [sparse] * 3)
    like = _after_steps(keras.optimizers.Adam(0.1), [tf.constant(dense)] * 3)
    np.testing.assert_allclose(own, like, rtol=1e-5, atol=1e-6)
    start = _after_steps(SparseAdam(0.05), [])
    assert (own[[0, 2, 3]] == start[[0, 2, 3]]).all()
    assert (own[[1, 4]] != start[[1, 4]]).any(axis=1).all()
