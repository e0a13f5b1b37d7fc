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

    Each label has a marker of its own: small and filled are cases, larger and hollow are test
    texts. The name of a label stands in the middle of its cases. At most 2,000 of each are drawn,
    evenly out of all. The arguments are those of `cases_items`.
    """
    plane = PCA(2, random_state=0).fit(vectors)
    figure = style.new_figure(style.CASES)
    axes, legend = figure.subplots(), len(cases.label_names) <= _MAX_LEGEND
    small: dict[str, Any] = {"s": 9, "alpha": 0.35, "linewidths": 0}
    large: dict[str, Any] = {"s": 26, "linewidths": 0.9}
    for kind, values, examples, size, hollow in (
        ("cases", vectors, cases, small, False),
        ("test headlines", test_vectors, test, large, True),
    ):
        drawn = np.unique(np.linspace(0, len(values) - 1, _MAX_POINTS).astype(int))
        points, labels = plane.transform(values[drawn]), np.asarray(examples.labels)[drawn]
        for label in np.unique(labels):
            title = f"{plain(cases.label_names[label])}, {kind}"
            look = size | style.label_points(label, hollow=hollow)
            axes.scatter(*points[labels == label].T, label=title, **look)
    if legend:
        points, labels = plane.transform(vectors), np.asarray(cases.labels)
        for label in np.unique(labels):
            middle, name = points[labels == label].mean(axis=0), plain(cases.label_names[label])
            axes.annotate(name, middle, ha="center", bbox=dict(style.BEHIND_NAME))
        figure.legend(loc="outside right upper", fontsize=style.SMALL, frameon=False)
    first, second = plane.explained_variance_ratio_
    axes.set_xlabel(f"first principal component ({first:.0%} of the variance)")
    axes.set_ylabel(f"second ({second:.0%})")
    return figure
