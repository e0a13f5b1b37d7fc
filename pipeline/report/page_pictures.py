"""Figures as SVG that stand in a page: they follow the page's light or dark colours."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from urllib.parse import quote

import numpy as np
from matplotlib import rc_context
from matplotlib.collections import Collection
from matplotlib.figure import Figure

from pipeline.report import style

_MOST_POINTS = 1_000  # that are drawn one by one; more become pixels, which are smaller
_ABOVE_POINTS = 1.2  # an order of drawing: points come before 1.2; axes, frames and texts after
_DPI = 110  # of what is drawn as pixels
_SAFE = " /:;=,+()!*@$?~{}-_."  # of an address; one that is shorter than base64
_PIXELS_PER_POINT = 96 / 72  # of CSS, per point of print
_COLOURS = f"""<style>
:root {{ --text: {style.TEXT}; --paper: {style.PAPER}; }}
@media screen and (prefers-color-scheme: dark) {{
:root {{ --text: {style.DARK_TEXT}; --paper: {style.DARK_PAPER}; }} }}
text {{ fill: var(--text); }}
</style>
"""
_VARIABLES = {style.TEXT: "var(--text)", style.PAPER: "var(--paper)"}
_INK = re.compile(rf"(?<=fill: |roke: )(?:{style.TEXT}|{style.PAPER})\b")


@dataclass(frozen=True)
class Drawn:
    """A figure as the address of an SVG picture. `width`: in pixels."""

    address: str
    width: int


def draw(figure: Figure) -> Drawn:
    """Draw a figure as SVG. Its text stays text, and what is black and white follows the page.

    Many points become pixels. The figure is left as it was.
    """
    svg = _svg(figure)
    begin = svg.index("<svg")
    head = svg.index(">", begin) + 1
    body = _INK.sub(lambda match: _VARIABLES[match[0]], svg[head:])
    content = svg[begin:head] + _COLOURS + body
    return Drawn(
        "data:image/svg+xml," + quote(" ".join(content.split()), safe=_SAFE),
        round(figure.get_figwidth() * 72 * _PIXELS_PER_POINT),
    )


def _svg(figure: Figure) -> str:
    points = {axes: sum(map(_count, axes.collections)) for axes in figure.axes}
    pixels = [
        axes for axes, count in points.items() if count and sum(points.values()) > _MOST_POINTS
    ]
    before = [axes.get_rasterization_zorder() for axes in pixels]
    drawn = io.StringIO()
    try:
        for axes in pixels:
            axes.set_rasterization_zorder(_ABOVE_POINTS)
        with rc_context({"svg.fonttype": "none", "svg.hashsalt": "report"}):
            figure.savefig(drawn, format="svg", metadata={"Date": None}, transparent=True, dpi=_DPI)
    finally:  # the figure is the caller's
        for axes, order in zip(pixels, before, strict=True):
            axes.set_rasterization_zorder(order)
    return drawn.getvalue()


def _count(cloud: Collection) -> int:
    """How many points, lines or fields are drawn."""
    return max(np.size(cloud.get_offsets()) // 2, len(cloud.get_paths()))
