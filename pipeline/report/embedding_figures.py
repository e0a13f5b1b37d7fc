"""What the embedding knows, as pictures.

Every function takes the reports of several methods and seeds. It draws the first seed of each
method.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pipeline.insight.drift import Drift, Plane
from pipeline.insight.embedding_report import EmbeddingReport
from pipeline.insight.probes import ProbedText
from pipeline.report import style
from pipeline.report.lettering import plain
from pipeline.report.page_words import spaced

_NAMED_WORDS = 14  # on a map of words, and in the list of those that moved most
_NAME_ROOM = (0.12, 0.04)  # width and height of a name, as fractions of a map
_MAX_LEGEND = 14  # labels that a legend has room for


def probes_figure(reports: Sequence[EmbeddingReport]) -> Figure:
    """The activations of the reference headlines as heat maps, one column for each method.

    A heat map is tokens x features, less the mean of b's label. Below are the means over the
    tokens. They are smaller, so they are drawn on a larger scale. Features are in the order of b's
    mean: where c means the same to the network, it is dark and light where b is. The order comes
    from b alone, so that nothing makes c look like b.
    """
    firsts = first_seeds(reports)
    figure = style.new_figure(style.PROBES, columns=len(firsts), margin=0.8)
    columns = figure.subplots(1, len(firsts), squeeze=False)[0]
    for report, axes in zip(firsts, columns, strict=True):
        _draw_activations(report, axes)
    figure.supxlabel(
        f"{style.ABOVE_ZERO_NAME}: more than the mean, {style.BELOW_ZERO_NAME}: less; "
        "* not in training, but with a vector; "
        "† not in training, and without one",
        fontsize=style.SMALL,
    )
    return figure


def drift_figure(reports: Sequence[EmbeddingReport]) -> Figure:
    """How far the words moved, one row for each method.

    Two maps show the most frequent words before and after, coloured by how far they moved. A line
    leads from where a word was. Bars show the words that moved most, coloured by the label towards
    which they moved.
    """
    firsts = first_seeds(reports)
    figure = style.new_figure(style.WORDS_MAP, rows=len(firsts))
    rows = figure.subplots(len(firsts), 3, squeeze=False, width_ratios=[5, 5, 3])
    for report, (left, middle, right) in zip(firsts, rows, strict=True):
        drift, plane = report.drift, report.drift.words_map
        colours = drift.distances[plane.chosen]
        room = _NAME_ROOM * np.ptp(_all_points(plane), axis=0)
        top = float(np.quantile(colours, 0.98)) if len(colours) else 0.0
        order = np.argsort(colours, kind="stable")  # draws the words that moved most on top
        paths = np.stack([plane.before, plane.after], axis=1)[order]
        middle.add_collection(
            LineCollection(list(paths), colors=style.QUIET, linewidths=0.4, zorder=0.5)
        )
        for axes, points, when in ((left, plane.before, "before"), (middle, plane.after, "after")):
            dots = axes.scatter(
                *points[order].T,
                c=colours[order],
                s=9,
                cmap=style.DISTANCES,
                vmin=0,
                vmax=top or 1,
            )
            for i in _apart(_named_points(drift), points, room):
                word = plain(drift.words[plane.chosen[i]])
                look = {"fontsize": style.TINY, "bbox": dict(style.BEHIND_NAME)}
                axes.annotate(word, points[i], (3, 3), textcoords="offset points", **look)
            title = f"{spaced(report.method)}: {len(points):,} frequent words {when}"
            axes.set_title(title, fontsize=style.TITLE)
        _set_same_frame(plane, left, middle)
        figure.colorbar(dots, ax=middle, label="distance moved", pad=0.01)
        _draw_most_moved(drift, right)
    return figure


def headline_map(reports: Sequence[EmbeddingReport]) -> Figure:
    """Test headlines before and after, one row for each method.

    A headline lies at the mean of its word vectors. Colour and marker are those of its label; those
    of every second label are hollow.
    """
    firsts = first_seeds(reports)
    figure = style.new_figure(style.HEADLINES_MAP, rows=len(firsts))
    rows = figure.subplots(len(firsts), 2, squeeze=False)
    for report, (left, right) in zip(firsts, rows, strict=True):
        drift, plane = report.drift, report.drift.headlines_map
        for axes, points, when in ((left, plane.before, "before"), (right, plane.after, "after")):
            labels = np.unique(drift.headline_labels)
            for label in labels:
                look = style.label_points(label, hollow=bool(label % 2))
                axes.scatter(
                    *points[drift.headline_labels == label].T, s=16, linewidths=0.8, alpha=0.8,
                    label=plain(drift.label_names[label]), **look,
                )  # fmt: skip
            title = f"{spaced(report.method)}: {len(points):,} test headlines {when}"
            axes.set_title(title, fontsize=style.TITLE)
        _set_same_frame(plane, left, right)
        if 0 < len(labels) <= _MAX_LEGEND:
            right.legend(fontsize=style.SMALL, loc="lower right")
    return figure


def first_seeds(reports: Sequence[EmbeddingReport]) -> list[EmbeddingReport]:
    """The first report of each method."""
    return list({report.method: report for report in reversed(reports)}.values())[::-1]


def _draw_activations(report: EmbeddingReport, axes: Axes) -> None:
    probes = report.probes
    centred = [probed.activations - probes.centre for probed in probes.reference]
    means = np.stack([values.mean(axis=0) for values in centred])
    limit = float(np.quantile(np.abs(np.concatenate(centred)), 0.98)) or 1.0
    limit_of_means = float(np.abs(means[1]).max()) or 1.0
    gap = np.full((1, means.shape[1]), np.nan)
    blocks = [np.vstack([gap, values]) for values in (*centred, means * limit / limit_of_means)]
    stacked = np.concatenate(blocks)[:, np.argsort(means[1], kind="stable")]
    axes.imshow(
        stacked,
        cmap=style.AROUND_ZERO,
        vmin=-limit,
        vmax=limit,
        aspect="auto",
        interpolation="nearest",
    )
    tokens = [*(_marked_tokens(probed) for probed in probes.reference), ["a", "b", "c"]]
    names = ["a)", "b)", "c)", "means"]
    labels = [label for pair in zip(names, tokens, strict=True) for label in (pair[0], *pair[1])]
    axes.set_yticks(range(len(labels)), labels, fontsize=style.TINY)
    axes.tick_params(length=0)
    axes.set_xticks([])
    axes.set_title(
        f"{spaced(report.method)}: cosines ab {probes.cos_ab:.2f}, ac {probes.cos_ac:.2f}, "
        f"bc {probes.cos_bc:.2f}\n"
        f"closer to b than c: {probes.rank_bc:.1%} of {probes.headlines:,} {plain(probes.label)}",
        fontsize=style.TITLE,
    )
    axes.set_xlabel(
        f"{len(probes.centre)} features, in the order of b's mean", fontsize=style.SMALL
    )


def _draw_most_moved(drift: Drift, axes: Axes) -> None:
    rows = np.argsort(-drift.distances, kind="stable")[:_NAMED_WORDS][::-1]
    rows = rows[drift.distances[rows] > 0]
    colours = [style.label_colour(label) for label in drift.towards[rows]]
    axes.barh(range(len(rows)), drift.distances[rows], color=colours)
    names = [plain(name, most=16) for name in drift.label_names]
    words = [f"{plain(drift.words[i], most=20)}  ({names[drift.towards[i]]})" for i in rows]
    axes.set_yticks(range(len(rows)), words, fontsize=style.SMALL)
    axes.set_xlabel("distance moved", fontsize=style.SMALL)
    axes.set_title("moved most (towards the label)", fontsize=style.TITLE)


def _marked_tokens(probed: ProbedText) -> list[str]:
    marks = dict.fromkeys(probed.unseen, " *") | dict.fromkeys(probed.unknown, " †")
    return [plain(token) + marks.get(token, "") for token in probed.tokens]


def _named_points(drift: Drift) -> list[int]:
    """Points of the map that get a name: the words that were asked for, and those that moved
    most."""
    place_of = {int(row): place for place, row in enumerate(drift.words_map.chosen)}
    row_of = {word: row for row, word in enumerate(drift.words)}
    asked = [row_of[near.word] for near in drift.neighbours if near.trained]
    farthest = np.argsort(-drift.distances[drift.words_map.chosen], kind="stable")
    rows = [*asked, *drift.words_map.chosen[farthest]]
    places = [place_of[int(row)] for row in rows if int(row) in place_of]
    return list(dict.fromkeys(places))[:_NAMED_WORDS]


def _apart(
    named: Sequence[int], points: NDArray[np.float32], room: NDArray[np.float64]
) -> list[int]:
    """The named points without those whose name would stand on an earlier one. `room`: of a
    name."""
    kept: list[int] = []
    for i in named:
        if not any((np.abs(points[i] - points[k]) < room).all() for k in kept):
            kept.append(i)
    return kept


def _all_points(plane: Plane) -> NDArray[np.float64]:
    """Those before and after, and the origin, so that there is always one."""
    return np.concatenate([plane.before, plane.after, np.zeros((1, 2))])


def _set_same_frame(plane: Plane, *maps: Axes) -> None:
    points = _all_points(plane)
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.05 * (high - low) + 1e-6
    for axes in maps:
        axes.set_xlim(low[0] - margin[0], high[0] + margin[0])
        axes.set_ylim(low[1] - margin[1], high[1] + margin[1])
        axes.set_xticks([])
        axes.set_yticks([])
        caption = f"two components, {plane.share:.0%} of the variance"
        axes.set_xlabel(caption, fontsize=style.SMALL)
