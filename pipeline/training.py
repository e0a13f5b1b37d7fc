"""The training schedule: the embedding frozen, then fine-tuned, and the best of both kept."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.config import Config, PhaseConfig, TrainingConfig
from pipeline.matrix import PADDING
from pipeline.model import Classifier

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Epoch:
    """What one epoch showed: losses are mean cross-entropies in nats, accuracies fractions."""

    phase: str
    number: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float

    def better_than(self, other: Epoch | None) -> bool:
        """A higher validation accuracy, or the same with a lower validation loss."""
        if other is None:
            return True
        return (self.val_accuracy, -self.val_loss) > (other.val_accuracy, -other.val_loss)


@dataclass(frozen=True, eq=False)
class Phase:
    """A finished phase: its epochs, the best of them, and the weights after that one.

    `weights`: the arrays of `Classifier.get_weights()`; `seconds`: time taken.
    """

    name: str
    epochs: tuple[Epoch, ...]
    best: Epoch
    weights: tuple[NDArray[np.float32], ...]
    seconds: float


@dataclass(frozen=True, eq=False)
class History:
    """The phases in order; `best` is the one whose weights the classifier has kept."""

    phases: tuple[Phase, ...]

    @property
    def best(self) -> Phase:
        """The phase with the best validation result; the earlier one where they are equal."""
        best = self.phases[0]
        for phase in self.phases[1:]:
            if phase.best.better_than(best.best):
                best = phase
        return best

    @property
    def epochs(self) -> tuple[Epoch, ...]:
        """All epochs of all phases in order."""
        return tuple(epoch for phase in self.phases for epoch in phase.epochs)


def train(
    classifier: Classifier,
    train: tuple[Sequence[str], Sequence[int]],
    validation: tuple[Sequence[str], Sequence[int]],
    config: TrainingConfig | None = None,
    *,
    seed: int = 0,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> History:
    """Train in place, phase by phase, and keep the weights of the best.

    `train` and `validation` are headlines and their labels, 0 ... n_classes - 1. A phase begins
    from the best weights so far, compiles anew (else a changed `trainable` has no effect), warms
    up and lets the learning rate fall along a cosine, stops after `patience` epochs without a
    better validation result (accuracy, and where that is equal, loss), and goes back to its best
    epoch. The weights that remain are those of the phase with the best validation result:
    fine-tuning never makes that one worse.
    `on_epoch` is called after each epoch.

    The result is the same to the bit for the same seed and number of threads on one machine.
    """
    config = config or Config().training
    training, held_out = _rows(classifier, *train), _rows(classifier, *validation)
    # Columns that are padding everywhere only cost time.
    width = max(1, *(int((rows != PADDING).sum(axis=1).max()) for rows, _ in (training, held_out)))
    training, held_out = (
        (training[0][:, :width], training[1]),
        (held_out[0][:, :width], held_out[1]),
    )
    history = History(())
    for name, phase in config.phases.items():
        finished = _run_phase(classifier, name, phase, config, training, held_out, seed, on_epoch)
        history = History((*history.phases, finished))
        classifier.set_weights(history.best.weights)
        logger.info(
            "training: %s, best epoch %d of %d, validation accuracy %.4f, %.1f s",
            name,
            finished.best.number,
            len(finished.epochs),
            finished.best.val_accuracy,
            finished.seconds,
        )
    return history


_Rows = tuple[NDArray[np.int32], NDArray[np.int32]]


def _rows(classifier: Classifier, texts: Sequence[str], labels: Sequence[int]) -> _Rows:
    """The headlines as row numbers of the embedding: tokenised once for all epochs."""
    batches = [
        classifier.text(tf.constant(list(texts[i : i + 10_000]), tf.string)).numpy()
        for i in range(0, len(texts), 10_000)
    ]
    return np.concatenate(batches).astype(np.int32), np.asarray(labels, np.int32)


def _run_phase(
    classifier: Classifier,
    name: str,
    phase: PhaseConfig,
    config: TrainingConfig,
    training: _Rows,
    held_out: _Rows,
    seed: int,
    on_epoch: Callable[[Epoch], None] | None,
) -> Phase:
    started = time.perf_counter()
    head = classifier.head
    classifier.embedding.trainable = name != "frozen"
    steps = phase.epochs * -(-len(training[1]) // config.batch_size)
    head.compile(
        keras.optimizers.Adam(_learning_rate(phase.learning_rate, steps, config.warmup)),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    # tf.data shuffles differently in every epoch, Keras's own shuffling of arrays does not.
    batches = (
        tf.data.Dataset.from_tensor_slices(training)
        .shuffle(len(training[1]), seed=seed, reshuffle_each_iteration=True)
        .batch(config.batch_size)
        .prefetch(1)
    )
    keeper = _BestWeights(classifier, name, phase.patience, on_epoch)
    head.fit(
        batches,
        epochs=phase.epochs,
        validation_data=tf.data.Dataset.from_tensor_slices(held_out).batch(1024),
        callbacks=[keeper],
        shuffle=False,
        verbose=0,
    )
    assert keeper.best is not None
    return Phase(
        name, tuple(keeper.epochs), keeper.best, keeper.weights, time.perf_counter() - started
    )


def _learning_rate(peak: float, steps: int, warmup: float) -> Any:
    warmup_steps = int(warmup * steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warmup_steps else peak,
        max(steps - warmup_steps, 1),
        warmup_target=peak if warmup_steps else None,
        warmup_steps=warmup_steps,
    )


class _BestWeights(keras.callbacks.Callback):
    """Early stopping by accuracy and then loss; Keras's own looks at one of them."""

    def __init__(
        self,
        classifier: Classifier,
        phase: str,
        patience: int,
        on_epoch: Callable[[Epoch], None] | None,
    ) -> None:
        super().__init__()
        self.classifier = classifier
        self.phase, self.patience, self.on_epoch = phase, patience, on_epoch
        self.epochs: list[Epoch] = []
        self.best: Epoch | None = None
        self.weights: tuple[NDArray[np.float32], ...] = ()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        shown = Epoch(self.phase, epoch + 1, **{k: float(v) for k, v in (logs or {}).items()})
        self.epochs.append(shown)
        if shown.better_than(self.best):
            self.best, self.weights = shown, tuple(self.classifier.get_weights())
        if self.on_epoch:
            self.on_epoch(shown)
        if self.best and shown.number - self.best.number >= self.patience:
            self.model.stop_training = True
