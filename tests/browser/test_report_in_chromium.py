"""report.html in a real browser."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from builders import small_overrides

from pipeline.config import load_config
from pipeline.run import run

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run_page(
    small: dict[str, Path], store_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The report of a small run."""
    from mlflow import MlflowClient

    folder = tmp_path_factory.mktemp("report")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    (folder / "mlflow.db").write_bytes(store_template.read_bytes())
    before = Path.cwd()
    os.chdir(folder)
    try:
        result = run(load_config(small_overrides(small, uri)))
        client = MlflowClient(uri)
        return Path(client.download_artifacts(result.run_id, "report.html", str(folder)))
    finally:
        os.chdir(before)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_report_of_a_run_opens_without_a_network_and_is_accessible(
    run_page: Path,
    open_page: Callable[..., Page],
    check_accessibility: Callable[[Page], Any],
    dark: bool,
) -> None:
    page = open_page(run_page, dark=dark)
    assert page.locator("h2").first.inner_text() == "Result"
    assert check_accessibility(page).passed > 20
