"""Train a network phase by phase: the embedding frozen, then fine-tuned, and the best kept."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.base.calls import checked
from pipeline.base.errors import DataError, TrainingError
from pipeline.base.options import Seed
from pipeline.classifier.network import Network
from pipeline.classifier.scoring import as_tuple
from pipeline.classifier.selection import score
from pipeline.data.examples import Examples
from pipeline.data.weighting import weigh_labels
from pipeline.embedding.matrix import FIRST_WORD, PADDING
from pipeline.embedding.threads import set_threads
from pipeline.training.checkpoint import Checkpoint, Progress
from pipeline.training.history import Epoch, History, Phase
from pipeline.training.losses import batch_loss, count_labels, count_right
from pipeline.training.optimizer import SparseAdam
from pipeline.training.options import PhaseOptions, TrainingOptions
from pipeline.training.schedule import Plan, plan_by_length, plan_epoch, schedule_for
from pipeline.training.tokens import Tokens, tokenise
from pipeline.training.workers import Workers, join_workers

logger = logging.getLogger(__name__)

_STRETCH = 200  # batches that one call of compiled code takes


@checked
def train(
    network: Network,
    training: Examples,
    validation: Examples,
    options: TrainingOptions | None = None,
    *,
    seed: Seed = 0,
    on_epoch: Callable[[Epoch], None] | None = None,
    checkpoints: Path | None = None,
    workers: Workers | None = None,
) -> History:
    """Train a network in place, phase by phase, and keep the weights of the best phase.

    A phase begins from the best weights so far. Its learning rate warms up and then falls along a
    cosine. It ends early after `patience` epochs without a better validation result (what
    `options.select` says, and where that is equal, loss), and goes back to its best epoch.
    Fine-tuning never makes the validation result worse: of all phases the best one is kept.

    With `adversarial_epsilon` each batch is learned as it is, and again with the word vectors of
    every text moved against its label (adversarial training: Miyato, Dai and Goodfellow 2017, arXiv
    1605.07725).

    The same seed and number of threads give the same bits on one machine. Each epoch has its own
    order and dropout, which follow from the seed and the epoch's number alone.

    Texts count in the loss and in the validation result by their weights, where they have some, and
    by those of `options.class_weight`.

    Args:
        network: as `build_network` makes it.
        training: learned from.
        validation: chooses the epoch and the phase.
        options: the schedule.
        seed: of the order of the batches and of dropout.
        on_epoch: called after each epoch.
        checkpoints: a folder for the state of the training, which stays there. A training that was
            cut off goes on after its last whole epoch and gives the same bits; one that had
            finished trains nothing again. `on_epoch` is then called for the earlier epochs too.
            Several workers keep none.
        workers: those that train together; None: as `options.workers` says.

    Raises:
        DataError: no texts to learn from or to validate with, their label names differ, or
            `options.class_weight` names another label.
        TrainingError: a loss is not finite, or a worker has ended. The training ends there, and no
            weights are kept.
    """
    _check(training, validation)
    options = options or TrainingOptions()
    training, validation = weigh_labels(training, validation, options.class_weight)
    workers = workers or join_workers(options.workers, options=(options, seed))
    threads = set_threads()
    tokens = tokenise(network, training, checkpoints)
    held_out = tokenise(network, validation, checkpoints)
    if not workers.alone:
        workers.check([*tokens.arrays, *held_out.arrays], network.get_weights())
        network.set_weights(workers.from_chief(network.get_weights()))
    checkpoint = None
    if checkpoints is not None and workers.alone:
        checkpoint = Checkpoint.for_training(
            checkpoints,
            *(options, network.options, seed, threads, tf.__version__, keras.__version__),
            *tokens.arrays,
            *held_out.arrays,
            *network.get_weights(),
        )
    history = History(())
    progress = Progress.load(checkpoint, on_epoch)
    trainable = network.embedding.trainable
    for name, phase in options.planned.items():
        number = len(history.phases)
        try:
            trainer = _Trainer(
                network, name, phase, options, tokens, held_out, [seed, number], workers
            )
            finished = trainer.run(progress)
        finally:
            network.embedding.trainable = trainable
        history = History((*history.phases, finished))
        network.set_weights(history.best.weights)
        logger.info(
            "training: %s, best epoch %d of %d, validation accuracy %.4f, %.1f s",
            name,
            finished.best.number,
            len(finished.epochs),
            finished.best.val_accuracy,
            finished.seconds,
        )
    return history


def _check(training: Examples, validation: Examples) -> None:
    if not len(training) or not len(validation):
        raise DataError(
            f"expected texts to learn from and texts to validate with, got {len(training)} and "
            f"{len(validation)}"
        )
    if tuple(training.label_names) != tuple(validation.label_names):
        raise DataError(
            f"expected the same label names to learn from and to validate with, got "
            f"{training.label_names} and {validation.label_names}"
        )


class _Trainer:
    """One phase. The loop over the batches is compiled code."""

    def __init__(
        self,
        network: Network,
        name: str,
        phase: PhaseOptions,
        options: TrainingOptions,
        training: Tokens,
        held_out: Tokens,
        seed: list[int],
        workers: Workers,
    ) -> None:
        self.network, self.name, self.phase = network, name, phase
        self.training, self.held_out, self.seed = training, held_out, seed
        self.workers, self.select = workers, options.select
        n = len(training.labels)
        self.schedule = schedule_for(n, name, phase, options)
        network.embedding.trainable = name != "frozen"
        trained = {id(v) for v in network.head.trainable_variables}
        self.variables = [v for v in network.changing if id(v) in trained]
        passes = self.schedule.epochs * self.schedule.passes
        steps = passes * -(-n // self.schedule.batch_size)
        self.optimizer = SparseAdam(
            _learning_rate(phase.learning_rate, steps, options.warmup_fraction),
            sparse_scale=options.embedding_lr_scale,
        )
        self.optimizer.build(self.variables)
        # Rare words can be in the second table, with model.min_count.
        only_first = training.inputs[0].max(initial=0) < network.embedding.input_dim
        self.embed = network.embed_trained if only_first else self._embed
        rows = network.embedding.embeddings.numpy()[FIRST_WORD:]
        with np.errstate(over="ignore"):  # of such vectors the loss is not finite either
            typical = float(np.sqrt((rows**2).sum(axis=1).mean())) if len(rows) else 0.0
        self.reach = options.adversarial_epsilon * typical
        n_texts = -(-self.schedule.batch_size // len(workers.cluster.addresses))
        self.most_rows = n_texts * training.inputs[0].shape[1] * (2 if self.reach else 1)
        self.extra_loss = getattr(network.last_layer, "extra_loss", None)
        self.epoch = tf.function(self._epoch, input_signature=_signature(training))
        self.score = tf.function(self._score, input_signature=_signature(held_out))

    def run(self, progress: Progress) -> Phase:
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
            loss, right = self._in_stretches(self.epoch, self.training, plan, number)
            val_loss, val_right, counts = self._in_stretches(
                self.score, self.held_out, by_length, number
            )
            val_loss = float(val_loss / n_held)
            epoch = Epoch(
                self.name,
                number,
                schedule.epochs,
                float(loss / (n * schedule.passes)),
                float(right / (n * schedule.passes)),
                val_loss,
                float(val_right / n_held),
                score=score(self.select, counts, val_loss),
            )
            better = phase is None or epoch.better_than(phase.best)
            weights = self.network.get_weights() if better or progress.checkpoint else []
            phase = _after(phase, epoch, weights, time.perf_counter() - started)
            progress.save(phase, weights, self.optimizer.variables)
            if progress.on_epoch:
                progress.on_epoch(epoch)
        assert phase is not None
        return phase

    def _in_stretches(self, compiled: Any, tokens: Tokens, plan: Plan, number: int) -> list[Any]:
        """Call compiled code for all batches of a plan, and add up what it gives, a loss first.

        A signal such as Ctrl-C is handled between two calls of compiled code. So no call takes all
        batches. `number`: that of the epoch.
        """
        sums: list[Any] = []
        for start in range(0, len(plan), _STRETCH):
            end = min(start + _STRETCH, len(plan))
            starts = plan.starts[start : end + 1] - plan.starts[start]
            part = (*tokens.batches(plan, start, end), starts, plan.widths[start:end])
            with self.workers.lost():
                totals = [each.numpy().astype(float) for each in compiled(*map(tf.constant, part))]
            sums = [a + b for a, b in zip(sums, totals, strict=True)] if sums else totals
            if not np.isfinite(sums[0]):
                raise TrainingError(
                    f"epoch {number} of {self.name}: expected a finite loss, got {sums[0]}: lower "
                    f"training.{self.name}.learning_rate (now {self.phase.learning_rate:g}), or "
                    "give vectors with smaller numbers"
                )
        return sums

    def _take_up(self, progress: Progress) -> Phase | None:
        """What an earlier training has done of this phase; the network gets the state it left.

        None: nothing.
        """
        saved = progress.values.get(self.name)
        if saved is None:
            return None
        epochs = tuple(Epoch(**(values | {"earlier": True})) for values in saved["epochs"])
        best = epochs[0]
        for epoch in epochs[1:]:
            best = epoch if epoch.better_than(best) else best
        phase = Phase(self.name, epochs, best, tuple(progress.arrays[self.name]), saved["seconds"])
        if not self._finished(phase):
            self.network.set_weights(progress.arrays["now"])
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

    def _epoch(self, *part: Any) -> tuple[Any, Any]:
        """Train on the batches of a stretch. Gives the sum of losses and how many are right."""
        *arrays, starts, widths = part
        total, right = tf.constant(0.0), tf.constant(0.0)
        for i in tf.range(tf.size(widths)):
            n = starts[i + 1] - starts[i]
            inputs, labels, weights = self._batch(arrays, starts[i], n, widths[i])
            logits, loss = self.workers.run(self._learn, inputs, labels, weights, n)
            total += loss * tf.cast(n, tf.float32)
            right += count_right(labels, logits)
        return self.workers.run(self.workers.sum, (total, right))

    def _score(self, *part: Any) -> tuple[Any, Any]:
        """Score validation texts. Takes what `_epoch` does, and gives counts of labels too."""
        *arrays, starts, widths = part
        total, right = tf.constant(0.0), tf.constant(0.0)
        counts = tf.zeros((3, self.network.n_labels))
        for i in tf.range(tf.size(widths)):
            n = starts[i + 1] - starts[i]
            inputs, labels, weights = self._batch(arrays, starts[i], n, widths[i])
            logits = self.network.head(inputs, training=False)
            total += batch_loss(labels, logits, weights, n) * tf.cast(n, tf.float32)
            right += count_right(labels, logits)
            counts += count_labels(labels, logits, weights)
        return self.workers.run(self.workers.sum, (total, right, counts))

    def _batch(
        self, arrays: list[Any], start: Any, n: Any, width: Any
    ) -> tuple[list[Any], Any, Any]:
        """The inputs, cut to `width`, labels and weights of this worker's share of `n` texts."""
        shares = [self.workers.share(array[start : start + n]) for array in arrays]
        n_inputs = len(self.training.inputs)
        inputs = [tf.ensure_shape(array[:, :width], (None, None)) for array in shares[:n_inputs]]
        labels, *weights = shares[n_inputs:]
        return inputs, labels, weights[0] if weights else None

    def _learn(self, inputs: list[Any], labels: Any, weights: Any, n: Any) -> tuple[Any, Any]:
        """One step. Gives the logits of this worker's texts, and their part of the batch's loss.

        `n`: the texts of the batch, of all workers together.
        """
        present = inputs[0] != PADDING
        with tf.GradientTape() as tape:
            tokens = self.embed(inputs)
            tape.watch(tokens)
            logits, loss, total = self._losses(tokens, present, labels, weights, n)
        if not self.reach:
            gradients = tape.gradient(total, [v.value for v in self.variables])
        else:
            against, *gradients = tape.gradient(total, [tokens, *(v.value for v in self.variables)])
            against *= tf.cast(present, against.dtype)[:, :, None]
            length = tf.sqrt(tf.reduce_sum(against**2, axis=[1, 2], keepdims=True))
            moved = tf.stop_gradient(self.reach * against / (length + 1e-12))
            with tf.GradientTape() as tape:
                tokens = self.embed(inputs)
                _, _, adversarial = self._losses(tokens + moved, present, labels, weights, n)
            more = tape.gradient(adversarial, [v.value for v in self.variables])
            gradients = [_sum(*pair) for pair in zip(gradients, more, strict=True)]
        self.optimizer.apply(self.workers.sum(gradients, self.most_rows), self.variables)
        return logits, loss

    def _losses(
        self, tokens: Any, present: Any, labels: Any, weights: Any, n: Any
    ) -> tuple[Any, Any, Any]:
        """The logits, their cross-entropy, and the whole loss. The last layer may add to it."""
        logits, representation, _ = self.network.encoder([tokens, present], training=True)
        loss = batch_loss(labels, logits, weights, n)
        if self.extra_loss is None:
            return logits, loss, loss
        share = tf.cast(tf.size(labels), tf.float32) / tf.cast(n, tf.float32)
        return logits, loss, loss + share * self.extra_loss(labels, representation, weights)

    def _embed(self, inputs: list[Any]) -> Any:
        return as_tuple(self.network.embedder(inputs, training=True))[0]

    def _seed_dropout(self, random: np.random.Generator) -> None:
        for layer in [*self.network.embedder.layers, *self.network.encoder.layers]:
            generator = getattr(layer, "seed_generator", None)
            if generator is not None:
                state = random.integers(2**31, size=2) + self.workers.cluster.index
                generator.state.assign(state.astype(generator.state.dtype))


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


def _signature(tokens: Tokens) -> list[Any]:
    """Of compiled code: `Tokens.arrays`, where each batch starts, and how wide it is."""
    arrays = [*tokens.arrays, np.zeros(0, np.int32), np.zeros(0, np.int32)]
    return [tf.TensorSpec((None,) * array.ndim, array.dtype) for array in arrays]


def _sum(first: Any, second: Any) -> Any:
    """The sum of two gradients. Sparse ones stay sparse."""
    if not isinstance(first, tf.IndexedSlices):
        return first + second
    return tf.IndexedSlices(
        tf.concat([first.values, second.values], 0),
        tf.concat([first.indices, second.indices], 0),
        first.dense_shape,
    )


def _learning_rate(peak: float, steps: int, warmup: float) -> Any:
    warmup_steps = int(warmup * steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warmup_steps else peak,
        max(steps - warmup_steps, 1),
        warmup_target=peak if warmup_steps else None,
        warmup_steps=warmup_steps,
    )
