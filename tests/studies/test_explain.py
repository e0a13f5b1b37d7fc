"""`pipeline explain`: several trainings, and what their embeddings know, under one run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from builders import main
from mlflow import MlflowClient

from pipeline.base.errors import ConfigError, DataError
from pipeline.config import load_config
from pipeline.data.headlines import load_headlines
from pipeline.studies.explain import Explanation, explain
from pipeline.studies.study import OnTrial

Runs = Callable[[str], list[Any]]
METHODS = ("scratch", "frozen", "fine_tuned")


def explained(overrides: Sequence[str], on_trial: OnTrial | None = None) -> Explanation:
    """As the command does it."""
    config = load_config(overrides)
    return explain(
        load_headlines(**asdict(config.data)),
        config.explain,
        vectors=config.vectors,
        model=config.model,
        training=config.training,
        tracking=config.tracking,
        probes=config.insight.probes,
        words=config.insight.words,
        seed=config.seed,
        parameters=asdict(config),
        on_trial=on_trial,
    )


def fail_after_the_first(number: int, total: int, sentence: str) -> None:
    if number == 1:
        raise DataError("half-way")


def test_explain(
    overrides: list[str],
    store: str,
    runs: Runs,
    children: Runs,
    capfd: pytest.CaptureFixture[str],
) -> None:
    more = ("explain.seeds=2", "insight.words=[alps,snow]")
    code, out, err = main(capfd, "explain", *overrides, *more)
    assert not code, err
    assert "explain: 4 of 4: seed 1: closer to b than c, of " in err
    lines = out.splitlines()
    assert re.fullmatch(r"report +/.*/report\.html", lines[-1])
    assert [line.split()[0] for line in lines[:3]] == ["a", "b", "c"]
    assert "Himalaya" in lines[1]
    assert re.split("  +", lines[4].strip()) == ["from scratch", "frozen", "fine-tuned"]
    rows = {line.split("  ")[0] for line in lines}
    people = "agreement with people on wordsim353, rank correlation (1 is best)"
    assert {"test accuracy", people, "alps", "snow"} <= rows
    (sentence,) = [line for line in lines if line.startswith("Headlines b and c mean the same")]
    assert re.search(r"scratch [\d.]+% \(no vector for \d+ of their 23 words\)", sentence)

    client = MlflowClient(store)
    (parent,) = runs("attributes.run_name LIKE 'explain-%'")
    assert parent.info.status == "FINISHED"
    below = children(parent.info.run_id)
    expected = {f"{method}-{seed}" for method in METHODS for seed in (0, 1)}
    assert {child.info.run_name for child in below} == expected

    def table(path: str) -> pd.DataFrame:
        return pd.read_csv(client.download_artifacts(parent.info.run_id, path))

    metrics = parent.data.metrics
    by_metric = table("tables/embedding.csv").set_index("metric")
    for method in METHODS:
        group = [c for c in below if c.info.run_name.startswith(f"{method}-")]
        assert {child.data.params["method"] for child in group} == {method}
        for name in ("rank_bc", "pairs_rank_mean"):
            values = [child.data.metrics[f"words/{name}"] for child in group]
            assert metrics[f"words/{name}/{method}"] == pytest.approx(sum(values) / 2)
            assert by_metric.loc[f"probe/{method}/{name}", "low"] == pytest.approx(min(values))
        accuracy = sum(child.data.metrics["test/accuracy"] for child in group) / 2
        assert metrics[f"test/accuracy/{method}"] == pytest.approx(accuracy)
    assert {"alps", "snow"} <= set(table("tables/neighbours.csv")["word"])
    files = {f.path for f in client.list_artifacts(parent.info.run_id, "figures")}
    assert {"figures/probes.png", "figures/drift.png", "figures/headline_map.png"} <= files
    drawn = runs(f"tags.mlflow.parentRunId = '{parent.info.run_id}' and tags.kind = 'line'")
    assert {line.info.run_name for line in drawn} == set(METHODS)
    steps = client.get_metric_history(drawn[0].info.run_id, "words/rank_bc")
    assert [point.step for point in steps] == [0, 1]
    for part in sentence.split(". "):  # the links are between its sentences
        assert part in parent.data.tags["mlflow.note.content"]
    summary = Path(client.download_artifacts(parent.info.run_id, "summary.txt")).read_text()
    assert summary.strip() in lines
    page = Path(client.download_artifacts(parent.info.run_id, "report.html")).read_text("utf-8")
    assert page.count("<img") == 3


@pytest.mark.slow
def test_an_explanation_that_failed_goes_on_and_gives_the_same(
    overrides: list[str], runs: Runs, children: Runs, capfd: pytest.CaptureFixture[str]
) -> None:
    overrides = [*overrides, "explain.seeds=[1]", "vectors.extra_words=0"]
    with pytest.raises(DataError, match="half-way"):
        explained(overrides, fail_after_the_first)
    (parent,) = runs("attributes.run_name LIKE 'explain-%'")
    assert parent.info.status == "FAILED"
    (scratch,) = children(parent.info.run_id)
    assert scratch.info.run_name == "scratch-1"

    resumed = explained(overrides)
    assert resumed.run_id == parent.info.run_id
    below = {run.info.run_name: run for run in children(parent.info.run_id)}
    assert below.keys() == {f"{method}-1" for method in METHODS}
    assert below["scratch-1"].info.run_id == scratch.info.run_id
    assert below["scratch-1"].info.end_time == scratch.info.end_time

    _, out, _ = main(capfd, "explain", "--json", *overrides)
    shown = json.loads(out)
    _, anew = runs("attributes.run_name LIKE 'explain-%'")
    assert anew.info.run_id != parent.info.run_id
    means = {row["metric"]: row["mean"] for row in shown["metrics"]}
    for each in resumed.reports:
        metrics = each.probes.metrics()
        assert {name: means[f"probe/{each.method}/{name}"] for name in metrics} == metrics
        if each.method != "frozen":
            moved = each.drift.metrics()
            assert {name: means[f"drift/{each.method}/{name}"] for name in moved} == moved
    assert shown["in_words"].startswith("Headlines b and c mean the same")


def test_other_probe_sentences_are_another_explanation(
    overrides: list[str], runs: Runs, tmp_path: Path
) -> None:
    """Also in a file of the same name."""
    path = tmp_path / "mine.yaml"
    failing = [*overrides, "training.phases=[scratch]", f"insight.probes={path}"]
    for c in ("snow of the himalaya", "ice of the summit", "ice of the summit"):
        path.write_text(f"reference: {{a: the bank, b: alps loses ice, c: {c}}}")
        with pytest.raises(ConfigError, match="starts from pretrained vectors"):
            explained(failing)
    assert len(runs("attributes.run_name LIKE 'explain-%'")) == 2  # the last one went on


def test_probes_that_cannot_be_read_are_reported_before_the_training(
    overrides: list[str], runs: Runs
) -> None:
    with pytest.raises(DataError, match=r"nowhere.yaml"):
        explained([*overrides, "insight.probes=nowhere.yaml"])
    assert runs("") == []


@pytest.mark.parametrize("override", ["explain.seeds=0", "explain.seeds=[]"])
def test_wrong_options(override: str) -> None:
    with pytest.raises(ConfigError, match=r"explain\.seeds"):
        load_config([override])
