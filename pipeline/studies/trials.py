"""Does transfer help on these headlines, and how many labels is it worth?

The same headlines, in growing numbers, are learned from random vectors (`scratch`), from pretrained
ones that stay `frozen` and are then `fine_tuned`, by the `blend` that a run keeps, and by methods
that know no vectors. All are asked the same test headlines.
"""

from __future__ import annotations

import gc
import importlib.util
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.base.errors import ConfigError
from pipeline.classifier.ensemble import blend
from pipeline.classifier.network import Network, build_network, predict_probabilities
from pipeline.config import Config
from pipeline.data.headlines import Headlines
from pipeline.embedding.choice import choose_vectors
from pipeline.embedding.loading import load_vectors
from pipeline.embedding.matching import conventions, spellings
from pipeline.embedding.matrix import EmbeddingMatrix, build_embedding_matrix
from pipeline.embedding.text import build_vocabularies
from pipeline.embedding.vectors import WordVectors
from pipeline.insight.evaluation import score
from pipeline.insight.outcomes import Outcome
from pipeline.training.loop import History, train

FEW_VALIDATION = 20  # at least so many validation headlines, if there are so many
SCRATCH, TRANSFER = "scratch", "transfer"
MAJORITY, TFIDF, FASTTEXT = "majority", "tfidf", "fasttext"

Examples = tuple[list[str], list[int]]
"""Headlines, and a label of each."""


@dataclass(frozen=True)
class Trial:
    """One training: from what (a start, or `transfer` for all that start from the vectors), with
    how many headlines, and which: those that `seed` draws. It is that of the training too."""

    kind: str
    size: int
    seed: int


@dataclass(frozen=True, eq=False)
class Ground:
    """What all trials share. `vectors`: the rows of every word that the training headlines, or
    `frequent`, ask for; `frequent`: the set's most frequent words, as many as may be further
    words of the embedding."""

    config: Config
    headlines: Headlines
    vectors: WordVectors
    frequent: Sequence[str]


def prepare(config: Config, headlines: Headlines) -> Ground:
    """Load the vectors once for all trials.

    Raises ConfigError: no vectors to start from; VectorsError: as `load_vectors`.
    """
    if set(config.training.planned) <= {SCRATCH}:
        raise ConfigError(
            "expected a start from pretrained vectors to compare: leave training=scratch out, "
            "from scratch is compared in any case"
        )
    if config.vectors.source == "random":
        raise ConfigError(
            "expected pretrained vectors to compare, got vectors=random: leave it out, or name a "
            "set (`pipeline vectors list`)"
        )
    vocabularies = build_vocabularies(headlines.texts("train"), max_tokens=config.model.max_tokens)
    words = spellings(word for v in vocabularies.values() for word in v.words)
    held_out = [*headlines.texts("validation"), *headlines.texts("test")]
    # The most frequent words in their order, which a look at more words would mix.
    frequent = choose_vectors(config.vectors, [], held_out).index_to_key
    return Ground(config, headlines, choose_vectors(config.vectors, words, held_out), frequent)


def plan(headlines: Headlines, sizes: Sequence[int], seeds: Sequence[int]) -> list[Trial]:
    """The trials in order: all of the first seed, from few headlines to many, then the next.

    A size above the number of training headlines stands for all of them.
    Raises ConfigError: fewer headlines than labels.
    """
    n, n_labels = len(headlines.splits["train"]), len(headlines.label_names)
    if min(sizes) < n_labels:
        raise ConfigError(
            f"compare.sizes: expected at least as many headlines as there are labels, {n_labels}, "
            f"got {min(sizes)}"
        )
    kinds = [MAJORITY, TFIDF, *_installed(), SCRATCH, TRANSFER]
    return [
        Trial(kind, size, seed)
        for seed in seeds
        for size in sorted({min(size, n) for size in sizes})
        for kind in kinds
    ]


def phases(trial: Trial, config: Config) -> list[str]:
    """The phases of training that a trial goes through."""
    if trial.kind == SCRATCH:
        return [SCRATCH]
    return [name for name in config.training.planned if name != SCRATCH]


