"""The cases of a run: where headlines lie, and which label those near them have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from pipeline.report.items import Item, Picture

_LEGEND = 10  # labels that a legend has room for
_MOST = 2_000  # headlines drawn of each kind: more hide each other


Represented = tuple[NDArray[np.float32], Sequence[int]]
"""Representations of headlines, (n, width), and their labels."""


def cases_items(cases: Represented, test: Represented, label_names: Sequence[str]) -> list[Item]:
    """A picture of the training headlines as cases, with the test headlines among them."""
    return [Picture("figures/cases.png", map_of_cases(cases, test, label_names))]


def map_of_cases(cases: Represented, test: Represented, label_names: Sequence[str]) -> Figure:
    """Both on the two directions in which the cases spread most (principal component analysis):
    dots for cases, crosses for test headlines, coloured by label. At most 2,000 of each are drawn,
    evenly out of all."""
    plane = PCA(2, random_state=0).fit(cases[0])
    figure = Figure(figsize=(8.5, 5), layout="constrained")
    axes = figure.subplots()
    looks: list[tuple[str, Represented, dict[str, Any]]] = [
        ("cases", cases, {"marker": "o", "s": 9, "alpha": 0.35, "linewidths": 0}),
        ("test headlines", test, {"marker": "x", "s": 22, "linewidths": 0.8}),
    ]
    for kind, (vectors, labels), look in looks:
        drawn = np.unique(np.linspace(0, len(vectors) - 1, _MOST).astype(int))
        points, of = plane.transform(vectors[drawn]), np.asarray(labels)[drawn]
        for number, name in enumerate(label_names):
            colour = colormaps["tab10"](number % 10)
            axes.scatter(*points[of == number].T, color=colour, label=f"{name}, {kind}", **look)
    if len(label_names) <= _LEGEND:
        figure.legend(loc="outside right upper", fontsize=8, frameon=False)
    first, second = plane.explained_variance_ratio_
    axes.set_xlabel(f"first principal component ({first:.0%} of the variance)")
    axes.set_ylabel(f"second ({second:.0%})")
    return figure
