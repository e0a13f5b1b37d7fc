"""A small model in a store of its own, which the tests of commands ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.run import RunResult


@pytest.fixture
def asked(logged: RunResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunResult:
    """The same, for a command in an empty folder that finds the store by the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", logged.tracking_uri)
    return logged
