"""What the embedding knows after each phase: probe sentences, word similarity, drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydantic import ConfigDict, TypeAdapter

from pipeline.base.archive import load_archive, save_archive
from pipeline.base.calls import checked
from pipeline.base.errors import DataError
from pipeline.base.options import Seed
from pipeline.classifier.network import Network
from pipeline.data.examples import Examples
from pipeline.embedding.matrix import FIRST_WORD, EmbeddingMatrix
from pipeline.embedding.vectors import WordVectors
from pipeline.insight.drift import Drift, count_words, measure_drift
from pipeline.insight.evaluation import evaluate
from pipeline.insight.probes import Probes, Sentences, load_sentences, probe
from pipeline.insight.similarity import DATASETS, Similarity, word_similarity
from pipeline.training.history import History


@dataclass(frozen=True, eq=False)
class EmbeddingReport:
    """What was measured after one phase of one training.

    `method`: the name of the phase (`scratch`, `frozen` or `fine_tuned`). `accuracy`: that of the
    network alone on the test headlines. `similarity`: that of the training words, by the name of
    the data set.
    """

    __pydantic_config__ = ConfigDict(arbitrary_types_allowed=True)

    method: str
    seed: int
    accuracy: float
    probes: Probes
    similarity: Mapping[str, Similarity]
    drift: Drift

    def save(self, path: str | Path | IO[bytes]) -> None:
        """Write the report to one .npz file."""
        save_archive(path, self, compressed=True)

    @classmethod
    def load(cls, path: str | Path | IO[bytes]) -> EmbeddingReport:
        """Read a report that `save` wrote. Raises DataError: there is none, or it is damaged."""
        try:
            return TypeAdapter(cls).validate_python(load_archive(path))
        except (OSError, ValueError) as error:
            raise DataError(
                f"{path}: expected a report of EmbeddingReport.save, could not read it "
                f"({type(error).__name__})"
            ) from error


@checked
def report_embedding(
    network: Network,
    matrix: EmbeddingMatrix,
    history: History,
    training: Examples,
    test: Examples,
    *,
    sentences: Sentences | None = None,
    words: Sequence[str] = (),
    seed: Seed = 0,
    accuracies: Mapping[str, float] | None = None,
) -> tuple[EmbeddingReport, ...]:
    """Measure what the embedding knows after each phase of `history`.

    The network has its own weights again afterwards.

    Args:
        network: the trained network.
        matrix: the one that the network was built from.
        history: the phases, with their weights.
        training: counts the words. Of more than 50,000 headlines a sample is counted.
        test: for ranks (of more than 8,000 headlines a sample) and maps (of more than 1,000).
        sentences: the probe sentences; None: those of conf/probes.yaml.
        words: the words whose neighbours are shown.
        seed: only noted in the reports.
        accuracies: of the network alone on `test`, by the name of the phase, where they are known;
            None: they are measured.

    Returns:
        One report for each phase, in order.
    """
    sentences = sentences or load_sentences()
    counts = count_words(network, training)
    reports = []
    for phase in history.phases:
        with network.with_weights(phase.weights):
            rows = network.embedding.embeddings.numpy()[FIRST_WORD:]
            vectors = WordVectors.from_rows(matrix.words, rows)
            reports.append(
                EmbeddingReport(
                    method=phase.name,
                    seed=seed,
                    accuracy=accuracies[phase.name]
                    if accuracies
                    else evaluate(network, test).accuracy,
                    probes=probe(network, test, sentences),
                    similarity={name: word_similarity(vectors, name) for name in DATASETS},
                    drift=measure_drift(network, matrix, counts, test, words),
                )
            )
    return tuple(reports)
