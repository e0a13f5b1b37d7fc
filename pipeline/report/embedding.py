"""What the embedding knows: tables, pictures, and what is logged of them. Every function takes the
knowledge of several starts, and of several seeds of each."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Sequence
from statistics import mean, stdev

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pipeline.insight.drift import Drift, Plane
from pipeline.insight.embedding_report import EmbeddingReport
from pipeline.insight.probes import Probed, Probes
from pipeline.report.figures import GREY
from pipeline.report.items import File, Item, Metric, Param, Picture, Table, Text
from pipeline.report.projector import projector_files

# Distinct for colour-blind readers (Tol, "bright" and "vibrant").
_COLOURS = ("#4477aa", "#ee7733", "#228833", "#aa3377", "#ccbb44", "#66ccee", "#bbbbbb")


def knowledge_items(known: Sequence[EmbeddingReport]) -> list[Item]:
    """The figures by start (of several seeds the mean, and the standard deviation as `..._std`),
    the tables, the pictures, and of the last start the files for the projector."""
    items: list[Item] = []
    for name, values in figures_by_name(known).items():
        items.append(Metric(name, mean(values)))
        if len(values) > 1:
            items.append(Metric(f"{name}_std", stdev(values)))
    trained = _trained(known)
    items += [
        Table("tables/probes.csv", probes_table(known)),
        Table("tables/probe_pairs.csv", pairs_table(known)),
        Table("tables/probe_pairs_by_label.csv", pairs_by_label(known)),
        Table("tables/neighbours.csv", neighbours_table(trained)),
        Table("tables/drift.csv", drift_table(trained)),
        Picture("figures/probes.png", probes_figure(known)),
        Picture("figures/drift.png", drift_figure(trained)),
        Picture("figures/headline_map.png", headline_map(trained)),
    ]
    files = projector_files(known[-1].drift)
    return [*items, *(Text(f"projector/{name}", content) for name, content in files.items())]


KNOWLEDGE = "knowledge.npz"


def one_knowledge_items(known: EmbeddingReport) -> list[Item]:
    """What the run of one start and seed logs, from which it can be read back."""
    content = io.BytesIO()
    known.save(content)
    return [
        Param("start", known.start),
        Param("seed", known.seed),
        Metric("test_accuracy", known.accuracy),
        *(Metric(name, value) for name, (value,) in figures_by_name([known]).items()),
        File(KNOWLEDGE, content.getvalue()),
    ]


def knowledge_of(content: bytes) -> EmbeddingReport:
    """The knowledge that `of_one_knowledge` has logged as KNOWLEDGE."""
    return EmbeddingReport.load(io.BytesIO(content))


def explanation_items(known: Sequence[EmbeddingReport]) -> list[Item]:
    """What the run of a whole explanation logs."""
    columns, rows = in_short(known)
    return [
        *knowledge_items(known),
        *(
            Metric(f"{start}/test_accuracy", mean(k.accuracy for k in of))
            for start, of in _by_start(known).items()
        ),
        Table("tables/over_seeds.csv", over_seeds(known)),
        Table("tables/in_short.csv", pd.DataFrame(rows, columns=columns)),
        Text("summary.txt", in_a_sentence(known) + "\n"),
    ]


def knowledge_in_words(known: Sequence[EmbeddingReport]) -> str:
    """A line for those of one trial."""
    shown = ", ".join(
        f"{k.start} {k.probes.rank_bc:.2%} (test accuracy {k.accuracy:.4f})" for k in known
    )
    return f"seed {known[0].seed}: closer to b than c, of {known[0].probes.label}: {shown}"


# What is shown of an explanation, and how.
_SHORT = {
    "cos_ab": "cosine of a and b",
    "cos_ac": "cosine of a and c",
    "cos_bc": "cosine of b and c",
    "rank_bc": "closer to b than c: activations",
    "rank_bc_max": "max-pooled activations",
    "rank_bc_embedding": "averaged word vectors",
    "pairs_rank_median": "median over the pairs: activations",
    "pairs_rank_embedding_median": "averaged word vectors, median",
    "pairs_unseen_rank_median": "pairs with unseen words: activations",
}


def in_short(known: Sequence[EmbeddingReport]) -> tuple[list[str], list[list[str]]]:
    """Columns and rows for the terminal, a column a start: mean and standard deviation over the
    seeds, and in brackets the smallest and the largest."""
    by_start = _by_start(known)
    values: dict[str, dict[str, list[float]]] = {}
    for start, of in by_start.items():
        columns = {"test accuracy": [k.accuracy for k in of]}
        for name, title in _SHORT.items():
            columns[title] = [k.probes.metrics()[name] for k in of]
        for name in of[0].similarity:
            columns[name] = [k.similarity[name].spearman for k in of]
        columns["words moved (lengths of a vector)"] = [
            k.drift.metrics()["relative"] if k.drift.moved else 0.0 for k in of
        ]
        values[start] = columns
    titles = next(iter(values.values()))
    rows = [[title, *(_shown(values[start][title]) for start in by_start)] for title in titles]
    return ["", *by_start], rows


def in_a_sentence(known: Sequence[EmbeddingReport]) -> str:
    """What came out for the reference headlines."""
    shown = ", ".join(
        f"{start.replace('_', '-')} {mean(k.probes.rank_bc for k in of):.1%}{_unknown(of[0].probes)}"
        for start, of in _by_start(known).items()
    )
    probes = known[0].probes
    return (
        f"Of the {probes.headlines:,} test headlines with the label {probes.label}, so many are closer "
        f"to b than c is, which means the same: {shown}"
    )


def _unknown(probes: Probes) -> str:
    """How many words of b and c have no vector: where many, the rank says little."""
    compared = probes.reference[1:]
    missing = sum(len(probed.unknown) for probed in compared)
    words = sum(len(probed.tokens) for probed in compared)
    return f" (no vector for {missing} of their {words} words)" if missing else ""


def _by_start(known: Sequence[EmbeddingReport]) -> dict[str, list[EmbeddingReport]]:
    groups: dict[str, list[EmbeddingReport]] = defaultdict(list)
    for k in known:
        groups[k.start].append(k)
    return dict(groups)


def _shown(values: Sequence[float]) -> str:
    values = [value for value in values if not np.isnan(value)]
    if not values:  # no pair of words is known
        return "-"
    if len(values) == 1:
        return f"{values[0]:.4f}"
    return f"{mean(values):.4f} ± {stdev(values):.4f} ({min(values):.4f} to {max(values):.4f})"


def figures_by_name(known: Sequence[EmbeddingReport]) -> dict[str, list[float]]:
    """What is logged, a value a seed: `probe/<start>/...` and `semantics/<start>/...`, and
    `drift/...` of the start that moved the words, or `drift/<start>/...` where several did."""
    several = len({k.start for k in known if k.drift.moved}) > 1
    values = defaultdict(list)
    for k in known:
        for name, value in k.probes.metrics().items():
            values[f"probe/{k.start}/{name}"].append(value)
        for name, similarity in k.similarity.items():
            if not np.isnan(similarity.spearman):
                values[f"semantics/{k.start}/{name}"].append(similarity.spearman)
            values[f"semantics/{k.start}/{name}_pairs"].append(similarity.pairs_known)
        for name, value in k.drift.metrics().items() if k.drift.moved else ():
            values[f"drift/{k.start}/{name}" if several else f"drift/{name}"].append(value)
    return dict(values)


# ----------------------------------------------------------------------------------------- tables


def probes_table(known: Sequence[EmbeddingReport]) -> pd.DataFrame:
    """A row a start and seed: the figures of the probes and of word similarity, b's label, among
    how many headlines c was ranked, and which words of the three were not in training (in brackets
    those without a vector of their own)."""
    return pd.DataFrame(
        [
            {
                "start": k.start,
                "seed": k.seed,
                "label": k.probes.label,
                "headlines": k.probes.headlines,
                **k.probes.metrics(),
                **{name: of.spearman for name, of in k.similarity.items()},
                **{f"{name}_pairs": of.pairs_known for name, of in k.similarity.items()},
                **{
                    f"unseen_{letter}": " ".join(_unseen(probed))
                    for letter, probed in zip("abc", k.probes.reference, strict=True)
                },
            }
            for k in known
        ]
    )


def pairs_table(known: Sequence[EmbeddingReport]) -> pd.DataFrame:
    """A row a start, seed and pair."""
    return pd.DataFrame(
        [
            {
                "start": k.start,
                "seed": k.seed,
                "label": pair.label,
                "rank": pair.rank,
                "rank_embedding": pair.rank_embedding,
                "first": pair.first,
                "second": pair.second,
                "unseen": " ".join(pair.unseen),
            }
            for k in known
            for pair in k.probes.pairs
        ],
        columns=["start", "seed", "label", "rank", "rank_embedding", "first", "second", "unseen"],
    )


def pairs_by_label(known: Sequence[EmbeddingReport]) -> pd.DataFrame:
    """A row a start, label of the pairs, and whether they have words that were not in training: how
    many pairs, and the median and mean of their ranks over all seeds."""
    frame = pairs_table(known)
    frame["unseen"] = frame["unseen"] != ""
    groups = frame.groupby(["start", "label", "unseen"], sort=False)
    return groups.agg(
        pairs=("first", "nunique"),
        rank_median=("rank", "median"),
        rank_mean=("rank", "mean"),
        rank_embedding_median=("rank_embedding", "median"),
        rank_embedding_mean=("rank_embedding", "mean"),
    ).reset_index()


def over_seeds(known: Sequence[EmbeddingReport]) -> pd.DataFrame:
    """A row a figure that is logged: mean, standard deviation (NaN of one seed), smallest and
    largest over the seeds."""
    return pd.DataFrame(
        [
            {
                "figure": name,
                "mean": mean(values),
                "std": stdev(values) if len(values) > 1 else np.nan,
                "low": min(values),
                "high": max(values),
                "seeds": len(values),
            }
            for name, values in figures_by_name(known).items()
        ]
    )


def drift_table(known: Sequence[EmbeddingReport]) -> pd.DataFrame:
    """A row a start, seed and word, from the one that moved most: how often it was seen, how far it
    went, the cosine of its vectors before and after, the label towards which it moved and by how
    much that label's score rose, the label that it leans to, and the fraction of its uses there."""
    return pd.concat([_drift_rows(k) for k in known], ignore_index=True)


