"""Adam that touches only the rows of an embedding that a batch has looked up."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


class SparseAdam(keras.optimizers.Adam):
    """Keras's Adam (Kingma and Ba 2015, arXiv 1412.6980), lazy where the gradient is sparse.

    Keras turns the sparse gradient of an embedding into a dense one, and updates every row and
    both of its moments at every step; this updates the rows that were looked up, so that a step
    takes as long for a large table as for a small one. A row that was not looked up keeps its
    moments, where Adam would let them fade and move the row by what is left of them.

    `sparse_rate`: the learning rate of such tables in multiples of the rest's.
    """

    def __init__(self, *args: Any, sparse_rate: float = 1.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sparse_rate = sparse_rate

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One update of one variable; `gradient` is a tensor or tf.IndexedSlices."""
        index = self._get_variable_index(variable)
        first, second = self._momentums[index].value, self._velocities[index].value
        step = tf.cast(self.iterations + 1, variable.dtype)
        rate = tf.cast(learning_rate, variable.dtype)
        if not isinstance(gradient, tf.IndexedSlices):
            # The formula of Keras's Adam as one operation instead of a dozen: a step of a small
            # network is made of little else.
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=first.handle,
                v=second.handle,
                beta1_power=self.beta_1**step,
                beta2_power=self.beta_2**step,
                lr=rate,
                beta1=self.beta_1,
                beta2=self.beta_2,
                epsilon=self.epsilon,
                grad=gradient,
            )
            return
        rows, places = tf.unique(gradient.indices)  # a word may be several times in a batch
        gradients = tf.math.unsorted_segment_sum(gradient.values, places, tf.size(rows))
        rate *= self.sparse_rate * tf.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        of_rows = self.beta_1 * tf.gather(first, rows) + (1 - self.beta_1) * gradients
        squares = self.beta_2 * tf.gather(second, rows) + (1 - self.beta_2) * gradients**2
        change = rate * of_rows / (tf.sqrt(squares) + self.epsilon)
        # Rows are put in several times as quickly as they are subtracted.
        moved = tf.gather(variable, rows) - change
        for table, values in ((first, of_rows), (second, squares), (variable, moved)):
            table.scatter_update(tf.IndexedSlices(values, rows))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "sparse_rate": self.sparse_rate}
