"""The training schedule: the embedding frozen, then fine-tuned, and the best of both kept."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.base.archive import Checkpoint
from pipeline.classifier.network import Network, in_parts
from pipeline.classifier.prototypes import Prototypes
from pipeline.embedding.matrix import FIRST_WORD, PADDING
from pipeline.training.optimizer import SparseAdam
from pipeline.training.options import PhaseOptions, TrainingOptions
from pipeline.training.schedule import Plan, plan_by_length, plan_epoch, schedule_for

logger = logging.getLogger(__name__)

_STRETCH = 200  # batches


@dataclass(frozen=True)
class Epoch:
    """What one epoch showed: losses are mean cross-entropies in nats, accuracies fractions.
    `planned`: how many epochs the phase has, if nothing ends it early."""

    phase: str
    number: int
    planned: int
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

    `weights`: the arrays of `Network.get_weights()`; `seconds`: time taken.
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


def set_threads() -> bool:
    """Tell TensorFlow how to use the cores for work of this size: one for each operation, whose
    parts would be too small to share out, and different operations side by side.

    That holds for the whole process, and only where TensorFlow has not computed anything yet: if
    it has, nothing is changed and False is returned. Other threads, other bits.
    """
    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(os.cpu_count() or 1)
    except RuntimeError:
        return False
    return True


def train(
    classifier: Network,
    train: tuple[Sequence[str], Sequence[int]],
    validation: tuple[Sequence[str], Sequence[int]],
    config: TrainingOptions | None = None,
    *,
    seed: int = 0,
    on_epoch: Callable[[Epoch], None] | None = None,
    checkpoints: Path | None = None,
) -> History:
    """Train in place, phase by phase, and keep the weights of the best.

    `train` and `validation` are headlines and their labels, 0 ... n_classes - 1. A phase begins
    from the best weights so far, warms up and lets the learning rate fall along a cosine, ends
    early after `patience` epochs without a better validation result (accuracy, and where that is
    equal, loss), and goes back to its best epoch. The weights that remain are those of the phase
    with the best validation result: fine-tuning never makes that one worse. How many epochs and
    headlines a step `auto` stands for is decided in pipeline/batches.py.
    `on_epoch` is called after each epoch.

    Adversarial training (Miyato, Dai and Goodfellow 2017, arXiv 1605.07725): each batch is learned
    as it is, and again with the word vectors of every headline moved against its label.

    The result is the same to the bit for the same seed and number of threads on one machine. Each
    epoch has its own order and dropout, which follow from the seed and its number alone; so with
    `checkpoints`, a folder, a training that was cut off is taken up after its last whole epoch and
    gives the same bits. `on_epoch` is then called for the epochs before it too.
    """
    config = config or TrainingOptions()
    training, held_out = _examples(classifier, *train), _examples(classifier, *validation)
    checkpoint = None
    if checkpoints is not None:
        checkpoint = Checkpoint.of(
            checkpoints,
            *(config, seed, tf.__version__, keras.__version__),
            *(_unseen(layer) for layer in classifier.encoder.layers),
            *training.arrays,
            *held_out.arrays,
            *classifier.get_weights(),
        )
    history = History(())
    progress = _Progress.of(checkpoint, on_epoch)
    for name, phase in config.planned.items():
        number = len(history.phases)
        trainer = _Trainer(classifier, name, phase, config, training, held_out, [seed, number])
        finished = trainer.run(progress)
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
    if progress.checkpoint is not None:
        progress.checkpoint.remove()
    return history


@dataclass(frozen=True, eq=False)
class _Examples:
    """Headlines as the head takes them, tokenised once for all epochs. `inputs`: int32 arrays
    (n, tokens), `labels`: (n,), `lengths`: tokens of each, (n,)."""

    inputs: tuple[NDArray[np.int32], ...]
    labels: NDArray[np.int32]

    @property
    def arrays(self) -> tuple[NDArray[np.int32], ...]:
        return (*self.inputs, self.labels)

    @property
    def lengths(self) -> NDArray[np.int64]:
        return (self.inputs[0] != PADDING).sum(axis=1)


def _unseen(layer: keras.layers.Layer) -> Any:
    """What decides on a training and is not to be seen in a layer's weights."""
    if isinstance(layer, Prototypes):
        return layer.margin, layer.contrastive
    return getattr(layer, "rate", None)


