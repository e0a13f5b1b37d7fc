"""A small model in a store of its own, which the tests of commands ask."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from builders import small_overrides

from pipeline.config import load_config
from pipeline.run import RunResult, run


@pytest.fixture(scope="session")
def logged(
    small: dict[str, Path], store_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> RunResult:
    """A finished run. The store is a file, and `result.tracking_uri` its address."""
    folder = tmp_path_factory.mktemp("logged")
    shutil.copy(store_template, folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        uri = f"sqlite:///{folder / 'mlflow.db'}"
        return run(load_config(small_overrides(small, uri, "insight=none")))


@pytest.fixture
def asked(logged: RunResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunResult:
    """The same, for a command in an empty folder that finds the store by the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", logged.tracking_uri)
    return logged
