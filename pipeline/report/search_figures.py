"""The pictures of a search: how it went, which options matter, and what is won by giving up
what."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.ticker import MaxNLocator

from pipeline.insight.search import ACCURACY, OBJECTIVES, SearchedTrial
from pipeline.report import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pipeline.report.search import SearchReport

_COLUMNS = 3
_MOST_SLICES = 12  # options that are drawn
_FAR = 50  # times as large: then an axis is logarithmic


def history(search: SearchReport) -> Figure:
    """The first objective of each trial in their order, and the best so far."""
    name = search.objectives[0]
    objective = OBJECTIVES[name]
    figure = style.new_figure(style.SEARCH)
    axes = figure.subplots()
    for state, marker, colour in (("complete", "o", style.MAIN), ("pruned", "x", style.QUIET)):
        trials = [t for t in search.trials if t.state == state and name in t.values]
        if trials:
            numbers = [trial.number for trial in trials]
            values = [trial.values[name] for trial in trials]
            axes.plot(numbers, values, marker, color=colour, label=state, markersize=6)
    complete = [trial for trial in search.trials if trial.state == "complete"]
    better = max if objective.maximise else min
    so_far = [
        better(trial.values[name] for trial in complete[: i + 1]) for i in range(len(complete))
    ]
    numbers = [trial.number for trial in complete]
    axes.step(numbers, so_far, where="post", color=style.ACCENT, label="best so far")
    if search.default is not None:
        value = search.default.values[name]
        axes.axhline(value, color=style.QUIET, linestyle=":", label="defaults")
    axes.set_xlabel("trial")
    axes.set_ylabel(objective.words)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper")
    return figure


def importance(search: SearchReport) -> Figure:
    """How much of the differences each option explains."""
    pairs = sorted(search.importances.items(), key=lambda pair: pair[1])
    figure = style.new_figure(style.SEARCH)
    axes = figure.subplots()
    bars = axes.barh([name for name, _ in pairs], [value for _, value in pairs], color=style.MAIN)
    axes.bar_label(bars, fmt="%.2f", padding=3, fontsize=style.SMALL)
    axes.set_xlabel(f"importance for the {OBJECTIVES[search.objectives[0]].words}")
    axes.margins(x=0.1)
    return figure


def slices(search: SearchReport, options: Sequence[str]) -> Figure:
    """The first objective over each option: a panel an option, a point a trial."""
    objective, options = search.objectives[0], list(options)[:_MOST_SLICES]
    columns = min(_COLUMNS, len(options))
    rows = math.ceil(len(options) / columns)
    figure = style.new_figure(style.SLICE, rows=rows, columns=columns)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    complete = [trial for trial in search.trials if trial.state == "complete"]
    for axes, option in zip(grid, options, strict=False):
        _slice(axes, complete, search.best, option, objective)
        axes.set_xlabel(option, fontsize=style.SMALL)
        axes.grid(alpha=0.3)
    for axes in grid[len(options) :]:
        axes.set_axis_off()
    for axes in grid[::columns]:
        axes.set_ylabel(OBJECTIVES[objective].words, fontsize=style.SMALL)
    return figure


def front(search: SearchReport) -> Figure:
    """The accuracy over each other objective. Those that no other trial beats are joined."""
    others = [name for name in search.objectives if name != ACCURACY]
    figure = style.new_figure(style.FRONT, columns=len(others))
    grid = figure.subplots(1, len(others), squeeze=False, sharey=True).ravel()
    complete = [trial for trial in search.trials if trial.state == "complete"]
    for axes, name in zip(grid, others, strict=True):
        x = [trial.values[name] for trial in complete]
        y = [100 * trial.values[ACCURACY] for trial in complete]
        axes.plot(x, y, "o", color=style.QUIET, markersize=5, label="trial")
        best = sorted(search.front, key=lambda trial: trial.values[name])
        points = [(trial.values[name], 100 * trial.values[ACCURACY]) for trial in best]
        axes.plot(*zip(*points, strict=True), "s", color=style.MAIN, label="no other beats it")
        marked = [(search.best, "*", style.ACCENT, "chosen")]
        if search.default is not None:
            marked.append((search.default, "D", style.TEXT, "defaults"))
        for trial, marker, colour, label in marked:
            axes.plot(
                trial.values[name], 100 * trial.values[ACCURACY], marker, color=colour,
                markersize=13 if marker == "*" else 6, label=label, fillstyle="none",
            )  # fmt: skip
        axes.set_xlabel(OBJECTIVES[name].words)
        if max(x) > _FAR * min(x) > 0:
            axes.set_xscale("log")
        axes.grid(alpha=0.3)
    grid[0].set_ylabel("validation accuracy (%)")
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def _slice(
    axes: Axes, trials: Sequence[SearchedTrial], best: SearchedTrial, option: str, objective: str
) -> None:
    *values, star = _positions([trial.options[option] for trial in (*trials, best)])
    y = [trial.values[objective] for trial in trials]
    colours = [trial.number for trial in trials]
    axes.scatter(values, y, c=colours, cmap=style.DISTANCES, s=22)
    numbers = [value for value in values if not isinstance(value, str)]
    if len(numbers) == len(values) and max(numbers) > _FAR / 5 * min(numbers) > 0:
        axes.set_xscale("log")
    axes.plot(
        [star], [best.values[objective]], "*", color=style.ACCENT, markersize=12, fillstyle="none"
    )


def _positions(values: Sequence[str]) -> list[Any]:
    """Numbers where all are numbers. Else names: an axis cannot have both."""
    positions = [typed(value) for value in values]
    return list(values) if any(isinstance(each, str) for each in positions) else positions


def typed(value: str) -> Any:
    """The value of an option as a number where it is one. `value`: as an override has it."""
    try:
        number = json.loads(value)
    except ValueError:
        return value
    return number if isinstance(number, int | float) and not isinstance(number, bool) else value