def _examples(classifier: Network, texts: Sequence[str], labels: Sequence[int]) -> _Examples:
    return _Examples(classifier.token_ids(texts), np.asarray(labels, np.int32))


@dataclass(eq=False)
class _Progress:
    """How far a training has come, and where that is kept. `values` and `arrays` of each phase,
    by its name, as in `save`."""

    checkpoint: Checkpoint | None
    on_epoch: Callable[[Epoch], None] | None
    values: dict[str, Any]
    arrays: dict[str, list[NDArray[Any]]]

    @classmethod
    def of(
        cls, checkpoint: Checkpoint | None, on_epoch: Callable[[Epoch], None] | None
    ) -> _Progress:
        values, arrays = (checkpoint.load() if checkpoint else None) or ({}, {})
        if values:
            logger.info("training: taken up after %s", _where(values))
        return cls(checkpoint, on_epoch, values, arrays)

    def save(self, phase: Phase, now: list[Any], optimizer: list[Any]) -> None:
        """After an epoch: the best weights of each phase, and to go on with, those of `now` and
        the state of the optimizer."""
        if self.checkpoint is None:
            return
        self.values[phase.name] = {
            "epochs": [asdict(epoch) for epoch in phase.epochs],
            "seconds": phase.seconds,
        }
        self.arrays[phase.name] = list(phase.weights)
        states = [variable.numpy() for variable in optimizer]
        try:
            self.checkpoint.save(self.values, {**self.arrays, "now": now, "optimizer": states})
        except OSError as error:
            logger.warning(
                "training: goes on, but could not be taken up if it were cut off: %s (%s)",
                error.strerror,
                self.checkpoint.path.parent,
            )
            self.checkpoint = None


def _where(values: dict[str, Any]) -> str:
    name, phase = list(values.items())[-1]
    return f"epoch {len(phase['epochs'])} of {name}"


