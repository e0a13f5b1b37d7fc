"""`make train`, `make ui` and `make serve` with real servers."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import requests
from builders import ROOT, free_port, server, small_overrides


@pytest.mark.slow
def test_ui_train_and_serve(small: dict[str, Path], tmp_path: Path) -> None:
    """A run is logged to the server of `make ui`; `make serve` answers with its champion."""
    port, scoring = free_port(), free_port()
    uri, address = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{scoring}"
    stores = {
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'mlflow.db'}",
        "MLFLOW_ARTIFACTS_DESTINATION": str(tmp_path / "artifacts"),
    }
    with server(["make", "ui", f"PORT={port}"], f"{uri}/health", tmp_path, **stores):
        overrides = [o for o in small_overrides(small, "") if not o.startswith("tracking.uri")]
        ran = subprocess.run(
            ["make", "train", f"ARGS={' '.join(overrides)}"],
            cwd=ROOT, env={**os.environ, "MLFLOW_TRACKING_URI": uri},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        assert f"{uri}/#/experiments/" in ran.stdout
        model = "MODEL=models:/headlines-headlines@champion"
        serve = ["make", "serve", f"SERVE_PORT={scoring}", model]
        with server(serve, f"{address}/ping", tmp_path, MLFLOW_TRACKING_URI=uri):
            readme = (ROOT / "README.md").read_text("utf-8")
            (body,) = re.findall(r"^curl .* -d '(.*)'$", readme, re.M)
            answer = requests.post(f"{address}/invocations", json=json.loads(body), timeout=30)
            assert answer.status_code == 200, answer.text
            (row,) = answer.json()["predictions"]
            assert row["label"] == "money"
            assert sum(row["probabilities"].values()) == pytest.approx(1)
            why = {**json.loads(body), "params": {"why": True}}
            answer = requests.post(f"{address}/invocations", json=why, timeout=30)
            (words,) = [row["why"]["words"] for row in answer.json()["predictions"]]
            assert [word["word"] for word in words] == why["inputs"][0].split()
            wrong = requests.post(f"{address}/invocations", json={"inputs": [5]}, timeout=30)
            assert wrong.status_code == 400


def test_ui_of_a_server_says_where_it_is() -> None:
    env = {**os.environ, "MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    shown = subprocess.check_output(["make", "ui"], cwd=ROOT, env=env, text=True)
    assert "http://127.0.0.1:9" in shown
