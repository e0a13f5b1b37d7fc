"""How TensorFlow uses the cores. Another number of threads gives other bits."""

from __future__ import annotations

import os

import tensorflow as tf


def set_threads() -> tuple[int, int]:
    """Give each operation one thread, and let operations run side by side.

    The operations of this size are too small to be shared out. It holds for the whole process, and
    only where TensorFlow has not computed anything yet and nobody has chosen threads before. So the
    tokeniser, the first stage that computes with TensorFlow, calls it as well as training.
    Returns the threads in force: within an operation, between operations; 0 is TensorFlow's choice.
    """
    threading = tf.config.threading
    unset = not threading.get_intra_op_parallelism_threads() and (
        not threading.get_inter_op_parallelism_threads()
    )
    if unset:
        try:
            threading.set_intra_op_parallelism_threads(1)
            threading.set_inter_op_parallelism_threads(os.cpu_count() or 1)
        except RuntimeError:  # TensorFlow has computed already
            return 0, 0
    return (
        threading.get_intra_op_parallelism_threads(),
        threading.get_inter_op_parallelism_threads(),
    )
