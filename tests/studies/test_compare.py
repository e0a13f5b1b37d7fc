"""`pipeline compare`: methods with few headlines and with many."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import main, make_headlines
from mlflow import MlflowClient

from pipeline.base.errors import ConfigError
from pipeline.config import load_config
from pipeline.data.examples import Examples
from pipeline.data.headlines import Headlines, load_headlines
from pipeline.studies.baselines import Predict
from pipeline.studies.compare import Comparison, compare, methods, plan_trials, run_trial
from pipeline.studies.study import OnTrial
from pipeline.studies.trials import SCRATCH, TRANSFER, Shared, Trial

Runs = Callable[[str], list[Any]]
METHODS = {"scratch", "frozen", "fine_tuned", "ensemble", "tfidf", "majority"}


def compared(overrides: Sequence[str], on_trial: OnTrial | None = None) -> Comparison:
    """As the command does it."""
    config = load_config(overrides)
    return compare(
        load_headlines(**asdict(config.data)),
        config.compare,
        vectors=config.vectors,
        model=config.model,
        training=config.training,
        tracking=config.tracking,
        seed=config.seed,
        parameters=asdict(config),
        on_trial=on_trial,
    )


def cut_off(done: int) -> OnTrial:
    """Raise an error after so many trials."""

    def on_trial(number: int, total: int, sentence: str) -> None:
        if number == done:
            raise ConfigError("half-way")

    return on_trial


# --------------------------------------------------------------------------------- the trials


def test_a_size_above_the_number_of_headlines_stands_for_all(headlines: Headlines) -> None:
    n = len(headlines.splits["train"])
    trials = plan_trials(headlines, [12, 1000, n + 1], [3, 4])
    assert {trial.size for trial in trials} == {12, n}
    assert [trial.seed for trial in trials] == sorted(trial.seed for trial in trials)
    assert {trial.kind for trial in trials} >= {"majority", "tfidf", "scratch", "transfer"}
    assert len(trials) == len(set(trials))


def test_fewer_headlines_than_labels(headlines: Headlines) -> None:
    with pytest.raises(ConfigError, match=r"compare.sizes: expected at least .* labels, 3, got 2"):
        plan_trials(headlines, [2, 50], [0])


def test_the_ensemble_is_an_outcome_wherever_it_has_members(shared: Shared) -> None:
    """Also where the data leave the network alone in it."""
    transfer = Trial(TRANSFER, 4, 1)
    assert methods(transfer, shared) == ["frozen", "fine_tuned", "ensemble"]
    assert methods(Trial(SCRATCH, 4, 1), shared) == ["scratch"]
    assert methods(Trial("tfidf", 4, 1), shared) == ["tfidf"]
    without = replace(shared, model=replace(shared.model, sif=False, ngrams=False))
    assert methods(transfer, without) == ["frozen", "fine_tuned"]
    outcomes, again, alone = (run_trial(transfer, s) for s in (shared, shared, without))
    assert [outcome.method for outcome in outcomes] == methods(transfer, shared)
    assert [outcome.method for outcome in alone] == methods(transfer, without)
    # The same trial gives the same outcomes.
    for ours, same in zip(outcomes, again, strict=True):
        assert (ours.predicted == same.predicted).all()
        assert (ours.test_accuracy, ours.test_macro_f1) == (same.test_accuracy, same.test_macro_f1)
    one_phase = replace(shared.schedule, phases=("frozen",))
    assert methods(transfer, replace(shared, schedule=one_phase)) == ["frozen", "ensemble"]


def test_headlines_of_weight_0_are_left_out_for_all_methods(shared: Shared) -> None:
    texts, labels = make_headlines(20)
    left_out = set(texts[::2])
    frame = pd.DataFrame({"text": texts, "label": labels})
    headlines = load_headlines(
        frame.assign(worth=[0.0 if text in left_out else 2.0 for text in texts]), weight="worth"
    )
    seen: list[str] = []

    def baseline(training: Examples, validation: Examples, seed: int) -> Predict:
        seen.extend([*training.texts, *validation.texts])
        return lambda texts: np.zeros(len(texts), np.int64)

    (trial,) = plan_trials(headlines, [1000], [0], ["mine"])[:1]
    run_trial(trial, replace(shared, headlines=headlines), {"mine": baseline})
    kept = [*headlines.texts("train"), *headlines.texts("validation")]
    assert sorted(seen) == sorted(text.lower() for text in kept if text not in left_out)
    assert trial.size == sum(text not in left_out for text in headlines.texts("train"))


# -------------------------------------------------------------------------------- the command


def test_compare(
    overrides: list[str],
    store: str,
    runs: Runs,
    children: Runs,
    capfd: pytest.CaptureFixture[str],
) -> None:
    code, out, err = main(
        capfd, "compare", "--json", *overrides, "compare.sizes=[6,20]", "compare.seeds=[1]",
        "compare.also=[sklearn.dummy:DummyClassifier]",
    )  # fmt: skip
    assert not code, err
    shown = json.loads(out)
    assert re.search(r"compare: \d+ of \d+: 20 headlines, seed 1: test accuracy", err)
    assert "matrix:" not in err  # the stages are silent

    client = MlflowClient(store)
    (parent,) = runs("attributes.run_name LIKE 'compare-%'")
    assert parent.info.status == "FINISHED"
    assert parent.info.run_name == "compare-headlines-vectors.txt-mean"
    assert parent.data.params["training.scratch.epochs"] == "4"
    assert not [name for name in parent.data.params if name.startswith("tracking.")]
    files = {file.path for file in client.list_artifacts(parent.info.run_id)}
    assert {
        "compare.csv",
        "config.yaml",
        "figures",
        "tables",
        "summary.txt",
        "report.html",
    } <= files
    table = pd.read_csv(client.download_artifacts(parent.info.run_id, "compare.csv"))
    assert list(table) == ["method", "size", "seed", "test_accuracy", "test_macro_f1", "seconds"]
    assert set(table["method"]) - {"fasttext"} == METHODS | {"DummyClassifier"}
    assert set(table["size"]) == {6, 20}
    assert set(table["seed"]) == {1}
    assert len(table) == 2 * table["method"].nunique() == len(shown["outcomes"])
    assert table["test_accuracy"].between(0, 1).all()
    assert (table["seconds"] > 0).all()

    # Vectors that know the topics are worth something with two headlines a topic.
    few = table[table["size"] == 6].set_index("method")["test_accuracy"]
    assert few["ensemble"] > few["scratch"]
    assert few["ensemble"] > few["majority"]

    below = children(parent.info.run_id)
    assert {child.info.status for child in below} == {"FINISHED"}
    assert {child.info.run_name for child in below} == {
        f"{row.method}-{row.size}-{row.seed}" for row in table.itertuples()
    }
    assert len(below) == len(table)
    curve = client.get_metric_history(parent.info.run_id, "test/accuracy/fine_tuned")
    assert {point.step: point.value for point in curve} == pytest.approx(
        table[table["method"] == "fine_tuned"].set_index("size")["test_accuracy"].to_dict()
    )
    lines = runs(f"tags.mlflow.parentRunId = '{parent.info.run_id}' and tags.kind = 'line'")
    assert {line.info.run_name for line in lines} - {"fasttext"} == METHODS | {"DummyClassifier"}
    (line,) = [line for line in lines if line.info.run_name == "fine_tuned"]
    drawn = client.get_metric_history(line.info.run_id, "test/accuracy")
    assert {p.step: p.value for p in drawn} == {p.step: p.value for p in curve}
    assert "by_size.json" in line.data.tags["mlflow.loggedArtifacts"]
    note, words = parent.data.tags["mlflow.note.content"], shown["in_words"]
    first = re.split(r"(?<=[a-z]\.) ", words)[0]
    assert note.startswith(f"{first}\n")
    summary = Path(client.download_artifacts(parent.info.run_id, "summary.txt")).read_text()
    assert summary.strip() == shown["in_words"]
    assert " Fine-tuned vectors.txt reaches " in summary
    winner = max(
        (row for row in shown["means"] if row["size"] == 20), key=lambda row: row["accuracy"]
    )
    assert summary.startswith("With 20 labels, ")
    assert f" is the most accurate ({winner['accuracy']:.1%}). " in summary
    assert len(parent.inputs.dataset_inputs) == 3


@pytest.mark.slow
def test_a_comparison_that_was_killed_goes_on(
    overrides: list[str], store: str, runs: Runs, children: Runs
) -> None:
    client, grid = MlflowClient(store), [*overrides, "compare.sizes=[6]", "compare.seeds=2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", "compare", *grid],
        env=os.environ.copy(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    finished = "attributes.status = 'FINISHED'"
    try:
        _wait(lambda: len(runs(finished)) >= 2, process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(20)
    done = {run.info.run_id: run for run in runs(finished)}
    (parent,) = runs("attributes.run_name LIKE 'compare-%'")
    # A result that no training would give says that it was read, and not made again.
    first = next(iter(done.values()))
    client.log_metric(first.info.run_id, "test/macro_f1", 0.125)

    trials: list[int] = []
    # Where the run is logged, and as what, is no other comparison.
    elsewhere = [*grid, "tracking.promote=never"]
    result = compared(elsewhere, lambda number, *_: trials.append(number))
    assert result.run_id == parent.info.run_id
    record = client.get_run(result.run_id)
    assert record.info.status == "FINISHED"
    assert record.data.tags["pipeline.end_reason"] == ""
    assert trials == list(range(1, len(plan_trials(result.headlines, [6], [0, 1])) + 1))
    for run_id, run in done.items():
        assert client.get_run(run_id).info.end_time == run.info.end_time
    below = children(result.run_id)
    assert {child.info.status for child in below} == {"FINISHED"}
    keys = [tuple(c.data.params[key] for key in ("method", "size", "seed")) for c in below]
    outcomes = {(o.method, str(o.size), str(o.seed)): o for o in result.outcomes}
    assert len(keys) == len(set(keys)) == len(result.outcomes)
    assert outcomes.keys() == set(keys)
    assert {method for method, _, _ in keys} - {"fasttext"} == METHODS
    params = first.data.params
    read = outcomes[params["method"], params["size"], params["seed"]]
    assert read.test_macro_f1 == 0.125


def _wait(ready: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None, "it ended before it could be killed"
        if ready():
            return
        time.sleep(0.2)
    raise AssertionError("it took too long")


def test_an_error_half_way_leaves_a_failed_run_that_goes_on(
    overrides: list[str], runs: Runs, children: Runs
) -> None:
    grid = [*overrides, "compare.sizes=[6]", "compare.seeds=[0]"]
    with pytest.raises(ConfigError, match="half-way"):
        compared(grid, cut_off(2))
    (failed,) = runs("attributes.run_name LIKE 'compare-%'")
    assert failed.info.status == "FAILED"
    assert len(children(failed.info.run_id)) == 2
    # Other options are another comparison.
    with pytest.raises(ConfigError, match="half-way"):
        compared([*grid, "training.scratch.epochs=5"], cut_off(1))
    assert len(runs("attributes.run_name LIKE 'compare-%'")) == 2

    result = compared(grid)
    assert result.run_id == failed.info.run_id
    assert {o.method for o in result.outcomes} - {"fasttext"} == METHODS
    assert len(children(result.run_id)) == len(result.outcomes)
    (record,) = runs(f"attributes.run_id = '{result.run_id}'")
    assert record.info.status == "FINISHED"
    # The next one is another run: nothing of the last one is left to do.
    with pytest.raises(ConfigError, match="half-way"):
        compared(grid, cut_off(1))
    assert len(runs("attributes.run_name LIKE 'compare-%'")) == 3


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
