"""`pipeline sweep`: trials, a search that goes on, several processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import psutil
import pytest
from builders import main, small_overrides
from mlflow import MlflowClient

from pipeline.base.errors import ConfigError
from pipeline.cli.searched import best_overrides
from pipeline.studies.journal import Journal
from pipeline.studies.space import Choices, Range, Space

Runs = Callable[[str], list[Any]]
SPACE = """
model.dropout: {low: 0.0, high: 0.5}
vectors.vector_size: [null, 9]  # a trial with 9 fails: the vectors have 8
"""
PATIENCE_SECONDS = 280  # for what takes a few: the machine may be busy


@pytest.fixture
def search(small: dict[str, Path], store: str, tmp_path: Path) -> list[str]:
    """The arguments of a search whose trials take a second."""
    (tmp_path / "mine.yaml").write_text(SPACE)
    return small_overrides(
        small, store, "model.sif=false", "model.ngrams=false", "sweep.space=mine.yaml"
    )


@pytest.fixture
def below(runs: Runs) -> Runs:
    """The trials below a run."""
    return lambda run_id: runs(f"tags.mlflow.parentRunId = '{run_id}' and tags.kind = 'trial'")


# ------------------------------------------------------------------------------ the journal

TWO = Space("two.yaml", ("accuracy",), {"a": Range(0.0, 1.0), "b": Choices(("x", "y"))})
DEFAULTS = {"a": "0.5", "b": "x"}


def journal(folder: Path, key: str = "key") -> Journal:
    return Journal(folder / "journal.log", TWO, key, 0, DEFAULTS)


def end(journal: Journal, trial: Any, accuracy: float) -> None:
    values = {"accuracy": accuracy, "log_loss": 0.5}
    journal.end(trial, "complete", values, seconds=1.0, run_id="r")


def test_the_first_trial_has_the_defaults_and_there_are_as_many_as_asked(tmp_path: Path) -> None:
    opened = journal(tmp_path)
    for number in range(3):
        trial = opened.claim(3)
        assert trial is not None
        assert trial.number == number
        end(opened, trial, 0.5 + number / 10)
    assert opened.claim(3) is None
    trials = opened.trials
    assert [trial.default for trial in trials] == [True, False, False]
    assert trials[0].options == DEFAULTS
    assert len({trial.options["a"] for trial in trials}) == 3
    assert trials[2].values == {"accuracy": 0.7, "log_loss": 0.5}


def test_a_search_that_goes_on_proposes_the_same(tmp_path: Path) -> None:
    """A trial that was cut off is tried again, and does not count."""
    at_once, cut = tmp_path / "once", tmp_path / "cut"
    for folder, cut_after in ((at_once, None), (cut, 2)):
        opened = journal(folder)
        for number in range(12):
            if number == cut_after:
                assert opened.claim(12) is not None  # it never ends
                opened = journal(folder)
            trial = opened.claim(12)
            assert trial is not None
            end(opened, trial, float(trial.params["a"]))
        assert opened.claim(12) is None
    first, second = (
        [trial for trial in journal(folder).trials if trial.state != "cut off"]
        for folder in (at_once, cut)
    )
    assert [trial.options for trial in first] == [trial.options for trial in second]
    (lost,) = [trial for trial in journal(cut).trials if trial.state == "cut off"]
    assert (lost.number, lost.options) == (2, first[2].options)
    assert len(second) == 12


def test_a_trial_is_tried_twice_at_most(tmp_path: Path) -> None:
    for _ in range(2):
        assert journal(tmp_path).claim(1) is not None
    opened = journal(tmp_path)
    assert opened.claim(1) is None
    states = {trial.number: (trial.state, trial.reason) for trial in opened.trials}
    assert states[0][0] == "cut off"
    assert states[1] == ("failed", "its process disappeared")


def test_a_last_line_that_was_cut_off_goes_away(tmp_path: Path) -> None:
    opened = journal(tmp_path)
    trial = opened.claim(2)
    assert trial is not None
    end(opened, trial, 0.5)
    path = tmp_path / "journal.log"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"op_code": 4, "worker')
    assert len(journal(tmp_path).trials) == 1
    assert path.read_bytes().startswith(whole)
    for line in path.read_bytes().splitlines():
        json.loads(line)


def test_a_trial_that_was_cut_off_at_the_end_is_tried_again(tmp_path: Path) -> None:
    assert journal(tmp_path).claim(1) is not None  # it never ends
    opened = journal(tmp_path)
    assert opened.others_running()
    trial = opened.claim(1)
    assert trial is not None
    end(opened, trial, 0.5)
    assert not opened.others_running()


@pytest.mark.parametrize(("objective", "prunes"), [("accuracy", True), ("log_loss", False)])
def test_only_for_accuracy_a_trial_is_pruned(objective: str, prunes: bool, tmp_path: Path) -> None:
    space = replace(TWO, objectives=(objective,))
    opened = Journal(tmp_path / "journal.log", space, "key", 0, DEFAULTS)
    for _ in range(8):
        trial = opened.claim(10)
        assert trial is not None
        trial.report(0.5, 6)
        end(opened, trial, 0.5)
    for accuracy, worse in ((0.4, True), (0.6, False)):
        trial = opened.claim(10)
        assert trial is not None
        trial.report(accuracy, 6)
        assert trial.should_prune() == (prunes and worse)
        end(opened, trial, accuracy)


# ------------------------------------------------------------------------------- the command


def test_sweep_and_train_the_best(
    search: list[str], store: str, runs: Runs, below: Runs, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = main(capfd, "sweep", *search, "sweep.trials=3")
    assert not code, err
    client = MlflowClient(store)
    (parent,) = runs("tags.kind = 'sweep'")
    run_id = parent.info.run_id
    assert parent.info.status == "FINISHED"
    assert f"pipeline train sweep={run_id}" in out
    assert out.rstrip().endswith("/report.html")
    assert not [name for name in parent.data.metrics if name.startswith("test/")]

    table = pd.read_csv(client.download_artifacts(run_id, "tables/trials.csv"))
    assert set(table["state"]) == {"complete", "failed"}  # the search went on
    assert len(table) == 3
    trials = below(run_id)
    assert Counter(trial.info.status for trial in trials) == Counter(
        table["state"].map({"complete": "FINISHED", "failed": "FAILED"})
    )
    assert {trial.info.run_id for trial in trials} == set(table["run_id"])
    assert (
        "expected vectors of dimension 9"
        in table.set_index("state").loc["failed", "reason"].__str__()
    )
    best = table.loc[int(parent.data.tags["best_trial"])]
    assert parent.data.metrics["validation/accuracy"] == pytest.approx(best["accuracy"])
    assert best["accuracy"] == table["accuracy"].max()
    (run,) = [trial for trial in trials if trial.info.run_id == best["run_id"]]
    assert run.data.params["model.dropout"] == str(best["model.dropout"])
    note = run.data.tags["mlflow.note.content"]
    assert note.startswith(f"Trial {best['trial']}: validation accuracy ")
    assert f"- `model.dropout={best['model.dropout']}`" in note
    curve = client.get_metric_history(run.info.run_id, "epochs/val_accuracy")
    assert [point.step for point in curve] == [1, 2, 3, 4, 5, 6]  # through both phases
    files = {file.path for file in client.list_artifacts(run_id)}
    assert {"search.json", "optuna.log", "report.html", "summary.txt"} <= files
    pictures = {file.path for file in client.list_artifacts(run_id, "figures")}
    assert {"figures/search_history.png", "figures/search_slices.png"} <= pictures
    assert "Trial" in parent.data.tags["mlflow.note.content"].partition("\n")[0]
    study = optuna.load_study(
        study_name="search",
        storage=optuna.storages.JournalStorage(
            optuna.storages.journal.JournalFileBackend(
                client.download_artifacts(run_id, "optuna.log")
            )
        ),
    )
    assert len(study.trials) == 3

    # What else is given wins, and the options are those of the trial.
    given, tags = best_overrides([f"sweep={run_id}", f"tracking.uri={store}", "model.dropout=0.25"])
    assert "model.dropout=0.25" in given
    assert sum(text.startswith("model.dropout=") for text in given) == 1
    assert tags["search_trial"] == parent.data.tags["best_trial"]
    replaced, _ = best_overrides([f"sweep={run_id}", f"tracking.uri={store}", "model=cnn"])
    assert not [text for text in replaced if text.startswith("model.") or text == "model=mean"]
    with pytest.raises(ConfigError, match="expected the number of a complete trial, as one of 0"):
        best_overrides([f"sweep={run_id}/99", f"tracking.uri={store}"])

    code, out, err = main(
        capfd, "train", f"sweep={run_id}", f"tracking.uri={store}", "insight=none"
    )
    assert not code, err
    assert f"options    trial {best['trial']} of the search {run_id}; besides: " in out
    (trained,) = runs("tags.kind = 'train'")
    assert trained.data.tags["search"] == run_id
    assert float(trained.data.params["model.dropout"]) == best["model.dropout"]
    assert trained.data.metrics["validation/accuracy"] == pytest.approx(best["accuracy"])


def test_what_decides_in_training_is_the_objective(
    search: list[str], store: str, runs: Runs, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    _rewrite(tmp_path)
    code, out, err = main(capfd, "sweep", *search, "sweep.trials=2", "training.select=log_loss")
    assert not code, err
    (parent,) = runs("tags.kind = 'sweep'")
    logged = _logged_search(store, parent.info.run_id)
    assert logged["objectives"] == ["log_loss"]
    losses = {trial["number"]: trial["values"]["log_loss"] for trial in logged["trials"]}
    assert len(losses) == 2
    assert logged["best"] == min(losses, key=lambda number: losses[number])
    assert parent.data.metrics["validation/log_loss"] == pytest.approx(min(losses.values()))
    assert " is best: validation log loss (nats) " in out


def test_a_search_in_which_nothing_finishes(
    search: list[str], runs: Runs, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.yaml").write_text("vectors.vector_size: [7, 9]")
    code, _, err = main(capfd, "sweep", *search, "sweep.trials=2")
    assert code == 2
    assert "error: none of 2 trials finished: the last one failed: " in err
    (parent,) = runs("tags.kind = 'sweep'")
    assert parent.info.status == "FAILED"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_accuracy_against_size_and_speed(
    search: list[str], store: str, runs: Runs, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.yaml").write_text(
        "objectives: [accuracy, megabytes, milliseconds]\n"
        "model: [cnn, mean]\n"
        "model.ngrams: [true, false]\n"
    )
    given = [text for text in search if not text.startswith("model")]
    code, out, err = main(capfd, "sweep", *given, "sweep.trials=4")
    assert not code, err
    (parent,) = runs("tags.kind = 'sweep'")
    trials = _logged_search(store, parent.info.run_id)["trials"]
    assert [trial["state"] for trial in trials] == ["complete"] * 4  # nothing is pruned
    for trial in trials:
        assert {"accuracy", "log_loss", "megabytes", "milliseconds"} == trial["values"].keys()
        assert trial["values"]["milliseconds"] > 0
    assert len({trial["values"]["megabytes"] for trial in trials}) > 1
    assert {"validation/accuracy", "model/megabytes", "model/milliseconds"} <= set(
        parent.data.metrics
    )
    pictures = MlflowClient(store).list_artifacts(parent.info.run_id, "figures")
    assert "figures/search_front.png" in {file.path for file in pictures}
    assert "size of the model (MB)" in out


# ----------------------------------------------------------------------- processes and kills


def _hear_signals() -> None:
    """A shell's background job, which a test run may be, ignores SIGINT, and nohup SIGHUP."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _start(search: list[str], *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", "sweep", *search, *more],
        env=os.environ.copy(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=_hear_signals,
    )


