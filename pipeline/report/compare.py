"""What `compare` logs and prints: the outcomes as tables, a figure and a sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipeline.base.cells import escape_cell
from pipeline.data.headlines import Headlines
from pipeline.insight.outcomes import (
    Difference,
    MeanOutcome,
    Outcome,
    Worth,
    compare_methods,
    list_methods,
    list_sizes,
    mean_outcomes,
    measure_worth,
)
from pipeline.report import style
from pipeline.report.items import (
    ComparedTable,
    FinishedRun,
    Item,
    Metric,
    Param,
    Picture,
    Table,
    Text,
)
from pipeline.report.page_words import spaced

PREDICTIONS = "predictions.csv"
"""The file with the predicted label of each test headline, one a line."""

_KEYS = ("method", "size", "seed")
_METRICS = {
    "test_accuracy": "test/accuracy",
    "test_macro_f1": "test/macro_f1",
    "seconds": "seconds",
}  # of the run of an outcome, by field
_NO_DIFFERENCE = 0.05  # an adjusted p-value from which on no difference was measured
_SENTENCE_SIZE = 100  # the sentence is about the size nearest to this number of labels


def outcome_items(outcome: Outcome, label_names: Sequence[str]) -> list[Item]:
    """What the run of one outcome logs. `read_outcome` reads it back."""
    predicted = "".join(f"{escape_cell(label_names[label])}\n" for label in outcome.predicted)
    return [
        *(Param(name, getattr(outcome, name)) for name in _KEYS),
        *(Metric(metric, getattr(outcome, name)) for name, metric in _METRICS.items()),
        Text(PREDICTIONS, predicted),
    ]


def read_outcome(run: FinishedRun, label_names: Sequence[str]) -> Outcome:
    """Read the outcome from a run that logged `outcome_items`."""
    code = {escape_cell(name): i for i, name in enumerate(label_names)}
    return Outcome(
        method=run.params["method"],
        size=int(run.params["size"]),
        seed=int(run.params["seed"]),
        predicted=np.array([code[line] for line in run.content.decode().splitlines()]),
        **{name: run.metrics[metric] for name, metric in _METRICS.items()},
    )


def comparison_items(
    outcomes: Sequence[Outcome], headlines: Headlines, vectors: str, *, figures: bool = True
) -> list[Item]:
    """What the run of a whole comparison logs. `vectors`: the name of the set of vectors."""
    means = mean_outcomes(outcomes)
    differences = compare_methods(outcomes, headlines.labels("test"))
    items: list[Item] = [
        Table("compare.csv", outcomes_table(outcomes)),
        Table("tables/mean_outcomes.csv", pd.DataFrame(map(asdict, means))),
        Table("tables/significance.csv", pd.DataFrame(map(asdict, differences))),
        Table("tables/worth.csv", pd.DataFrame(map(asdict, measure_worth(outcomes)))),
        Table("tables/accuracy_by_size.csv", _frame(*means_by_size(outcomes))),
        Table("tables/difference_by_size.csv", _frame(*significance_by_size(outcomes, headlines))),
        Text("summary.txt", comparison_sentence(outcomes, headlines, vectors) + "\n"),
        *(Metric(f"test/accuracy/{m.method}", m.accuracy, m.size) for m in means),
        *(Metric(f"test/macro_f1/{m.method}", m.macro_f1, m.size) for m in means),
    ]
    if figures:
        items.append(Picture("figures/compare.png", comparison_figure(outcomes)))
    return items


def comparison_lines(outcomes: Sequence[Outcome]) -> dict[str, list[Item]]:
    """What the run of each method logs: curves over the number of headlines, and their table.

    MLflow draws a chart for each metric, with a line for each run: so here is a run for each line.
    """
    means = mean_outcomes(outcomes)
    lines: dict[str, list[Item]] = {}
    for method in list_methods(outcomes):
        curve = [m for m in means if m.method == method]
        rows = [(m.size, m.accuracy, m.macro_f1) for m in curve]
        table = pd.DataFrame(rows, columns=["headlines", "test_accuracy", "test_macro_f1"])
        lines[method] = [
            Param("method", method),
            *(Metric("test/accuracy", m.accuracy, m.size) for m in curve),
            *(Metric("test/macro_f1", m.macro_f1, m.size) for m in curve),
            ComparedTable("by_size.json", table),
        ]
    return lines


def comparison_values(
    outcomes: Sequence[Outcome], headlines: Headlines, vectors: str
) -> dict[str, object]:
    """The whole comparison as values of a JSON object. Numbers that are NaN become None."""

    def rows(results: Sequence[MeanOutcome | Difference | Worth]) -> list[dict[str, object]]:
        return [
            {name: None if value != value else value for name, value in asdict(result).items()}
            for result in results
        ]

    return {
        "outcomes": [{name: getattr(o, name) for name in (*_KEYS, *_METRICS)} for o in outcomes],
        "means": rows(mean_outcomes(outcomes)),
        "significance": rows(compare_methods(outcomes, headlines.labels("test"))),
        "worth": rows(measure_worth(outcomes)),
        "in_words": comparison_sentence(outcomes, headlines, vectors),
    }


# ------------------------------------------------------------------------------- in words


def outcomes_sentence(outcomes: Sequence[Outcome]) -> str:
    """One line about the outcomes of one trial."""
    accuracies = ", ".join(f"{spaced(o.method)} {o.test_accuracy:.4f}" for o in outcomes)
    return f"{outcomes[0].size:,} headlines, seed {outcomes[0].seed}: test accuracy {accuracies}"


def comparison_sentence(outcomes: Sequence[Outcome], headlines: Headlines, vectors: str) -> str:
    """`comparison_sentences` in one text."""
    return " ".join(comparison_sentences(outcomes, headlines, vectors))


def comparison_sentences(
    outcomes: Sequence[Outcome], headlines: Headlines, vectors: str
) -> list[str]:
    """Say which method is the most accurate with about 100 labels and with the most, and how many
    labels TF-IDF needs to be as accurate as fine-tuned vectors are with about 100.

    Of the sizes that were tried, the one nearest to 100 counts. Each text has one or two sentences.
    """
    sizes = list_sizes(outcomes)
    winners = [
        _winner(outcomes, headlines, size)
        for size in dict.fromkeys((_nearest_size(sizes), sizes[-1]))
    ]
    return [*winners, _worth_sentence(outcomes, headlines, vectors)]


def _nearest_size(sizes: Sequence[int]) -> int:
    return min(sizes, key=lambda size: abs(math.log(size / _SENTENCE_SIZE)))


def _winner(outcomes: Sequence[Outcome], headlines: Headlines, size: int) -> str:
    """The most accurate method, and those from which it cannot be told apart."""
    here = [outcome for outcome in outcomes if outcome.size == size]
    best = max(mean_outcomes(here), key=lambda mean: mean.accuracy)
    differences = compare_methods(here, headlines.labels("test"), best.method)
    equal = [spaced(d.against) for d in differences if d.p_adjusted >= _NO_DIFFERENCE]
    first = (
        f"With {size:,} labels, {spaced(best.method)} is the most accurate ({best.accuracy:.1%})."
    )
    if equal:
        return f"{first} Its lead over {', '.join(equal)} may be chance."
    return f"{first} All others are measurably behind." if differences else first


def _worth_sentence(outcomes: Sequence[Outcome], headlines: Headlines, vectors: str) -> str:
    rows, means = measure_worth(outcomes), mean_outcomes(outcomes)
    tfidf = {m.size: m.accuracy for m in means if m.method == "tfidf"}
    if not rows or not tfidf:
        return "Fine-tuned vectors and TF-IDF were not both tried."
    size = _nearest_size([row.size for row in rows])
    row = next(row for row in rows if row.size == size)
    reached = f"Fine-tuned {vectors} reaches {row.accuracy:.1%} with {row.size:,} labels"
    majority = max((m.accuracy for m in means if m.method == "majority"), default=0.0)
    if row.accuracy <= majority:
        return f"{reached}, no more than the commonest label ({majority:.1%})."
    if math.isnan(row.needs):
        largest = max(tfidf)
        is_everything = largest == len(headlines.splits["train"])
        number = f"all {largest:,}" if is_everything else f"{largest:,}"
        return f"{reached}, which TF-IDF does not with {number} ({tfidf[largest]:.1%})."
    if row.needs <= row.size:
        return f"{reached}; TF-IDF needs no more for that."
    return f"{reached}, for which TF-IDF needs about {_round_to_two_digits(row.needs):,}."


def _round_to_two_digits(value: float) -> int:
    """1,200 for 1,234.5: more digits would not be certain."""
    return int(round(value, 1 - math.floor(math.log10(value))))


# --------------------------------------------------------------------------------- tables


def outcomes_table(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """One row for each method, size and seed."""
    columns = [*_KEYS, *_METRICS]
    rows = [[getattr(outcome, name) for name in columns] for outcome in outcomes]
    return pd.DataFrame(rows, columns=columns).sort_values([*_KEYS], ignore_index=True)


def means_by_size(outcomes: Sequence[Outcome]) -> tuple[list[str], list[list[str]]]:
    """Mean test accuracies for the terminal: columns, and one row for each method."""
    means = {(m.method, m.size): m for m in mean_outcomes(outcomes)}

    def cell(method: str, size: int) -> str:
        if (method, size) not in means:
            return "-"
        m = means[method, size]
        spread = "" if math.isnan(m.accuracy_std) else f" ± {100 * m.accuracy_std:.1f}"
        return f"{100 * m.accuracy:.1f}{spread}"

    sizes = list_sizes(outcomes)
    rows = [
        [spaced(method), *(cell(method, size) for size in sizes)]
        for method in list_methods(outcomes)
    ]
    return ["test accuracy in %", *(f"{size:,}" for size in sizes)], rows


def seconds_by_size(outcomes: Sequence[Outcome]) -> tuple[list[str], list[list[str]]]:
    """Mean seconds for the terminal: columns, and one row for each method."""
    seconds = {(m.method, m.size): f"{m.seconds:.1f}" for m in mean_outcomes(outcomes)}
    sizes = list_sizes(outcomes)
    rows = [
        [spaced(method), *(seconds.get((method, size), "-") for size in sizes)]
        for method in list_methods(outcomes)
    ]
    return ["seconds to learn", *(f"{size:,}" for size in sizes)], rows


def significance_by_size(
    outcomes: Sequence[Outcome], headlines: Headlines
) -> tuple[list[str], list[list[str]]]:
    """The differences for the terminal: columns, and one row for each method compared against."""
    results = compare_methods(outcomes, headlines.labels("test"))
    differences = {(d.against, d.size): d for d in results}

    def cell(against: str, size: int) -> str:
        if (against, size) not in differences:
            return "-"
        d = differences[against, size]
        p = "< .001" if d.p_adjusted < 0.001 else f"{d.p_adjusted:.3f}".removeprefix("0")
        return f"{100 * d.difference:+.1f} (p {p})"

    sizes = list_sizes(outcomes)
    compared = {d.against for d in results}
    rows = [
        [
            f"{spaced(results[0].method)} against {spaced(against)}",
            *(cell(against, size) for size in sizes),
        ]
        for against in list_methods(outcomes)
        if against in compared
    ]
    return ["points of test accuracy", *(f"{size:,}" for size in sizes)], rows


def _frame(columns: list[str], rows: list[list[str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=columns)


# -------------------------------------------------------------------------------- figure


def comparison_figure(outcomes: Sequence[Outcome]) -> Figure:
    """Mean test accuracy by the number of training headlines, one curve for each method.

    The shade is the 95% interval of the mean over the seeds.
    """
    means = mean_outcomes(outcomes)
    figure = style.new_figure(style.COMPARISON)
    axes = figure.subplots()
    methods = list_methods(outcomes)
    for method in methods:
        curve = [m for m in means if m.method == method]
        sizes, (colour, marker, line) = [m.size for m in curve], style.method_look(method, methods)
        accuracy = 100 * np.array([m.accuracy for m in curve])
        half = 100 * np.nan_to_num([m.accuracy_half_interval for m in curve])
        axes.plot(
            sizes, accuracy, color=colour, marker=marker, markersize=5, linestyle=line,
            label=spaced(method),
        )  # fmt: skip
        low, high = (accuracy - half).clip(0, 100), (accuracy + half).clip(0, 100)
        axes.fill_between(sizes, low, high, color=colour, alpha=0.15, linewidth=0)
    sizes = list_sizes(outcomes)
    axes.set_xscale("log")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.set_xlabel("training headlines")
    axes.set_ylabel("test accuracy (%)")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper")
    return figure