def starts(trial: Trial, config: Config) -> list[str]:
    """The starts that a trial gives a score of."""
    if trial.kind in BASELINES:
        return [trial.kind]
    blends = trial.kind == TRANSFER and (config.model.sif or config.model.ngrams)
    return [*phases(trial, config), *["ensemble"] * blends]


def try_out(trial: Trial, ground: Ground) -> list[Outcome]:
    """Train and test: a score for each of `starts`."""
    training = sample(ground.headlines, "train", trial.size, trial.seed)
    few = max(trial.size // 4, FEW_VALIDATION)
    validation = sample(ground.headlines, "validation", few, trial.seed)
    test, truth = ground.headlines.texts("test"), ground.headlines.labels("test")
    names = ground.headlines.label_names

    def of(start: str, seconds: float, probabilities: NDArray[Any]) -> Outcome:
        evaluation = score(probabilities, test, truth, names)
        return Outcome(
            start,
            trial.size,
            trial.seed,
            evaluation.accuracy,
            evaluation.macro_f1,
            seconds,
            evaluation.predicted,
        )

    started = time.perf_counter()
    if trial.kind in BASELINES:
        if not ground.config.model.letter_case:  # the network does not see it either
            training, validation = _lowered(training), _lowered(validation)
            test = [text.lower() for text in test]
        predict = BASELINES[trial.kind](training, validation, len(names), trial.seed)
        seconds = time.perf_counter() - started
        return [of(trial.kind, seconds, np.eye(len(names))[predict(test)])]
    return [
        of(start, seconds, predict_probabilities(classifier, test))
        for start, seconds, classifier in _classifiers(trial, ground, training, validation)
    ]


def _classifiers(
    trial: Trial, ground: Ground, training: Examples, validation: Examples
) -> Iterator[tuple[str, float, Network]]:
    """The name of each start, the seconds that it took, and its classifier, before the next."""
    fitted = fit(trial, ground, training, validation)
    seconds, network, config = fitted.seconds, fitted.network, ground.config.model
    for phase in fitted.history.phases:
        seconds += phase.seconds
        network.set_weights(phase.weights)
        yield phase.name, seconds, network
    if trial.kind == SCRATCH or not (config.sif or config.ngrams):
        return
    network.set_weights(fitted.history.best.weights)
    blended = blend(network, fitted.matrix, training, validation, config, seed=trial.seed)
    yield "ensemble", seconds + blended.seconds, blended.classifier


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained network, and what it was made from. `seconds`: taken before training."""

    network: Network
    matrix: EmbeddingMatrix
    history: History
    seconds: float


def fit(trial: Trial, ground: Ground, training: Examples, validation: Examples) -> Fitted:
    """Train a network from scratch, or from the vectors: frozen, then fine-tuned.

    Raises VectorsError: the vectors know too few of the words.
    """
    # What Keras keeps of earlier models, and models that refer to themselves, would add up.
    keras.backend.clear_session()
    gc.collect()
    config, seed, started = ground.config, trial.seed, time.perf_counter()
    vocabularies = build_vocabularies(
        training[0], min_count=config.model.min_count, max_tokens=config.model.max_tokens
    )
    vocabulary = vocabularies[conventions(ground.vectors.first_words).contractions]
    schedule = config.training
    if trial.kind == SCRATCH:
        vectors = load_vectors("random", vector_size=ground.vectors.vector_size)
        schedule = replace(schedule, phases=(SCRATCH,))
    else:
        words = spellings(word for v in vocabularies.values() for word in v.words)
        vectors = ground.vectors.subset([*words, *ground.frequent])
        schedule = replace(
            schedule, phases=tuple(name for name in schedule.phases if name != SCRATCH)
        )
    matrix = build_embedding_matrix(
        vocabulary.words,
        vectors,
        counts=vocabulary.counts,
        extra_words=vectors.index_to_key if config.vectors.extra_words else (),
        std=config.vectors.std,
        fallbacks=config.vectors.fallbacks,
        missing=config.vectors.missing,
        min_coverage=0 if trial.kind == SCRATCH else config.vectors.min_coverage,
        seed=seed,
    )
    network = build_network(
        matrix,
        len(ground.headlines.label_names),
        config.model,
        contractions=vocabulary.contractions,
        seed=seed,
    )
    seconds = time.perf_counter() - started
    return Fitted(
        network, matrix, train(network, training, validation, schedule, seed=seed), seconds
    )


def sample(headlines: Headlines, split: str, n: int, seed: int) -> Examples:
    """`n` headlines of a split, as their labels are shared out in it, or all.

    Those of a smaller `n` are among those of a larger one, with the same seed.
    """
    texts, labels = headlines.texts(split), headlines.labels(split)
    random, classes = np.random.default_rng(seed), np.array(labels)
    place = np.empty(len(labels))
    for label in np.unique(classes):
        of_label = random.permutation(np.flatnonzero(classes == label))
        # Spread evenly over the whole: every beginning holds its share.
        place[of_label] = (np.arange(len(of_label)) + random.random()) / len(of_label)
    chosen = np.sort(np.argsort(place, kind="stable")[:n])
    return [texts[i] for i in chosen], [labels[i] for i in chosen]


def _lowered(examples: Examples) -> Examples:
    return [text.lower() for text in examples[0]], examples[1]


# ---------------------------------------------------------------------------------- baselines

Predict = Callable[[list[str]], NDArray[np.int64]]


def _majority(training: Examples, validation: Examples, n_labels: int, seed: int) -> Predict:
    commonest = int(np.bincount(training[1]).argmax())
    return lambda texts: np.full(len(texts), commonest)


def _tfidf(training: Examples, validation: Examples, n_labels: int, seed: int) -> Predict:
    """Words 1-3 and characters 2-5 within words by TF-IDF, and a linear support vector machine
    whose C does best on the validation headlines (the smaller one where several do)."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union
    from sklearn.svm import LinearSVC

    features = make_union(
        TfidfVectorizer(
            ngram_range=(1, 3), token_pattern=r"(?u)\b\w+\b", lowercase=False, sublinear_tf=True
        ),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), lowercase=False, sublinear_tf=True),
    )
    rows = features.fit_transform(training[0])
    if len(set(training[1])) == 1:
        return _majority(training, validation, n_labels, seed)
    held_out = features.transform(validation[0])
    machines = [LinearSVC(C=c, random_state=seed).fit(rows, training[1]) for c in (0.3, 1, 3, 10)]
    right = [machine.score(held_out, validation[1]) for machine in machines]
    best = machines[int(np.argmax(right))]
    return lambda texts: best.predict(features.transform(texts))


