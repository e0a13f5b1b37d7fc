"""What starting from pretrained vectors is worth: the scores of `pipeline.transfer` as tables, a
figure and a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import mean, stdev
from typing import Protocol

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pipeline.data.headlines import Headlines
from pipeline.report.items import Item, Metric, Param, Picture, Table, Text
from pipeline.studies.trials import Score

PREDICTIONS = "predictions.csv"
_KEY, _FIGURES = ("start", "size", "seed"), ("test_accuracy", "test_macro_f1", "seconds")
_RESAMPLES = 9_999
_LABELS = 100  # with so many, or nearly so many, the sentence is made
# In the order in which they are shown; colours of Paul Tol's bright scheme, distinct for
# colour-blind readers.
_STARTS = {
    "blend": ("blend", "#aa3377"),
    "fine_tuned": ("fine-tuned", "#ee6677"),
    "frozen": ("frozen", "#ccbb44"),
    "scratch": ("scratch", "#4477aa"),
    "tfidf": ("TF-IDF", "#228833"),
    "fasttext": ("fastText", "#66ccee"),
    "majority": ("majority", "#888888"),
}


@dataclass(frozen=True)
class MeanScore:
    """Of a start with `size` headlines, over the seeds: mean test accuracy, its sample standard
    deviation, and half the width of the 95 % interval of the mean (Student's t; both not a number
    with one seed); mean macro F1; mean seconds."""

    start: str
    size: int
    seeds: int
    accuracy: float
    accuracy_std: float
    accuracy_half_interval: float
    macro_f1: float
    seconds: float


@dataclass(frozen=True)
class Difference:
    """Of `start` and the start `against` with `size` headlines: `difference` of the mean test
    accuracies; `p`: see `significance`; `p_adjusted`: for the number of comparisons."""

    size: int
    start: str
    against: str
    difference: float
    p: float
    p_adjusted: float


@dataclass(frozen=True)
class Worth:
    """With `size` headlines a start reaches `accuracy`, for which another `needs` so many; not a
    number where it needs more than were tried."""

    size: int
    accuracy: float
    needs: float


class Finished(Protocol):
    """A run that `of_score` was logged to. `content`: of the file PREDICTIONS."""

    @property
    def params(self) -> Mapping[str, str]: ...
    @property
    def metrics(self) -> Mapping[str, float]: ...
    @property
    def content(self) -> bytes: ...


def score_items(score: Score, headlines: Headlines) -> list[Item]:
    """What the run of one score logs."""
    names = headlines.label_names
    predicted = "".join(f"{names[label]}\n" for label in score.predicted)
    return [
        *(Param(name, getattr(score, name)) for name in _KEY),
        *(Metric(name, getattr(score, name)) for name in _FIGURES),
        Text(PREDICTIONS, predicted),
    ]


def score_of(run: Finished, headlines: Headlines) -> Score:
    """The score that `of_score` has logged."""
    code = {name: i for i, name in enumerate(headlines.label_names)}
    return Score(
        start=run.params["start"],
        size=int(run.params["size"]),
        seed=int(run.params["seed"]),
        predicted=np.array([code[line] for line in run.content.decode().splitlines()]),
        **{name: run.metrics[name] for name in _FIGURES},
    )


def score_in_words(scores: Sequence[Score]) -> str:
    """A line for those of one trial."""
    shown = ", ".join(f"{score.start} {score.test_accuracy:.4f}" for score in scores)
    return f"{scores[0].size:,} headlines, seed {scores[0].seed}: test accuracy {shown}"


def comparison_items(scores: Sequence[Score], headlines: Headlines, vectors: str) -> list[Item]:
    """All that the run of a whole comparison logs. `vectors`: the name of the set."""
    means = mean_scores(scores)
    return [
        Table("compare.csv", scores_table(scores)),
        Table("tables/mean_scores.csv", pd.DataFrame(map(asdict, means))),
        Table(
            "tables/significance.csv",
            pd.DataFrame(map(asdict, significance(scores, headlines.labels("test")))),
        ),
        Table("tables/worth.csv", pd.DataFrame(map(asdict, worth(scores)))),
        Text("summary.txt", in_words(scores, headlines, vectors) + "\n"),
        Picture("figures/compare.png", learning_curves_by_start(scores)),
        *(Metric(f"{m.start}/test_accuracy", m.accuracy, m.size) for m in means),
        *(Metric(f"{m.start}/test_macro_f1", m.macro_f1, m.size) for m in means),
    ]


def scores_table(scores: Sequence[Score]) -> pd.DataFrame:
    """A row for each start, size and seed."""
    columns = [*_KEY, *_FIGURES]
    rows = [[getattr(score, name) for name in columns] for score in scores]
    return pd.DataFrame(rows, columns=columns).sort_values([*_KEY], ignore_index=True)


def mean_scores(scores: Sequence[Score]) -> list[MeanScore]:
    """For each start and size."""
    from scipy.stats import t

    means = []
    for start in _in_order(scores):
        for size in _sizes(scores):
            group = [s for s in scores if (s.start, s.size) == (start, size)]
            if not group:
                continue
            n, accuracies = len(group), [score.test_accuracy for score in group]
            std = stdev(accuracies) if n > 1 else math.nan
            half = float(t.ppf(0.975, n - 1)) * std / n**0.5 if n > 1 else math.nan
            f1, seconds = (mean(getattr(s, name) for s in group) for name in _FIGURES[1:])
            means.append(MeanScore(start, size, n, mean(accuracies), std, half, f1, seconds))
    return means


def significance(
    scores: Sequence[Score], labels: Sequence[int], start: str = "fine_tuned"
) -> list[Difference]:
    """`start` (the first there is, where it is not) against every other, size by size.

    `labels`: of the test headlines, which all have in common. `p`: of a permutation test of the
    paired differences, headline by headline, each the mean over the seeds that both have (9,999
    random changes of sign). It is adjusted for the number of comparisons (Benjamini and Hochberg
    1995).
    """
    from scipy.stats import false_discovery_control, permutation_test

    there, truth = _in_order(scores), np.asarray(labels)
    start = start if start in there else there[0]
    right: dict[tuple[str, int], dict[int, NDArray[np.float64]]] = {}
    for score in scores:
        hits = (score.predicted == truth).astype(float)
        right.setdefault((score.start, score.size), {})[score.seed] = hits
    found = []
    for size in _sizes(scores):
        for other in there:
            ours, theirs = right.get((start, size), {}), right.get((other, size), {})
            seeds = sorted(ours.keys() & theirs.keys())
            if other == start or not seeds:
                continue
            differences = np.mean([ours[seed] - theirs[seed] for seed in seeds], axis=0)
            p = 1.0
            if differences.any():
                p = permutation_test(
                    (differences,),
                    np.mean,
                    permutation_type="samples",
                    n_resamples=_RESAMPLES,
                    batch=max(1, 10_000_000 // len(truth)),
                    vectorized=True,
                    rng=np.random.default_rng(0),
                ).pvalue
            found.append((size, start, other, float(differences.mean()), float(p)))
    adjusted = false_discovery_control([row[-1] for row in found]) if found else []
    return [Difference(*row, float(p)) for row, p in zip(found, adjusted, strict=True)]


def worth(
    scores: Sequence[Score], start: str = "fine_tuned", against: str = "tfidf"
) -> list[Worth]:
    """For each size, how many headlines `against` needs to be as accurate as `start`.

    Between two sizes the curve of means is taken as straight over the logarithm of the size.
    """
    means = mean_scores(scores)
    curve = [(m.size, m.accuracy) for m in means if m.start == against]
    reached = [(m.size, m.accuracy) for m in means if m.start == start]
    return [Worth(size, accuracy, _first_reach(curve, accuracy)) for size, accuracy in reached]


def _first_reach(curve: Sequence[tuple[int, float]], level: float) -> float:
    below: tuple[int, float] | None = None
    for size, accuracy in curve:
        if accuracy >= level:
            if below is None:
                return float(size)
            share = (level - below[1]) / (accuracy - below[1])
            return float(below[0] * (size / below[0]) ** share)
        below = (size, accuracy)
    return math.nan


def in_words(scores: Sequence[Score], headlines: Headlines, vectors: str) -> str:
    """What the comparison says, in a sentence: how many labels TF-IDF needs for what fine-tuned
    vectors reach with 100, or the number nearest to it that was tried."""
    rows = worth(scores)
    best = {m.size: m.accuracy for m in mean_scores(scores) if m.start == "tfidf"}
    if not rows or not best:
        return "fine-tuned vectors and TF-IDF were not both tried"
    row = min(rows, key=lambda row: abs(math.log(row.size / _LABELS)))
    told = f"fine-tuned {vectors} reaches {row.accuracy:.1%} with {row.size:,} labels"
    commonest = max((m.accuracy for m in mean_scores(scores) if m.start == "majority"), default=0.0)
    if row.accuracy <= commonest:
        return f"{told}, no more than the commonest label ({commonest:.1%})"
    if math.isnan(row.needs):
        most = max(best)
        everything = most == len(headlines.splits["train"])
        whole = f"all {most:,}" if everything else f"{most:,}"
        return f"{told}, which TF-IDF does not with {whole} ({best[most]:.1%})"
    if row.needs <= row.size:
        return f"{told}; TF-IDF needs no more for that"
    return f"{told}, for which TF-IDF needs about {_rounded(row.needs):,}"


def _rounded(value: float) -> int:
    """To two digits, as more would not be sure: 1,200 for 1,234.5."""
    return int(round(value, 1 - math.floor(math.log10(value))))


def means_by_size(scores: Sequence[Score]) -> tuple[list[str], list[list[str]]]:
    """Columns and rows for the terminal: a row for each start, a column for each size."""
    cells = {(m.start, m.size): m for m in mean_scores(scores)}

    def cell(m: MeanScore | None) -> str:
        if m is None:
            return "-"
        spread = "" if math.isnan(m.accuracy_std) else f" ± {100 * m.accuracy_std:.1f}"
        return f"{100 * m.accuracy:.1f}{spread}"

    sizes = _sizes(scores)
    rows = [
        [_STARTS[start][0], *(cell(cells.get((start, size))) for size in sizes)]
        for start in _in_order(scores)
    ]
    return ["test accuracy in %", *(f"{size:,}" for size in sizes)], rows


def significance_by_size(
    scores: Sequence[Score], headlines: Headlines
) -> tuple[list[str], list[list[str]]]:
    """`significance` for the terminal: a row for each other start, a column for each size."""
    found = significance(scores, headlines.labels("test"))
    cells = {(d.against, d.size): d for d in found}

    def cell(d: Difference | None) -> str:
        if d is None:
            return "-"
        p = "< .001" if d.p_adjusted < 0.001 else f"{d.p_adjusted:.3f}".removeprefix("0")
        return f"{100 * d.difference:+.1f} (p {p})"

    sizes = _sizes(scores)
    start = _STARTS[found[0].start][0] if found else ""
    rows = [
        [
            f"{start} against {_STARTS[other][0]}",
            *(cell(cells.get((other, size))) for size in sizes),
        ]
        for other in _in_order(scores)
        if any(d.against == other for d in found)
    ]
    return ["points of test accuracy", *(f"{size:,}" for size in sizes)], rows


def learning_curves_by_start(scores: Sequence[Score]) -> Figure:
    """Mean test accuracy by the number of training headlines, with the 95 % interval of the mean
    over the seeds."""
    means = mean_scores(scores)
    figure = Figure(figsize=(8, 4.4), layout="constrained")
    axes = figure.subplots()
    for start in _in_order(scores):
        curve = [m for m in means if m.start == start]
        name, colour = _STARTS[start]
        sizes = [m.size for m in curve]
        accuracy = 100 * np.array([m.accuracy for m in curve])
        half = 100 * np.nan_to_num([m.accuracy_half_interval for m in curve])
        style = ":" if start == "majority" else "-"
        axes.plot(sizes, accuracy, style, marker="o", markersize=4, color=colour, label=name)
        low, high = accuracy - half, accuracy + half
        axes.fill_between(sizes, low, high, color=colour, alpha=0.15, linewidth=0)
    shown = _sizes(scores)
    axes.set_xscale("log")
    axes.set_xticks(shown, [f"{size:,}" for size in shown])
    axes.minorticks_off()
    axes.set_xlabel("training headlines")
    axes.set_ylabel("test accuracy (%)")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper")
    return figure


def comparison_values(
    scores: Sequence[Score], headlines: Headlines, vectors: str
) -> dict[str, object]:
    """All of it for a JSON object; null for what is not a number."""

    def rows(found: Sequence[MeanScore | Difference | Worth]) -> list[dict[str, object]]:
        return [
            {name: None if value != value else value for name, value in asdict(row).items()}
            for row in found
        ]

    return {
        "scores": [{name: getattr(s, name) for name in (*_KEY, *_FIGURES)} for s in scores],
        "means": rows(mean_scores(scores)),
        "significance": rows(significance(scores, headlines.labels("test"))),
        "worth": rows(worth(scores)),
        "in_words": in_words(scores, headlines, vectors),
    }


def _sizes(scores: Sequence[Score]) -> list[int]:
    return sorted({score.size for score in scores})


def _in_order(scores: Sequence[Score]) -> list[str]:
    """The starts there are, in the order in which they are shown."""
    there = {score.start for score in scores}
    return [start for start in _STARTS if start in there]
