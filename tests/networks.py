"""Small networks and classifiers that the tests share: built, and trained in a second or two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from builders import all_words, make_headlines, topical_vectors

from pipeline.classifier.encoders import MeanOptions
from pipeline.classifier.ensemble import FLOOR, Classifier
from pipeline.classifier.members import Member
from pipeline.classifier.network import Network, build_network
from pipeline.classifier.ngram_fitting import fit_ngrams
from pipeline.classifier.options import EncoderOptions
from pipeline.classifier.sif import fit_sif
from pipeline.data.examples import Examples
from pipeline.embedding.matrix import EmbeddingMatrix, build_embedding_matrix
from pipeline.embedding.vectors import WordVectors
from pipeline.embedding.vocabulary import build_vocabulary
from pipeline.training.history import History
from pipeline.training.loop import train
from pipeline.training.options import PhaseOptions, TrainingOptions

TEXTS, LABELS = make_headlines(60)
NAMES = sorted(set(LABELS))
NUMBERS = [NAMES.index(label) for label in LABELS]
TRAIN, VALIDATION, TEST = (
    Examples(TEXTS[part], NUMBERS[part], tuple(NAMES))
    for part in (slice(120), slice(120, 150), slice(150, None))
)
BOTH = TrainingOptions(
    frozen=PhaseOptions(3, 5e-3), fine_tuned=PhaseOptions(3, 5e-3), batch_size=16
)


# Without the adversarial steps training is compiled in half of the time.
QUICK = replace(BOTH, adversarial_epsilon=0)


def phase(name: str, epochs: int, learning_rate: float = 5e-3, **options: Any) -> TrainingOptions:
    """A schedule of this phase alone, with batches of 16 and no adversarial steps."""
    options = {"batch_size": 16, "adversarial_epsilon": 0, **options}
    return TrainingOptions(phases=(name,), **{name: PhaseOptions(epochs, learning_rate)}, **options)


def small_vectors() -> WordVectors:
    """Vectors for all words but two; two of them are in no headline."""
    words = [w for w in [*all_words(), "avalanche", "dividend"] if w not in ("again", "goal")]
    return WordVectors.from_rows(words, topical_vectors(words))


def small_matrix(texts: Sequence[str] = TRAIN.texts) -> EmbeddingMatrix:
    """The rows of `small_vectors` for the words of `texts`, the others as extra words."""
    vectors, vocabulary = small_vectors(), build_vocabulary(texts)
    return build_embedding_matrix(
        vocabulary.words,
        vectors,
        counts=vocabulary.counts,
        extra_words=vectors.index_to_key,
        std=0.4,
    )


def built(options: EncoderOptions | None = None, seed: int = 0) -> Network:
    """A network that was not trained."""
    return build_network(small_matrix(), 3, options or MeanOptions(), seed=seed)


def trained(
    options: EncoderOptions | None = None, schedule: TrainingOptions = BOTH, seed: int = 0
) -> tuple[Network, History]:
    """A network of the caller's own, and how its training went."""
    network = built(options, seed)
    return network, train(network, TRAIN, VALIDATION, schedule, seed=seed)


def shared(
    options: EncoderOptions, schedule: TrainingOptions = BOTH, seed: int = 0
) -> tuple[Network, History]:
    """The same as `trained`, once in a process: for tests that change nothing of it."""
    return _train_once(options, schedule, seed)


_train_once = cache(trained)


def random_network(
    options: EncoderOptions | None = None, scale: float = 0.3, n_labels: int = 3
) -> Network:
    """A network with random weights and biases, of which none is zero."""
    network = build_network(small_matrix(), n_labels, options or MeanOptions())
    random = np.random.default_rng(2)
    network.set_weights(
        [random.normal(0, scale, w.shape).astype(np.float32) for w in network.get_weights()]
    )
    return network


def random_classifier(
    options: EncoderOptions | None = None, scale: float = 0.3, floor: float = FLOOR
) -> Classifier:
    """A random network with the members that its options ask for, fitted to the training texts.

    The weights do not add up to 1, as those of a fitted ensemble need not either.
    """
    network = random_network(options, scale)
    members: list[Member] = []
    if network.options.sif:
        inputs, labels = network.token_ids(TRAIN.texts), np.array(TRAIN.labels)
        members.append(fit_sif(network, small_matrix(), inputs, labels, 3))
    if network.options.ngrams:
        members.append(fit_ngrams(network.joined_tokens(TRAIN.texts), TRAIN.labels, 3))
    weights = (0.3, 0.5, 0.7)[: 1 + len(members)]
    return Classifier(network, tuple(members), weights, tuple(NAMES), floor)