def _fasttext(training: Examples, validation: Examples, n_labels: int, seed: int) -> Predict:
    """Facebook's fastText without pretrained vectors, of words, word pairs and characters 2-5; the
    number of epochs out of 5, 25 and 100 that does best on the validation headlines."""
    import fasttext

    def line(text: str) -> str:
        return " ".join(text.split())

    def predict(model: Any, texts: list[str]) -> NDArray[np.int64]:
        found, _ = model.predict([line(text) for text in texts])
        return np.array([int(label.removeprefix("__label__")) for (label,) in found])

    with TemporaryDirectory() as folder:
        path = Path(folder, "train.txt")
        rows = zip(*training, strict=True)
        path.write_text(
            "".join(f"__label__{label} {line(text)}\n" for text, label in rows), "utf-8"
        )
        models = [
            fasttext.train_supervised(
                str(path), epoch=epochs, lr=0.5, dim=100, wordNgrams=2, minn=2, maxn=5,
                bucket=200_000, thread=1, seed=seed, verbose=0,
            )
            for epochs in (5, 25, 100)
        ]  # fmt: skip
    right = [(predict(model, validation[0]) == validation[1]).mean() for model in models]
    best = models[int(np.argmax(right))]
    return lambda texts: predict(best, texts)


BASELINES: Mapping[str, Callable[[Examples, Examples, int, int], Predict]] = {
    MAJORITY: _majority,
    TFIDF: _tfidf,
    FASTTEXT: _fasttext,
}


def _installed() -> list[str]:
    return [FASTTEXT] if importlib.util.find_spec("fasttext") else []
