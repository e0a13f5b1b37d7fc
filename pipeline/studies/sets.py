"""Sets of vectors side by side: size, agreement with people, neighbours, and what they are worth
to a classifier."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any

from pipeline.config import Config
from pipeline.embedding.options import CorpusOptions, JoinedOptions
from pipeline.embedding.vectors import WordVectors
from pipeline.insight.similarity import DATASETS, Similarity, neighbours_of, word_similarity

if TYPE_CHECKING:
    from pipeline.run import RunResult


@dataclass(frozen=True)
class SetReport:
    """What a set of vectors knows by itself.

    `similarities`: by data set; `neighbours`: by word, the nearest words and their cosines, empty
    where the set has no vector for the word.
    """

    name: str
    vector_size: int
    words: int
    similarities: Mapping[str, Similarity]
    neighbours: Mapping[str, Sequence[tuple[str, float]]]


@dataclass(frozen=True)
class Downstream:
    """What a set is worth to a classifier. `accuracies`: a fraction for each run, by `frozen
    validation`, `frozen test` and so on; `runs`: their ids."""

    accuracies: Mapping[str, Sequence[float]]
    runs: Sequence[str]


def overrides_of(name: str, text: str | None = None) -> list[str]:
    """The options that choose a set by what people call it. `text`: the file or folder that
    vectors of one's own are trained on.

    >>> overrides_of("corpus:cbow")
    ['vectors=corpus', "vectors.algorithm='cbow'", 'vectors.path=null']
    >>> overrides_of("glove_6b_50d+corpus")[1]
    "vectors.sets=['glove_6b_50d','corpus']"
    """
    source, _, algorithm = name.partition(":")
    path = "null" if text is None else _quoted(text)
    if Path(name).is_file():
        return ["vectors=file", f"vectors.path={_quoted(name)}"]
    if "+" in name:
        sets = ",".join(map(_quoted, name.split("+")))
        return ["vectors=joined", f"vectors.sets=[{sets}]", f"vectors.corpus.path={path}"]
    if source == "corpus":
        chosen = _quoted(algorithm or "skipgram")
        return ["vectors=corpus", f"vectors.algorithm={chosen}", f"vectors.path={path}"]
    return [f"vectors={_quoted(name)}"]


def _quoted(value: str) -> str:
    """As Hydra reads it back, whatever is in it."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def trains(config: Config) -> bool:
    """Whether the vectors are, or may in part be, trained on the user's text."""
    return isinstance(config.vectors, CorpusOptions | JoinedOptions)


def held_out(config: Config) -> list[str]:
    """The headlines of validation and test, whose text no vectors may be trained on; none where
    none are trained."""
    if not trains(config):
        return []
    from pipeline.data.headlines import load_headlines

    headlines = load_headlines(**asdict(config.data))
    return [*headlines.texts("validation"), *headlines.texts("test")]


def describe(name: str, vectors: WordVectors, words: Sequence[str] = (), k: int = 5) -> SetReport:
    """Look at what a whole set knows, and at the `k` nearest neighbours of `words`."""
    return SetReport(
        name,
        vectors.vector_size,
        len(vectors),
        {dataset: word_similarity(vectors, dataset) for dataset in DATASETS},
        neighbours_of(vectors, words, k),
    )


def downstream(results: Sequence[RunResult]) -> Downstream:
    """The accuracies of runs that differ in their seed only."""
    accuracies: dict[str, list[float]] = {}
    for result in results:
        for phase in result.history.phases:
            scores = (
                ("validation", phase.best.val_accuracy),
                ("test", result.evaluations[phase.name].accuracy),
            )
            for split, score in scores:
                accuracies.setdefault(f"{phase.name} {split}", []).append(score)
        if not result.blend.alone:
            accuracies.setdefault("blend validation", []).append(result.blend.accuracy)
            accuracies.setdefault("blend test", []).append(result.evaluations["blend"].accuracy)
    return Downstream(accuracies, [result.run_id for result in results])


def table(
    reports: Sequence[SetReport], worth: Mapping[str, Downstream]
) -> tuple[list[str], list[list[str]]]:
    """Columns and rows, one a set."""
    measures = list(dict.fromkeys(key for entry in worth.values() for key in entry.accuracies))
    columns = ["set", "dimension", "words", "WordSim-353 (pairs)", "SimLex-999 (pairs)", *measures]
    rows = [
        [
            report.name,
            str(report.vector_size),
            f"{report.words:,}",
            *(f"{s.spearman:.3f} ({s.pairs_known})" for s in report.similarities.values()),
            *(_mean(worth[report.name].accuracies.get(measure, ())) for measure in measures),
        ]
        for report in reports
    ]
    return columns, rows


def _mean(values: Sequence[float]) -> str:
    """Mean and sample standard deviation."""
    if not values:
        return "-"
    spread = f" ± {stdev(values):.4f}" if len(values) > 1 else ""
    return f"{mean(values):.4f}{spread}"


def neighbours_table(reports: Sequence[SetReport]) -> tuple[list[str], list[list[str]]]:
    """Columns and rows, one for each word and set."""
    rows = [
        [word, report.name, ", ".join(near for near, _ in report.neighbours[word]) or "-"]
        for word in reports[0].neighbours
        for report in reports
    ]
    return ["word", "set", "neighbours"], rows


def as_values(report: SetReport, worth: Downstream | None) -> dict[str, Any]:
    """All of it for a JSON object; null for a correlation that no pair allows."""
    values: dict[str, Any] = {
        "name": report.name,
        "vector_size": report.vector_size,
        "words": report.words,
    }
    for dataset, found in report.similarities.items():
        spearman = None if math.isnan(found.spearman) else found.spearman
        values[dataset] = {"spearman": spearman, "pairs": found.pairs, "known": found.pairs_known}
    values["neighbours"] = report.neighbours
    if worth:
        values |= {"accuracies": worth.accuracies, "runs": worth.runs}
    return values
