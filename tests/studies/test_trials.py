"""Starts compared with few headlines and many: the trials, what follows from their scores, and the
command."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import make_headlines, small_overrides, write_glove
from mlflow import MlflowClient
from pipeline.studies.studies import compare

from pipeline.base.errors import ConfigError, VectorsError
from pipeline.cli import app as cli
from pipeline.config import load_config
from pipeline.data.headlines import Headlines, load_headlines
from pipeline.insight.outcomes import Outcome
from pipeline.studies import trials as transfer
from pipeline.studies.trials import Trial
from pipeline.training import schedule as batches

GRID = ("compare.sizes=[6,20]", "compare.seeds=2", "training.fine_tuned.epochs=2")


@pytest.fixture(autouse=True)
def _short_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """From scratch, a thousand steps would be trained."""
    monkeypatch.setitem(batches._STEPS, "scratch", 40)
    monkeypatch.setitem(batches._PASSES, "scratch", 4)


@pytest.fixture(scope="module")
def headlines() -> Headlines:
    return load_headlines(*make_headlines(40))


# --------------------------------------------------------------------------------- the trials


def test_a_sample_holds_each_label_in_its_share_and_the_smaller_samples(
    headlines: Headlines,
) -> None:
    before: set[str] = set()
    for n in (3, 6, 12, 30, 60):
        texts, labels = transfer.sample(headlines, "train", n, seed=1)
        assert len(texts) == len(set(texts)) == n
        assert np.ptp(np.bincount(labels, minlength=3)) <= 1
        assert before <= set(texts)
        before = set(texts)
        known = dict(zip(headlines.texts("train"), headlines.labels("train"), strict=True))
        assert [known[text] for text in texts] == labels
    assert set(transfer.sample(headlines, "train", 12, seed=2)[0]) != set(
        transfer.sample(headlines, "train", 12, seed=1)[0]
    )
    everything = transfer.sample(headlines, "train", 10_000, seed=1)
    assert everything == (headlines.texts("train"), headlines.labels("train"))


def test_a_size_above_what_there_is_stands_for_all(headlines: Headlines) -> None:
    n = len(headlines.splits["train"])
    trials = transfer.plan(headlines, [12, 1000, n + 1], [3, 4])
    assert {trial.size for trial in trials} == {12, n}
    assert [trial.seed for trial in trials] == sorted(trial.seed for trial in trials)
    assert {trial.kind for trial in trials} >= {"majority", "tfidf", "scratch", "transfer"}
    assert len(trials) == len(set(trials))


def test_fewer_headlines_than_labels(headlines: Headlines) -> None:
    with pytest.raises(ConfigError, match=r"compare.sizes: expected at least .* labels, 3, got 2"):
        transfer.plan(headlines, [2, 50], [0])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training=scratch", "leave training=scratch out"),
        ("vectors=random", "got vectors=random: leave it out"),
    ],
)
def test_there_must_be_something_to_transfer(
    headlines: Headlines, override: str, message: str
) -> None:
    options = [override, "vectors.vector_size=8"] if "random" in override else [override]
    with pytest.raises(ConfigError, match=message):
        transfer.prepare(load_config(options), headlines)


def test_further_words_are_the_frequent_ones_whatever_the_headlines_ask_for(
    small: dict[str, Path], headlines: Headlines
) -> None:
    options = ["vectors=file", f"vectors.path={small['vectors']}", "vectors.extra_words=5"]
    ground = transfer.prepare(load_config(options), headlines)
    lines = small["vectors"].read_text().splitlines()
    assert list(ground.frequent) == [line.split()[0] for line in lines[:5]]
    assert {"alps", "himalaya"} <= set(ground.vectors.index_to_key)


def test_vectors_of_other_words_are_refused(headlines: Headlines, tmp_path: Path) -> None:
    write_glove(tmp_path / "other.txt", ["зима", "the"])
    options = ["vectors=file", f"vectors.path={tmp_path / 'other.txt'}", "vectors.min_coverage=0.3"]
    ground = transfer.prepare(load_config(options), headlines)
    training, validation = (transfer.sample(headlines, s, 12, 0) for s in ("train", "validation"))
    with pytest.raises(VectorsError, match=r"vectors\.min_coverage"):
        transfer.fit(Trial("transfer", 12, 0), ground, training, validation)


@pytest.mark.parametrize("name", sorted(transfer.BASELINES))
def test_baselines_learn_and_say_it_again(name: str, headlines: Headlines) -> None:
    if name == "fasttext":
        pytest.importorskip("fasttext")
    training = transfer.sample(headlines, "train", 60, 0)
    validation = transfer.sample(headlines, "validation", 12, 0)
    test, truth = headlines.texts("test"), np.array(headlines.labels("test"))
    first, second = (transfer.BASELINES[name](training, validation, 3, 0)(test) for _ in range(2))
    assert (first == second).all()
    assert (first == truth).mean() > (0.3 if name == "majority" else 0.6)


@pytest.mark.parametrize("letter_case", [False, True])
def test_all_see_letter_case_or_none_does(
    small: dict[str, Path], headlines: Headlines, letter_case: bool
) -> None:
    """The labels differ in nothing but capitals."""
    texts = [text.title() for text in headlines.texts("train")]
    texts += [text.upper() for text in headlines.texts("train")]
    labels = ["title"] * (len(texts) // 2) + ["upper"] * (len(texts) // 2)
    cased = load_headlines(texts, labels)
    ground = transfer.prepare(
        load_config(
            ["vectors=file", f"vectors.path={small['vectors']}", f"model.letter_case={letter_case}"]
        ),
        cased,
    )
    for kind in {*transfer.BASELINES} - {"majority"}:
        if kind == "fasttext" and not transfer._installed():
            continue
        (score,) = transfer.try_out(Trial(kind, len(cased.splits["train"]), 0), ground)
        assert (score.test_accuracy > 0.9) == letter_case, kind


def test_tfidf_of_headlines_with_one_label(headlines: Headlines) -> None:
    alone = (["alps lose snow", "ice melts"], [1, 1])
    assert transfer.BASELINES["tfidf"](alone, alone, 3, 0)(["bank"]).tolist() == [1]


# -------------------------------------------------------------------------------- the command


@pytest.fixture
def grid(small: dict[str, Path], store: str) -> list[str]:
    return small_overrides(small, store, *GRID)


def _children(client: MlflowClient, run_id: str) -> list[dict[str, str]]:
    experiment = client.get_run(run_id).info.experiment_id
    runs = client.search_runs([experiment], f"tags.mlflow.parentRunId = '{run_id}'")
    assert {run.info.status for run in runs} == {"FINISHED"}
    return [run.data.params for run in runs]


def test_compare(
    grid: list[str], store: str, capfd: pytest.CaptureFixture[str], small: dict[str, Path]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["compare", "--json", *grid, "compare.seeds=[1]"])
    out, err = capfd.readouterr()
    assert not ended.value.code, err
    found = json.loads(out)
    assert re.search(r"compare: \d+ of \d+: 20 headlines, seed 1: test accuracy", err)
    assert "matrix:" not in err  # the stages are silent

    client = MlflowClient(store)
    (experiment,) = (e for e in client.search_experiments() if e.name == "headlines")
    (parent,) = client.search_runs(
        [experiment.experiment_id], "attributes.run_name LIKE 'compare-%'"
    )
    assert parent.info.status == "FINISHED"
    files = {file.path for file in client.list_artifacts(parent.info.run_id)}
    assert {"compare.csv", "config.yaml", "figures", "tables", "summary.txt"} <= files
    path = client.download_artifacts(parent.info.run_id, "compare.csv")
    table = pd.read_csv(path)
    assert list(table) == ["method", "size", "seed", "test_accuracy", "test_macro_f1", "seconds"]
    starts = {"scratch", "frozen", "fine_tuned", "ensemble", "tfidf", "majority"}
    assert set(table["method"]) - {"fasttext"} == starts
    assert set(table["size"]) == {6, 20}
    assert set(table["seed"]) == {1}
    assert len(table) == 2 * table["method"].nunique() == len(found["outcomes"])
    assert table["test_accuracy"].between(0, 1).all()
    assert (table["seconds"] > 0).all()

    # Vectors that know the topics are worth something with two headlines a topic.
    few = table[table["size"] == 6].groupby("method")["test_accuracy"].mean()
    assert few["ensemble"] > few["scratch"]
    assert few["ensemble"] > few["majority"]

    children = _children(client, parent.info.run_id)
    assert len(children) == len(table)
    assert {child["method"] for child in children} == set(table["method"])
    curve = client.get_metric_history(parent.info.run_id, "fine_tuned/test_accuracy")
    assert {point.step: point.value for point in curve} == pytest.approx(
        table[table["method"] == "fine_tuned"].groupby("size")["test_accuracy"].mean().to_dict()
    )
    summary = Path(client.download_artifacts(parent.info.run_id, "summary.txt")).read_text()
    assert summary.strip() == found["in_words"]
    assert summary.startswith("fine-tuned vectors.txt reaches ")
    assert len(parent.inputs.dataset_inputs) == 3


def test_the_same_seed_gives_the_same_scores(grid: list[str], small: dict[str, Path]) -> None:
    config = load_config([*grid, "compare.sizes=[12]"])
    headlines = load_headlines("file", path=small["csv"])
    ground = transfer.prepare(config, headlines)
    for kind in ("scratch", "transfer"):
        first, second = (transfer.try_out(Trial(kind, 12, 1), ground) for _ in range(2))
        assert [s.method for s in first] == transfer.starts(Trial(kind, 12, 1), config)
        for one, other in zip(first, second, strict=True):
            assert (one.predicted == other.predicted).all()


def test_one_that_was_shot_goes_on(grid: list[str], store: str) -> None:
    client, grid = MlflowClient(store), [*grid, "compare.sizes=[6]"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", "compare", *grid],
        env=os.environ.copy(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def runs() -> list[Any]:
        found = [e for e in client.search_experiments() if e.name == "headlines"]
        return client.search_runs([found[0].experiment_id]) if found else []

    def finished() -> dict[str, Any]:
        return {r.info.run_id: r for r in runs() if r.info.status == "FINISHED"}

    try:
        _wait(lambda: len(finished()) >= 2, process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(20)
    done = finished()
    (parent,) = (r for r in runs() if r.info.run_name.startswith("compare-"))
    trained: list[Trial] = []
    real = transfer.try_out
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "try_out", lambda t, g: trained.append(t) or real(t, g))
        result = compare(load_config(grid))
    assert result.run_id == parent.info.run_id
    record = client.get_run(result.run_id)
    assert record.info.status == "FINISHED"
    assert record.data.tags["end.reason"] == ""
    after = finished()
    assert {i: after[i].info.end_time for i in done} == {
        i: r.info.end_time for i, r in done.items()
    }
    children = _children(client, result.run_id)
    keys = [(c["method"], c["size"], c["seed"]) for c in children]
    assert len(keys) == len(set(keys)) == len(result.outcomes)
    every = {(s.method, str(s.size), str(s.seed)) for s in result.outcomes}
    assert every == set(keys)
    # What was finished when the process was shot was not done again.
    before = {tuple(r.data.params[k] for k in ("method", "size", "seed")) for r in done.values()}
    assert not before & {(t.kind, str(t.size), str(t.seed)) for t in trained}
    assert len(trained) < len(transfer.plan(result.headlines, [6], [0, 1]))
    # The next one is another run: nothing of it was cut off.
    known = {(s.method, s.size, s.seed): s for s in result.outcomes}
    config = load_config(grid)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            transfer,
            "try_out",
            lambda t, _: [known[start, t.size, t.seed] for start in transfer.starts(t, config)],
        )
        assert compare(config).run_id != result.run_id


def _wait(ready: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None, "it ended before it could be shot"
        if ready():
            return
        time.sleep(0.2)
    raise AssertionError("it took too long")


def test_an_error_half_way_leaves_a_failed_run_that_goes_on(
    grid: list[str], store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load_config([*grid, "compare.sizes=[6]", "compare.seeds=[0]"])
    real = transfer.try_out

    def fails(trial: Trial, ground: transfer.Ground) -> list[Outcome]:
        if trial.kind == "scratch":
            raise ConfigError("half-way")
        return real(trial, ground)

    client = MlflowClient(store)
    with monkeypatch.context() as patch:
        patch.setattr(transfer, "try_out", fails)
        with pytest.raises(ConfigError, match="half-way"):
            compare(config)
    (experiment,) = (e for e in client.search_experiments() if e.name == "headlines")
    (failed,) = client.search_runs(
        [experiment.experiment_id], "attributes.run_name LIKE 'compare-%'"
    )
    assert failed.info.status == "FAILED"
    result = compare(config)
    assert result.run_id == failed.info.run_id
    assert client.get_run(result.run_id).info.status == "FINISHED"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("compare.sizes=[]", "compare.sizes"),
        ("compare.sizes=[0]", "compare.sizes"),
        ("compare.seeds=0", "compare.seeds"),
        ("compare.seeds=[-1]", "compare.seeds"),
        ("compare.size=[10]", "there is no option 'compare.size' here; did you mean"),
    ],
)
def test_wrong_options(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        load_config([override])


def test_seeds_are_a_number_or_a_list() -> None:
    assert load_config(["compare.seeds=3"]).compare.drawn(first=7) == [7, 8, 9]
    assert load_config(["compare.seeds=[5,2,5]"]).compare.drawn(first=7) == [5, 2]
