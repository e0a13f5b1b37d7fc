"""The life of a run, and its items."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from datasets import Dataset
from mlflow import MlflowClient
from networks import NAMES, built
from sqlalchemy import event
from sqlalchemy.engine import Engine

from pipeline.base.errors import DataError, TrackingError
from pipeline.classifier.ensemble import Classifier
from pipeline.report.items import (
    ComparedTable,
    File,
    Input,
    Item,
    Metric,
    Param,
    Table,
    Tag,
    Text,
)
from pipeline.tracking.leftovers import send_left
from pipeline.tracking.options import TrackingOptions
from pipeline.tracking.pages import last_page
from pipeline.tracking.provenance import process_lives, version_items
from pipeline.tracking.runs import tracked_run
from pipeline.tracking.writer import items_entry


def test_tags_say_where_it_comes_from(store: str, tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=t", "-c", "user.email=t@localhost")
        done = subprocess.run(
            ["git", *identity, *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "-q")
    (tmp_path / "file").write_text("1")
    git("add", "file")
    git("commit", "-qm", "first")
    with tracked_run(TrackingOptions(uri=store), "tags") as tracked:
        pass
    tags = MlflowClient(store).get_run(tracked.run_id).data.tags
    assert tags["pipeline.git_commit"] == git("rev-parse", "HEAD")
    assert tags["pipeline.git_dirty"] == "true"  # the store itself is an untracked file
    (versions,) = version_items()
    assert versions.frame.set_index("package")["version"]["tensorflow"].startswith("2.")


def test_two_runs_note_the_same_data_at_the_same_moment(
    store: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The other one writes the data between the look and the write of this one."""
    rows = Dataset.from_dict({"text": ["Alps"], "label": [0]})
    data = Input("my-train", "training", rows, "my.csv", "0123456789abcdef" * 4)
    others = []

    def write_too(_: object, __: object, sql: str, values: Any, *___: object) -> None:
        if sql.startswith("INSERT INTO datasets ") and not others:
            others.append(values)
            row = ["another", *values[1:]]  # the id of the data is its own
            with contextlib.closing(sqlite3.connect("mlflow.db")) as database, database:
                database.execute(sql, row)

    event.listen(Engine, "before_cursor_execute", write_too)
    try:
        with tracked_run(TrackingOptions(uri=store), "same") as tracked:
            tracked.log([data, Param("seed", 0)])
    finally:
        event.remove(Engine, "before_cursor_execute", write_too)
    assert len(others) == 1
    record = MlflowClient(store).get_run(tracked.run_id)
    assert (record.info.status, record.data.params) == ("FINISHED", {"seed": "0"})
    (used,) = record.inputs.dataset_inputs
    assert used.dataset.name == "my-train"
    assert not caplog.records


def test_how_a_run_ends(store: str, caplog: pytest.LogCaptureFixture) -> None:
    options, client = TrackingOptions(uri=store), MlflowClient(store)
    for error, status, reason in (
        (DataError("no headlines"), "FAILED", "DataError: no headlines"),
        (KeyboardInterrupt("by SIGTERM"), "KILLED", "interrupted by SIGTERM"),
        (KeyboardInterrupt(), "KILLED", "interrupted"),
    ):
        with pytest.raises(type(error)), tracked_run(options, "ends") as tracked:
            raise error
        record = client.get_run(tracked.run_id)
        assert record.info.status == status
        assert record.data.tags["pipeline.end_reason"] == reason
    with tracked_run(options, "ends") as tracked:
        pass
    assert client.get_run(tracked.run_id).info.status == "FINISHED"


