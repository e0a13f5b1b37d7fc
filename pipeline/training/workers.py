"""The workers of a training: each learns from its share of every batch, and all stay equal."""

from __future__ import annotations

import logging
import re
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.base.errors import TrainingError
from pipeline.base.files import digest
from pipeline.embedding.threads import set_threads
from pipeline.training.cluster import ALONE, Cluster, meet, read_cluster

logger = logging.getLogger(__name__)

_CONNECT_SECONDS = 40  # for TensorFlow to connect workers that are all there; it takes one

# What TensorFlow raises where a worker has ended.
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
)


@dataclass(frozen=True, eq=False)
class Workers:
    """This process and those that train with it.

    Each has its own copy of the network. As all of them apply the same sum of gradients, all copies
    stay the same. `strategy`: TensorFlow's connection of the workers; None where this process is
    alone.
    """

    cluster: Cluster
    strategy: tf.distribute.MultiWorkerMirroredStrategy | None

    @property
    def alone(self) -> bool:
        return self.strategy is None

    def share(self, chosen: Any) -> Any:
        """This worker's part of the positions of texts, (n,). It can be empty."""
        return chosen if self.alone else chosen[self.cluster.index :: len(self.cluster.addresses)]

    def run(self, step: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function in which `sum` may be called."""
        return step(*arguments) if self.strategy is None else self.strategy.run(step, arguments)

    def sum(self, values: Sequence[Any], most_rows: int = 0) -> Sequence[Any]:
        """The sums over all workers of tensors or tf.IndexedSlices.

        `most_rows`: the most rows of tf.IndexedSlices that a worker can have.
        """
        if self.alone:
            return values
        context = tf.distribute.get_replica_context()
        dense = [value for value in values if not isinstance(value, tf.IndexedSlices)]
        # As made here, they have the device that TensorFlow asks for.
        dense = [tf.identity(value) for value in dense]
        summed = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, dense) if dense else [])
        return [
            _gathered(context, value, most_rows)
            if isinstance(value, tf.IndexedSlices)
            else next(summed)
            for value in values
        ]

    def from_chief(self, arrays: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """The chief's values of arrays that have the same shapes on all workers."""
        if self.strategy is None:
            return list(arrays)
        with self.lost(), self.strategy.scope():  # there a variable starts as the chief's
            return [np.asarray(tf.Variable(array).numpy()) for array in arrays]

    def check(self, same: Sequence[NDArray[Any]], alike: Sequence[NDArray[Any]]) -> None:
        """Compare with the chief: arrays that have to be the same, and others of the same shapes.

        Raises TrainingError: they differ.
        """
        own = digest(*same, [array.shape for array in alike])
        numbers = np.frombuffer(bytes.fromhex(own), np.int32)
        (chief,) = self.from_chief([numbers])
        if (chief != numbers).any():
            raise TrainingError(
                "several workers: this worker has other words or vectors than worker 0: give all "
                "workers the same files"
            )

    @contextmanager
    def lost(self) -> Iterator[None]:
        """Raise TrainingError in one line where a worker has ended meanwhile."""
        if self.alone:
            yield
            return
        try:
            yield
        except _LOST as error:
            named = re.search(r"/job:worker(?:/replica:\d+)?/task:(\d+)", str(error))
            name = self.cluster.name(int(named[1])) if named else "a worker"
            raise TrainingError(
                f"{name} has ended or cannot be reached: this training ends too. Look at that "
                "worker's messages, and start all workers again"
            ) from error


def join_workers(n_workers: int, **same: Any) -> Workers:
    """Connect the processes that train together, as the environment variable TF_CONFIG names them.

    `n_workers`: as many as there have to be; 1: this process alone. `same`: what all workers have
    to have, such as the options, by its name; its `repr` shows all that it is. A process can join
    once, and before TensorFlow computes anything.

    Raises ConfigError: TF_CONFIG is missing or wrong. TrainingError: a worker is missing or has
    something else, or TensorFlow has computed already.
    """
    set_threads()
    if n_workers == 1:
        return Workers(ALONE, None)
    cluster = read_cluster(n_workers)
    same["versions of TensorFlow or Keras"] = (tf.__version__, keras.__version__)
    meet(cluster, {name: digest(value) for name, value in same.items()})
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(cluster.addresses)}),
        task_type="worker",
        task_id=cluster.index,
        rpc_layer="grpc",
    )
    terminate = signal.getsignal(signal.SIGTERM)
    # If a worker ended in this second, TensorFlow would wait for ever, and hold Python up
    # meanwhile. The signal ends the process without a word, so the line comes before.
    logger.info(
        "workers: all are there, connecting; ends after %d s if one is gone", _CONNECT_SECONDS
    )
    signal.alarm(_CONNECT_SECONDS)
    try:
        return Workers(cluster, tf.distribute.MultiWorkerMirroredStrategy(resolver))
    except (RuntimeError, ValueError, tf.errors.OpError) as error:
        raise TrainingError(
            f"several workers: TensorFlow did not connect them: {str(error).splitlines()[0]}: "
            "start all workers again, each in a new process"
        ) from error
    finally:
        signal.alarm(0)
        if terminate is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, terminate)  # TensorFlow takes it, and does not end


def _gathered(context: Any, slices: Any, most_rows: int) -> Any:
    """The rows of all workers, one after the other: a row that is there twice counts twice.

    All messages of a compiled loop need one shape. So they are filled up, with zeros for row 0.
    Numbers of rows travel as the bits of a float beside their values.
    """
    numbers = tf.bitcast(tf.cast(slices.indices, tf.int32), tf.float32)
    packed = tf.concat([slices.values, numbers[:, None]], axis=1)
    packed = tf.pad(packed, [[0, most_rows - tf.size(numbers)], [0, 0]])
    packed = tf.ensure_shape(packed, (most_rows, slices.values.shape[1] + 1))
    gathered = context.all_gather(packed, axis=0)
    numbers = tf.cast(tf.bitcast(gathered[:, -1], tf.int32), slices.indices.dtype)
    return tf.IndexedSlices(gathered[:, :-1], numbers, slices.dense_shape)