def _lives(process: str) -> bool:
    try:
        return psutil.Process(int(process)).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _wait(ready: Callable[[], bool], process: subprocess.Popen[str] | None) -> None:
    """Wait for something that happens while the process goes on."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not ready():
        if process is not None:
            assert process.poll() is None, process.stdout.read() if process.stdout else ""
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.1)


LONG = ("training.frozen.epochs=100000", "sweep.trials=3")
ENDLESS = "sweep.trials=100000"


def _rewrite(tmp_path: Path) -> None:
    """A space in which no trial fails."""
    (tmp_path / "mine.yaml").write_text("model.dropout: {low: 0.0, high: 0.5}\n")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_search_that_is_interrupted_ends_as_killed(
    number: signal.Signals, search: list[str], runs: Runs, below: Runs, tmp_path: Path
) -> None:
    _rewrite(tmp_path)
    process = _start(search, *LONG)
    try:
        _wait(lambda: bool(runs("tags.kind = 'trial' and metrics.`epochs/loss` > 0")), process)
        process.send_signal(number)
        out, _ = process.communicate(timeout=PATIENCE_SECONDS)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in out
    (parent,) = runs("tags.kind = 'sweep'")
    assert parent.info.status == "KILLED"
    assert [trial.info.status for trial in below(parent.info.run_id)] == ["KILLED"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_search_that_was_killed_goes_on(
    search: list[str], store: str, runs: Runs, below: Runs, tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    _rewrite(tmp_path)
    process = _start(search, ENDLESS)
    done = "tags.kind = 'trial' and attributes.status = 'FINISHED'"
    going = "tags.kind = 'trial' and attributes.status = 'RUNNING'"
    try:
        _wait(lambda: bool(runs(done)) and bool(runs(going)), process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(20)
    finished = {run.info.run_id: run.info.end_time for run in runs(done)}
    (parent,) = runs("tags.kind = 'sweep'")
    run_id, number = parent.info.run_id, len(finished) + 2

    given = ("--resume", run_id, f"tracking.uri={store}", f"sweep.trials={number}")
    code, _, err = main(capfd, "sweep", *given)
    assert not code, err
    (again,) = runs("tags.kind = 'sweep'")
    assert (again.info.run_id, again.info.status) == (run_id, "FINISHED")
    trials = {trial.info.run_id: trial.info for trial in below(run_id)}
    assert {info.status for info in trials.values()} <= {"FINISHED", "KILLED"}
    for each, end_time in finished.items():  # what was done is not done again
        assert trials[each].end_time == end_time
    states = Counter(trial["state"] for trial in _logged_search(store, run_id)["trials"])
    assert states["complete"] + states["pruned"] == number
    assert states["cut off"] <= 1


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_processes_share_a_search(
    search: list[str], store: str, runs: Runs, below: Runs, tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """`sweep.processes=2` starts the same command once more. Both end with the first."""
    _rewrite(tmp_path)
    process = _start(search, ENDLESS, "sweep.processes=2")

    def workers() -> set[str]:
        return {run.data.tags["pipeline.process"] for run in runs("tags.kind = 'trial'")}

    try:
        _wait(lambda: len(workers()) == 2, process)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=PATIENCE_SECONDS)
    finally:
        process.kill()
    assert process.returncode == 130, out
    _wait(lambda: not any(map(_lives, workers())), None)
    (parent,) = runs("tags.kind = 'sweep'")
    assert parent.info.status == "KILLED"
    # The journal is whole: the search can be ended with what there is.
    code, out, err = main(capfd, "sweep", *search, "sweep.trials=1")
    assert not code, err
    assert f"pipeline train sweep={parent.info.run_id}" in out
    trials = below(parent.info.run_id)
    assert {trial.info.status for trial in trials} <= {"FINISHED", "KILLED"}
    names = [trial.info.run_name for trial in trials]
    assert len(names) == len(set(names))  # no two processes did the same
    logged = _logged_search(store, parent.info.run_id)["trials"]
    assert [trial["number"] for trial in logged] == list(range(len(logged)))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_second_process_takes_over(
    search: list[str], runs: Runs, below: Runs, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The same command given twice, and the first is killed."""
    _rewrite(tmp_path)
    first, second = _start(search, ENDLESS), None
    try:
        _wait(lambda: bool(runs("tags.kind = 'trial'")), first)
        second = _start(search, ENDLESS)
        own = f"tags.`pipeline.process` = '{second.pid}' and tags.kind = "
        _wait(lambda: bool(runs(f"{own} 'trial'")), second)
        first.send_signal(signal.SIGKILL)  # without a look at its end: it stays as a zombie
        _wait(lambda: bool(runs(f"{own} 'sweep'")), second)
        done = f"{own} 'trial' and attributes.status = 'FINISHED'"
        enough = len(runs(done)) + 2
        _wait(lambda: len(runs(done)) >= enough, second)
        second.send_signal(signal.SIGTERM)
        out, _ = second.communicate(timeout=PATIENCE_SECONDS)
        assert second.returncode == 130, out
    finally:
        for process in (first, second):
            if process is not None:
                process.kill()
                process.wait(20)
    code, out, err = main(capfd, "sweep", *search, "sweep.trials=1")  # it ends with what there is
    assert not code, err
    (parent,) = runs("tags.kind = 'sweep'")
    assert parent.info.status == "FINISHED"
    assert f"pipeline train sweep={parent.info.run_id}" in out
    statuses = Counter(trial.info.status for trial in below(parent.info.run_id))
    assert statuses["KILLED"] <= 2
    assert set(statuses) <= {"FINISHED", "KILLED"}


def _logged_search(store: str, run_id: str) -> Any:
    path = MlflowClient(store).download_artifacts(run_id, "search.json")
    return json.loads(Path(path).read_text())
