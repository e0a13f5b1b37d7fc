"""The ways to learn from headlines that are compared. Each function loads what it needs and returns
the call that is measured; that returns its figures as JSON.

`task`: {"data": options of `load_headlines`, "vectors": a name or a file}.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.classifier.encoders import ModelOptions
from pipeline.classifier.ensemble import fit_ensemble
from pipeline.classifier.network import Network, build_network
from pipeline.config import load_config
from pipeline.data.headlines import load_headlines
from pipeline.embedding.loading import load_vectors
from pipeline.embedding.matching import conventions, spellings
from pipeline.embedding.matrix import FIRST_WORD, EmbeddingMatrix, build_embedding_matrix
from pipeline.embedding.vectors import WordVectors
from pipeline.embedding.vocabulary import build_vocabularies
from pipeline.training.history import Epoch
from pipeline.training.loop import train
from pipeline.training.options import PhaseOptions, TrainingOptions

Task = dict[str, Any]
Timed = Callable[[], str]

_WIDTH = 24  # tokens to which a tutorial pads
_SIZE = 100  # dimensions of tables that are filled with random numbers
_ENOUGH = 20_000  # headlines that are trained on for a figure, at least


@dataclass(frozen=True, eq=False)
class Split:
    """Headlines and their labels, 0 ... n_classes - 1."""

    texts: list[str]
    labels: list[int]

    def repeated(self, n: int | None) -> Split:
        """The first `n`, over and over where there are fewer."""
        if n is None:
            return self
        rows = np.arange(n) % len(self.texts)
        return Split([self.texts[i] for i in rows], [self.labels[i] for i in rows])

    @property
    def pair(self) -> tuple[list[str], list[int]]:
        return self.texts, self.labels


@dataclass(frozen=True, eq=False)
class Loaded:
    """What is in memory before the clock starts."""

    train: Split
    validation: Split
    n_classes: int
    vectors: WordVectors


def load(task: Task) -> Loaded:
    headlines = load_headlines(**task["data"])
    splits = [
        Split(list(headlines.texts(name)), list(headlines.labels(name)))
        for name in ("train", "validation")
    ]
    words = {w for v in build_vocabularies(splits[0].texts).values() for w in v.words}
    further = load_config().vectors.extra_words
    vectors = load_vectors(task["vectors"], words=spellings(words), most_frequent=further)
    return Loaded(splits[0], splits[1], len(headlines.label_names), vectors)


def build(
    loaded: Loaded, config: ModelOptions, rows: int | None = None
) -> tuple[Network, EmbeddingMatrix]:
    """From strings to an untrained classifier, as a run does it.

    `rows`: of the trained table, which is then filled with random numbers; None for the words of
    the headlines with their vectors.
    """
    vocabularies = build_vocabularies(loaded.train.texts, max_tokens=config.max_tokens)
    vocabulary = vocabularies[conventions(loaded.vectors.first_words).contractions]
    matrix = build_embedding_matrix(
        vocabulary.words,
        loaded.vectors,
        counts=vocabulary.counts,
        extra_words=loaded.vectors.index_to_key,
        std=load_config().vectors.std,
    )
    if rows is not None:
        made_up = (f"word_{i}" for i in range(rows))
        words = tuple(islice((*vocabulary.words, *made_up), rows - FIRST_WORD))
        values = np.random.default_rng(0).normal(0, 0.4, (rows, _SIZE)).astype(np.float32)
        matrix = replace(
            matrix, weights=values, words=words, extra_words=(), extra_weights=values[:0]
        )
    contractions = vocabulary.contractions
    return build_network(matrix, loaded.n_classes, config, contractions=contractions), matrix


def network(encoder: str) -> ModelOptions:
    """The options of the network without the parts beside it."""
    return replace(load_config([f"model={encoder}"]).model, sif=False, ngrams=False)


def train_ours(
    task: Task,
    encoder: str,
    batch_size: int,
    adversarial: float | None = 0.0,
    rows: int | None = None,
    n: int | None = None,
) -> Timed:
    """`train` in its fine-tuned phase; `adversarial`: None for the default. The validation
    headlines are left out but for two, as the other ways have none."""
    loaded = load(task)
    classifier, _ = build(loaded, network(encoder), rows)
    training = loaded.train.repeated(n)
    config = TrainingOptions(
        fine_tuned=PhaseOptions(epochs=3 if n else _epochs(training), learning_rate=1e-3),
        batch_size=batch_size,
        adversarial=load_config().training.adversarial_epsilon
        if adversarial is None
        else adversarial,
    )

    def call() -> str:
        times: list[float] = []
        train(
            classifier,
            training.pair,
            loaded.validation.repeated(2).pair,
            config,
            on_epoch=lambda _: times.append(time.perf_counter()),
        )
        return _of_epochs(times, training, batch_size)

    return call


def train_keras(
    task: Task, encoder: str, batch_size: int, rows: int | None = None, n: int | None = None
) -> Timed:
    """The same network with `fit`, as a tutorial does it: all headlines padded to one width."""
    loaded = load(task)
    classifier, _ = build(loaded, network(encoder), rows)
    training = loaded.train.repeated(n)
    inputs = padded(classifier, training.texts)
    compile_plainly(classifier)

    def call() -> str:
        times: list[float] = []
        classifier.head.fit(
            inputs,
            np.array(training.labels),
            batch_size=batch_size,
            epochs=3 if n else _epochs(training),
            verbose=0,
            callbacks=[_on_epoch(lambda _: times.append(time.perf_counter()))],
        )
        return _of_epochs(times, training, batch_size)

    return call


def train_fasttext(task: Task, characters: bool, pretrained: bool = False) -> Timed:
    """What further epochs of fastText take, with one thread; its start is left out."""
    loaded = load(task)
    further = -(-5 * _ENOUGH // len(loaded.train.texts))

    def call() -> str:
        with tempfile.TemporaryDirectory() as folder:
            options = fasttext_options(loaded, Path(folder), characters, pretrained)
            seconds = []
            for epochs in (1, 1 + further):
                started = time.perf_counter()
                _fasttext(options, epochs)
                seconds.append(time.perf_counter() - started)
        trained = further * len(loaded.train.texts)
        return json.dumps({"per_second": trained / (seconds[1] - seconds[0])})

    return call


def reach_ours(task: Task, encoder: str, level: float) -> Timed:
    """The default recipe, from strings to the epoch that reaches the level; the parts beside the
    network come after its last epoch."""
    loaded = load(task)
    config = load_config([f"model={encoder}"])

    def call() -> str:
        clock = _Clock(level)
        classifier, matrix = build(loaded, config.model)
        pairs = loaded.train.pair, loaded.validation.pair
        with suppress(_ReachedError):
            train(classifier, *pairs, config.training, on_epoch=clock.see_epoch)
            clock.see(fit_ensemble(classifier, matrix, *pairs).accuracy)
        return clock.shown()

    return call


def reach_keras(task: Task, encoder: str, level: float, epochs: int = 10) -> Timed:
    """The same network with `fit` at batch 32, the embedding trained from the first epoch on."""
    loaded = load(task)

    def call() -> str:
        clock = _Clock(level)
        classifier, _ = build(loaded, network(encoder))
        inputs, held_out = (padded(classifier, s.texts) for s in (loaded.train, loaded.validation))
        compile_plainly(classifier)
        with suppress(_ReachedError):
            classifier.head.fit(
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
    """The fewest epochs out of 1, 2, 5, 10 and 25 that reach the level, as if they were known."""
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
    """n-grams of words and characters and a linear support vector machine, by scikit-learn."""
    loaded = load(task)

    def call() -> str:
        started = time.perf_counter()
        model = fit_svc(loaded.train)
        best = float(model.score(loaded.validation.texts, loaded.validation.labels))
        seconds = time.perf_counter() - started
        return json.dumps({"seconds": seconds if best >= level else None, "best": best})

    return call


def fit_svc(split: Split) -> Any:
    """TF-IDF of word 1-3-grams and character 2-5-grams, and LinearSVC."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.svm import LinearSVC

    features = make_union(
        TfidfVectorizer(ngram_range=(1, 3), token_pattern=r"\S+", sublinear_tf=True),
        TfidfVectorizer(analyzer="char", ngram_range=(2, 5), sublinear_tf=True, min_df=2),
    )
    return make_pipeline(features, LinearSVC(C=3)).fit(split.texts, split.labels)


