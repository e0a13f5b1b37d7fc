"""Figures of a run."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from pipeline.embedding.matrix import Coverage
from pipeline.insight.evaluation import Evaluation
from pipeline.report.tables import coverage_by_fallback
from pipeline.training.history import History

BLUE, ORANGE, GREY = "#4477aa", "#ee7733", "#888888"  # distinct for colour-blind readers


def learning_curves(history: History) -> Figure:
    """Loss and accuracy by epoch, with a line where a new phase begins and the best epoch."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    steps = np.arange(1, len(history.epochs) + 1)
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        axes.plot(steps, [getattr(e, name) for e in history.epochs], color=GREY, label="train")
        axes.plot(
            steps,
            [getattr(e, f"val_{name}") for e in history.epochs],
            color=BLUE,
            label="validation",
        )
        start = 0
        for phase in history.phases:
            if start:
                axes.axvline(start + 0.5, color=GREY, linestyle=":")
            axes.annotate(
                phase.name, (start + 0.6, 1.01), xycoords=("data", "axes fraction"), color=GREY
            )
            if phase is history.best:
                value = getattr(phase.best, f"val_{name}")
                axes.plot(start + phase.best.number, value, "o", color=ORANGE, label="kept")
            start += len(phase.epochs)
        axes.set_xlim(0.5, len(steps) + 0.5)
        axes.set_xlabel("epoch")
        axes.set_ylabel(name + (" (nats)" if name == "loss" else ""))
        axes.set_xticks(steps[:: max(1, len(steps) // 12)])
        axes.legend()
    return figure


def coverage_figure(coverage: Coverage, most: int = 20) -> Figure:
    """Types and tokens by fallback of the fallbacks, and the `most` frequent words that it misses."""
    frame = coverage_by_fallback(coverage)
    frame = frame[frame["types"] > 0].iloc[::-1]  # the first fallback on top
    missing = coverage.missing[:most][::-1]
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    places = np.arange(len(frame))
    for name, colour, shift in (("types", GREY, -0.2), ("tokens", BLUE, 0.2)):
        shares = 100 * frame[f"{name}_share"]
        bars = left.barh(places + shift, shares, 0.38, color=colour, label=name)
        labels = [f"{s:.1f} %  ({n:,})" for s, n in zip(shares, frame[name], strict=True)]
        left.bar_label(bars, labels, padding=3, fontsize=8)
    left.set_yticks(places, frame["fallback"])
    left.set_xlim(0, 140)
    left.set_xticks(range(0, 101, 20))
    left.set_xlabel("% of the words")
    left.set_title(f"{coverage.tokens:.1%} of the tokens have a vector")
    left.legend(loc="lower right")
    right.barh(range(len(missing)), [count for _, count in missing], color=ORANGE)
    right.set_yticks(
        range(len(missing)), [word for word, _ in missing], fontsize=8, parse_math=False
    )
    right.set_xlabel("times seen")
    right.set_title(f"{len(coverage.missing):,} words without a vector", fontsize="medium")
    return figure


def confusion_matrix(evaluation: Evaluation) -> Figure:
    """Counts by true and predicted label, coloured by the fraction of the true label."""
    counts, names = evaluation.confusion, evaluation.label_names
    size = 2.5 + 0.6 * len(names)
    figure = Figure(figsize=(size + 0.8, size), layout="constrained")
    axes = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(names) <= 20:
        for (row, column), count in np.ndenumerate(counts):
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=colour)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(f"{len(evaluation.labels):,} headlines, accuracy {evaluation.accuracy:.3f}")
    figure.colorbar(picture, ax=axes, label="fraction of the true label")
    return figure


def reliability_diagram(evaluation: Evaluation) -> Figure:
    """Accuracy against confidence in bins; a calibrated model stays on the diagonal."""
    figure = Figure(figsize=(4.5, 5), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=[3, 1], sharex=True)
    confidence = [b.confidence for b in evaluation.bins]
    above.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="calibrated")
    above.plot(confidence, [b.accuracy for b in evaluation.bins], "o-", color=BLUE, label="model")
    above.set_ylabel("accuracy")
    above.set_title(f"expected calibration error {evaluation.ece:.3f}")
    above.legend()
    below.bar(confidence, [b.count for b in evaluation.bins], width=0.05, color=BLUE)
    below.set_ylabel("headlines")
    below.set_xlabel("confidence")
    return figure