def test_items_of_every_type(store: str) -> None:
    """More than one request holds: of parameters 100, of metrics 1,000."""
    items: list[Item] = [Metric("curve", 1 / (step + 1), step) for step in range(1200)]
    items += [Param(f"option.{number}", number) for number in range(150)]
    items += [Tag("best_phase", "frozen"), Text("notes/a.txt", "as it is")]
    items += [Table("tables/b.csv", pd.DataFrame({"word": ["alps"], "count": [3]}))]
    items += [File("deep/er/c.bin", b"\0\1")]
    with tracked_run(TrackingOptions(uri=store), "items") as tracked:
        tracked.log(items)
        tracked.log([])
    client = MlflowClient(store)
    record = client.get_run(tracked.run_id)
    assert record.data.params["option.149"] == "149"
    assert record.data.tags["best_phase"] == "frozen"
    history = client.get_metric_history(tracked.run_id, "curve")
    assert sorted(metric.step for metric in history) == [*range(1200)]

    def content(path: str) -> bytes:
        return Path(client.download_artifacts(tracked.run_id, path)).read_bytes()

    assert content("notes/a.txt") == b"as it is"
    assert content("tables/b.csv") == b"word,count\nalps,3\n"
    assert content("deep/er/c.bin") == b"\0\1"


def test_a_table_is_compared_by_mlflow(store: str) -> None:
    """It is in the form of `mlflow.log_table`, and in the list that MLflow's page reads."""
    frames = [pd.DataFrame({"size": [10, 20], "accuracy": [0.5, n]}) for n in (0.75, 0.25)]
    with tracked_run(TrackingOptions(uri=store), "tables") as tracked:
        tracked.log([ComparedTable("by_size.json", frames[0])])
        tracked.log(
            [ComparedTable("more.json", frames[1]), ComparedTable("by_size.json", frames[0])]
        )
    run = MlflowClient(store).get_run(tracked.run_id)
    listed = json.loads(run.data.tags["mlflow.loggedArtifacts"])
    assert listed == [{"path": name, "type": "table"} for name in ("by_size.json", "more.json")]
    mlflow.set_tracking_uri(store)
    ids = (tracked.experiment_id, "by_size.json", [tracked.run_id])
    read = MlflowClient(store).load_table(*ids)
    mlflow.set_tracking_uri(None)
    assert read.to_dict("list") == frames[0].to_dict("list")


def test_a_line_is_logged_once_and_is_no_result(store: str) -> None:
    options, curve = TrackingOptions(uri=store), [Metric("test/accuracy", 0.5, 10)]
    for error in (KeyboardInterrupt, None):
        with contextlib.suppress(KeyboardInterrupt), tracked_run(options, "s", "key") as tracked:
            tracked.log_line("tfidf", [*curve, Metric("test/accuracy", 0.75, 20)])
            assert tracked.children("predictions.csv") == []
            if error:
                raise error
    query = f"tags.mlflow.parentRunId = '{tracked.run_id}' and tags.kind = 'line'"
    (line,) = MlflowClient(store).search_runs([tracked.experiment_id], query)
    assert line.data.metrics == {"test/accuracy": 0.75}


def test_the_last_page_is_that_of_a_run_that_is_below_no_other(store: str) -> None:
    options = TrackingOptions(uri=store)
    with tracked_run(options, "search", tags={"kind": "sweep"}) as tracked:
        with tracked_run(options, "trial-0", parent=tracked.run_id, tags={"kind": "trial"}):
            pass
        tracked.log_line("tfidf", [])
    assert tracked.run_id in last_page(store)


def test_a_process_that_was_killed_does_not_go_on() -> None:
    """Nor before its parent has asked for its end."""
    assert process_lives(os.getpid())
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it is left as a zombie
    assert not process_lives(process.pid)
    process.wait()
    assert not process_lives(process.pid)


def test_a_run_with_a_key_goes_on_until_it_has_finished(store: str) -> None:
    options = TrackingOptions(uri=store)
    ids = []
    with contextlib.suppress(KeyboardInterrupt), tracked_run(options, "study", "key") as tracked:
        ids.append(tracked.run_id)
        tracked.log_child("first", [Metric("x", 1.0), Param("p", "a"), File("found.bin", b"1")])
        raise KeyboardInterrupt
    with tracked_run(options, "study", "another key") as tracked:
        ids.append(tracked.run_id)
    with tracked_run(options, "study", "key") as tracked:
        ids.append(tracked.run_id)
        (child,) = tracked.children("found.bin")
        assert (child.name, child.params, child.metrics) == ("first", {"p": "a"}, {"x": 1.0})
        assert child.content == b"1"
    with tracked_run(options, "study", "key") as tracked:
        ids.append(tracked.run_id)
        assert tracked.children("found.bin") == []
    assert ids[0] == ids[2]
    assert len(set(ids)) == 3
    record = MlflowClient(store).get_run(ids[0])
    assert (record.info.status, record.data.tags["pipeline.end_reason"]) == ("FINISHED", "")


