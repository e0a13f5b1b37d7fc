"""What the embedding knows, as tables. Every function takes the reports of several methods and
seeds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pandas as pd

from pipeline.insight.embedding_report import EmbeddingReport
from pipeline.insight.probes import ProbedText
from pipeline.insight.spread import Spread


def values_by_metric(reports: Sequence[EmbeddingReport]) -> dict[str, list[float]]:
    """Every number of the reports, with one value for each seed.

    The names are `probe/METHOD/...`, `semantics/METHOD/...` and `drift/...`. Where the words moved
    in several methods, the last are `drift/METHOD/...`.
    """
    several = len({report.method for report in reports if report.drift.moved}) > 1
    values = defaultdict(list)
    for report in reports:
        method = report.method
        for name, value in report.probes.metrics().items():
            values[f"probe/{method}/{name}"].append(value)
        for name, similarity in report.similarity.items():
            if not np.isnan(similarity.spearman):
                values[f"semantics/{method}/{name}"].append(similarity.spearman)
            values[f"semantics/{method}/{name}_pairs"].append(similarity.pairs_known)
        if report.drift.moved:
            prefix = f"drift/{method}" if several else "drift"
            for name, value in report.drift.metrics().items():
                values[f"{prefix}/{name}"].append(value)
    return dict(values)


def compared_metrics(report: EmbeddingReport) -> dict[str, float]:
    """The few numbers that people compare across runs: metrics of a run, by name.

    `words/rank_bc`: how many headlines are closer to b than c is, a fraction; 0 is best.
    `words/pairs_rank_mean`: the same over all other pairs. `words/wordsim353`: the agreement with
    people. `words/moved`: how far training moved the words, in lengths of a vector.
    """
    probed = report.probes.metrics()
    values = {f"words/{n}": probed[n] for n in ("rank_bc", "pairs_rank_mean") if n in probed}
    for name, similarity in report.similarity.items():
        if name == "wordsim353" and not np.isnan(similarity.spearman):
            values[f"words/{name}"] = similarity.spearman
    if report.drift.moved:
        values["words/moved"] = report.drift.metrics()["relative"]
    return values


def metrics_over_seeds(reports: Sequence[EmbeddingReport]) -> pd.DataFrame:
    """One row for each metric: mean, standard deviation (NaN for one seed), smallest and
    largest."""
    rows = []
    for name, values in values_by_metric(reports).items():
        spread = Spread.over(values)
        rows.append(
            {
                "metric": name,
                "mean": spread.mean,
                "std": spread.std,
                "low": spread.low,
                "high": spread.high,
                "seeds": spread.count,
            }
        )
    return pd.DataFrame(rows)


def probe_headlines_table(reports: Sequence[EmbeddingReport]) -> pd.DataFrame:
    """The headlines a, b and c: `b` and `c` mean the same. In brackets: words without a vector."""
    return pd.DataFrame(
        [
            {
                "headline": letter,
                "text": probed.text,
                "words_not_in_training": " ".join(_unseen_words(probed)),
            }
            for letter, probed in zip("abc", reports[0].probes.reference, strict=True)
        ]
    )


def probes_table(reports: Sequence[EmbeddingReport]) -> pd.DataFrame:
    """One row for each method and seed: the metrics of the probe sentences and of word similarity.

    `label`: that of sentence b. `headlines`: the number of test headlines among which c was ranked.
    `unseen_a`, `unseen_b`, `unseen_c`: words that were not in training; in brackets those without a
    vector of their own.
    """
    return pd.DataFrame(
        [
            {
                "method": report.method,
                "seed": report.seed,
                "label": report.probes.label,
                "headlines": report.probes.headlines,
                **report.probes.metrics(),
                **{name: s.spearman for name, s in report.similarity.items()},
                **{f"{name}_pairs": s.pairs_known for name, s in report.similarity.items()},
                **{
                    f"unseen_{letter}": " ".join(_unseen_words(probed))
                    for letter, probed in zip("abc", report.probes.reference, strict=True)
                },
            }
            for report in reports
        ]
    )


def pairs_table(reports: Sequence[EmbeddingReport]) -> pd.DataFrame:
    """One row for each method, seed and pair of probe sentences."""
    return pd.DataFrame(
        [
            {
                "method": report.method,
                "seed": report.seed,
                "label": pair.label,
                "rank": pair.rank,
                "rank_embedding": pair.rank_embedding,
                "first": pair.first,
                "second": pair.second,
                "unseen": " ".join(pair.unseen),
            }
            for report in reports
            for pair in report.probes.pairs
        ],
        columns=["method", "seed", "label", "rank", "rank_embedding", "first", "second", "unseen"],
    )


def pairs_by_label(reports: Sequence[EmbeddingReport]) -> pd.DataFrame:
    """One row for each method, label of the pairs, and whether they have unseen words.

    The columns are the number of pairs, and the median and mean of their ranks over all seeds.
    """
    frame = pairs_table(reports)
    frame["unseen"] = frame["unseen"] != ""
    groups = frame.groupby(["method", "label", "unseen"], sort=False)
    return groups.agg(
        pairs=("first", "nunique"),
        rank_median=("rank", "median"),
        rank_mean=("rank", "mean"),
        rank_embedding_median=("rank_embedding", "median"),
        rank_embedding_mean=("rank_embedding", "mean"),
    ).reset_index()


def drift_table(reports: Sequence[EmbeddingReport]) -> pd.DataFrame:
    """One row for each method, seed and word. The word that moved most comes first.

    `count`: how often training headlines have the word. `distance`: how far it moved. `cosine`: of
    its vectors before and after. `towards`: the label towards which it moved; `push`: how much that
    label's score rose. `label`: the label that the word leans to; `label_share`: the fraction of
    its uses there.
    """
    return pd.concat([_drift_rows(report) for report in reports], ignore_index=True)


def neighbours_table(reports: Sequence[EmbeddingReport]) -> pd.DataFrame:
    """One row for each method, seed and word: its nearest words before and after, with cosines."""
    return pd.DataFrame(
        [
            {
                "method": report.method,
                "seed": report.seed,
                "word": near.word,
                "in_training": near.trained,
                "before": ", ".join(f"{word} {cosine:.2f}" for word, cosine in near.before),
                "after": ", ".join(f"{word} {cosine:.2f}" for word, cosine in near.after),
            }
            for report in reports
            for near in report.drift.neighbours
        ],
        columns=["method", "seed", "word", "in_training", "before", "after"],
    )


def _unseen_words(probed: ProbedText) -> list[str]:
    return [f"({word})" if word in probed.unknown else word for word in probed.unseen]


def _drift_rows(report: EmbeddingReport) -> pd.DataFrame:
    drift, names = report.drift, np.array(report.drift.label_names, object)
    counts, rows = drift.counts.sum(axis=1), np.arange(len(drift.words))
    frame = pd.DataFrame(
        {
            "method": report.method,
            "seed": report.seed,
            "word": drift.words,
            "count": counts,
            "distance": drift.distances,
            "cosine": drift.cosines,
            "towards": np.where(drift.distances > 0, names[drift.towards], ""),
            "push": drift.pushes[rows, drift.towards],
            "label": names[drift.leanings],
            "label_share": drift.counts[rows, drift.leanings] / np.maximum(counts, 1),
        }
    ).round(4)
    return frame.sort_values("distance", ascending=False, kind="stable")
