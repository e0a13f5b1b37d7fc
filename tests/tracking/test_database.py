"""The database of a store: whole or not there, whoever makes it, and whenever it is killed."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from builders import ROOT, finish
from mlflow import MlflowClient

from pipeline.base.errors import TrackingError
from pipeline.tracking.connection import check_store
from pipeline.tracking.database import database_file, prepare_database

MAKE = """
import sys
from pipeline.tracking.connection import check_store
from mlflow import MlflowClient
uri = sys.argv[1]
print("ready", flush=True)
sys.stdin.read()
check_store(uri)
print(MlflowClient(uri).create_experiment(sys.argv[2]))
"""


def start(uri: str, name: str) -> subprocess.Popen[str]:
    """A process that makes the database, and an experiment in it, once its input is closed."""
    process = subprocess.Popen(
        [sys.executable, "-c", MAKE, uri, name],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", process.communicate()[1]
    return process


def test_the_file_of_an_address() -> None:
    assert database_file("sqlite:///mlflow.db") == Path("mlflow.db")
    assert database_file("sqlite:////a/with space/x.db?timeout=5") == Path("/a/with space/x.db")
    for uri in (
        "http://host:5000",
        "sqlite://",
        "sqlite:///:memory:",
        "nonsense",
        "postgresql://h/d",
    ):
        assert database_file(uri) is None


def test_a_new_database_is_made_with_its_folder(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'deep' / 'er' / 'mlflow.db'}"
    check_store(uri)
    (experiment,) = MlflowClient(uri).search_experiments()
    # The files of runs lie beside the records, wherever the process was started.
    assert experiment.artifact_location == str(tmp_path / "deep" / "er" / "mlruns" / "0")
    names = {path.name for path in (tmp_path / "deep" / "er").iterdir()}
    assert names - {".mlflow.db.lock"} == {"mlflow.db"}


def test_a_half_made_database_is_made_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As MLflow leaves it where its process is killed while it makes the tables."""
    path = tmp_path / "mlflow.db"
    for statements in (
        (),  # the file alone
        ("CREATE TABLE experiments (experiment_id INTEGER)", "CREATE TABLE runs (run_uuid TEXT)"),
        (
            "CREATE TABLE alembic_version (version_num TEXT)",
            "INSERT INTO alembic_version VALUES ('451aebb31d03')",
            "CREATE TABLE _alembic_tmp_experiments (experiment_id INTEGER)",
        ),
    ):
        path.unlink(missing_ok=True)
        database = sqlite3.connect(path)
        for statement in statements:
            database.execute(statement)
        database.commit()
        database.close()
        path.touch()
        prepare_database(f"sqlite:///{path}", quiet_seconds=0)
        assert f"{path} was half made and held nothing" in caplog.text
        caplog.clear()
        with sqlite3.connect(path) as database:
            assert database.execute("SELECT name FROM experiments").fetchall() == [("Default",)]
        database.close()


def test_one_that_another_program_is_making_is_waited_for(tmp_path: Path, store: str) -> None:
    half, path = tmp_path / "half.db", database_file(store)
    assert path is not None
    whole = path.read_bytes()
    half.touch()
    process = subprocess.Popen(
        [sys.executable, "-c", f"import time; time.sleep(0.7); open({str(half)!r}, 'wb').write(open({str(path)!r}, 'rb').read())"]
    )  # fmt: skip
    prepare_database(f"sqlite:///{half}", quiet_seconds=30)
    process.wait(10)
    assert half.read_bytes() == whole


def test_what_holds_something_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE mine (x INTEGER)")
        database.execute("INSERT INTO mine VALUES (1)")
    database.close()
    before = path.read_bytes()
    prepare_database(f"sqlite:///{path}", quiet_seconds=0)
    assert path.read_bytes() == before


def test_no_database_and_one_that_is_held(tmp_path: Path, store: str) -> None:
    path = tmp_path / "text.db"
    path.write_text("This is no database." * 100)
    with pytest.raises(TrackingError, match=r"expected a database of MLflow in .*text\.db, got"):
        check_store(f"sqlite:///{path}")
    file = database_file(store)
    assert file is not None
    holder = sqlite3.connect(file)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(TrackingError, match="database is locked: end the process that holds it"):
        prepare_database(store, busy_seconds=0.1)
    holder.close()


@pytest.mark.slow
def test_several_at_once_in_a_fresh_folder(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    finish([start(uri, f"experiment-{number}") for number in range(4)])
    names = {experiment.name for experiment in MlflowClient(uri).search_experiments()}
    assert names == {"Default", "experiment-0", "experiment-1", "experiment-2", "experiment-3"}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_killed_while_it_is_made_the_folder_can_be_used(
    tmp_path: Path, number: signal.Signals
) -> None:
    delays = random.Random(int(number))
    for trial in range(10):
        folder = tmp_path / str(trial)
        uri = f"sqlite:///{folder / 'mlflow.db'}"
        process = start(uri, "killed")
        assert process.stdin is not None
        process.stdin.close()
        time.sleep(delays.uniform(0, 2.4))
        os.kill(process.pid, number)
        process.wait(20)
        check_store(uri)
        assert MlflowClient(uri).create_experiment("after")
        assert not [*folder.glob(".*.part*")]