def test_a_deleted_experiment(store: str) -> None:
    client = MlflowClient(store)
    client.delete_experiment(client.create_experiment("gone"))
    options = TrackingOptions(uri=store, experiment="gone")
    with (
        pytest.raises(TrackingError, match=r"did not start a run: .*deleted experiment"),
        tracked_run(options, "late"),
    ):
        pass


def test_a_store_that_takes_no_more(store: str) -> None:
    with tracked_run(TrackingOptions(uri=store), "refused") as tracked:
        tracked.log([Param("seed", 1)])
        with pytest.raises(TrackingError, match="did not take the results"):
            tracked.log([Param("seed", 2)])  # MLflow lets no parameter change


def test_what_the_store_does_not_take_is_sent_later(
    store: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options, client = TrackingOptions(uri=store), MlflowClient(store)
    run_id = ""

    def log() -> None:
        nonlocal run_id
        with tracked_run(options, "away", patience_seconds=0) as tracked:
            run_id = tracked.run_id
            tracked.log([Metric("before", 1.0)])
            (tmp_path / "mlruns").write_text("a file in the way of the files of runs")
            tracked.log([Text("notes/a.txt", "as it is"), Metric("meanwhile", 2.0)])
            tracked.log([Metric("after", 3.0)])

    with pytest.raises(TrackingError, match=r"did not take all of the run away .*`pipeline sync`"):
        log()
    assert caplog.text.count("the run goes on, and they are kept in") == 1
    assert client.get_run(run_id).info.status == "RUNNING"  # and never FINISHED
    (sent,) = send_left(store)
    assert (sent.run_id, sent.status) == (run_id, "RUNNING")
    assert sent.left
    (tmp_path / "mlruns").unlink()
    (sent,) = send_left(store)
    assert (sent.run_id, sent.status, sent.left) == (run_id, "FINISHED", "")
    assert send_left(store) == []
    metrics = client.get_run(run_id).data.metrics
    assert metrics == {"before": 1.0, "meanwhile": 2.0, "after": 3.0}
    assert all(len(client.get_metric_history(run_id, name)) == 1 for name in metrics)
    file = client.download_artifacts(run_id, "notes/a.txt")
    assert Path(file).read_text() == "as it is"


def test_a_model_that_finds_no_room(store: str, caplog: pytest.LogCaptureFixture) -> None:
    classifier = Classifier(built(), label_names=tuple(NAMES))
    run_id = ""

    def keep() -> None:
        nonlocal run_id
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        with tracked_run(TrackingOptions(uri=store), "full", "key") as tracked:
            run_id = tracked.run_id
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
            try:
                tracked.keep_model(classifier)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    expected = r"could not write the model to .*: File too large: .*: make room there"
    with pytest.raises(TrackingError, match=expected):
        keep()
    assert MlflowClient(store).get_run(run_id).info.status == "FAILED"
    assert "the run full ended as FAILED: the same command goes on with it" in caplog.text
    assert "the model is in" not in caplog.text
    with tracked_run(TrackingOptions(uri=store), "full", "key") as again:
        pass
    assert again.run_id == run_id


def test_passwords_are_masked_in_all_that_is_logged() -> None:
    address = "http://alice:secret@host:5000"
    items = [Param("uri", address), Tag("uri", address), Text("config.yaml", f"uri: {address}")]
    entry = items_entry(items)
    assert entry["params"] == [("uri", "http://alice:***@host:5000")]
    assert entry["tags"] == [("uri", "http://alice:***@host:5000")]
    assert entry["files"]["config.yaml"].tobytes() == b"uri: http://alice:***@host:5000"
