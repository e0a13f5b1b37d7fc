"""Stores that fail while a run goes on, and what is there afterwards: real servers and real files."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from builders import ROOT, free_port
from mlflow import MlflowClient

from pipeline.base.errors import TrackingError
from pipeline.report.items import Metric, Text
from pipeline.tracking.connection import ask_server, check_store
from pipeline.tracking.leftovers import send_left
from pipeline.tracking.options import TrackingOptions
from pipeline.tracking.outbox import Outbox
from pipeline.tracking.runs import tracked_run

pytestmark = pytest.mark.slow


@contextmanager
def mlflow_server(store: str, port: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A real tracking server, in a process group of its own, which is killed at the end."""
    log = (folder / "server.log").open("ab")
    options = ("--backend-store-uri", store, "--artifacts-destination", str(folder / "files"))
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", *options, "--port", str(port), "--workers", "1"],
        cwd=ROOT, env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        stdout=log, stderr=log, start_new_session=True,
    )  # fmt: skip
    try:
        for _ in range(400):
            assert process.poll() is None, (folder / "server.log").read_text()[-2000:]
            try:
                ask_server(f"http://127.0.0.1:{port}")
                break
            except OSError:
                time.sleep(0.25)
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        log.close()


def test_a_server_that_hangs_and_then_goes_away(
    store: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run goes on. What was logged is sent later, once, and until then it is not FINISHED."""
    monkeypatch.setenv("HEADLINE_TRANSFER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    port = free_port()
    uri = f"http://127.0.0.1:{port}"

    def log() -> None:
        with (
            mlflow_server(store, port, tmp_path) as server,
            tracked_run(TrackingOptions(uri=uri), "away", patience_seconds=0) as tracked,
        ):
            tracked.log([Metric("before", 1.0), Text("notes/before.txt", "before")])
            os.killpg(server.pid, signal.SIGSTOP)  # it accepts connections, and never answers
            tracked.log([Metric("hanging", 2.0), Text("notes/hanging.txt", "hanging")])
            assert caplog.text.count("the run goes on, and they are kept in") == 1
            os.killpg(server.pid, signal.SIGKILL)
            tracked.log([Metric("gone", 3.0)])

    with pytest.raises(TrackingError, match=r"did not take all of the run away .*`pipeline sync`"):
        log()
    client = MlflowClient(store)  # the database of the server
    (record,) = client.search_runs(["1"])
    assert record.info.status == "RUNNING"
    with mlflow_server(store, port, tmp_path):
        (sent,) = send_left(uri)
        assert (sent.run_id, sent.status, sent.left) == (record.info.run_id, "FINISHED", "")
        assert send_left(uri) == []
        notes = MlflowClient(uri).list_artifacts(sent.run_id, "notes")
    assert [note.path for note in notes] == ["notes/before.txt", "notes/hanging.txt"]
    for name, value in {"before": 1.0, "hanging": 2.0, "gone": 3.0}.items():
        assert [m.value for m in client.get_metric_history(sent.run_id, name)] == [value]
    assert not [*(tmp_path / "cache" / "runs").iterdir()]


def test_a_server_that_never_answers() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        started = time.monotonic()
        with pytest.raises(TrackingError, match=r"none answered \(ReadTimeout\): start it"):
            check_store(f"http://127.0.0.1:{listener.getsockname()[1]}")
    assert time.monotonic() - started < 60  # MLflow by itself tries for a quarter of an hour


def test_a_database_that_is_locked_for_a_while(
    store: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with tracked_run(TrackingOptions(uri=store), "locked") as tracked:
        with closing(sqlite3.connect(tmp_path / "mlflow.db")) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            tracked.log([Metric("meanwhile", 1.0)])
        assert "tracking: waiting for the store" in caplog.text
    client = MlflowClient(store)
    assert client.get_run(tracked.run_id).info.status == "FINISHED"
    assert len(client.get_metric_history(tracked.run_id, "meanwhile")) == 1


def test_a_run_is_called_killed_when_the_store_has_it(
    store: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADLINE_TRANSFER_CACHE", str(tmp_path / "cache"))
    client = MlflowClient(store)
    run_id = client.create_run("0").info.run_id
    outbox = Outbox.create(store, run_id, "left")
    assert outbox is not None
    outbox.lock.release()  # as the system does when its process ends
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as holder:
        holder.execute("BEGIN IMMEDIATE")  # others can read
        (sent,) = send_left(store)
    assert (sent.status, "locked" in sent.left) == ("RUNNING", True)
    assert "abandoned" not in caplog.text
    (sent,) = send_left(store)
    assert str(sent) == f"run left ({run_id}), KILLED: its results were sent"
    assert client.get_run(run_id).data.tags["pipeline.end_reason"] == "its process disappeared"


def _obey_modes() -> None:
    """Root writes everywhere by a capability. Without it, the process is held to the modes."""
    ctypes.CDLL(None).prctl(24, 1)  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE


TWICE = """
import sys
from pipeline.cli import main
for uri in sys.argv[1:3]:
    try:
        main(["train", *sys.argv[3:], f"tracking.uri={uri}"])
    except SystemExit as ended:
        print("ended with", ended.code)
"""


def test_a_folder_that_cannot_be_written(
    small: dict[str, Path], store: str, tmp_path: Path
) -> None:
    """With the store in it, one line. With the store elsewhere, the run finishes."""
    folder = tmp_path / "read only"
    folder.mkdir(mode=0o555)
    overrides = ["training.frozen.epochs=1", "training.phases=[frozen]", "insight=none"]
    files = [f"data.path={small['csv']}", f"vectors.path={small['vectors']}"]
    options = ["data=file", "vectors=file", "model=mean", *files, *overrides]
    done = subprocess.run(
        [sys.executable, "-c", TWICE, "sqlite:///mlflow.db", store, *options],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, preexec_fn=_obey_modes,
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    ends = [line for line in done.stdout.splitlines() if line.startswith("ended with")]
    assert ends == ["ended with 2", "ended with 0"], done.stderr
    assert done.stderr.count("is not writable: change to another folder") == 1
    assert "Traceback" not in done.stderr
    assert not [*folder.iterdir()]


def test_a_limit_of_addresses(tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", 'ulimit -v 2500000; exec "$0" -m pipeline.cli train', sys.executable],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.splitlines(keepends=True)[-1] == (
        "error: TensorFlow needs 5 GB of address space, the limit is 2.6 GB: raise it, as in ulimit -v "
        "unlimited\n"
    )
    assert not [*tmp_path.iterdir()]
