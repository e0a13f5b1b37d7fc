"""Every bad input of docs/robustness.md gets what the page says."""

from __future__ import annotations

from pathlib import Path

import pytest
from bad_input import PAGE, BadInput, Trial, all_rooms, attempt, figures, page

ROWS = [row for rows in all_rooms().values() for row in rows]


@pytest.mark.parametrize("row", ROWS, ids=[row.what for row in ROWS])
def test_it_gets_what_the_page_says(
    row: BadInput,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "trial"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert attempt(row, Trial(folder, capfd)) == row.gets


def test_the_page_is_made_from_the_rows() -> None:
    assert PAGE.read_text("utf-8") == page(all_rooms(), figures()), (
        "run: python tests/robustness/bad_input.py"
    )


def test_no_two_rows_have_the_same_words() -> None:
    assert len({row.what for row in ROWS}) == len(ROWS)
