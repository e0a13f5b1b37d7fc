"""Cells of CSV files for spreadsheets: what is written comes back."""

from __future__ import annotations

from itertools import product

from pipeline.base.cells import escape_cell, unescape_cell

SIGNS = ("'", "=", "+", "-", "@", "\t", "\n", "1", "a", "＝", " ")


def test_each_text_comes_back() -> None:
    for n in range(5):
        for signs in product(SIGNS, repeat=n):
            text = "".join(signs)
            assert unescape_cell(escape_cell(text)) == text


def test_two_texts_are_two_cells() -> None:
    texts = ["'@POTUS account' to be handed over", "@POTUS account' to be handed over", "''=1", "'"]
    assert len({escape_cell(text) for text in texts}) == len(texts)
