"""Kill trainings at random moments, start them again, and look at what they leave.

    python tests/tracking/kills.py 30 [SEED [SIGNAL ...]] [--figures]

The signals, such as INT TERM HUP, are sent in turn; the default is KILL. INT+INT is Ctrl-C twice,
0.3 seconds apart. With --figures the trainings draw figures too. One process imports everything, and
each training is a fork of it, so that little time goes into starting. It prints how many were killed
in which stage, and the longest time from a signal to the end.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

from builders import (  # noqa: E402
    all_words,
    make_headlines,
    small_overrides,
    write_csv,
    write_glove,
)


def small_files(folder: Path) -> dict[str, Path]:
    """Headlines and vectors for `small_overrides`."""
    texts, labels = make_headlines(40)
    write_csv(folder / "headlines.csv", texts, labels)
    write_glove(folder / "vectors.txt", all_words())
    return {"csv": folder / "headlines.csv", "vectors": folder / "vectors.txt"}


def train(folder: Path, overrides: list[str]) -> int:
    """Start a training in a process of its own. Its messages go to `messages`."""
    process = os.fork()
    if process:
        return process
    # From here on nothing may go up to the caller, whose temporary folder would be removed.
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it is ignored
        settle(folder)
        from pipeline.cli import main

        main(["train", *overrides])
    except SystemExit as ended:
        os._exit(int(ended.code or 0))
    finally:
        os._exit(99)


def settle(folder: Path) -> None:
    """Let this process have all that it writes in a folder, and what it says in `messages`."""
    os.chdir(folder)
    os.environ["HEADLINE_TRANSFER_CACHE"] = str(folder / "cache")
    tempfile.tempdir = str(folder / "tmp")
    messages = os.open(folder / "messages", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(messages, 1)
    os.dup2(messages, 2)


def report(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def wait(process: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def send(process: int, signals: str) -> None:
    """Send the signals that a + joins, 0.3 seconds apart, to a process that may end after the first."""
    for name in signals.split("+"):
        if name != signals.split("+")[0]:
            time.sleep(0.3)
        os.kill(process, signal.Signals[f"SIG{name}"])


def record(folder: Path) -> dict[str, Any]:
    """What the store has, read from its database alone."""
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        rows = lambda query: database.execute(query).fetchall()  # noqa: E731
        return {
            "runs": dict(rows("SELECT run_uuid, status FROM runs")),
            "metrics": rows("SELECT run_uuid, key, value, step FROM metrics"),
            "champions": rows(
                "SELECT v.run_id FROM registered_model_aliases a JOIN model_versions v "
                "ON v.name = a.name AND v.version = a.version"
            ),
            "versions": rows("SELECT version, run_id FROM model_versions"),
            "tagged": rows(
                "SELECT DISTINCT version FROM model_version_tags WHERE key = 'pipeline.validation_accuracy'"
            ),
            "models": rows("SELECT status FROM logged_models"),
        }


def results(folder: Path, run_id: str) -> tuple[Any, bytes]:
    """The metrics of a run, each once, and its predictions."""
    metrics = sorted(
        (key, value, step) for run, key, value, step in record(folder)["metrics"] if run == run_id
    )
    (file,) = folder.glob(f"mlruns/*/{run_id}/artifacts/tables/test_predictions.csv")
    return metrics, file.read_bytes()


def check_consistent(folder: Path) -> None:
    """Whatever was killed, whenever."""
    store = record(folder)
    for (run_id,) in store["champions"]:
        assert store["runs"][run_id] == "FINISHED", "a champion of a run that did not finish"
    assert len(store["tagged"]) == len(store["versions"]), "a version without tags"


def attempt(
    template: Path,
    folder: Path,
    overrides: list[str],
    delay: float,
    signals: str,
    expected: Any,
) -> tuple[str, float]:
    """Kill one training after `delay` seconds, and start it again.

    Gives the stage, and the seconds from the signal to the end of the process.
    """
    folder.mkdir()
    (folder / "tmp").mkdir()
    shutil.copy(template, folder / "mlflow.db")
    process = train(folder, overrides)
    time.sleep(delay)
    sent = time.monotonic()
    send(process, signals)
    ended = wait(process)
    took = time.monotonic() - sent
    messages = (folder / "messages").read_text() if (folder / "messages").exists() else ""
    check_consistent(folder)
    assert "Traceback" not in messages, messages[-3000:]
    before = record(folder)["runs"]
    if ended == 130:  # it heard the signal
        assert "RUNNING" not in before.values(), f"{signals} left a run that is going on"
    if not before:
        stage = "before the run"
    elif "FINISHED" in before.values():
        stage = "after the end"
    elif record(folder)["versions"]:
        stage = "registered"
    elif record(folder)["models"]:
        stage = "model on its way"
    else:
        words = ("ensemble: network", "ensemble: fitting", "fine_tuned: epoch", "frozen: epoch")
        names = ("evaluation", "ensemble", "fine-tuning", "frozen")
        stage = next((n for w, n in zip(words, names, strict=True) if w in messages), "matrix")
    again = train(folder, overrides)
    assert wait(again) == 0, (folder / "messages").read_text()[-3000:]
    check_consistent(folder)
    store = record(folder)
    assert set(store["runs"].values()) == {"FINISHED"}, store["runs"]
    text = (folder / "messages").read_text()
    # Where only its end was missing, that was sent, and the same command began another run.
    whole = stage == "after the end" or "FINISHED: its results were sent" in text
    assert len(store["runs"]) == 1 + whole, store["runs"]
    for run_id in store["runs"]:
        assert results(folder, run_id) == expected, f"other results, killed in {stage}"
    assert {status for (status,) in store["models"]} == {2}, store["models"]  # READY
    assert not [*folder.glob("cache/runs/*")], "a folder of a run is left"
    # TensorFlow leaves its own small files of generated code.
    assert not [p for p in folder.glob("tmp/*") if not p.name.startswith("__autograph")]
    assert len(store["champions"]) == 1
    # What had been trained was not trained again.
    if stage in ("ensemble", "evaluation", "model on its way", "registered") and not whole:
        assert "goes on after epoch 3 of fine_tuned" in text
    return stage, took


def main(count: int, seed: int, signals: list[str], *more: str) -> None:
    import pipeline.run  # noqa: F401  # what takes long
    from pipeline.tracking.connection import check_store

    delays = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        overrides = small_overrides(small_files(top), "sqlite:///mlflow.db", *more)
        maker = os.fork()
        if not maker:
            check_store(f"sqlite:///{top / 'template.db'}")
            os._exit(0)
        wait(maker)
        whole = top / "whole"
        whole.mkdir()
        (whole / "tmp").mkdir()
        shutil.copy(top / "template.db", whole / "mlflow.db")
        started = time.monotonic()
        assert wait(train(whole, overrides)) == 0, (whole / "messages").read_text()
        took = time.monotonic() - started
        (run_id,) = record(whole)["runs"]
        expected = results(whole, run_id)
        stages: Counter[str] = Counter()
        longest = 0.0
        for number in range(count):
            delay = took * (number + delays.random()) / count
            folder, sent = top / str(number), signals[number % len(signals)]
            stage, seconds = attempt(top / "template.db", folder, overrides, delay, sent, expected)
            stages[stage] += 1
            longest = max(longest, seconds)
            report(f"{number + 1}: {sent} after {delay:.1f} of {took:.1f} s, in {stage}")
            shutil.rmtree(folder)
    report(f"{dict(stages)}; from the signal to the end {longest:.1f} s at most")


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--figures"]
    more = [] if "--figures" in sys.argv else ["insight.figures=false"]
    seed = int(arguments[1] if arguments[1:] else 0)
    main(int(arguments[0]), seed, arguments[2:] or ["KILL"], *more)
