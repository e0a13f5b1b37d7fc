from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from pipeline.classifier.encoders import MeanOptions
from pipeline.classifier.network import build_network
from pipeline.embedding.matrix import build_embedding_matrix
from pipeline.embedding.vectors import WordVectors
from pipeline.training.optimizer import SparseAdam


def test_a_dense_gradient_moves_as_in_keras() -> None:
    random = np.random.default_rng(1)
    gradients = [tf.constant(random.normal(size=(5, 3)), tf.float32) for _ in range(4)]
    rate = keras.optimizers.schedules.CosineDecay(0.1, 4)
    start = random.normal(size=(5, 3)).astype(np.float32)
    moved = []
    for optimizer in (SparseAdam(rate, sparse_rate=2.0), keras.optimizers.Adam(rate)):
        variable = keras.Variable(start)
        for gradient in gradients:
            optimizer.apply([gradient], [variable])
        moved.append(variable.numpy())
    np.testing.assert_allclose(*moved, atol=1e-5)
    assert (np.abs(moved[0] - start) > 0.01).all()


def test_the_trained_table_is_never_read_whole() -> None:
    """After a sparse update, TensorFlow copies a table that is read."""
    words = ["alps", "snow"]
    matrix = build_embedding_matrix(words, WordVectors.of(words, np.eye(2, 3, dtype=np.float32)))
    head = build_network(matrix, 2, MeanOptions()).head
    rows = tf.TensorSpec([None, None], tf.int32)
    graph = tf.function(lambda rows: head(rows)).get_concrete_function(rows).graph
    kinds = [op.type for op in graph.get_operations() if "/embedding" in op.name]
    assert "ResourceGather" in kinds
    assert "ReadVariableOp" not in kinds
