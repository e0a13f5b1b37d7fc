"""Figures of a run: learning curves, coverage, confusion matrix, reliability, sets of labels."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.embedding.matrix import Coverage
from pipeline.insight.evaluation import Evaluation
from pipeline.report import style
from pipeline.report.lettering import plain
from pipeline.report.tables import coverage_by_fallback
from pipeline.training.history import History

_MATRIX = 30  # labels of which a confusion matrix is drawn
_PAIRS = 25  # of more labels: the pairs that were confused most


def learning_curves(history: History) -> Figure:
    """Loss and accuracy by epoch. A line shows where a phase begins, a star the epoch that was
    kept."""
    figure = style.new_figure(style.LEARNING_CURVES)
    steps = np.arange(1, len(history.epochs) + 1)
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for prefix, label, look in (
            ("", "training", {"color": style.QUIET, "linestyle": "--", "marker": "s"}),
            ("val_", "validation", {"color": style.MAIN, "marker": "o"}),
        ):
            values = [getattr(epoch, prefix + name) for epoch in history.epochs]
            axes.plot(steps, values, label=label, markersize=4, **look)
        start = 0
        for phase in history.phases:
            if start:
                axes.axvline(start + 0.5, color=style.QUIET, linestyle=":")
            axes.annotate(
                phase.name.replace("_", "-"),
                (start + 0.6, 1.02),
                xycoords=("data", "axes fraction"),
                color=style.TEXT,
            )
            if phase is history.best:
                value = getattr(phase.best, f"val_{name}")
                place = start + phase.best.number
                axes.plot(place, value, "*", color=style.ACCENT, markersize=13, label="kept")
            start += len(phase.epochs)
        axes.set_xlim(0.5, len(steps) + 0.5)
        axes.set_xlabel("epoch")
        axes.set_ylabel(name + (" (nats)" if name == "loss" else ""))
        axes.set_xticks(steps[:: max(1, len(steps) // 12)])
        axes.legend()
    return figure


def coverage_figure(coverage: Coverage, n_words: int = 20) -> Figure:
    """How many words each fallback matched, and the most frequent words without a vector.

    Different words are also called types, running words tokens.
    """
    frame = coverage_by_fallback(coverage)
    frame = frame[frame["types"] > 0].iloc[::-1]  # puts the first fallback on top
    missing = coverage.missing[:n_words][::-1]
    figure = style.new_figure(style.COVERAGE)
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    places = np.arange(len(frame))
    for name, title, look, shift in (
        ("types", "different words", {"color": style.QUIET, "hatch": "//"}, -0.2),
        ("tokens", "running words", {"color": style.MAIN}, 0.2),
    ):
        percent = 100 * frame[f"{name}_share"]
        bars = left.barh(places + shift, percent, 0.38, label=title, **look)
        labels = [f"{s:.1f}%  ({n:,})" for s, n in zip(percent, frame[name], strict=True)]
        left.bar_label(bars, labels, padding=3, fontsize=style.SMALL)
    left.set_yticks(places, frame["fallback"])
    left.set_xlim(0, 140)
    left.set_xticks(range(0, 101, 20))
    left.set_xlabel("% of the words")
    left.set_title(f"{coverage.tokens:.1%} of the running words have a vector")
    left.legend(loc="lower right")
    right.barh(range(len(missing)), [count for _, count in missing], color=style.ACCENT)
    words = [plain(word) for word, _ in missing]
    right.set_yticks(range(len(missing)), words, fontsize=style.SMALL)
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    right.set_xlabel("times seen")
    right.set_title(f"{len(coverage.missing):,} words without a vector", fontsize="medium")
    if not missing:
        right.set_axis_off()
    return figure


def confusion_matrix(evaluation: Evaluation) -> Figure:
    """Counts by true and predicted label. The colour is the fraction of the true label.

    Of more than 30 labels, the 25 pairs that were confused most.
    """
    if len(evaluation.label_names) > _MATRIX:
        return _confused_pairs(evaluation)
    counts, names = evaluation.confusion, [*map(plain, evaluation.label_names)]
    size = 2.5 + 0.6 * len(names)
    figure = style.new_figure((size, size), margin=0.8)
    axes = figure.subplots()
    fractions = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    picture = axes.imshow(fractions, cmap=style.FRACTIONS, vmin=0, vmax=1)
    if len(names) <= 20:
        for (row, column), count in np.ndenumerate(counts):
            colour = style.TEXT_ON_DARK if fractions[row, column] > 0.5 else style.TEXT_ON_LIGHT
            axes.text(column, row, str(count), ha="center", va="center", color=colour)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(_result(evaluation))
    figure.colorbar(picture, ax=axes, label="fraction of the true label")
    return figure


def _confused_pairs(evaluation: Evaluation) -> Figure:
    wrong = np.flatnonzero(evaluation.predicted != evaluation.labels)
    pairs, counts = np.unique(
        np.stack([evaluation.labels[wrong], evaluation.predicted[wrong]]),
        axis=1,
        return_counts=True,
    )
    order = np.argsort(-counts, kind="stable")[:_PAIRS][::-1]
    names = [
        f"{plain(evaluation.label_names[label])}  as  {plain(evaluation.label_names[predicted])}"
        for label, predicted in pairs[:, order].T
    ]
    figure = style.new_figure(style.CONFUSED_PAIRS)
    axes = figure.subplots()
    axes.barh(range(len(order)), counts[order], color=style.ACCENT)
    axes.set_yticks(range(len(order)), names, fontsize=style.SMALL)
    axes.set_xlabel(f"headlines of a label predicted as another, of {pairs.shape[1]:,} such pairs")
    axes.set_title(_result(evaluation))
    return figure


def _result(evaluation: Evaluation) -> str:
    return f"{len(evaluation.labels):,} headlines, accuracy {evaluation.accuracy:.3f}"


def reliability_diagram(evaluation: Evaluation) -> Figure:
    """Accuracy by confidence, in bins. The points of a calibrated model lie on the diagonal."""
    figure = style.new_figure(style.RELIABILITY)
    above, below = figure.subplots(2, 1, height_ratios=[3, 1], sharex=True)
    confidence = [b.confidence for b in evaluation.bins]
    above.plot([0, 1], [0, 1], color=style.QUIET, linestyle=":", label="calibrated")
    above.plot(
        confidence, [b.accuracy for b in evaluation.bins], "o-", color=style.MAIN, label="model"
    )
    above.set_ylabel("accuracy")
    above.set_title(f"expected calibration error {evaluation.ece:.3f}")
    above.legend()
    below.bar(confidence, [b.count for b in evaluation.bins], width=0.05, color=style.MAIN)
    below.set_ylabel("headlines")
    below.set_xlabel("confidence")
    return figure


def unsure_figure(evaluation: Evaluation) -> Figure:
    """Left: accuracy by the share that is answered. Right: how often sets hold the right label."""
    figure = style.new_figure(style.UNSURE)
    left, right = figure.subplots(1, 2)
    by_share = evaluation.by_share()
    left.plot(by_share["share_answered"], by_share["accuracy"], "o-", color=style.MAIN)
    left.set_xlim(0, 1.04)
    left.set_xlabel("share of the headlines that is answered")
    left.set_ylabel("accuracy of these")
    sets = evaluation.label_sets()
    right.plot([0.75, 1], [0.75, 1], color=style.QUIET, linestyle=":", label="as asked")
    asked, reached = sets["coverage_asked"], sets["coverage_reached"]
    right.plot(asked, reached, "o-", color=style.MAIN, label="all headlines")
    look = {"color": style.ACCENT, "marker": "v", "linestyle": "--"}
    right.plot(asked, sets["worst_label_coverage"], label="the worst label", **look)
    for *point, size in zip(asked, reached, sets["labels_per_set"], strict=True):
        number = f"{size:.2f}".removesuffix(".00")
        right.annotate(number, point, (0, 6), textcoords="offset points", ha="right")
    right.margins(y=0.12)  # room for the numbers below the frame
    right.set_xlabel("how often sets shall hold the right label")
    right.set_ylabel("how often they do")
    right.set_title("with the mean number of labels in a set", fontsize="medium")
    right.legend(loc="lower right")
    return figure