def neighbours_table(known: Sequence[EmbeddingReport]) -> pd.DataFrame:
    """A row a start, seed and word: its nearest words before and after, with their cosines."""
    return pd.DataFrame(
        [
            {
                "start": k.start,
                "seed": k.seed,
                "word": near.word,
                "in_training": near.trained,
                "before": ", ".join(f"{word} {cosine:.2f}" for word, cosine in near.before),
                "after": ", ".join(f"{word} {cosine:.2f}" for word, cosine in near.after),
            }
            for k in known
            for near in k.drift.neighbours
        ],
        columns=["start", "seed", "word", "in_training", "before", "after"],
    )


def _trained(known: Sequence[EmbeddingReport]) -> Sequence[EmbeddingReport]:
    """Those in which words moved: of the others there is nothing to compare. If in none, all."""
    return [k for k in known if k.drift.moved] or known


def _unseen(probed: Probed) -> list[str]:
    return [f"({word})" if word in probed.unknown else word for word in probed.unseen]


def _drift_rows(known: EmbeddingReport) -> pd.DataFrame:
    drift, names = known.drift, np.array(known.drift.label_names, object)
    counts, every = drift.counts.sum(axis=1), np.arange(len(drift.words))
    frame = pd.DataFrame(
        {
            "start": known.start,
            "seed": known.seed,
            "word": drift.words,
            "count": counts,
            "distance": drift.distances,
            "cosine": drift.cosines,
            "towards": np.where(drift.distances > 0, names[drift.towards], ""),
            "push": drift.pushes[every, drift.towards],
            "label": names[drift.leanings],
            "label_share": drift.counts[every, drift.leanings] / np.maximum(counts, 1),
        }
    ).round(4)
    return frame.sort_values("distance", ascending=False, kind="stable")


