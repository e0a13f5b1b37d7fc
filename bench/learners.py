"""The ways to learn from headlines that are compared. Each function loads what it needs and returns
the call that is measured. That call returns its figures as JSON.

`task`: {"data": options of `load_headlines`, "vectors": a name or a file}.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.classifier.encoders import ENCODERS
from pipeline.classifier.network import Network, build_network
from pipeline.classifier.options import AUTO, EncoderOptions
from pipeline.data.examples import Examples
from pipeline.data.headlines import load_headlines
from pipeline.embedding.loading import load_vectors
from pipeline.embedding.matching import conventions, spellings
from pipeline.embedding.matrix import FIRST_WORD, build_embedding_matrix
from pipeline.embedding.options import VectorsOptions
from pipeline.embedding.vectors import WordVectors
from pipeline.embedding.vocabulary import build_vocabularies
from pipeline.studies.baselines import fit_tfidf
from pipeline.training.fit import fit
from pipeline.training.history import Epoch
from pipeline.training.loop import train
from pipeline.training.options import PhaseOptions, TrainingOptions
from pipeline.training.workers import Workers

Task = dict[str, Any]
Timed = Callable[[], str]

_WIDTH = 24  # tokens to which a tutorial pads
_SIZE = 100  # dimensions of tables that are filled with random numbers
_ENOUGH = 20_000  # headlines that are trained on for a figure, at least


@dataclass(frozen=True, eq=False)
class Loaded:
    """What is in memory before the clock starts."""

    train: Examples
    validation: Examples
    vectors: WordVectors


def load(task: Task) -> Loaded:
    """The headlines of a task, and the vectors of their words and of the most frequent words."""
    headlines = load_headlines(**task["data"])
    training, validation = map(headlines.examples, ("train", "validation"))
    words = {w for v in build_vocabularies(training.texts).values() for w in v.words}
    vectors = load_vectors(
        task["vectors"], words=spellings(words), most_frequent=VectorsOptions().extra_words
    )
    return Loaded(training, validation, vectors)


def repeat(examples: Examples, n: int | None) -> Examples:
    """The first `n`, over and over where there are fewer; None for all as they are."""
    if n is None:
        return examples
    rows = np.arange(n) % len(examples)
    return Examples(
        [examples.texts[i] for i in rows], [examples.labels[i] for i in rows], examples.label_names
    )


def build(loaded: Loaded, options: EncoderOptions, rows: int | None = None) -> Network:
    """An untrained network, which `fit` does not give.

    `rows`: of the trained table, which starts from random numbers; None for the words of the
    headlines with their vectors.
    """
    vocabularies = build_vocabularies(
        loaded.train.texts, max_tokens=None if options.max_tokens == AUTO else options.max_tokens
    )
    vocabulary = vocabularies[conventions(loaded.vectors.first_words).contractions]
    if rows is None:
        matrix = build_embedding_matrix(
            vocabulary.words,
            loaded.vectors,
            counts=vocabulary.counts,
            extra_words=loaded.vectors.index_to_key,
            std=VectorsOptions().std,
        )
    else:
        made_up = (f"word_{i}" for i in range(rows))
        words = tuple(islice((*vocabulary.words, *made_up), rows - FIRST_WORD))
        matrix = build_embedding_matrix(words, load_vectors("random", vector_size=_SIZE))
    n_labels = len(loaded.train.label_names)
    return build_network(matrix, n_labels, options, contractions=vocabulary.contractions)


def network_only(encoder: str) -> EncoderOptions:
    """The options of an encoder without the linear members beside the network."""
    return ENCODERS[encoder].options(sif=False, ngrams=False)


def default_threads() -> None:
    """Let TensorFlow use its cores as it does by itself, and not as the pipeline asks.

    It holds where TensorFlow has not computed anything yet, as in a process of its own.
    """
    with suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(os.cpu_count() or 1)
        tf.config.threading.set_inter_op_parallelism_threads(os.cpu_count() or 1)


def train_ours(
    task: Task,
    encoder: str,
    batch_size: int,
    adversarial_epsilon: float | None = 0.0,
    rows: int | None = None,
    n: int | None = None,
    workers: Workers | None = None,
) -> Timed:
    """The fine-tuned phase.

    All but two validation headlines are left out, as the other ways have none.

    Args:
        task: see above.
        encoder: of the network, which has no member beside it.
        batch_size: headlines a step.
        adversarial_epsilon: None for the default.
        rows: of the trained table, see `build`.
        n: headlines an epoch; None for all that there are.
        workers: those that train together, where they have joined.
    """
    loaded, options = load(task), network_only(encoder)
    training, validation = repeat(loaded.train, n), repeat(loaded.validation, 2)
    schedule = TrainingOptions(
        phases=("fine_tuned",),
        fine_tuned=PhaseOptions(epochs=3 if n else _epochs(training), learning_rate=1e-3),
        batch_size=batch_size,
        adversarial_epsilon=TrainingOptions().adversarial_epsilon
        if adversarial_epsilon is None
        else adversarial_epsilon,
    )
    network = None if rows is None else build(loaded, options, rows)
    times: list[float] = []

    def on_epoch(_: Epoch) -> None:
        times.append(time.perf_counter())

    def call() -> str:
        if network is None:
            vectors = loaded.vectors
            fit(
                training,
                validation,
                vectors,
                model=options,
                schedule=schedule,
                on_epoch=on_epoch,
                workers=workers,
            )
        else:
            train(network, training, validation, schedule, on_epoch=on_epoch, workers=workers)
        return _epoch_figures(times, training, batch_size)

    return call


def train_keras(
    task: Task, encoder: str, batch_size: int, rows: int | None = None, n: int | None = None
) -> Timed:
    """The same network with Keras's `fit`, as a tutorial does it: all headlines padded to one width."""
    default_threads()
    loaded = load(task)
    network = build(loaded, network_only(encoder), rows)
    training = repeat(loaded.train, n)
    inputs = padded(network, training.texts)
    compile_plainly(network)

    def call() -> str:
        times: list[float] = []
        network.head.fit(
            inputs,
            np.array(training.labels),
            batch_size=batch_size,
            epochs=3 if n else _epochs(training),
            verbose=0,
            callbacks=[_on_epoch(lambda _: times.append(time.perf_counter()))],
        )
        return _epoch_figures(times, training, batch_size)

    return call


