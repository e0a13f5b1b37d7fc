"""How all figures look: colours, sizes, fonts. Change them here, and every figure changes.

The colours are near those of Paul Tol's schemes "bright" and "vibrant", which are distinct for
readers who are colour-blind. Lines and points differ in their form too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Paper and ink of a figure. On a dark page they become those of colours.css. All other colours
# stay, as they are readable on both: the contrast is at least 3 (WCAG 2.2, 1.4.11).
TEXT, PAPER = "#000000", "#ffffff"
DARK_TEXT, DARK_PAPER = "#ececec", "#16181b"

# Roles of colours in figures with one or two kinds of things.
MAIN = "#4477aa"
ACCENT, ACCENT_NAME = "#dd6622", "orange"  # the name stands in legends
QUIET = "#808080"

# On cells of a colour map, which are the same on a dark page.
TEXT_ON_LIGHT = "#101010"
TEXT_ON_DARK = "#fefefe"

# Labels of headlines, by their position. After the last one the first one comes again. The marker
# tells labels apart where a reader does not see colours.
LABELS = (
    MAIN,
    ACCENT,
    "#228833",
    "#bb4488",
    "#998811",
    "#2299bb",
    "#777777",
    "#7766cc",
    "#aa5555",
    "#339988",
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p")

# Methods of `pipeline compare`: colour, marker, line.
METHODS: Mapping[str, tuple[str, str, str]] = {
    "ensemble": ("#bb4488", "D", "-"),
    "fine_tuned": (ACCENT, "o", "-"),
    "frozen": ("#998811", "s", "--"),
    "scratch": (MAIN, "^", "-."),
    "tfidf": ("#228833", "v", "--"),
    "fasttext": ("#2299bb", "P", "-."),
    "majority": (QUIET, "", ":"),
}
# Of methods that are not in the table, by their position among those.
_OTHER_METHODS = (
    ("#7766cc", "X", "--"),
    ("#aa5555", "<", "-."),
    ("#339988", ">", "-"),
    ("#777777", "p", "--"),
)

# Colour maps of matplotlib: for fractions, for numbers around zero, for distances. Each goes from
# dark to light or back, so that it is read without colours too.
FRACTIONS = "Blues"
AROUND_ZERO, BELOW_ZERO_NAME, ABOVE_ZERO_NAME = "cividis", "dark blue", "light yellow"
DISTANCES = "viridis"

# Behind a name that stands among points.
BEHIND_NAME: Mapping[str, Any] = {"fc": PAPER, "ec": "none", "alpha": 0.8, "pad": 1}

# Font sizes in points.
TINY = 8
SMALL = 9
TITLE = 10

# Width and height in inches.
LEARNING_CURVES = (8.5, 3.6)
COVERAGE = (8.5, 4.2)
RELIABILITY = (4.5, 5.0)
UNSURE = (8.5, 3.6)
CONFUSED_PAIRS = (8.0, 6.0)
SIGNALS = (8.0, 3.6)
COMPARISON = (8.0, 4.4)
CASES = (8.5, 5.0)
SEARCH = (8.0, 3.8)
SLICE = (2.9, 2.6)  # an option
FRONT = (4.4, 4.2)  # an objective
WORDS_MAP = (12.0, 4.4)  # a row for each method
HEADLINES_MAP = (9.0, 4.2)  # a row for each method
PROBES = (4.2, 6.4)  # a column for each method


def method_look(method: str, methods: Sequence[str]) -> tuple[str, str, str]:
    """Colour, marker and line of a method, which is one of `methods`."""
    others = [each for each in methods if each not in METHODS]
    if method not in others:
        return METHODS[method]
    return _OTHER_METHODS[others.index(method) % len(_OTHER_METHODS)]


def label_colour(label: int) -> str:
    """The colour of a label, given by its position."""
    return LABELS[label % len(LABELS)]


def label_marker(label: int) -> str:
    """The marker of a label, given by its position."""
    return MARKERS[label % len(MARKERS)]


def label_points(label: int, *, hollow: bool) -> dict[str, Any]:
    """How `scatter` draws the points of a label, given by its position."""
    colour = label_colour(label)
    return {
        "marker": label_marker(label),
        "edgecolors": colour,
        "facecolors": "none" if hollow else colour,
    }


def new_figure(
    size: tuple[float, float], *, rows: int = 1, columns: int = 1, margin: float = 0.0
) -> Figure:
    """An empty figure whose parts are laid out without overlap, and whose texts are no formulas.

    `size`: width and height of one cell, in inches. `margin`: inches added to the width.
    """
    from pipeline.report.lettering import LetteredFigure

    width, height = size
    return LetteredFigure(figsize=(columns * width + margin, rows * height), layout="constrained")
