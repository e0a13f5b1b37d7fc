"""Trainings in a fresh folder, where the database of the store is made.

    python tests/tracking/fresh.py killed 20 [SEED [SIGNAL ...]]
    python tests/tracking/fresh.py together 5

`killed`: a training is ended at a random moment of the first 3 seconds of its database, and another
one must work in that folder. The default signals are KILL, INT and TERM, 20 of each. `together`: four
trainings begin at once, 5 times. All must finish, and the best must be the one champion.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from kills import check_consistent, record, report, send, small_files, small_overrides, train, wait

SECONDS = 3.0


def fresh_folder(top: Path, name: str) -> Path:
    folder = top / name
    (folder / "tmp").mkdir(parents=True)
    return folder


def messages(folder: Path) -> str:
    """What the trainings said: errors first."""
    path = folder / "messages"
    lines = path.read_text().splitlines() if path.exists() else []
    return "\n".join([*(line for line in lines if line.startswith("error:")), *lines[-40:]])


def wait_for_database(folder: Path) -> None:
    """Until the first file of the database is there."""
    end = time.monotonic() + 60
    while not [*folder.glob("*mlflow.db*"), *folder.glob(".mlflow.db*")]:
        assert time.monotonic() < end, messages(folder)
        time.sleep(0.001)


def check_finished(folder: Path, overrides: list[str]) -> None:
    ended = wait(train(folder, overrides))
    assert ended == 0, messages(folder)
    check_consistent(folder)
    store = record(folder)
    assert "FINISHED" in store["runs"].values(), store["runs"]
    assert "RUNNING" not in store["runs"].values(), store["runs"]
    assert len(store["champions"]) == 1
    left = [path.name for path in folder.glob(".mlflow.db*") if path.name != ".mlflow.db.lock"]
    assert not left, left


def killed(top: Path, overrides: list[str], count: int, seed: int, signals: list[str]) -> None:
    moments = random.Random(seed)
    made = 0
    for number in range(count * len(signals)):
        folder, name = fresh_folder(top, str(number)), signals[number % len(signals)]
        process = train(folder, overrides)
        wait_for_database(folder)
        delay = moments.uniform(0, SECONDS)
        time.sleep(delay)
        send(process, name)
        wait(process)
        whole = (folder / "mlflow.db").exists()
        made += whole
        assert "Traceback" not in messages(folder), messages(folder)
        check_finished(folder, overrides)
        report(
            f"{number + 1}: {name} after {delay:.2f} s, {'behind' if whole else 'before'} its end"
        )
        shutil.rmtree(folder)
    report(f"{count} of each of {', '.join(signals)}: each folder could be used; {made} were made")


def together(top: Path, overrides: list[str], rounds: int) -> None:
    rates = ("0.0001", "0.003", "0.01", "0.03")  # so that the results differ
    for number in range(rounds):
        folder = fresh_folder(top, str(number))
        processes = [
            train(folder, [*overrides, f"training.frozen.learning_rate={rate}"]) for rate in rates
        ]
        ended = [wait(process) for process in processes]
        assert ended == [0] * len(rates), (ended, messages(folder))
        check_consistent(folder)
        store = record(folder)
        assert [*store["runs"].values()] == ["FINISHED"] * len(rates), store["runs"]
        (champion,) = store["champions"]
        query = "SELECT run_uuid, value FROM latest_metrics WHERE key = 'validation/accuracy'"
        with closing(sqlite3.connect(folder / "mlflow.db")) as database:
            accuracy = dict(database.execute(query).fetchall())
        assert len(accuracy) == len(rates), accuracy
        best = max(accuracy.values())
        assert accuracy[champion[0]] == best, (accuracy, champion)
        shown = ", ".join(f"{value:.3f}" for value in sorted(accuracy.values()))
        report(f"{number + 1}: {len(rates)} at once, accuracies {shown}, champion {best:.3f}")
        shutil.rmtree(folder)
    report(f"{rounds} rounds: all finished, each with the right champion")


def main(kind: str, count: int, seed: int, signals: list[str]) -> None:
    import pipeline.run  # noqa: F401  # what takes long

    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        overrides = [
            *small_overrides(small_files(top), "sqlite:///mlflow.db"),
            *("insight=none", "training=frozen", "training.frozen.epochs=1"),
            *("model.sif=false", "model.ngrams=false"),
        ]
        overrides = [o for o in overrides if not o.startswith("training.fine_tuned")]
        if kind == "together":
            together(top, overrides, count)
        else:
            killed(top, overrides, count, seed, signals)


if __name__ == "__main__":
    _, kind, count, *rest = sys.argv
    assert kind in ("killed", "together"), __doc__
    seed = int(rest[0]) if rest else 0
    main(kind, int(count), seed, rest[1:] or ["KILL", "INT", "TERM"])
