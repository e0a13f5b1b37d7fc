"""The one chain: from labelled texts and word vectors to a classifier."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from pipeline.base.calls import checked
from pipeline.base.errors import VectorsError
from pipeline.base.options import Seed
from pipeline.classifier.encoders import CnnOptions
from pipeline.classifier.ensemble import Classifier, Ensemble, fit_ensemble
from pipeline.classifier.network import Network, build_network
from pipeline.classifier.options import AUTO, EncoderOptions
from pipeline.classifier.start import Start, read_start
from pipeline.classifier.unlabelled import SelfLabelled, label_unlabelled
from pipeline.data.examples import Examples
from pipeline.data.weighting import weigh_labels
from pipeline.embedding.loading import choose_vectors, load_vectors
from pipeline.embedding.matching import conventions, spellings
from pipeline.embedding.matrix import EmbeddingMatrix, build_embedding_matrix
from pipeline.embedding.options import VectorsOptions
from pipeline.embedding.vectors import WordVectors
from pipeline.embedding.vocabulary import (
    Length,
    Vocabulary,
    build_vocabularies,
    choose_length,
)
from pipeline.training.history import Epoch, History
from pipeline.training.loop import train
from pipeline.training.options import TrainingOptions
from pipeline.training.workers import Workers, join_workers

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Fitted:
    """A classifier, and everything that was learned on the way.

    `classifier`: what was kept. `kept`: its name: `ensemble`, or where no members were asked for,
    the phase with the best validation result. `length`: how many tokens of a text are read.
    `unlabelled`: what came of texts without a label; None where there were none. `seconds`: by
    stage (vocabulary, vectors, matrix, network, unlabelled, training, ensemble).
    """

    classifier: Classifier
    kept: str
    vocabulary: Vocabulary
    length: Length
    matrix: EmbeddingMatrix
    history: History
    ensemble: Ensemble
    unlabelled: SelfLabelled | None
    seconds: Mapping[str, float]

    @property
    def network(self) -> Network:
        """The trained network, with the weights of the best phase."""
        return self.classifier.network

    @property
    def method_seconds(self) -> dict[str, float]:
        """How long each method took from labelled texts in memory. See `measure_methods`."""
        seconds = sum(self.seconds.get(stage, 0.0) for stage in _BEFORE_TRAINING)
        by_method = {}
        for phase in self.history.phases:
            seconds += phase.seconds
            by_method[phase.name] = seconds
        if self.kept == ENSEMBLE:
            by_method[ENSEMBLE] = seconds + self.ensemble.seconds
        return by_method

    def measure_methods(self, measure: Callable[[Network | Classifier], T]) -> dict[str, T]:
        """What `measure` gives for each method, in the order in which they came to be: each phase,
        then `ensemble` where members were asked for.

        `measure` is called with the network, which has the weights of the phase meanwhile, and with
        the classifier.
        """
        # No generator: one that was left half-way would set the weights back whenever Python
        # removes it, also while TensorFlow compiles something else, into which they would go.
        measured = {}
        for phase in self.history.phases:
            with self.network.with_weights(phase.weights):
                measured[phase.name] = measure(self.network)
        if self.kept == ENSEMBLE:
            measured[ENSEMBLE] = measure(self.classifier)
        return measured


ENSEMBLE = "ensemble"
_LARGEST = 1e6  # number of a word vector
_BEFORE_TRAINING = ("vocabulary", "vectors", "matrix", "network", "unlabelled")


@checked
def fit(
    training: Examples,
    validation: Examples,
    vectors: str | os.PathLike[str] | WordVectors | Any | None = None,
    *,
    embedding: VectorsOptions | None = None,
    model: EncoderOptions | None = None,
    schedule: TrainingOptions | None = None,
    seed: Seed = 0,
    unlabelled: Sequence[str] = (),
    held_out: Collection[str] = (),
    start: Start | Classifier | str | os.PathLike[str] | None = None,
    checkpoints: Path | None = None,
    on_matrix: Callable[[EmbeddingMatrix], None] | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
    workers: Workers | None = None,
) -> Fitted:
    """Fit a classifier to labelled texts.

    The words of the training texts get their vectors, the network is trained on the matrix (frozen,
    then fine-tuned), and the linear members are fitted and weighed beside it.

    >>> from pipeline import fit, load_headlines
    >>> headlines = load_headlines("bbc")
    >>> fitted = fit(headlines.examples("train"), headlines.examples("validation"))
    >>> fitted.classifier.predict(["Profits rise at the bank"])
    array(['business'], dtype=object)

    Args:
        training: learned from.
        validation: chooses the epoch and the phase, and weighs the members.
        vectors: a name, a file, WordVectors or gensim KeyedVectors; None: as `embedding` says.
        embedding: which vectors, and how they become rows of the matrix.
        model: of the network and the members; the default is `cnn`.
        schedule: the phases of training, and how much labels count.
        seed: decides the initial weights, the order of the batches, dropout and the folds. The same
            seed gives the same bits with the same number of threads on one machine.
        unlabelled: texts without a label, other than all others here. They count words, and are
            learned from where that helps: see `pipeline.classifier.unlabelled`.
        held_out: more texts, as those of the test split. Vectors that are trained on one's own text
            never see them, nor the validation texts.
        start: an earlier classifier, or its folder (`pipeline export`), from which the network
            begins: see `pipeline.classifier.start`. Its words stay. The linear members are fitted
            anew.
        checkpoints: a folder from which a training that was cut off is taken up. Remove it when the
            classifier is where it is needed.
        on_matrix: called with the matrix, before training.
        on_epoch: called after each epoch.
        workers: those that train together, where they have joined; None: as `schedule.workers`
            says.

    Raises:
        VectorsError: the vectors cannot be used, are others than those of `start`, have a number
            that is not finite or above a million, or know too few of the words
            (`embedding.min_coverage`).
        TrainingError: a loss is not finite; a worker is missing, has ended, or has other data.
        ConfigError: `start` has an encoder of another shape.
        ModelError: `start` is no folder of a classifier, or it is damaged.
        DataError: no texts, label names that differ, no text to train own vectors on, or
            `schedule.class_weight` names another label.
        FetchError, MissingExtraError: the vectors are not here.
    """
    embedding = embedding or VectorsOptions()
    model = model or CnnOptions()
    schedule = schedule or TrainingOptions()
    earlier = None if start is None else read_start(start)
    if earlier:
        earlier.check(model)
    training, validation = weigh_labels(training, validation, schedule.class_weight)
    # From here on the weights of labels are in the examples.
    unweighted = replace(schedule, class_weight=None)
    workers = workers or join_workers(
        schedule.workers,
        # A process alone has nothing to compare, and millions of texts take seconds.
        headlines=[e.sha256 for e in (training, validation) if schedule.workers > 1],
        options=(embedding, model, schedule, seed),
    )
    seconds: dict[str, float] = {}
    unlabelled = list(unlabelled)  # an array and a Series have no truth value

    with timed(seconds, "vocabulary"):
        asked = None if model.max_tokens == AUTO else model.max_tokens
        length = choose_length(training.texts, asked)
        model = replace(model, max_tokens=length.max_tokens)
        # One for each way to write contractions. Which one fits is known with the vectors.
        vocabularies = build_vocabularies(
            # Millions of texts stay a column, and become strings some at a time.
            [*training.texts, *unlabelled] if unlabelled else training.texts,
            min_count=model.min_count,
            max_tokens=length.max_tokens,
        )
        if earlier:
            vocabularies = {
                name: vocabulary.with_words(earlier.words)
                for name, vocabulary in vocabularies.items()
            }
    with timed(seconds, "vectors"):
        words = spellings(word for v in vocabularies.values() for word in v.words)
        if vectors is None:
            chosen = choose_vectors(embedding, words, [*validation.texts, *held_out])
        else:
            chosen = load_vectors(
                vectors,
                words=words,
                most_frequent=embedding.extra_words,
                vector_size=embedding.vector_size,
                member=embedding.member,
                sha256=embedding.sha256,
                postprocess=embedding.postprocess,
            )
        _check_numbers(chosen)
        vocabulary = vocabularies[conventions(chosen.first_words).contractions]
    with timed(seconds, "matrix"):
        matrix = build_embedding_matrix(
            vocabulary.words,
            chosen,
            counts=vocabulary.counts,
            extra_words=chosen.index_to_key if embedding.extra_words else (),
            std=embedding.std,
            fallbacks=embedding.fallbacks,
            missing=embedding.missing,
            min_coverage=embedding.min_coverage,
            seed=seed,
        )
        logger.info("matrix: %s", matrix.summary)
        if earlier:
            matrix = earlier.scaled(matrix)
        if on_matrix:
            on_matrix(matrix)
    with timed(seconds, "network"):
        network = build_network(
            matrix,
            len(training.label_names),
            model,
            contractions=vocabulary.contractions,
            seed=seed,
        )
        if earlier:
            earlier.pass_on(network, training.label_names)
    labelled = None
    if unlabelled:
        with timed(seconds, "unlabelled"):
            labelled = label_unlabelled(
                network, matrix, training, validation, unlabelled, seed=seed
            )
            training = labelled.examples
    with timed(seconds, "training"):
        history = train(
            network,
            training,
            validation,
            unweighted,
            seed=seed,
            on_epoch=on_epoch,
            checkpoints=checkpoints,
            workers=workers,
        )
    with timed(seconds, "ensemble"):
        ensemble = fit_ensemble(
            network, matrix, training, validation, seed=seed, select=schedule.select
        )
    kept = ENSEMBLE if model.sif or model.ngrams else history.best.name
    return Fitted(
        ensemble.classifier, kept, vocabulary, length, matrix, history, ensemble, labelled, seconds
    )


def _check_numbers(vectors: WordVectors) -> None:
    """One such row would make all others nothing beside it, or every loss NaN.

    Raises VectorsError: a number is not finite, or no set that can be used has one so large.
    """
    largest = np.abs(vectors.vectors).max(axis=1, initial=0)
    wrong = np.flatnonzero(~(largest <= _LARGEST))
    if len(wrong):
        row = int(wrong[0])
        raise VectorsError(
            f"vectors {vectors.name}, word {vectors.index_to_key[row]!r}: expected finite numbers "
            f"up to {_LARGEST:,.0f}, got {largest[row]:g}: the set is damaged, or has to be scaled"
        )


@contextmanager
def timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Note how long a stage takes."""
    started = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - started