# --------------------------------------------------------------------------------------- pictures


def probes_figure(known: Sequence[EmbeddingReport]) -> Figure:
    """The activations of the reference headlines as heat maps, a column a start (the first seed of
    each): tokens x features, less what is usual of b's label; below, their means over the tokens,
    which are smaller and drawn larger.

    Features are in the order of b's mean: where c means the same to the network, c gets lighter and
    darker where b does. The order comes from b alone, so that nothing makes c look like it.
    """
    firsts = _one_of_each(known)
    figure = Figure(figsize=(0.8 + 4.2 * len(firsts), 6.4), layout="constrained")
    for k, axes in zip(firsts, figure.subplots(1, len(firsts), squeeze=False)[0], strict=True):
        probes = k.probes
        usual = [probed.activations - probes.centre for probed in probes.reference]
        means = np.stack([values.mean(axis=0) for values in usual])
        most = float(np.quantile(np.abs(np.concatenate(usual)), 0.98)) or 1.0
        of_mean = float(np.abs(means[1]).max()) or 1.0
        names = ["a)", "b)", "c)", "means"]
        tokens = [*(_marked(probed) for probed in probes.reference), ["a", "b", "c"]]
        gap = np.full((1, means.shape[1]), np.nan)
        parts = [np.vstack([gap, values]) for values in (*usual, means * most / of_mean)]
        stacked = np.concatenate(parts)[:, np.argsort(means[1], kind="stable")]
        axes.imshow(
            stacked, cmap="PuOr", vmin=-most, vmax=most, aspect="auto", interpolation="nearest"
        )
        labels = [label for name, of in zip(names, tokens, strict=True) for label in (name, *of)]
        axes.set_yticks(range(len(labels)), labels, fontsize=7, parse_math=False)
        axes.tick_params(length=0)
        axes.set_xticks([])
        axes.set_title(_headed(k), fontsize=9)
        axes.set_xlabel(f"{len(probes.centre)} features, in the order of b's mean", fontsize=8)
    figure.supxlabel(
        "purple: more than usual, orange: less    * not in training, but with a vector    "
        "† not in training, and without one",
        fontsize=8,
    )
    return figure


