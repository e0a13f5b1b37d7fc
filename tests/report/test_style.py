"""One file says how all figures look."""

from __future__ import annotations

import re

from builders import ROOT

from pipeline.report import style

LOOKS = re.compile(r"#[0-9a-f]{6}\b|figsize|fontsize=\d|cmap=\"|color=\"")


def test_colours_sizes_and_fonts_stand_nowhere_else() -> None:
    files = [*(ROOT / "pipeline").rglob("*.py"), *(ROOT / "bench").glob("*.py")]
    looks = {path.name: LOOKS.findall(path.read_text("utf-8")) for path in files}
    assert looks.pop("style.py")
    assert {name: matches for name, matches in looks.items() if matches} == {}


def test_a_figure_has_the_size_of_its_cells() -> None:
    assert style.new_figure((4, 3), rows=2, columns=3, margin=1).get_size_inches().tolist() == [
        13,
        6,
    ]


def test_the_colours_of_labels_come_again() -> None:
    n = len(style.LABELS)
    assert len(set(style.LABELS)) == n
    assert style.label_colour(n + 1) == style.label_colour(1) == style.LABELS[1]
