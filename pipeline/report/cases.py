"""The cases of a run: where texts lie, and which labels lie near each other."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from pipeline.data.examples import Examples
from pipeline.report import style
from pipeline.report.items import Item, Picture
from pipeline.report.lettering import plain

_MAX_LEGEND = 10  # labels that a legend has room for
_MAX_POINTS = 2_000  # of each kind: more would hide each other


def cases_items(
    vectors: NDArray[np.float32],
    cases: Examples,
    test_vectors: NDArray[np.float32],
    test: Examples,
) -> list[Item]:
    """A picture of the training texts as cases, with the test texts among them.

    Args:
        vectors: float32 array, (n_cases, width), from `Network.embed`.
        cases: the training texts.
        test_vectors: float32 array, (n_test, width).
        test: the test texts.
    """
    return [Picture("figures/cases.png", cases_figure(vectors, cases, test_vectors, test))]


def cases_figure(
    vectors: NDArray[np.float32],
    cases: Examples,
    test_vectors: NDArray[np.float32],
    test: Examples,
) -> Figure:
    """Both kinds on the first two principal components of the cases, coloured by label.

    Dots are cases, crosses are test texts; the name of a label stands in the middle of its cases. At
    most 2,000 of each are drawn, evenly out of all. The arguments are those of `cases_items`.
    """
    plane = PCA(2, random_state=0).fit(vectors)
    figure = style.new_figure(style.CASES)
    axes, legend = figure.subplots(), len(cases.label_names) <= _MAX_LEGEND
    dots: dict[str, Any] = {"marker": "o", "s": 9, "alpha": 0.35, "linewidths": 0}
    crosses: dict[str, Any] = {"marker": "x", "s": 22, "linewidths": 0.8}
    for kind, values, examples, look in (
        ("cases", vectors, cases, dots),
        ("test headlines", test_vectors, test, crosses),
    ):
        drawn = np.unique(np.linspace(0, len(values) - 1, _MAX_POINTS).astype(int))
        points, labels = plane.transform(values[drawn]), np.asarray(examples.labels)[drawn]
        if not legend:
            axes.scatter(*points.T, color=[*map(style.label_colour, labels)], **look)
            continue
        for label, name in enumerate(cases.label_names):
            colour, title = style.label_colour(label), f"{plain(name)}, {kind}"
            axes.scatter(*points[labels == label].T, color=colour, label=title, **look)
    if legend:
        points, labels = plane.transform(vectors), np.asarray(cases.labels)
        for label in np.unique(labels):
            middle, name = points[labels == label].mean(axis=0), plain(cases.label_names[label])
            axes.annotate(
                name, middle, ha="center", bbox={"fc": style.PAPER, "ec": "none", "alpha": 0.8}
            )
        figure.legend(loc="outside right upper", fontsize=style.SMALL, frameon=False)
    first, second = plane.explained_variance_ratio_
    axes.set_xlabel(f"first principal component ({first:.0%} of the variance)")
    axes.set_ylabel(f"second ({second:.0%})")
    return figure