def drift_figure(known: Sequence[EmbeddingReport], most: int = 14) -> Figure:
    """A row a start (the first seed of each): the most frequent words before and after, coloured by
    how far they moved (a line leads from where they were), and the words that moved most, coloured
    by the label that they moved towards."""
    firsts = _one_of_each(known)
    figure = Figure(figsize=(12, 4.2 * len(firsts)), layout="constrained")
    rows = figure.subplots(len(firsts), 3, squeeze=False, width_ratios=[5, 5, 3])
    for k, (left, middle, right) in zip(firsts, rows, strict=True):
        drift, plane = k.drift, k.drift.words_map
        colours = drift.distances[plane.chosen]
        top = float(np.quantile(colours, 0.98)) if len(colours) else 0.0
        order = np.argsort(colours, kind="stable")  # those that moved most on top
        paths = np.stack([plane.before, plane.after], axis=1)[order]
        middle.add_collection(LineCollection(list(paths), colors=GREY, linewidths=0.4))
        for axes, points, when in ((left, plane.before, "before"), (middle, plane.after, "after")):
            dots = axes.scatter(
                *points[order].T, c=colours[order], s=9, cmap="viridis", vmin=0, vmax=top or 1
            )
            for i in _labelled(drift):
                axes.annotate(drift.words[plane.chosen[i]], points[i], fontsize=7, parse_math=False)
            axes.set_title(f"{k.start}: the {len(points):,} most frequent words {when}", fontsize=9)
        _same_frame(plane, left, middle)
        figure.colorbar(dots, ax=middle, label="distance moved", pad=0.01)
        moved = np.argsort(-drift.distances, kind="stable")[:most][::-1]
        moved = moved[drift.distances[moved] > 0]
        right.barh(
            range(len(moved)),
            drift.distances[moved],
            color=[_colour(label) for label in drift.towards[moved]],
        )
        right.set_yticks(
            range(len(moved)), [drift.words[i] for i in moved], fontsize=8, parse_math=False
        )
        right.set_title("moved most, towards", fontsize=9)
        _legend(right, drift.label_names, drift.towards[moved])
    return figure


