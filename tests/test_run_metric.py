"""A run with `model=metric`: what the training headlines say as cases is evaluated and logged."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from builders import small_overrides
from mlflow import MlflowClient

from pipeline.config import load_config
from pipeline.run import RunResult, run


def run_metric(small: dict[str, Path], store: str, *more: str) -> RunResult:
    options = ("model=metric", "model.width=10", "model.filters=8", "insight=none", *more)
    return run(load_config(small_overrides(small, store, *options)))


def test_a_run_logs_what_its_cases_say(small: dict[str, Path], store: str) -> None:
    result, client = run_metric(small, store, "insight.figures=true"), MlflowClient(store)
    metrics = client.get_run(result.run_id).data.metrics
    assert list(result.evaluations) == ["frozen", "fine_tuned", "ensemble", "cases"]
    assert metrics["test/accuracy/cases"] == result.evaluations["cases"].accuracy > 0.8
    assert metrics["test/accuracy/fine_tuned"] == result.evaluations["fine_tuned"].accuracy
    picture = Path(client.download_artifacts(result.run_id, "figures/cases.png"))
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_without_the_extra_a_run_goes_on(
    small: dict[str, Path],
    store: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)  # as where it is not installed
    result = run_metric(small, store, "model.sif=false", "model.ngrams=false")
    assert list(result.evaluations) == ["frozen", "fine_tuned"]
    assert result.evaluation is result.evaluations[result.fitted.kept]
    assert "pip install 'headline-transfer[cases]'" in caplog.text
