"""Sets of vectors side by side: tables for the terminal, values for JSON, and what a run logs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from pipeline.insight.sets import SetOutcome, SetReport
from pipeline.insight.spread import Spread
from pipeline.report.items import FinishedRun, Item, Metric, Param, Table, Text

SET_OUTCOME = "set.txt"
"""The file with the name of the set."""


def set_outcome_items(outcome: SetOutcome) -> list[Item]:
    """What the run of one set and seed logs. `read_set_outcome` reads it back."""
    return [
        Param("seed", outcome.seed),
        *(Metric(_metric(name), value) for name, value in outcome.accuracies.items()),
        Text(SET_OUTCOME, outcome.name + "\n"),
    ]


def read_set_outcome(run: FinishedRun) -> SetOutcome:
    """Read the outcome from a run that logged `set_outcome_items`."""
    accuracies = {
        f"{method} {split}": value
        for name, value in run.metrics.items()
        for split, method in [name.split("/accuracy/")]
    }
    name = run.content.decode().removesuffix("\n")
    return SetOutcome(name, int(run.params["seed"]), accuracies)


def sets_items(outcomes: Sequence[SetOutcome]) -> list[Item]:
    """What the run of all sets logs: a table with one row for each set and seed."""
    rows = [{"set": o.name, "seed": o.seed, **o.accuracies} for o in outcomes]
    return [Table("tables/sets.csv", pd.DataFrame(rows))]


def sets_means(outcomes: Sequence[SetOutcome]) -> tuple[list[str], list[list[str]]]:
    """Columns, and one row for each set: its accuracies, the mean and the spread over the seeds."""
    names = list(dict.fromkeys(outcome.name for outcome in outcomes))
    measures = list(outcomes[0].accuracies)
    rows = [
        [name, *(Spread.over(_by_measure(name, outcomes)[m]).format() for m in measures)]
        for name in names
    ]
    return ["set", *measures], rows


def set_outcomes_sentence(outcomes: Sequence[SetOutcome]) -> str:
    """One line about the outcomes of one trial."""
    return ", ".join(
        f"{outcome.name}, seed {outcome.seed}: "
        + " ".join(f"{name} {value:.4f}" for name, value in outcome.accuracies.items())
        for outcome in outcomes
    )


def sets_table(
    reports: Sequence[SetReport], outcomes: Sequence[SetOutcome] = ()
) -> tuple[list[str], list[list[str]]]:
    """The sets for the terminal: columns, and one row for each set.

    An accuracy is the mean and the standard deviation over the seeds.
    """
    measures = list(dict.fromkeys(name for outcome in outcomes for name in outcome.accuracies))
    columns = ["set", "dimension", "words", "WordSim-353 (pairs)", "SimLex-999 (pairs)", *measures]
    rows = [
        [
            report.name,
            str(report.vector_size),
            f"{report.words:,}",
            *(f"{s.spearman:.3f} ({s.pairs_known})" for s in report.similarities.values()),
            *(
                Spread.over(values.get(measure, ())).format()
                for values in [_by_measure(report.name, outcomes)]
                for measure in measures
            ),
        ]
        for report in reports
    ]
    return columns, rows


def set_neighbours_table(reports: Sequence[SetReport]) -> tuple[list[str], list[list[str]]]:
    """The neighbours for the terminal: columns, and one row for each word and set."""
    rows = [
        [word, report.name, ", ".join(near for near, _ in report.neighbours[word]) or "-"]
        for word in reports[0].neighbours
        for report in reports
    ]
    return ["word", "set", "neighbours"], rows


def set_values(report: SetReport, outcomes: Sequence[SetOutcome] = ()) -> dict[str, Any]:
    """A set as values of a JSON object. A correlation that no pair allows is None."""
    values: dict[str, Any] = {
        "name": report.name,
        "vector_size": report.vector_size,
        "words": report.words,
    }
    for dataset, similarity in report.similarities.items():
        spearman = None if math.isnan(similarity.spearman) else similarity.spearman
        pairs, listed = similarity.pairs, similarity.pairs_known
        values[dataset] = {"spearman": spearman, "pairs": pairs, "known": listed}
    values["neighbours"] = report.neighbours
    accuracies = _by_measure(report.name, outcomes)
    return values | ({"accuracies": accuracies} if accuracies else {})


def _by_measure(name: str, outcomes: Sequence[SetOutcome]) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {}
    for outcome in outcomes:
        for measure, value in outcome.accuracies.items() if outcome.name == name else ():
            values.setdefault(measure, []).append(value)
    return values


def _metric(measure: str) -> str:
    """The name of the metric: `validation/accuracy/fine_tuned` of `fine_tuned validation`."""
    method, split = measure.split(" ")
    return f"{split}/accuracy/{method}"