def headline_map(known: Sequence[EmbeddingReport]) -> Figure:
    """A row a start (the first seed of each): test headlines by the mean of their word vectors,
    before and after, coloured by label."""
    firsts = _one_of_each(known)
    figure = Figure(figsize=(9, 4.2 * len(firsts)), layout="constrained")
    rows = figure.subplots(len(firsts), 2, squeeze=False)
    for k, (left, right) in zip(firsts, rows, strict=True):
        drift, plane = k.drift, k.drift.headlines_map
        colours = [_colour(label) for label in drift.headline_labels]
        for axes, points, when in ((left, plane.before, "before"), (right, plane.after, "after")):
            axes.scatter(*points.T, c=colours, s=9, alpha=0.7)
            axes.set_title(f"{k.start}: {len(points):,} test headlines {when}", fontsize=9)
        _same_frame(plane, left, right)
        _legend(right, drift.label_names, drift.headline_labels)
    return figure


def _one_of_each(known: Sequence[EmbeddingReport]) -> list[EmbeddingReport]:
    return list({k.start: k for k in reversed(known)}.values())[::-1]


def _headed(known: EmbeddingReport) -> str:
    probes = known.probes
    return (
        f"{known.start}: cosines ab {probes.cos_ab:.2f}, ac {probes.cos_ac:.2f}, bc {probes.cos_bc:.2f}\n"
        f"closer to b than c: {probes.rank_bc:.1%} of {probes.headlines:,} {probes.label}"
    )


def _marked(probed: Probed) -> list[str]:
    marks = dict.fromkeys(probed.unseen, " *") | dict.fromkeys(probed.unknown, " †")
    return [token + marks.get(token, "") for token in probed.tokens]


def _labelled(drift: Drift, most: int = 14) -> list[int]:
    """Points of the map that are named: the words asked for, and those that moved most."""
    place_of = {int(row): place for place, row in enumerate(drift.words_map.chosen)}
    row_of = {word: row for row, word in enumerate(drift.words)}
    asked = [row_of[near.word] for near in drift.neighbours if near.trained]
    farthest = np.argsort(-drift.distances[drift.words_map.chosen], kind="stable")
    rows = [*asked, *drift.words_map.chosen[farthest]]
    places = [place_of[int(row)] for row in rows if int(row) in place_of]
    return list(dict.fromkeys(places))[:most]


def _same_frame(plane: Plane, *several: Axes) -> None:
    points = np.concatenate([plane.before, plane.after, np.zeros((1, 2))])
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.05 * (high - low) + 1e-6
    for axes in several:
        axes.set_xlim(low[0] - margin[0], high[0] + margin[0])
        axes.set_ylim(low[1] - margin[1], high[1] + margin[1])
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_xlabel(f"two components, {plane.share:.0%} of the variance", fontsize=8)


def _colour(label: int) -> str:
    return _COLOURS[label % len(_COLOURS)]


def _legend(axes: Axes, names: Sequence[str], used: NDArray[np.int64]) -> None:
    for label in sorted(set(used.tolist())):
        axes.plot([], [], "o", color=_colour(label), label=names[label])
    if len(used):
        axes.legend(fontsize=8, loc="lower right")
