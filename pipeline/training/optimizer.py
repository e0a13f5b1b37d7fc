"""Adam that touches only the rows of an embedding that a batch has looked up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf


class SparseAdam:
    """Adam (Kingma and Ba 2015, arXiv 1412.6980), lazy where the gradient is sparse.

    Keras's Adam turns the sparse gradient of an embedding into a dense one, and updates every row
    and both of its moments at every step. This one updates the rows that were looked up. So a step
    takes as long for a large table as for a small one. A row that was not looked up keeps its
    moments, where Keras's Adam would let them fade and would go on moving the row.

    `learning_rate`: a number, or a function of the step (int64 tensor, from 0). `sparse_scale`: the
    learning rate of variables with sparse gradients, in multiples of the others'.
    """

    def __init__(
        self,
        learning_rate: float | Callable[[Any], Any],
        *,
        sparse_scale: float = 1.0,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
    ) -> None:
        self.learning_rate, self.sparse_scale = learning_rate, sparse_scale
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.iterations = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._moments: dict[int, tuple[Any, Any]] = {}

    def build(self, variables: Sequence[Any]) -> None:
        """Make both moments of each variable, as zeros."""
        for variable in map(_tf_variable, variables):
            zeros = [tf.Variable(tf.zeros_like(variable), trainable=False) for _ in range(2)]
            self._moments[id(variable)] = (zeros[0], zeros[1])

    @property
    def variables(self) -> list[Any]:
        """The state: the step, then the moments."""
        return [self.iterations, *(moment for pair in self._moments.values() for moment in pair)]

    def apply(self, gradients: Sequence[Any], variables: Sequence[Any]) -> None:
        """One step. Gradients are tensors or tf.IndexedSlices, one for each variable."""
        if not self._moments:
            self.build(variables)
        rate = self.learning_rate
        rate = rate(self.iterations) if callable(rate) else rate
        for gradient, variable in zip(gradients, map(_tf_variable, variables), strict=True):
            self._update(gradient, variable, tf.cast(rate, variable.dtype))
        self.iterations.assign_add(1)

    def _update(self, gradient: Any, variable: Any, rate: Any) -> None:
        first, second = self._moments[id(variable)]
        step = tf.cast(self.iterations + 1, variable.dtype)
        if not isinstance(gradient, tf.IndexedSlices):
            # The formula as one operation instead of a dozen: a step of a small network is made of
            # little else.
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
        rate *= self.sparse_scale * tf.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        means = self.beta_1 * tf.gather(first, rows) + (1 - self.beta_1) * gradients
        squares = self.beta_2 * tf.gather(second, rows) + (1 - self.beta_2) * gradients**2
        change = rate * means / (tf.sqrt(squares) + self.epsilon)
        # To put rows in is several times as quick as to subtract them.
        moved = tf.gather(variable, rows) - change
        for table, values in ((first, means), (second, squares), (variable, moved)):
            table.scatter_update(tf.IndexedSlices(values, rows))


def _tf_variable(variable: Any) -> Any:
    """The tf.Variable behind a variable of Keras."""
    return variable if isinstance(variable, tf.Variable) else variable.value
