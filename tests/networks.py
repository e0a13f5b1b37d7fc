"""Small networks that the tests share: built, and trained in a second."""

from __future__ import annotations

from typing import Any

from builders import all_words, make_headlines, topical_vectors

from pipeline.classifier.encoders import MeanOptions
from pipeline.classifier.network import Network, build_network
from pipeline.data.examples import Examples
from pipeline.embedding.matrix import EmbeddingMatrix, build_embedding_matrix
from pipeline.embedding.vectors import WordVectors
from pipeline.embedding.vocabulary import build_vocabulary
from pipeline.training.history import History
from pipeline.training.loop import train
from pipeline.training.options import PhaseOptions, TrainingOptions


def small_matrix(texts: list[str]) -> EmbeddingMatrix:
    """Vectors for all words but two; of those, `striker` is in no headline of training."""
    words = [w for w in [*all_words(), "avalanche", "dividend"] if w not in ("again", "goal")]
    values = topical_vectors(words)
    vocabulary = build_vocabulary(texts)
    return build_embedding_matrix(
        vocabulary.words, WordVectors.of(words, values), extra_words=words, std=0.4
    )


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


def built(config: Any = None, seed: int = 0) -> Network:
    return build_network(small_matrix(TRAIN.texts), 3, config or MeanOptions(), seed=seed)


def trained(
    config: Any = None, schedule: TrainingOptions = BOTH, seed: int = 0
) -> tuple[Network, History]:
    classifier = built(config, seed)
    return classifier, train(classifier, TRAIN, VALIDATION, schedule, seed=seed)
