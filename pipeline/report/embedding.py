"""What the embedding knows: the items of a run, of one report, and of a whole explanation.

Every function takes the reports of several methods (`scratch`, `frozen`, `fine_tuned`) and seeds.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pandas as pd

from pipeline.insight.embedding_report import EmbeddingReport
from pipeline.insight.probes import Probes
from pipeline.insight.spread import Spread
from pipeline.report.embedding_figures import drift_figure, headline_map, probes_figure
from pipeline.report.embedding_tables import (
    compared_metrics,
    drift_table,
    metrics_over_seeds,
    neighbours_table,
    pairs_by_label,
    pairs_table,
    probe_headlines_table,
    probes_table,
)
from pipeline.report.items import ComparedTable, File, Item, Metric, Param, Picture, Table, Text
from pipeline.report.page_words import spaced
from pipeline.report.projector import projector_files

EMBEDDING_REPORT = "embedding_report.npz"
"""The file with a whole report, from which `read_embedding_report` reads it back."""

# The rows of `explanation_rows`: metrics of the probe sentences, and their titles.
_TITLES = {
    "cos_ab": "cosine of a and b",
    "cos_ac": "cosine of a and c",
    "cos_bc": "cosine of b and c",
    "rank_bc": "closer to b than c is, by activations (0 is best)",
    "rank_bc_max": "closer to b than c is, by max-pooled activations (0 is best)",
    "rank_bc_embedding": "closer to b than c is, by mean word vectors (0 is best)",
    "pairs_rank_median": "the same for other pairs, median, by activations (0 is best)",
    "pairs_rank_embedding_median": "the same for other pairs, median, by mean word vectors (0 is best)",
    "pairs_unseen_rank_median": "the same for pairs with unseen words, by activations (0 is best)",
}


def embedding_items(reports: Sequence[EmbeddingReport], *, figures: bool = True) -> list[Item]:
    """The metrics, tables and pictures of one or several reports.

    A metric is NAME/METHOD, the mean over the seeds. The files for TensorBoard's projector are
    those of the last report.
    """
    items: list[Item] = [
        Metric(f"{name}/{method}", Spread.over(values).mean)
        for method, group in _by_method(reports).items()
        for name, values in _compared_values(group).items()
    ]
    moved = _with_moved_words(reports)
    items += [
        Table("tables/embedding.csv", metrics_over_seeds(reports)),
        Table("tables/probe_headlines.csv", probe_headlines_table(reports)),
        Table("tables/probes.csv", probes_table(reports)),
        Table("tables/probe_pairs.csv", pairs_table(reports)),
        Table("tables/probe_pairs_by_label.csv", pairs_by_label(reports)),
        Table("tables/neighbours.csv", neighbours_table(moved)),
        Table("tables/drift.csv", drift_table(moved)),
    ]
    if figures:
        items += [
            Picture("figures/probes.png", probes_figure(reports)),
            Picture("figures/drift.png", drift_figure(moved)),
            Picture("figures/headline_map.png", headline_map(moved)),
        ]
    files = projector_files(reports[-1].drift)
    return [*items, *(Text(f"projector/{name}", content) for name, content in files.items())]


def embedding_report_items(report: EmbeddingReport) -> list[Item]:
    """What the run of one method and seed logs. `read_embedding_report` reads it back."""
    content = io.BytesIO()
    report.save(content)
    return [
        Param("method", report.method),
        Param("seed", report.seed),
        Metric("test/accuracy", report.accuracy),
        *(Metric(name, value) for name, value in compared_metrics(report).items()),
        File(EMBEDDING_REPORT, content.getvalue()),
    ]


def read_embedding_report(content: bytes) -> EmbeddingReport:
    """Read the report from the content of the file EMBEDDING_REPORT."""
    return EmbeddingReport.load(io.BytesIO(content))


def explanation_items(reports: Sequence[EmbeddingReport], *, figures: bool = True) -> list[Item]:
    """What the run of a whole explanation logs."""
    columns, rows = explanation_rows(reports)
    return [
        *embedding_items(reports, figures=figures),
        *(
            Metric(f"test/accuracy/{method}", Spread.over(r.accuracy for r in group).mean)
            for method, group in _by_method(reports).items()
        ),
        Table("tables/summary.csv", pd.DataFrame(rows, columns=columns)),
        Text("summary.txt", explanation_sentence(reports) + "\n"),
    ]


def explanation_lines(reports: Sequence[EmbeddingReport]) -> dict[str, list[Item]]:
    """What the run of each method logs: its metrics over the seeds, and their table.

    MLflow draws a chart for each metric, with a line for each run: so here is a run for each line.
    """
    lines: dict[str, list[Item]] = {}
    for method, group in _by_method(reports).items():
        values = [{"test/accuracy": r.accuracy, **compared_metrics(r)} for r in group]
        seeds = [r.seed for r in group]
        table = pd.DataFrame(values)
        table.insert(0, "seed", seeds)
        lines[method] = [
            Param("method", method),
            *(
                Metric(name, value, seed)
                for seed, row in zip(seeds, values, strict=True)
                for name, value in row.items()
            ),
            ComparedTable("by_seed.json", table),
        ]
    return lines


def explanation_rows(reports: Sequence[EmbeddingReport]) -> tuple[list[str], list[list[str]]]:
    """An explanation for the terminal: columns, one for each method, and rows.

    A cell is the mean and the standard deviation over the seeds, with the range in brackets.
    """
    by_method = _by_method(reports)
    cells = {method: _cells(group) for method, group in by_method.items()}
    titles = next(iter(cells.values()))
    rows = [[title, *(cells[method][title] for method in by_method)] for title in titles]
    return ["", *map(spaced, by_method)], rows


def explained_headlines(reports: Sequence[EmbeddingReport]) -> list[tuple[str, str]]:
    """The letters of the reference headlines in an explanation, and their texts."""
    return list(zip("abc", (p.text for p in reports[0].probes.reference), strict=True))


def neighbours_rows(reports: Sequence[EmbeddingReport]) -> tuple[list[str], list[list[str]]]:
    """The nearest words of the chosen words, for the terminal: columns and rows, by method.

    They are those after training, of the first seed of each method.
    """
    by_method = {method: group[0] for method, group in _by_method(reports).items()}
    words = {
        method: {near.word: near.after for near in report.drift.neighbours}
        for method, report in by_method.items()
    }
    names = dict.fromkeys(word for near in words.values() for word in near)
    rows = [
        [word, *(", ".join(near for near, _ in words[m].get(word, ())[:4]) for m in by_method)]
        for word in names
    ]
    return ["nearest words of", *map(spaced, by_method)], rows


def explanation_sentence(reports: Sequence[EmbeddingReport]) -> str:
    """The result for the reference headlines, in one sentence."""
    ranks = ", ".join(
        f"{spaced(method)} {Spread.over(r.probes.rank_bc for r in group).mean:.1%}"
        f"{_missing_vectors(group[0].probes)}"
        for method, group in _by_method(reports).items()
    )
    labels = {(r.probes.label, r.probes.headlines) for r in reports}
    label, number = next(iter(labels))
    headlines = (
        f"the {number:,} test headlines with the label {label}"
        if len(labels) == 1
        else "the test headlines with the label that the network gives b"
    )
    return (
        f"Headlines b and c mean the same in other words. Of {headlines}, so many are closer to b "
        f"than c is (0% is best): {ranks}"
    )


def embedding_reports_sentence(reports: Sequence[EmbeddingReport]) -> str:
    """One line about the reports of one trial."""
    ranks = ", ".join(
        f"{r.method} {r.probes.rank_bc:.2%} (test accuracy {r.accuracy:.4f})" for r in reports
    )
    first = reports[0]
    return f"seed {first.seed}: closer to b than c, of {first.probes.label}: {ranks}"


def _with_moved_words(reports: Sequence[EmbeddingReport]) -> Sequence[EmbeddingReport]:
    """The reports in which words moved; all where there is none."""
    return [report for report in reports if report.drift.moved] or reports


def _compared_values(reports: Sequence[EmbeddingReport]) -> dict[str, list[float]]:
    """The metrics of one method, with one value for each seed."""
    values: dict[str, list[float]] = {}
    for report in reports:
        for name, value in compared_metrics(report).items():
            values.setdefault(name, []).append(value)
    return values


def _by_method(reports: Sequence[EmbeddingReport]) -> dict[str, list[EmbeddingReport]]:
    groups: dict[str, list[EmbeddingReport]] = {}
    for report in reports:
        groups.setdefault(report.method, []).append(report)
    return groups


def _cells(reports: Sequence[EmbeddingReport]) -> dict[str, str]:
    """The cells of one method, by the titles of their rows."""
    values = {"test accuracy": [report.accuracy for report in reports]}
    for name, title in _TITLES.items():
        values[title] = [report.probes.metrics().get(name, np.nan) for report in reports]
    for name in reports[0].similarity:
        title = f"agreement with people on {name}, rank correlation (1 is best)"
        values[title] = [report.similarity[name].spearman for report in reports]
    values["words moved (lengths of a vector)"] = [
        report.drift.metrics()["relative"] if report.drift.moved else 0.0 for report in reports
    ]
    return {title: _cell(numbers) for title, numbers in values.items()}


def _cell(values: Sequence[float]) -> str:
    spread = Spread.over(value for value in values if not np.isnan(value))
    if spread.count < 2:
        return spread.format()
    return f"{spread.format()} ({spread.low:.4f} to {spread.high:.4f})"


def _missing_vectors(probes: Probes) -> str:
    """How many words of b and c have no vector. Where they are many, the rank says little."""
    compared = probes.reference[1:]
    missing = sum(len(probed.unknown) for probed in compared)
    words = sum(len(probed.tokens) for probed in compared)
    return f" (no vector for {missing} of their {words} words)" if missing else ""
