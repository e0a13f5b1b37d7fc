"""Bad tracking stores: addresses, databases, folders, and runs that cannot go on."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from bad_input import BadInput, Trial

HOW = "set tracking.uri, --tracking-uri or MLFLOW_TRACKING_URI"


def check(uri: str, **options: float) -> Callable[[Trial], str]:
    """Ask for a store. `{folder}` in its address is the folder of the trial."""

    def act(trial: Trial) -> str:
        from pipeline.tracking.connection import check_store

        return check_store(uri.format(folder=trial.folder))

    return act


@cache
def database() -> bytes:
    """An empty database of MLflow."""
    from pipeline.tracking.connection import check_store

    with tempfile.TemporaryDirectory() as folder:
        check_store(f"sqlite:///{folder}/mlflow.db")
        return Path(folder, "mlflow.db").read_bytes()


@contextmanager
def own_cache(trial: Trial) -> Iterator[None]:
    """The folders of runs lie in the folder of the trial."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADLINE_TRANSFER_CACHE", str(trial.folder / "cache"))
        yield


def begin(trial: Trial, name: str = "mlflow.db", key: str = "", **more: Any) -> Any:
    """A run in the store `name` of the trial's folder."""
    from pipeline.tracking.options import TrackingOptions
    from pipeline.tracking.runs import tracked_run

    options = TrackingOptions(uri=f"sqlite:///{trial.folder / name}")
    return tracked_run(options, "run", key or None, **more)


def written(trial: Trial, content: bytes) -> str:
    """Use a file with this content as a database."""
    path = trial.write("mlflow.db", content)
    os.utime(path, (0, 0))  # long ago: nobody is making it now
    return check("sqlite:///{folder}/mlflow.db")(trial)


def half_made(trial: Trial) -> str:
    path = trial.folder / "mlflow.db"
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("CREATE TABLE _alembic_tmp_experiments (experiment_id INTEGER)")
    os.utime(path, (0, 0))
    return trial.warnings(lambda: check("sqlite:///{folder}/mlflow.db")(trial))


