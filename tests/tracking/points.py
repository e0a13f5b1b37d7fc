"""Kill a run at exact points from its first write to its last, start it again, and look at the store.

    python tests/tracking/points.py [EVERY [FIRST]]

A write is a statement that changes the database, or a file that is opened for writing, renamed or
removed. The process kills itself with SIGKILL just before it. Every EVERY-th write is tried, or
without arguments those of CHOSEN. Nothing is trained, so that a trial takes about a second.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kills import check_consistent, record, report, settle, wait

CHOSEN = (
    "INSERT INTO runs",
    "INSERT INTO logged_models",
    "UPDATE logged_models SET",
    "INSERT INTO registered_models",
    "INSERT INTO model_versions",
    "INSERT INTO model_version_tags",
    "UPDATE runs SET",
    "INSERT INTO registered_model_aliases",
    "os.rename",
    "shutil.rmtree",
)
"""Around the model, its registration, the end of the run and the champion."""

_FILES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree", "shutil.copyfile"}
_WRITING = os.O_WRONLY | os.O_RDWR


def on_write(act: Callable[[str], None]) -> None:
    """Call `act` with the name of each write of this process, just before it is done."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def audit(name: str, arguments: tuple[Any, ...]) -> None:
        path = str(arguments[0]) if arguments else ""
        writes = name in _FILES or (name == "open" and arguments[2] & _WRITING)
        # A file of code is copied like the one before it.
        code = path.endswith((".py", ".py'>"))
        if writes and not (isinstance(arguments[0], int) or "/dev/" in path or code):
            act(name)

    def statement(_: Any, __: Any, sql: str, *___: Any) -> None:
        if not sql.startswith(("SELECT", "PRAGMA")):
            act(" ".join(sql.split()[:3]))

    sys.addaudithook(audit)
    event.listen(Engine, "before_cursor_execute", statement)
    event.listen(Engine, "commit", lambda _: act("COMMIT"))


def in_a_process(folder: Path, work: Callable[[], None]) -> int:
    """Do something in a fork of this process, in a folder. Gives how it ended."""
    process = os.fork()
    if process:
        return wait(process)
    settle(folder)
    ended = 1
    try:
        work()
        ended = 0
    except Exception:
        traceback.print_exc()
        raise
    finally:
        os._exit(ended)


def log_a_run() -> None:
    """All that a run sends, with a small model."""
    from pipeline.report.items import Metric, Param, Text
    from pipeline.tracking.options import TrackingOptions
    from pipeline.tracking.runs import tracked_run

    with tracked_run(TrackingOptions(uri="sqlite:///mlflow.db"), "points", "key") as tracked:
        tracked.log([Param("seed", 0), Metric("loss", 1.0, 1), Text("notes/a.txt", "a note")])
        tracked.log_child("below", [Metric("loss", 2.0)])
        model = tracked.training_folder.with_name("model")  # as keep_model writes it
        if not model.exists():
            shutil.copytree("../model", model.with_name(".part-model"))
            model.with_name(".part-model").rename(model)
        tracked.log_model(
            registered_model="points", validation={"accuracy": 0.5}, validation_sha256="a"
        )
        tracked.log([Metric("seconds", 3.0)])


def check_whole(folder: Path) -> None:
    """What a run that went on leaves."""
    check_consistent(folder)
    store = record(folder)
    assert set(store["runs"].values()) == {"FINISHED"}, store["runs"]
    assert {status for (status,) in store["models"]} == {2}, store["models"]  # READY
    assert len(store["champions"]) == 1, store["champions"]
    assert not [*folder.glob("cache/runs/*")], "a folder of a run is left"
    assert not [*folder.glob("tmp/*")], "temporary files are left"


def die_before(write: str, time: int) -> Callable[[], None]:
    """A run that is killed before it does the write of this name for this time, from 1."""

    def work() -> None:
        done: Counter[str] = Counter()

        def count(name: str) -> None:
            done[name] += 1
            if done[write] == time:
                os.kill(os.getpid(), signal.SIGKILL)

        on_write(count)
        log_a_run()

    return work


def save_model() -> None:
    from networks import random_classifier

    from pipeline.tracking.saving import save_classifier

    save_classifier(random_classifier(), Path("model"))


def names() -> None:
    """Print the name of each write."""
    lines: list[str] = []
    on_write(lines.append)
    log_a_run()
    Path("names").write_text("\n".join(lines), "utf-8")


def main(every: int = 0, first: int = 1) -> None:
    import pipeline.tracking.runs  # noqa: F401  # what takes long
    from pipeline.tracking.connection import check_store

    with tempfile.TemporaryDirectory() as name:
        top = Path(name)

        def folder_for(number: int) -> Path:
            folder = top / str(number)
            (folder / "tmp").mkdir(parents=True)
            shutil.copy(top / "mlflow.db", folder)
            return folder

        def prepare() -> None:
            check_store("sqlite:///mlflow.db")
            save_model()

        (top / "tmp").mkdir()
        assert in_a_process(top, prepare) == 0, (top / "messages").read_text()
        whole = folder_for(0)
        assert in_a_process(whole, names) == 0, (whole / "messages").read_text()
        check_whole(whole)
        writes = (whole / "names").read_text().splitlines()
        failures = 0
        numbers = range(1, len(writes) + 1)
        tried = [n for n in numbers if writes[n - 1] in CHOSEN]
        if every:
            tried = [*numbers[first - 1 :: every]]
        for number in tried:
            folder, write = folder_for(number), writes[number - 1]
            ended = in_a_process(folder, die_before(write, writes[:number].count(write)))
            assert ended == -signal.SIGKILL, (number, ended, (folder / "messages").read_text())
            what = f"killed before write {number} of {len(writes)}, {write}"
            try:
                check_consistent(folder)
                ended = in_a_process(folder, log_a_run)
                assert ended == 0, (folder / "messages").read_text()[-3000:]
                check_whole(folder)
            except AssertionError as error:
                failures += 1
                what += f": {error}"
            report(what)
            shutil.rmtree(folder)
        report(f"{len(tried)} of {len(writes)} writes tried, {failures} failed")
    assert tried
    assert not failures


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
