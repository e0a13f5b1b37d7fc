"""What a newcomer sees in MLflow: the page of the last run in a real browser."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from builders import free_port, make_headlines, server

from pipeline import report
from pipeline.data.headlines import load_headlines
from pipeline.insight.evaluation import evaluate_probabilities
from pipeline.tracking.options import TrackingOptions
from pipeline.tracking.pages import last_page
from pipeline.tracking.runs import tracked_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow

TIMEOUT_SECONDS = 120
# What MLflow's page itself gets wrong: it asks who the user is, and a library of it complains.
MLFLOW_S_OWN = ("404 (Not Found)", "ResizeObserver loop")


@pytest.fixture
def shown(store: str, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The address of the last run in a server of MLflow, and the accuracy that is to be read there."""
    headlines = load_headlines(*make_headlines(40))
    test = headlines.examples("test")
    sure = [[0.8 if n == label else 0.1 for n in range(3)] for label in test.labels]
    evaluation = evaluate_probabilities(sure, test)
    low, high = evaluation.accuracy_interval
    row = {"classifier": "frozen", "kept": True, "test_accuracy": 1.0, "low": low, "high": high}
    results = pd.DataFrame([row | {"test_macro_f1": 1.0}])
    with tracked_run(TrackingOptions(uri=store), "a-run", tags={"kind": "train"}) as tracked:
        items = report.evaluations_items({"frozen": evaluation}, "frozen")
        picture = report.shown_picture(items, "figures/confusion_matrix.png")
        result = report.result_sentence(evaluation)
        curve = [report.Metric("epochs/val_accuracy", step / 10, step) for step in range(1, 5)]
        note = report.run_items(result, results, headlines, {}, [], tracked.address, picture)
        tracked.log([*items, *curve, *note])
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store]
    command += ["--port", str(port), "--workers", "1"]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    address = f"http://127.0.0.1:{port}"
    with server(command, f"{address}/health", tmp_path, **quiet):
        yield f"{address}/{last_page(store)}", result


def test_the_page_of_the_last_run(browser: Browser, shown: tuple[str, str]) -> None:
    address, result = shown
    errors: list[str] = []
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(1000 * TIMEOUT_SECONDS)
    context.on("weberror", lambda error: errors.append(str(error.error)))
    context.on("console", lambda line: line.type == "error" and errors.append(line.text))
    page = context.new_page()
    page.goto(address)
    # Without a click: the name, the result, and the link to the report.
    page.get_by_role("heading", name="a-run").first.wait_for()
    page.get_by_text(result).first.wait_for()
    page.get_by_role("link", name="The whole report").click(trial=True)
    assert "genai" not in page.url
    # After one: the table, the picture and how to load the model.
    page.get_by_text("Show more", exact=True).first.click()
    page.get_by_role("cell", name="frozen (kept)").wait_for()
    picture = page.locator("img[src^=get-artifact]")
    picture.wait_for()
    page.wait_for_function("image => image.naturalWidth > 300", arg=picture.element_handle())
    page.get_by_text(re.compile(r"mlflow\.pyfunc\.load_model")).first.wait_for()
    # The curves come first on the page of the metrics.
    page.get_by_role("link", name="Curves", exact=True).wait_for()
    page.goto(address.replace("?", "/model-metrics?"))
    sections = r"epochs\s*\(1\)[^]*test\s*\(5\)"  # with the numbers of their charts
    page.wait_for_function(f"() => /{sections}/.test(document.body.innerText)")
    context.close()
    assert not [error for error in errors if not any(own in error for own in MLFLOW_S_OWN)]
