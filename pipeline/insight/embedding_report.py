"""What the embedding knows after each phase: probe sentences, word similarity, drift."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, TypeAdapter

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
        arrays: dict[str, NDArray[Any]] = {}
        arrays["values"] = np.array(json.dumps(_without_arrays(self, arrays)))
        np.savez_compressed(path, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: str | Path | IO[bytes]) -> EmbeddingReport:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as file:
            values = _with_arrays(json.loads(str(file["values"])), file)
        return TypeAdapter(cls).validate_python(values)


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


def _without_arrays(value: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    """The value as JSON can hold it; arrays go into `arrays`, and their names into their places."""
    if isinstance(value, np.ndarray):
        name = f"array{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    if is_dataclass(value):
        return {f.name: _without_arrays(getattr(value, f.name), arrays) for f in fields(value)}
    if isinstance(value, Mapping):
        return {name: _without_arrays(of, arrays) for name, of in value.items()}
    if isinstance(value, tuple):
        return [_without_arrays(of, arrays) for of in value]
    return value


def _with_arrays(value: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"array"}:
            return arrays[value["array"]]
        return {name: _with_arrays(of, arrays) for name, of in value.items()}
    if isinstance(value, list):
        return [_with_arrays(of, arrays) for of in value]
    return value
