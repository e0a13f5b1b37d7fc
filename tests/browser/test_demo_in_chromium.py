"""The page of `pipeline demo` in a real browser, on a model of a real store."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from builders import free_port, server

from pipeline.run import RunResult

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow

TEXT = "Bank profit rises after the final"


@pytest.fixture(scope="module")
def demo(logged: RunResult, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a demo that runs."""
    port, folder = free_port(), tmp_path_factory.mktemp("demo")
    command = [
        sys.executable, "-m", "pipeline.cli", "demo", "--model", "headlines-headlines",
        "--cases", str(folder / "cases"), "--port", str(port),
        "--tracking-uri", logged.tracking_uri,
    ]  # fmt: skip
    with server(command, f"http://127.0.0.1:{port}/api/about", folder):
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture
def wait_for() -> Callable[..., None]:
    """`wait_for(page, selector, text)`: until the element has the text."""
    from playwright.sync_api import expect

    def wait(page: Page, selector: str, text: str) -> None:
        expect(page.locator(selector)).to_contain_text(text, timeout=60_000)

    return wait


@pytest.mark.parametrize(
    ("width", "dark"), [(1200, False), (360, False), (1200, True)], ids=["wide", "narrow", "dark"]
)
def test_a_headline_and_many_are_shown_and_accessible(
    demo: str,
    open_page: Callable[..., Page],
    check_accessibility: Callable[[Page], Any],
    wait_for: Callable[..., None],
    width: int,
    dark: bool,
) -> None:
    page = open_page(demo, width=width, dark=dark)
    wait_for(page, "#model", "knows 3 labels")
    check_accessibility(page)
    page.fill("#headlines", TEXT)
    wait_for(page, "#label", "money")
    wait_for(page, "#methods", "network, frozen")
    wait_for(page, "#words", "profit+")
    assert page.locator("#nearest li").count() == 5
    assert check_accessibility(page).passed > 20
    page.fill("#headlines", f"{TEXT}\n\nAlps may lose snow\n<b>goal</b>\nجبال الألب\n阿尔卑斯山")
    wait_for(page, "#counts", "5 headlines:")
    assert page.locator("#lines tr").count() == 5
    assert page.locator("#lines td:first-child").all_inner_texts() == ["1", "3", "4", "5", "6"]
    page.locator("#lines button").nth(2).click()
    wait_for(page, "#chosen", "<b>goal</b>")
    page.locator("#lines button").nth(4).click()
    wait_for(page, "#unknown", "no vector for any word")
    assert check_accessibility(page).passed > 20
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.fill("#headlines", "  ")
    page.locator("#one").wait_for(state="hidden")
    assert page.locator("#error").is_hidden()


def test_a_correction_with_the_keyboard_alone(
    demo: str, open_page: Callable[..., Page], wait_for: Callable[..., None]
) -> None:
    page = open_page(demo)
    wait_for(page, "#model", "knows 3 labels")
    page.keyboard.press("Tab")
    page.keyboard.type(TEXT[:11])
    wait_for(page, "#label", "money")
    wait_for(page, "#vote", "Their votes:")
    page.keyboard.type(TEXT[11:])  # its answer may still be on its way when the label is kept
    while page.evaluate("document.activeElement.id") != "right":
        page.keyboard.press("Tab")
    page.keyboard.type("economy")
    page.keyboard.press("Enter")
    wait_for(page, "#kept", "Kept as economy.")
    wait_for(page, "#own", "economy")
    wait_for(page, "#nearest li:first-child", "new case")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    wait_for(page, "#kept", "The last correction is undone.")
    page.locator("#own").wait_for(state="hidden")


def test_ten_thousand_lines_and_a_very_long_one(
    demo: str, open_page: Callable[..., Page], wait_for: Callable[..., None]
) -> None:
    page = open_page(demo)
    wait_for(page, "#model", "knows 3 labels")
    lines = "\n".join(f"Bank {i} and the market" for i in range(10_000))
    page.evaluate(
        """text => {
          const data = new DataTransfer();
          data.setData("text/plain", text);
          const box = document.getElementById("headlines");
          box.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data}));
        }""",
        lines,
    )
    wait_for(page, "#counts", "10,000 headlines:")
    page.locator("#progress").wait_for(state="hidden")
    assert page.locator("#lines tr").count() == 200
    page.click("#more")
    assert page.locator("#lines tr").count() == 400
    with page.expect_download() as waiting:
        page.click("#save")
    rows = [*csv.reader(Path(waiting.value.path()).read_text("utf-8").splitlines())]
    assert len(rows) == 10_001
    assert rows[0][:3] == ["text", "predicted_label", "predicted_probability"]
    page.locator("#headlines").evaluate("box => { box.value = 'alps '.repeat(20_000) }")
    page.locator("#headlines").dispatch_event("input")
    wait_for(page, "#error", "first 10,000 characters")
    wait_for(page, "#label", "nature")


def test_a_file_comes_back_labelled(
    demo: str, open_page: Callable[..., Page], wait_for: Callable[..., None], tmp_path: Path
) -> None:
    page = open_page(demo)
    (tmp_path / "my.csv").write_text("id,words\n1,Bank profit\n2,\n")
    page.click("#upload button")
    wait_for(page, "#labelled", "Choose a file first.")
    page.set_input_files("#file", tmp_path / "my.csv")
    page.fill("#column", "words")
    with page.expect_download() as waiting:
        page.click("#upload button")
    assert waiting.value.suggested_filename == "my-labelled.csv"
    rows = [*csv.reader(Path(waiting.value.path()).read_text("utf-8").splitlines())]
    assert [row[:3] for row in rows] == [
        ["id", "words", "predicted_label"], ["1", "Bank profit", "money"], ["2", "", ""],
    ]  # fmt: skip