def held(trial: Trial) -> None:
    from pipeline.tracking.database import prepare_database

    path = trial.write("mlflow.db", database())
    with closing(sqlite3.connect(path)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        prepare_database(f"sqlite:///{path}", busy_seconds=0.1)


def deleted_experiment(trial: Trial) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{trial.write('mlflow.db', database())}")
    client.delete_experiment(client.create_experiment("headlines"))
    with own_cache(trial), begin(trial):
        pass


def moved(trial: Trial) -> None:
    trial.write("before/mlflow.db", database())
    with own_cache(trial):
        with begin(trial, "before/mlflow.db") as tracked:
            tracked.log([text()])
        shutil.move(trial.folder / "before", trial.folder / "after")
        with begin(trial, "after/mlflow.db"):
            pass


def text() -> Any:
    from pipeline.report.items import Text

    return Text("notes.txt", "a note")


def changed_parameter(trial: Trial) -> str:
    from pipeline.base.errors import TrackingError
    from pipeline.report.items import Param

    trial.write("mlflow.db", database())
    with own_cache(trial):
        try:
            with begin(trial) as tracked:
                tracked.log([Param("seed", 1)])
                tracked.log([Param("seed", 2)])
        except TrackingError as error:
            return f"error: {error}".replace(tracked.run_id, "ID")
    return "changed"


def failing_start(*overrides: str) -> Callable[[Trial], str]:
    """Start a training that cannot work. Neither a database nor a run is left."""

    def act(trial: Trial) -> str:
        trial.write("x.csv", "text,label\n")
        with own_cache(trial):
            code_and_output = trial.command("train", "data=file", "data.path=x.csv", *overrides)
        assert [path.name for path in trial.folder.iterdir()] == ["x.csv"]
        return code_and_output

    return act


def no_room(trial: Trial) -> None:
    """The store is not made either."""
    trial.write("cache", "a file")
    with own_cache(trial):
        try:
            with begin(trial):
                pass
        finally:
            assert not (trial.folder / "mlflow.db").exists()


def resumed(trial: Trial, key: str, finish: bool) -> str:
    """Try to go on with a run of the key `first`. Its id is left out."""
    trial.write("mlflow.db", database())
    with own_cache(trial):
        with suppress(KeyboardInterrupt), begin(trial, key="first") as tracked:
            if not finish:
                raise KeyboardInterrupt
        from pipeline.base.errors import ConfigError

        try:
            with begin(trial, key=key, run_id=tracked.run_id):
                return "goes on"
        except ConfigError as error:
            return f"error: {error}".replace(tracked.run_id, "ID")


def no_such_run(trial: Trial) -> str:
    trial.write("mlflow.db", database())
    from pipeline.tracking.addresses import run_options

    return str(run_options("0" * 32, f"sqlite:///{trial.folder / 'mlflow.db'}"))


def password_in_a_reason(trial: Trial) -> str:
    from mlflow import MlflowClient

    trial.write("mlflow.db", database())
    with own_cache(trial), suppress(ValueError), begin(trial) as tracked:
        raise ValueError("no answer from http://alice:secret@host:5000")
    client = MlflowClient(f"sqlite:///{trial.folder / 'mlflow.db'}")
    return str(client.get_run(tracked.run_id).data.tags["pipeline.end_reason"])


def synced(trial: Trial) -> str:
    with own_cache(trial):
        return trial.command("sync")


def value(override: str) -> Callable[[Trial], str]:
    return lambda trial: trial.command("train", override)


LOOKED_UP = "expected a plain value, got one with ${...}, which would be looked up elsewhere: write the value itself, or let the shell do it, as in "

ROWS = (
    BadInput(
        "a tracking server that does not answer",
        check("http://127.0.0.1:9"),
        f"error: expected an MLflow server at http://127.0.0.1:PORT, none answered (ConnectionError): start it (make ui), or {HOW}",
    ),
    BadInput(
        "a password in the address of a server",
        check("http://alice:secret@127.0.0.1:9"),
        f"error: expected an MLflow server at http://alice:***@127.0.0.1:PORT, none answered (ConnectionError): start it (make ui), or {HOW}",
    ),
    BadInput(
        "an address of a server without a host",
        check("http://"),
        f"error: expected an MLflow server at http://, none answered (InvalidURL): start it (make ui), or {HOW}",
    ),
    BadInput(
        "a password in the reason why a run failed",
        password_in_a_reason,
        "ValueError: no answer from http://alice:***@host:5000",
    ),
    BadInput(
        "a PostgreSQL store without its driver",
        check("postgresql://alice:secret@127.0.0.1/runs"),
        f"error: the tracking store postgresql://alice:***@127.0.0.1/runs needs the package psycopg, which is not installed: pip install psycopg, or {HOW}",
    ),
    BadInput(
        "a MySQL store without its driver",
        check("mysql://127.0.0.1/runs"),
        f"error: the tracking store mysql://127.0.0.1/runs needs the package MySQLdb, which is not installed: pip install mysqlclient, or {HOW}",
    ),
    BadInput(
        "a store of plain files, file:",
        check("file:///runs"),
        "error: file:///runs names a folder, and MLflow no longer keeps runs in plain folders: take a database, as in tracking.uri=sqlite:///mlflow.db; `mlflow migrate-filestore` moves old runs into one",
    ),
    BadInput(
        "a store of plain files, ./mlruns",
        check("./mlruns"),
        "error: ./mlruns names a folder, and MLflow no longer keeps runs in plain folders: take a database, as in tracking.uri=sqlite:///mlflow.db; `mlflow migrate-filestore` moves old runs into one",
    ),
    BadInput(
        "the name of a file instead of an address",
        check("mlflow.db"),
        f"error: expected an address such as sqlite:///mlflow.db or http://127.0.0.1:PORT, got 'mlflow.db': {HOW}",
    ),
    BadInput(
        "a database in memory",
        check("sqlite://"),
        "error: expected a database that stays, sqlite:// is gone when this process ends: take a file, as in tracking.uri=sqlite:///mlflow.db",
    ),
    BadInput(
        "a folder as a database",
        check("sqlite:///{folder}"),
        f"error: could not use the tracking store .: . is not writable: change to another folder, or {HOW}",
    ),
    BadInput(
        "a database below a file",
        check("sqlite:////dev/null/mlflow.db"),
        f"error: could not use the tracking store /dev/null/mlflow.db: /dev/null is not writable: change to another folder, or {HOW}",
    ),
    BadInput(
        "a database that is text",
        lambda trial: written(trial, b"This is no database. " * 100),
        "error: expected a database of MLflow in mlflow.db, got another or a damaged file (file is not a database): move it away, or choose another store with tracking.uri",
    ),
    BadInput(
        "a database that is cut in the middle",
        lambda trial: written(trial, database()[:40_000]),
        "error: expected a database of MLflow in mlflow.db, got another or a damaged file (database disk image is malformed): move it away, or choose another store with tracking.uri",
    ),
    BadInput(
        "a database without a byte",
        lambda trial: trial.warnings(lambda: written(trial, b"")),
        "tracking: mlflow.db was half made and held nothing: it is made anew",
    ),
    BadInput(
        "a database that MLflow was killed in while it made the tables",
        half_made,
        "tracking: mlflow.db was half made and held nothing: it is made anew",
    ),
    BadInput(
        "a database that another process holds",
        held,
        "error: could not use the tracking store mlflow.db: database is locked: end the process that holds it, or try later",
    ),
    BadInput(
        "an experiment that was deleted",
        deleted_experiment,
        "error: sqlite:///mlflow.db did not start a run: 'headlines' is a deleted experiment: restore it (mlflow experiments restore -x 1), or choose another name with tracking.experiment",
    ),
    BadInput(
        "a folder of runs that was moved",
        moved,
        "error: after/mlflow.db expects the files of the experiment 'headlines' in before/mlruns, which is not there, but in after/mlruns there are some: was the folder moved? Link it (mkdir -p before && ln -s after/mlruns before/mlruns), or choose another tracking.experiment",
    ),
    BadInput(
        "a parameter of a run that changes",
        changed_parameter,
        "error: sqlite:///mlflow.db did not take the results: Changing param values is not allowed. Params were already logged='[{'key': 'seed', 'old_value': '1', 'new_value': '2'}]' for run ID='ID'.",
    ),
    BadInput(
        "a cache that cannot be written",
        no_room,
        "error: could not keep what the run logs in cache/runs: Not a directory: make room there, or choose another folder with HEADLINE_TRANSFER_CACHE",
    ),
    BadInput(
        "a training on a file without headlines, in a fresh folder",
        failing_start(),
        "error: x.csv: expected rows of headlines, found none",
    ),
    BadInput(
        "a training with a wrong name of vectors, in a fresh folder",
        failing_start("vectors=file", "vectors.path=glove.6b.50d.txt"),
        "error: glove.6b.50d.txt: expected a file of vectors, a name of the catalogue (`pipeline vectors list`) or random, there is none; did you mean glove_6b_50d?",
    ),
    BadInput(
        "--resume with a run that has finished",
        lambda trial: resumed(trial, "first", finish=True),
        "error: the run ID has finished: start a new one, without --resume",
    ),
    BadInput(
        "--resume where the headlines have changed",
        lambda trial: resumed(trial, "second", finish=False),
        "error: the run ID was started with other data or options, or with another version: start a new one, without --resume",
    ),
    BadInput(
        "--resume with a run that does not exist",
        no_such_run,
        f"error: could not read the options of the run {'0' * 32} in sqlite:///mlflow.db: Run with id={'0' * 32} not found",
    ),
    BadInput("pipeline sync where nothing is left", synced, "there is nothing to send"),
    BadInput(
        "a variable of the environment in a value",
        value("data.path=${oc.env:HOME}"),
        f'error: data.path: {LOOKED_UP}data.path="$HOME"',
    ),
    BadInput(
        "another option in a value",
        value("tracking.run_name=${seed}"),
        f'error: tracking.run_name: {LOOKED_UP}tracking.run_name="$HOME"',
    ),
    BadInput(
        "a variable in a list, in quotes",
        value("insight.words=['${oc.env:HOME}']"),
        f'error: insight.words: {LOOKED_UP}insight.words="$HOME"',
    ),
)
