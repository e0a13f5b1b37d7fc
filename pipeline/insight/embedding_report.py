"""What the embedding knows after each phase: probe sentences, word similarity, drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from pydantic import ConfigDict, TypeAdapter

from pipeline.base.archive import load_archive, save_archive
from pipeline.classifier.network import Network
from pipeline.embedding.matrix import FIRST_WORD, EmbeddingMatrix
from pipeline.embedding.vectors import WordVectors
from pipeline.insight.drift import Drift, measure_drift, word_counts
from pipeline.insight.probes import Probes, Sentences, load_sentences, probe
from pipeline.insight.similarity import DATASETS, Similarity, word_similarity
from pipeline.training.history import History


@dataclass(frozen=True, eq=False)
class EmbeddingReport:
    """What was measured of one phase (`start`: `scratch`, `frozen` or `fine_tuned`) of one seed.

    `accuracy`: of the network alone on the test headlines. `similarity`: by the name of the data
    set, of the training words.
    """

    __pydantic_config__ = ConfigDict(arbitrary_types_allowed=True)

    start: str
    seed: int
    accuracy: float
    probes: Probes
    similarity: Mapping[str, Similarity]
    drift: Drift

    def save(self, path: str | Path | IO[bytes]) -> None:
        """Write everything to one .npz file: numbers and words as JSON, and the arrays."""
        save_archive(path, self, compressed=True)

    @classmethod
    def load(cls, path: str | Path | IO[bytes]) -> EmbeddingReport:
        """Read what `save` wrote."""
        return TypeAdapter(cls).validate_python(load_archive(path))


def report_embedding(
    classifier: Network,
    matrix: EmbeddingMatrix,
    history: History,
    training: tuple[Sequence[str], Sequence[int]],
    test: tuple[Sequence[str], Sequence[int]],
    label_names: Sequence[str],
    *,
    sentences: Sentences | None = None,
    words: Sequence[str] = (),
    seed: int = 0,
) -> tuple[EmbeddingReport, ...]:
    """Look at the weights of each phase of `history`, in order; the classifier keeps its own.

    `matrix`: the one that the classifier was built from. `training`, `test`: headlines and labels,
    of which samples are taken where they are many (8,000 for ranks, 1,000 for the maps, 50,000
    training headlines to count words). `sentences`: for `probe`. `words`: for `measure_drift`.
    `seed` is only noted.
    """
    sentences = sentences or load_sentences()
    counts = word_counts(classifier, *training, len(label_names))
    kept, known = classifier.get_weights(), []
    try:
        for phase in history.phases:
            classifier.set_weights(phase.weights)
            rows = classifier.embedding.embeddings.numpy()[FIRST_WORD:]
            vectors = WordVectors.of(matrix.words, rows)
            known.append(
                EmbeddingReport(
                    phase.name,
                    seed,
                    _accuracy(classifier, *test),
                    probe(classifier, *test, label_names, sentences),
                    {name: word_similarity(vectors, name) for name in DATASETS},
                    measure_drift(classifier, matrix, counts, test, label_names, words),
                )
            )
    finally:
        classifier.set_weights(kept)
    return tuple(known)


def _accuracy(classifier: Network, texts: Sequence[str], labels: Sequence[int]) -> float:
    """Of the network: the classifier's own model may be a blend of it and others."""
    logits = classifier.head.predict(list(classifier.token_ids(texts)), batch_size=256, verbose=0)
    return float((logits.argmax(axis=1) == np.asarray(labels)).mean())
