"""The map of the cases."""

from __future__ import annotations

import numpy as np

from pipeline import report
from pipeline.data.examples import Examples
from pipeline.report import style


def test_the_picture_shows_every_label_and_both_kinds() -> None:
    labels = [i % 3 for i in range(180)]
    vectors = np.random.default_rng(0).normal(size=(180, 10)).astype(np.float32)
    cases = Examples(["text"] * 180, labels, ("a", "b", "c"))
    test = Examples(["text"] * 9, labels[:9], ("a", "b", "c"))
    (picture,) = report.cases_items(vectors, cases, vectors[:9], test)
    assert isinstance(picture, report.Picture)
    (axes,), (legend,) = picture.figure.axes, picture.figure.legends
    shown = {text.get_text() for text in legend.get_texts()}
    assert shown == {f"{name}, {kind}" for name in "abc" for kind in ("cases", "test headlines")}
    assert sum(len(points.get_offsets()) for points in axes.collections) == 189
    assert legend.legend_handles[0].get_facecolor()[0, :3].tolist() == [
        int(style.LABELS[0][i : i + 2], 16) / 255 for i in (1, 3, 5)
    ]
