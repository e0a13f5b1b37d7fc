"""report.html in a real browser."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from audit_builders import plant
from builders import small_overrides

from pipeline import report
from pipeline.config import load_config
from pipeline.insight.audit import audit
from pipeline.insight.evaluation import Evaluation
from pipeline.report import style
from pipeline.run import run

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.slow

EVIL = (
    '<script>document.title = "run"</script><img src=x onerror="document.title = 1"> \u202e "\' &'
)
LOOKS: dict[str, dict[str, Any]] = {"wide": {}, "narrow": {"width": 360}, "dark": {"dark": True}}
A4_WIDTH = 680  # pixels between the margins


def write(folder: Path, text: report.Item) -> Path:
    assert isinstance(text, report.Text)
    (folder / text.path).write_text(text.content, "utf-8")
    return folder / text.path


@pytest.fixture
def evil_page(tmp_path: Path) -> Path:
    """Sections of the test split, with labels and headlines that try to run a script."""
    random = np.random.default_rng(0)
    evaluation = Evaluation(
        np.array([f"{EVIL} {i}" for i in range(200)], object),
        random.integers(0, 12, 200),
        random.dirichlet(np.ones(12), 200),
        tuple(f"{EVIL} {i}" for i in range(12)),
    )
    items = [
        *report.config_items({"data": {"path": EVIL}}),
        *report.evaluations_items({"frozen": evaluation}, "frozen"),
        *report.audit_items(audit(plant("letter_case"))),
    ]
    (page,) = report.run_page_items(items, EVIL, EVIL, "id", "sqlite:///mlflow.db")
    return write(tmp_path, page)


def ink(picture: Locator) -> tuple[int, int]:
    """How light the corner of a picture is, and the ink that differs most from it (0 to 255)."""
    from PIL import Image

    grey = np.asarray(Image.open(io.BytesIO(picture.screenshot())).convert("L"), int)
    corner = int(grey[1, 1])
    return corner, int(grey.flat[np.abs(grey - corner).argmax()])


def test_the_report_of_a_run(
    small: dict[str, Path],
    store: str,
    open_page: Callable[..., Page],
    check_accessibility: Callable[[Page], Any],
) -> None:
    """One run, looked at wide, on a phone and in the dark, without a network."""
    from mlflow import MlflowClient

    result = run(load_config(small_overrides(small, store)))
    path = Path(MlflowClient(store).download_artifacts(result.run_id, "report.html", os.getcwd()))
    for look, options in LOOKS.items():
        page = open_page(path, **options)
        assert page.locator("h1").inner_text().startswith("Right on "), look
        assert page.locator("h2").first.inner_text() == "Result"
        assert check_accessibility(page).passed > 30
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), look
        paper = style.DARK_PAPER if look == "dark" else style.PAPER
        corner, darkest = ink(page.locator("img").first)
        assert abs(corner - int(paper[1:3], 16)) < 8, look
        assert abs(darkest - corner) > 150, look
        alternatives = page.locator("img").evaluate_all("all => all.map(each => each.alt)")
        captions = page.locator("figcaption").all_inner_texts()
        assert len(alternatives) == len(captions) == 9
        assert not set(alternatives) & set(captions)  # they say what the pictures show


def test_nothing_of_the_data_is_run(
    evil_page: Path, open_page: Callable[..., Page], check_accessibility: Callable[[Page], Any]
) -> None:
    for look, options in LOOKS.items():
        page = open_page(evil_page, **options)
        assert page.title().startswith("Training run: <script>"), look
        assert page.locator("img[src='x']").count() == 0
        assert "\\u202e" in page.locator("h1").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), look
        check_accessibility(page)


def test_tables_are_sorted_with_the_keyboard(
    evil_page: Path, open_page: Callable[..., Page]
) -> None:
    page = open_page(evil_page)
    table = page.locator("table", has=page.get_by_role("button", name="recall"))
    button = table.get_by_role("button", name="recall")
    head = table.get_by_role("columnheader", name="recall")

    def values() -> list[float]:
        place = head.evaluate("cell => cell.cellIndex")
        return [float(t) for t in table.locator(f"td:nth-child({place + 1})").all_inner_texts()]

    before = values()
    assert before != sorted(before)
    button.focus()
    page.keyboard.press("Enter")
    assert values() == sorted(before)
    assert head.get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Space")
    assert values() == sorted(before, reverse=True)
    assert head.get_attribute("aria-sort") == "descending"
    table.get_by_role("button", name="precision").click()
    assert head.get_attribute("aria-sort") is None


def test_all_of_it_is_printed(evil_page: Path, open_page: Callable[..., Page]) -> None:
    page = open_page(evil_page, width=A4_WIDTH, dark=True)
    page.emulate_media(media="print")
    widest = "Math.max(...[...document.querySelectorAll('table, img, pre')].map(e => e.getBoundingClientRect().right))"
    assert page.evaluate(widest) <= A4_WIDTH + 1
    cut = "[...document.querySelectorAll('.scroll, pre')].filter(e => getComputedStyle(e).overflowX !== 'visible').length"
    assert page.evaluate(cut) == 0
    assert not page.locator("nav").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert ink(page.locator("img").first)[0] > 250
    assert page.pdf(format="A4").startswith(b"%PDF")
