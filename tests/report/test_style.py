"""One file says how all figures look."""

from __future__ import annotations

import io
import re

import pytest
from builders import ROOT
from IPython.core.formatters import DisplayFormatter

from pipeline.report import style
from pipeline.report.lettering import SHORT, fonts_for, plain, warn_of_missing_fonts

LOOKS = re.compile(r"#[0-9a-f]{6}\b|figsize|fontsize=\d|cmap=\"|color=\"")


def test_colours_sizes_and_fonts_stand_nowhere_else() -> None:
    files = [*(ROOT / "pipeline").rglob("*.py"), *(ROOT / "bench").glob("*.py")]
    looks = {str(path.relative_to(ROOT)): LOOKS.findall(path.read_text("utf-8")) for path in files}
    assert looks.pop("pipeline/report/style.py")
    looks.pop(
        "pipeline/cli/why.py"
    )  # it has two of them, as it starts in a moment: test_why compares
    assert {name: matches for name, matches in looks.items() if matches} == {}


def test_a_figure_has_the_size_of_its_cells() -> None:
    assert style.new_figure((4, 3), rows=2, columns=3, margin=1).get_size_inches().tolist() == [
        13,
        6,
    ]


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("paper", [style.PAPER, style.DARK_PAPER])
def test_lines_and_points_are_seen_on_light_and_dark_pages(paper: str) -> None:
    methods = {colour for colour, *_ in style.METHODS.values()}
    for colour in {style.MAIN, style.ACCENT, style.QUIET, *style.LABELS, *methods}:
        low, high = sorted((luminance(colour), luminance(paper)))
        assert (high + 0.05) / (low + 0.05) >= 3, colour


def test_the_colours_of_labels_come_again() -> None:
    n = len(style.LABELS)
    assert len(set(style.LABELS)) == n
    assert style.label_colour(n + 1) == style.label_colour(1) == style.LABELS[1]


def test_labels_and_methods_differ_without_colours() -> None:
    n = len(style.MARKERS)
    assert len(set(style.MARKERS)) == n >= len(style.LABELS)
    assert style.label_marker(n + 1) == style.label_marker(1) == style.MARKERS[1]
    assert len({look[1:] for look in style.METHODS.values()}) == len(style.METHODS)


def test_a_notebook_shows_a_figure() -> None:
    shown, _ = DisplayFormatter().format(style.new_figure((1, 1)))
    assert shown["image/png"].startswith(b"\x89PNG")


NAMES = (
    "$a$ {x}_\\frac", "_hidden", "x" * 5_000, "新闻", "חדשות", "خبر", "caf\udce9", "a\nb\x07", "",
)  # fmt: skip


def test_a_figure_draws_any_name(recwarn: pytest.WarningsRecorder) -> None:
    """No formula, no box, no name beside the figure; nothing that matplotlib warns of."""
    figure = style.new_figure((6, 4))
    axes = figure.subplots()
    axes.set_yticks(range(len(NAMES)), map(plain, NAMES))
    for name in NAMES:
        axes.plot([], [], "o", label=plain(name) or "-")
    axes.legend()
    figure.savefig(io.BytesIO())
    drawn = [label.get_text() for label in axes.get_yticklabels()]
    assert drawn[0] == "$a$ {x}_\\frac"
    assert drawn[6:] == ["caf\\udce9", "a b\\x07", ""]
    assert max(map(len, drawn)) <= SHORT + 1
    shown = [text.get_text() for text in axes.get_legend().get_texts()]
    assert len(shown) == len(NAMES)
    assert [warning.message for warning in recwarn if warning.category is UserWarning] == []


def test_a_character_that_the_usual_font_lacks_is_drawn_with_another_font() -> None:
    """The fonts that come with matplotlib are enough for this one."""
    usual, *others = fonts_for("a ᶁ")
    assert usual == "DejaVu Sans"
    assert len(others) == 1
    assert plain("ᶁ") == "ᶁ"
    assert fonts_for("abc") == ["DejaVu Sans"]


def test_what_no_font_has_is_named(caplog: pytest.LogCaptureFixture) -> None:
    warn_of_missing_fonts(["money", "\U0001d800\U0001d801", "caf\udce9"])
    (message,) = caplog.messages
    assert message.startswith("figures: no font of this machine has \U0001d800 \U0001d801: ")