class _Trainer:
    """One phase: a whole epoch is one call of compiled code, batch after batch."""

    def __init__(
        self,
        classifier: Network,
        name: str,
        phase: PhaseOptions,
        config: TrainingOptions,
        training: _Examples,
        held_out: _Examples,
        seed: list[int],
    ) -> None:
        self.classifier, self.name, self.phase, self.config = classifier, name, phase, config
        self.training, self.held_out, self.seed = training, held_out, seed
        n = len(training.labels)
        self.schedule = schedule_for(n, name, phase, config)
        classifier.embedding.trainable = name != "frozen"
        trained = {id(v) for v in classifier.head.trainable_variables}
        self.variables = [v for v in classifier.changing if id(v) in trained]
        passes = self.schedule.epochs * self.schedule.passes
        steps = passes * -(-n // self.schedule.batch_size)
        self.optimizer = SparseAdam(
            _learning_rate(phase.learning_rate, steps, config.warmup_fraction),
            sparse_rate=config.embedding_lr_scale,
        )
        self.optimizer.build(self.variables)
        # Rare words can be in the second table, with model.min_count.
        only_first = training.inputs[0].max(initial=0) < classifier.embedding.input_dim
        self.embed = classifier.embed_trained if only_first else self._embed
        rows = classifier.embedding.embeddings.numpy()[FIRST_WORD:]
        typical = float(np.sqrt((rows**2).sum(axis=1).mean())) if len(rows) else 0.0
        self.reach = config.adversarial_epsilon * typical
        self.last = classifier.encoder.get_layer("logits")
        self.epoch = tf.function(self._epoch, reduce_retracing=True)
        self.score = tf.function(self._score, reduce_retracing=True)
        self.arrays = [tf.constant(array) for array in training.arrays]
        self.held_arrays = [tf.constant(array) for array in held_out.arrays]

    def run(self, progress: _Progress) -> Phase:
        phase = self._take_up(progress)
        lengths, by_length = self.training.lengths, plan_by_length(self.held_out.lengths, 256)
        n, n_held = len(self.training.labels), len(self.held_out.labels)
        while not self._finished(phase):
            started = time.perf_counter()
            number = len(phase.epochs) + 1 if phase else 1
            random = np.random.default_rng([*self.seed, number])
            self._seed_dropout(random)
            schedule = self.schedule
            plan = plan_epoch(lengths, schedule.batch_size, random, schedule.passes)
            loss, right = _in_stretches(self.epoch, plan)
            val_loss, val_right = _in_stretches(self.score, by_length)
            epoch = Epoch(
                self.name,
                number,
                schedule.epochs,
                loss / (n * schedule.passes),
                right / (n * schedule.passes),
                val_loss / n_held,
                val_right / n_held,
            )
            better = phase is None or epoch.better_than(phase.best)
            weights = self.classifier.get_weights() if better or progress.checkpoint else []
            phase = _after(phase, epoch, weights, time.perf_counter() - started)
            progress.save(phase, weights, self.optimizer.variables)
            if progress.on_epoch:
                progress.on_epoch(epoch)
        assert phase is not None
        return phase

    def _take_up(self, progress: _Progress) -> Phase | None:
        """What an earlier training has done of this phase, with the state that it left."""
        saved = progress.values.get(self.name)
        if saved is None:
            return None
        epochs = tuple(Epoch(**values) for values in saved["epochs"])
        best = epochs[0]
        for epoch in epochs[1:]:
            best = epoch if epoch.better_than(best) else best
        phase = Phase(self.name, epochs, best, tuple(progress.arrays[self.name]), saved["seconds"])
        if not self._finished(phase):
            self.classifier.set_weights(progress.arrays["now"])
            states = zip(self.optimizer.variables, progress.arrays["optimizer"], strict=True)
            for variable, value in states:
                variable.assign(value)
        for epoch in epochs:
            if progress.on_epoch:
                progress.on_epoch(epoch)
        return phase

    def _finished(self, phase: Phase | None) -> bool:
        if phase is None:
            return False
        done, patience = len(phase.epochs), self.phase.patience
        return done >= self.schedule.epochs or bool(
            patience and done - phase.best.number >= patience
        )

    def _epoch(self, order: Any, starts: Any, widths: Any) -> tuple[Any, Any]:
        """Train on every batch: the sum of the losses, and how many were predicted right."""
        total, right = tf.constant(0.0), tf.constant(0.0)
        for i in tf.range(tf.size(widths)):
            *inputs, labels = _batch(self.arrays, order[starts[i] : starts[i + 1]], widths[i])
            logits, loss = self._learn(inputs, labels)
            total += loss * tf.cast(tf.size(labels), tf.float32)
            right += _right(labels, logits)
        return total, right

    def _score(self, order: Any, starts: Any, widths: Any) -> tuple[Any, Any]:
        """The same of the held-out headlines, without training."""
        total, right = tf.constant(0.0), tf.constant(0.0)
        for i in tf.range(tf.size(widths)):
            *inputs, labels = _batch(self.held_arrays, order[starts[i] : starts[i + 1]], widths[i])
            logits = self.classifier.head(inputs, training=False)
            total += _loss(labels, logits) * tf.cast(tf.size(labels), tf.float32)
            right += _right(labels, logits)
        return total, right

    def _learn(self, inputs: list[Any], labels: Any) -> tuple[Any, Any]:
        """One step. The logits and the loss are those of the headlines as they are."""
        present = inputs[0] != PADDING
        with tf.GradientTape() as tape:
            tokens = self.embed(inputs)
            tape.watch(tokens)
            logits, loss, total = self._losses(tokens, present, labels)
        if not self.reach:
            gradients = tape.gradient(total, [v.value for v in self.variables])
        else:
            against, *gradients = tape.gradient(total, [tokens, *(v.value for v in self.variables)])
            against *= tf.cast(present, against.dtype)[:, :, None]
            length = tf.sqrt(tf.reduce_sum(against**2, axis=[1, 2], keepdims=True))
            moved = tf.stop_gradient(self.reach * against / (length + 1e-12))
            with tf.GradientTape() as tape:
                tokens = self.embed(inputs)
                _, _, adversarial = self._losses(tokens + moved, present, labels)
            more = tape.gradient(adversarial, [v.value for v in self.variables])
            gradients = [_sum(one, other) for one, other in zip(gradients, more, strict=True)]
        self.optimizer.apply(gradients, self.variables)
        return logits, loss

    def _losses(self, tokens: Any, present: Any, labels: Any) -> tuple[Any, Any, Any]:
        """The logits, their cross-entropy, and that with what the last layer adds to the loss."""
        logits, representation = self.classifier.described([tokens, present], training=True)
        loss = _loss(labels, logits)
        if not isinstance(self.last, Prototypes):
            return logits, loss, loss
        return logits, loss, loss + self.last.loss(labels, representation)

    def _embed(self, inputs: list[Any]) -> Any:
        return in_parts(self.classifier.embedder(inputs, training=True))[0]

    def _seed_dropout(self, random: np.random.Generator) -> None:
        for layer in [*self.classifier.embedder.layers, *self.classifier.encoder.layers]:
            generator = getattr(layer, "seed_generator", None)
            if generator is not None:
                generator.state.assign(random.integers(2**31, size=2).astype(generator.state.dtype))


def _after(
    phase: Phase | None, epoch: Epoch, weights: Sequence[NDArray[np.float32]], seconds: float
) -> Phase:
    if phase is None:
        return Phase(epoch.phase, (epoch,), epoch, tuple(weights), seconds)
    better = epoch.better_than(phase.best)
    return Phase(
        phase.name,
        (*phase.epochs, epoch),
        epoch if better else phase.best,
        tuple(weights) if better else phase.weights,
        phase.seconds + seconds,
    )


def _in_stretches(compiled: Any, plan: Plan) -> tuple[float, float]:
    """Both sums over all batches. A signal such as Ctrl-C is heard between two calls of compiled
    code, so that none should take long."""
    sums = np.zeros(2)
    for start in range(0, len(plan), _STRETCH):
        end = min(start + _STRETCH, len(plan))
        part = (plan.order, plan.starts[start : end + 1], plan.widths[start:end])
        sums += [float(total) for total in compiled(*map(tf.constant, part))]
    return float(sums[0]), float(sums[1])


def _batch(arrays: list[Any], chosen: Any, width: Any) -> list[Any]:
    *inputs, labels = [tf.gather(array, chosen) for array in arrays]
    return [*(tf.ensure_shape(array[:, :width], (None, None)) for array in inputs), labels]


def _loss(labels: Any, logits: Any) -> Any:
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))


def _right(labels: Any, logits: Any) -> Any:
    predicted = tf.argmax(logits, axis=1, output_type=labels.dtype)
    return tf.reduce_sum(tf.cast(predicted == labels, tf.float32))


def _sum(one: Any, other: Any) -> Any:
    """Of two gradients, which stay sparse where they are."""
    if not isinstance(one, tf.IndexedSlices):
        return one + other
    return tf.IndexedSlices(
        tf.concat([one.values, other.values], 0),
        tf.concat([one.indices, other.indices], 0),
        one.dense_shape,
    )


def _learning_rate(peak: float, steps: int, warmup: float) -> Any:
    warmup_steps = int(warmup * steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warmup_steps else peak,
        max(steps - warmup_steps, 1),
        warmup_target=peak if warmup_steps else None,
        warmup_steps=warmup_steps,
    )
