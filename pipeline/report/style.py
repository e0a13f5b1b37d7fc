"""How all figures look: colours, sizes, fonts. Change them here, and every figure changes.

The colours are those of Paul Tol's schemes "bright" and "vibrant". They are distinct for readers
who are colour-blind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Roles of colours in figures with one or two kinds of things.
MAIN = "#4477aa"
ACCENT, ACCENT_NAME = "#ee7733", "orange"  # the name stands in legends
QUIET, QUIET_NAME = "#888888", "grey"
TEXT = "black"
TEXT_ON_DARK = "white"

# Labels of headlines, by their position. After the last colour the first one comes again.
LABELS = (
    MAIN,
    ACCENT,
    "#228833",
    "#aa3377",
    "#ccbb44",
    "#66ccee",
    "#bbbbbb",
    "#332288",
    "#882255",
    "#44aa99",
)

# Methods of `pipeline compare`.
METHODS: Mapping[str, str] = {
    "ensemble": "#aa3377",
    "fine_tuned": "#ee6677",
    "frozen": "#ccbb44",
    "scratch": MAIN,
    "tfidf": "#228833",
    "fasttext": "#66ccee",
    "majority": QUIET,
}

# Colour maps of matplotlib: for fractions, for numbers around zero, for distances.
FRACTIONS = "Blues"
AROUND_ZERO, BELOW_ZERO_NAME, ABOVE_ZERO_NAME = "PuOr", "orange", "purple"
DISTANCES = "viridis"

# Font sizes in points.
TINY = 7
SMALL = 8
TITLE = 9

# Width and height in inches.
LEARNING_CURVES = (9.0, 3.6)
COVERAGE = (9.0, 4.2)
RELIABILITY = (4.5, 5.0)
CONFUSED_PAIRS = (8.0, 6.0)
SIGNALS = (8.0, 3.6)
COMPARISON = (8.0, 4.4)
CASES = (8.5, 5.0)
WORDS_MAP = (12.0, 4.2)  # a row for each method
HEADLINES_MAP = (9.0, 4.2)  # a row for each method
PROBES = (4.2, 6.4)  # a column for each method


def label_colour(label: int) -> str:
    """The colour of a label, given by its position."""
    return LABELS[label % len(LABELS)]


def new_figure(
    size: tuple[float, float], *, rows: int = 1, columns: int = 1, margin: float = 0.0
) -> Figure:
    """An empty figure whose parts are laid out without overlap, and whose texts are no formulas.

    `size`: width and height of one cell, in inches. `margin`: inches added to the width.
    """
    from pipeline.report.lettering import LetteredFigure

    width, height = size
    return LetteredFigure(figsize=(columns * width + margin, rows * height), layout="constrained")