def train_fasttext(task: Task, characters: bool, pretrained: bool = False) -> Timed:
    """Epochs of fastText after the first one, with one thread. Its start is left out."""
    loaded = load(task)
    more = -(-5 * _ENOUGH // len(loaded.train))

    def call() -> str:
        with tempfile.TemporaryDirectory() as folder:
            options = fasttext_options(loaded, Path(folder), characters, pretrained)
            seconds = []
            for epochs in (1, 1 + more):
                started = time.perf_counter()
                _fasttext(options, epochs)
                seconds.append(time.perf_counter() - started)
        trained = more * len(loaded.train)
        return json.dumps({"per_second": trained / (seconds[1] - seconds[0])})

    return call


def reach_ours(task: Task, encoder: str, level: float) -> Timed:
    """The default recipe, from strings to the epoch that reaches the level.

    The members beside the network come after its last epoch.
    """
    loaded, options = load(task), ENCODERS[encoder].options()

    def call() -> str:
        clock = _Clock(level)
        with suppress(_ReachedError):
            fitted = fit(
                loaded.train,
                loaded.validation,
                loaded.vectors,
                model=options,
                on_epoch=clock.see_epoch,
            )
            clock.see(fitted.ensemble.accuracy)
        return clock.shown()

    return call


def reach_keras(task: Task, encoder: str, level: float, epochs: int = 10) -> Timed:
    """The same network with Keras's `fit` at batch 32. The embedding is trained from the first epoch."""
    default_threads()
    loaded = load(task)

    def call() -> str:
        clock = _Clock(level)
        network = build(loaded, network_only(encoder))
        inputs, held_out = (padded(network, s.texts) for s in (loaded.train, loaded.validation))
        compile_plainly(network)
        with suppress(_ReachedError):
            network.head.fit(
                inputs,
                np.array(loaded.train.labels),
                validation_data=(held_out, np.array(loaded.validation.labels)),
                batch_size=32,
                epochs=epochs,
                verbose=0,
                callbacks=[_on_epoch(lambda logs: clock.see(logs["val_accuracy"]))],
            )
        return clock.shown()

    return call


def reach_fasttext(task: Task, level: float, characters: bool, pretrained: bool) -> Timed:
    """The fewest epochs of 1, 2, 5, 10 and 25 that reach the level, as if that number were known."""
    loaded = load(task)

    def call() -> str:
        seconds, best = None, 0.0
        with tempfile.TemporaryDirectory() as folder:
            options = fasttext_options(loaded, Path(folder), characters, pretrained)
            for epochs in (1, 2, 5, 10, 25):
                started = time.perf_counter()
                write_fasttext(loaded.train, Path(folder, "train.txt"))
                model = _fasttext(options, epochs)
                best = max(best, _accuracy_fasttext(model, loaded.validation))
                if best >= level:
                    seconds = time.perf_counter() - started
                    break
        return json.dumps({"seconds": seconds, "best": best})

    return call


def reach_svc(task: Task, level: float) -> Timed:
    """n-grams of words and characters and a linear support vector machine, as `compare` has it."""
    loaded = load(task)

    def call() -> str:
        started = time.perf_counter()
        training, validation = loaded.train.in_lower_case(), loaded.validation.in_lower_case()
        predict = fit_tfidf(training, validation, seed=0)
        best = float((predict(validation.texts) == np.array(validation.labels)).mean())
        seconds = time.perf_counter() - started
        return json.dumps({"seconds": seconds if best >= level else None, "best": best})

    return call


def fit_fasttext(examples: Examples, characters: bool, epochs: int = 5) -> Any:
    """A fastText model of random vectors, 100 dimensions and word bigrams."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "train.txt")
        write_fasttext(examples, path)
        return _fasttext(_options(path, characters, _SIZE), epochs)


def fasttext_options(
    loaded: Loaded, folder: Path, characters: bool, pretrained: bool
) -> dict[str, Any]:
    """The options of `fasttext.train_supervised`, whose files are written to `folder`."""
    path = folder / "train.txt"
    write_fasttext(loaded.train, path)
    if not pretrained:
        return _options(path, characters, _SIZE)
    vectors, written = loaded.vectors, folder / "pretrained.vec"
    with written.open("w", encoding="utf-8") as file:
        file.write(f"{len(vectors.index_to_key)} {vectors.vector_size}\n")
        for word, row in zip(vectors.index_to_key, vectors.vectors, strict=True):
            file.write(f"{word.replace(' ', '_')} {' '.join(map(repr, row.tolist()))}\n")
    options = _options(path, characters, vectors.vector_size)
    return {**options, "pretrainedVectors": str(written)}


def _options(path: Path, characters: bool, size: int) -> dict[str, Any]:
    letters = {"minn": 2, "maxn": 5} if characters else {"minn": 0, "maxn": 0}
    return {"input": str(path), "dim": size, "wordNgrams": 2, "lr": 0.5, "thread": 1,
            "verbose": 0, **letters}  # fmt: skip


def write_fasttext(examples: Examples, path: Path) -> None:
    """In fastText's form: a label and the words in lower case, one headline a line."""
    lines = zip(examples.labels, examples.texts, strict=True)
    path.write_text("".join(f"__label__{n} {text.lower()}\n" for n, text in lines), "utf-8")


def _fasttext(options: dict[str, Any], epochs: int) -> Any:
    import fasttext

    return fasttext.train_supervised(**options, epoch=epochs)


def _accuracy_fasttext(model: Any, examples: Examples) -> float:
    predicted, _ = model.predict([text.lower() for text in examples.texts])
    right = [p[0] == f"__label__{n}" for p, n in zip(predicted, examples.labels, strict=True)]
    return float(np.mean(right))


def padded(network: Network, texts: Sequence[str]) -> list[NDArray[np.int32]]:
    """Token ids: int32 array, (n, 24), and with the letter-case channel the cases, likewise."""
    return [
        np.pad(array, ((0, 0), (0, _WIDTH - array.shape[1]))) for array in network.token_ids(texts)
    ]


def compile_plainly(network: Network) -> None:
    """Compile the head with Keras's own Adam."""
    network.embedding.trainable = True
    network.head.compile(
        keras.optimizers.Adam(1e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )


def _on_epoch(see: Callable[[dict[str, float]], None]) -> keras.callbacks.Callback:
    return keras.callbacks.LambdaCallback(on_epoch_end=lambda _, logs: see(logs))


def _epochs(examples: Examples) -> int:
    """The first epoch is not counted. At least two follow, and up to ten where headlines are few."""
    return 1 + min(max(2, -(-_ENOUGH // len(examples))), 10)


def _epoch_figures(times: Sequence[float], examples: Examples, batch_size: int) -> str:
    """`times`: when each epoch ended. The quickest epoch counts, because it was disturbed least."""
    seconds = min(later - earlier for earlier, later in pairwise(times))
    n = len(examples)
    return json.dumps({"per_second": n / seconds, "step": seconds / -(-n // batch_size)})


class _ReachedError(Exception):
    """The level was seen: the clock stops."""


class _Clock:
    """Runs until the level is seen."""

    def __init__(self, level: float) -> None:
        self.level, self.best, self.started = level, 0.0, time.perf_counter()
        self.seconds: float | None = None

    def see(self, accuracy: float) -> None:
        self.best = max(self.best, accuracy)
        if accuracy >= self.level:
            self.seconds = time.perf_counter() - self.started
            raise _ReachedError

    def see_epoch(self, epoch: Epoch) -> None:
        self.see(epoch.val_accuracy)

    def shown(self) -> str:
        return json.dumps({"seconds": self.seconds, "best": self.best})