def fit_fasttext(split: Split, characters: bool, epochs: int = 5) -> Any:
    """A fastText model of random vectors, 100 dimensions and word bigrams."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "train.txt")
        write_fasttext(split, path)
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


def write_fasttext(split: Split, path: Path) -> None:
    """In fastText's form: a label and the words in lower case, one headline a line."""
    lines = zip(split.labels, split.texts, strict=True)
    path.write_text("".join(f"__label__{n} {text.lower()}\n" for n, text in lines), "utf-8")


def _fasttext(options: dict[str, Any], epochs: int) -> Any:
    import fasttext

    return fasttext.train_supervised(**options, epoch=epochs)


def _accuracy_fasttext(model: Any, split: Split) -> float:
    predicted, _ = model.predict([text.lower() for text in split.texts])
    right = [p[0] == f"__label__{n}" for p, n in zip(predicted, split.labels, strict=True)]
    return float(np.mean(right))


def padded(classifier: Network, texts: Sequence[str]) -> list[NDArray[np.int32]]:
    """Row numbers, int32 array (n, 24), and with the letter-case channel the cases."""
    return [
        np.pad(array, ((0, 0), (0, _WIDTH - array.shape[1])))
        for array in classifier.token_ids(texts)
    ]


def compile_plainly(classifier: Network) -> None:
    """The head with Keras's own Adam."""
    classifier.embedding.trainable = True
    classifier.head.compile(
        keras.optimizers.Adam(1e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )


def _on_epoch(see: Callable[[dict[str, float]], None]) -> keras.callbacks.Callback:
    return keras.callbacks.LambdaCallback(on_epoch_end=lambda _, logs: see(logs))


def _epochs(split: Split) -> int:
    """The first, which is not counted, and at least two; more of few headlines, up to ten."""
    return 1 + min(max(2, -(-_ENOUGH // len(split.texts))), 10)


def _of_epochs(times: Sequence[float], split: Split, batch_size: int) -> str:
    """From the moments at which epochs ended: the quickest epoch counts, as least disturbed."""
    seconds = min(later - earlier for earlier, later in pairwise(times))
    n = len(split.texts)
    return json.dumps({"per_second": n / seconds, "step": seconds / -(-n // batch_size)})


class _ReachedError(Exception):
    pass


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
