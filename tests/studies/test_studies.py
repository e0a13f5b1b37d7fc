"""`pipeline explain`: several trainings, and what their embeddings know, under one run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from builders import small_overrides
from mlflow import MlflowClient
from pipeline.studies.studies import explain

from pipeline.base.errors import ConfigError, DataError
from pipeline.cli import app as cli
from pipeline.config import load_config
from pipeline.studies import studies
from pipeline.studies import trials as transfer
from pipeline.training import schedule as batches

STARTS = ("scratch", "frozen", "fine_tuned")


@pytest.fixture(autouse=True)
def _short_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """From scratch, a thousand steps would be trained."""
    monkeypatch.setitem(batches._STEPS, "scratch", 40)
    monkeypatch.setitem(batches._PASSES, "scratch", 4)


def _runs(client: MlflowClient, query: str = "") -> list[Any]:
    (experiment,) = (e for e in client.search_experiments() if e.name == "headlines")
    return list(client.search_runs([experiment.experiment_id], query))


def test_explain(small: dict[str, Path], store: str, capfd: pytest.CaptureFixture[str]) -> None:
    overrides = small_overrides(small, store, "explain.seeds=2", "insight.words=[alps,snow]")
    with pytest.raises(SystemExit) as ended:
        cli.main(["explain", *overrides])
    out, err = capfd.readouterr()
    assert not ended.value.code, err
    assert "explain: 4 of 4: seed 1: closer to b than c, of " in err
    lines = out.splitlines()
    assert lines[0].split() == [*STARTS]
    assert {"test accuracy", "wordsim353"} <= {line.split("  ")[0] for line in lines}
    (told,) = [line for line in lines if line.startswith("Of the ")]
    assert re.search(r"scratch [\d.]+% \(no vector for \d+ of their 23 words\)", told)

    client = MlflowClient(store)
    (parent,) = _runs(client, "attributes.run_name LIKE 'explain-%'")
    assert parent.info.status == "FINISHED"
    children = _runs(client, f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
    expected = {f"{start}-{seed}" for start in STARTS for seed in (0, 1)}
    assert {child.info.run_name for child in children} == expected

    def table(path: str) -> pd.DataFrame:
        return pd.read_csv(client.download_artifacts(parent.info.run_id, path))

    metrics = parent.data.metrics
    figures = table("tables/metrics_over_seeds.csv").set_index("metric")
    for start in STARTS:
        of_start = [c for c in children if c.info.run_name.startswith(f"{start}-")]
        assert {child.data.params["method"] for child in of_start} == {start}
        for name in ("cos_ab", "cos_ac", "cos_bc", "rank_bc"):
            values = [child.data.metrics[f"probe/{start}/{name}"] for child in of_start]
            assert metrics[f"probe/{start}/{name}"] == pytest.approx(sum(values) / 2)
            assert figures.loc[f"probe/{start}/{name}", "low"] == pytest.approx(min(values))
        accuracy = sum(child.data.metrics["test_accuracy"] for child in of_start) / 2
        assert metrics[f"{start}/test_accuracy"] == pytest.approx(accuracy)
    words = table("tables/neighbours.csv")
    assert {"alps", "snow"} <= set(words["word"])
    files = {f.path for f in client.list_artifacts(parent.info.run_id, "figures")}
    assert {"figures/probes.png", "figures/drift.png", "figures/headline_map.png"} <= files
    summary = Path(client.download_artifacts(parent.info.run_id, "summary.txt")).read_text()
    assert summary.strip() in lines


def test_one_that_failed_goes_on_and_gives_the_same(
    small: dict[str, Path], store: str, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    overrides = small_overrides(small, store, "explain.seeds=[1]", "vectors.extra_words=0")
    trained: list[str] = []
    real = transfer.fit

    def noted(trial: Any, *others: Any) -> Any:
        trained.append(trial.kind)
        return real(trial, *others)

    monkeypatch.setattr(transfer, "fit", noted)
    with monkeypatch.context() as patch:
        patch.setattr(
            studies,
            "report_embedding",
            lambda *a, **k: _fail() if trained[-1] == "transfer" else _assess(*a, **k),
        )
        with pytest.raises(DataError, match="half-way"):
            explain(load_config(overrides))
    assert trained == ["scratch", "transfer"]
    client = MlflowClient(store)
    (parent,) = _runs(client, "attributes.run_name LIKE 'explain-%'")
    assert parent.info.status == "FAILED"

    resumed = explain(load_config(overrides))
    assert resumed.run_id == parent.info.run_id
    assert trained == ["scratch", "transfer", "transfer"]
    with pytest.raises(SystemExit):
        cli.main(["explain", "--json", *overrides])
    told = json.loads(capfd.readouterr().out)
    (_, anew) = sorted(
        _runs(client, "attributes.run_name LIKE 'explain-%'"), key=lambda run: run.info.start_time
    )
    assert anew.info.run_id != parent.info.run_id
    shown = {row["metric"]: row["mean"] for row in told["metrics"]}
    for known in resumed.knowledge:
        figures = known.probes.metrics()
        assert {name: shown[f"probe/{known.method}/{name}"] for name in figures} == figures
        if known.method != "frozen":
            moved = known.drift.metrics()
            assert {name: shown[f"drift/{known.method}/{name}"] for name in moved} == moved
    assert told["in_words"].startswith("Of the ")


_assess = studies.report_embedding


def _fail() -> None:
    raise DataError("half-way")


def test_probes_that_cannot_be_read_are_said_before_anything_is_trained(
    small: dict[str, Path], store: str
) -> None:
    wrong = small_overrides(small, store, "insight.probes=nowhere.yaml")
    with pytest.raises(DataError, match=r"nowhere.yaml"):
        explain(load_config(wrong))


@pytest.mark.parametrize("override", ["explain.seeds=0", "explain.seeds=[]"])
def test_wrong_options(override: str) -> None:
    with pytest.raises(ConfigError, match=r"semantics\.seeds"):
        load_config([override])
