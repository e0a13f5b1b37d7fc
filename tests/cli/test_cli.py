"""The command line as its users meet it: processes, messages, exit codes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import requests
from builders import (
    ROOT,
    free_port,
    main,
    make_headlines,
    pipeline_command,
    read_terminal,
    server,
    small_overrides,
    write_csv,
)
from mlflow import MlflowClient

from pipeline.base.errors import DataError
from pipeline.cli import app as cli
from pipeline.cli import signals, terminal
from pipeline.training.history import Epoch


@pytest.fixture(autouse=True)
def _signals_stay() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    signals.received.clear()


def test_import_is_light() -> None:
    script = (
        "import time; t = time.perf_counter(); import pipeline, sys; t = time.perf_counter() - t;"
        "print(t, [m for m in ('tensorflow', 'keras', 'mlflow', 'numpy') if m in sys.modules])"
    )
    best = min(
        float(subprocess.check_output([sys.executable, "-c", script], text=True).split()[0])
        for _ in range(3)
    )
    loaded = subprocess.check_output([sys.executable, "-c", script], text=True).split(maxsplit=1)[1]
    assert loaded.strip() == "[]"
    assert best < 0.2


def test_help_is_quick_and_loads_nothing_heavy(tmp_path: Path) -> None:
    script = (
        "import sys; from pipeline.__main__ import main\n"
        "try: main(['train', '--help'])\n"
        "except SystemExit: print([m for m in ('tensorflow', 'mlflow', 'datasets') if m in sys.modules])"
    )
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        ran = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        )
        seconds.append(time.perf_counter() - started)
    assert ran.stdout.strip().endswith("[]")
    assert min(seconds) < 0.7


def test_no_command_is_a_question(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = main(capfd)
    assert (code, err) == (0, "")
    assert "Commands:" in out


@pytest.mark.parametrize("command", ["train", "evaluate", "predict", "stages", "cases", "vectors"])
def test_every_command_has_a_help_text(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = main(capfd, command, "--help")
    assert code == 0
    assert len(out.splitlines()) > 5


def test_stages_lists_stages_choices_and_options(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = main(capfd, "stages", "model=mean", "seed=3")
    assert code == 0
    assert "build_embedding_matrix" in out
    assert "bigru, cnn, mean" in out
    lines = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.strip()}
    assert lines["model.encoder"] == ["mean"]
    assert lines["data.seed"] == ["3"]
    assert "model.filters" not in lines


@pytest.mark.usefixtures("plain")
def test_train_predict_evaluate(
    small: dict[str, Path], store: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = main(capfd, "train", *small_overrides(small, store))
    assert code == 0
    assert "fine_tuned" in out
    assert "models:/headlines-headlines@champion is the champion" in out
    assert "frozen: epoch 1 of 3" in err  # plain lines where there is no terminal

    where = ["data=file", f"data.path={small['csv']}", f"tracking.uri={store}"]
    code, out, _ = main(capfd, "predict", "Bank shares", "Alps", "--json", *where)
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["text"] for row in rows] == ["Bank shares", "Alps"]
    assert set(rows[0]["probabilities"]) == {"money", "nature", "sport"}
    assert rows[0]["probability"] == max(rows[0]["probabilities"].values())

    (tmp_path / "in.txt").write_text("Bank shares\n\nAlps\n")
    code, table, _ = main(capfd, "predict", "--file", "in.txt", *where)
    assert table.splitlines()[0].split() == ["label", "probability", "headline"]
    assert rows[0]["label"] in table

    texts, labels = make_headlines(10, seed=9)
    path = write_csv(tmp_path / "new.csv", texts, labels, "headline,topic")
    columns = [f"data.path={path}", "data.text=headline", "data.label=topic"]
    model = ["--model", "models:/headlines-headlines@champion", f"tracking.uri={store}"]
    code, out, _ = main(capfd, "evaluate", "--json", *model, *columns)
    assert code == 0
    assert json.loads(out)["headlines"] == 30
    assert 0.3 < json.loads(out)["accuracy"] <= 1
    code, out, _ = main(capfd, "evaluate", *model, *columns)
    assert "macro_f1" in out

    write_csv(path, texts, ["weather"] * 30, "headline,topic")
    code, _, err = main(capfd, "evaluate", *model, *columns)
    assert code == 2
    assert "the model knows the labels money, nature, sport, the file has 'weather'" in err


BAD = {
    "command": (["trian"], "No such command 'trian'"),
    "option": (["train", "--modle"], "No such option"),
    "group": (["train", "modle=cnn"], "did you mean model"),
    "choice": (["train", "model=cnm"], "did you mean cnn?"),
    "value": (["train", "data.validation=1.5"], "expected less than 1, got 1.5"),
    "new": (["train", "+new=1"], "no option 'new'"),
    "no headlines": (["predict"], "expected headlines"),
    "empty headline": (["predict", "a headline", " "], "expected a headline in each argument"),
    "empty": (["predict", "--file", os.devnull], "expected one headline a line, found none"),
    "an equation": (["predict", "x=3"], "a headline of that form goes into a file"),
    "no file": (
        ["predict", "--file", "nowhere.txt"],
        "nowhere.txt: expected a file with one headline a line: No such file or directory",
    ),
    "not UTF-8": (["predict", "--file", sys.executable], "expected UTF-8, got other bytes"),
    "evaluate what": (["evaluate", "--model", "x"], "evaluate needs data.path="),
    "evaluate which": (["evaluate", "data.path=x"], "evaluate needs tracking.registered_model="),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line(
    case: str, capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, message = BAD[case]
    code, out, err = main(capfd, *arguments)
    assert code == 2
    assert out == ""
    assert message in err
    assert err.startswith("error: ")
    assert len(err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []  # nothing half-written


def test_a_failing_run_is_one_line_and_debug_shows_the_rest(
    small: dict[str, Path], store: str, tmp_path: Path
) -> None:
    overrides = small_overrides(small, store, "data.path=nowhere.csv")
    ran = pipeline_command("train", *overrides, cwd=tmp_path)
    assert ran.returncode == 2
    assert ran.stderr.strip().splitlines() == [
        "error: expected a file of headlines, there is none at nowhere.csv"
    ]
    with pytest.raises(DataError, match="there is none"):
        cli.main(["train", *overrides, "--debug"])


def _running_training(small: dict[str, Path], store: str, cwd: Path) -> subprocess.Popen[str]:
    """A process in the middle of a training that would take very long."""
    overrides = small_overrides(
        small, store, "training.frozen.epochs=100000", "training.frozen.patience=100000"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", "train", *overrides],
        cwd=cwd,
        env=os.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background job, which a test run may be, would pass on that it ignores SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "frozen: epoch 2 of" in line:
            return process
    raise AssertionError("the training ended")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_runs_end_as_killed(
    number: signal.Signals, small: dict[str, Path], store: str, tmp_path: Path
) -> None:
    process = _running_training(small, store, tmp_path)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    try:
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "tracking: the run file-file-mean-0 ended as KILLED" in err
    assert err.rstrip().endswith("error: interrupted")
    assert "Traceback" not in err
    assert not [child for child in children if child.is_running()]
    (record,) = MlflowClient(store).search_runs(["1"])
    assert record.info.status == "KILLED"
    assert record.data.tags["end.reason"].startswith("interrupted")
    assert "frozen/loss" in record.data.metrics  # what was known by then is there


def test_an_interrupt_that_was_swallowed_ends_the_epoch() -> None:
    epochs: list[Epoch] = []
    on_epoch = terminal.interruptible(epochs.append)
    epoch = Epoch("frozen", 1, 8, 0.5, 0.5, 0.5, 0.5)
    on_epoch(epoch)
    with contextlib.suppress(KeyboardInterrupt):  # as a destructor would
        terminal.interrupt(signal.SIGTERM, None)
    with pytest.raises(KeyboardInterrupt, match="by SIGTERM"):
        on_epoch(epoch)
    assert epochs == [epoch, epoch]


@pytest.mark.usefixtures("plain")
def test_a_training_that_was_shot_goes_on_where_it_stopped(
    small: dict[str, Path], store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """SIGKILL in the middle of a phase; the next run marks the one that was shot, and gives what
    an undisturbed one gives."""
    monkeypatch.setenv("HEADLINE_TRANSFER_CACHE", str(tmp_path / "cache"))
    overrides = small_overrides(small, store, "training.frozen.epochs=60", "seed=7")
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", "train", *overrides],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "frozen: epoch 10 of 60" in line:
            process.kill()
            break
    process.communicate(timeout=60)
    client = MlflowClient(store)
    assert [r.info.status for r in client.search_runs(["1"])] == ["RUNNING"]
    code, _, resumed = main(capfd, "train", *overrides)
    assert code == 0
    assert "was abandoned, marked as KILLED" in resumed
    assert sorted(r.info.status for r in client.search_runs(["1"])) == ["FINISHED", "KILLED"]
    (taken_up,) = re.findall(r"taken up after epoch (\d+) of frozen", resumed)
    assert 10 <= int(taken_up) < 60
    assert not list((tmp_path / "cache" / "training").iterdir())
    _, _, again = main(capfd, "train", *overrides)
    assert "taken up" not in again

    def epochs(text: str) -> list[str]:
        return [line for line in text.splitlines() if ": epoch" in line]

    assert epochs(resumed) == epochs(again)
    assert len(epochs(resumed)) == 63


def test_a_progress_bar_on_a_terminal(small: dict[str, Path], store: str, tmp_path: Path) -> None:
    import pty

    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", "train", *small_overrides(small, store)],
        cwd=tmp_path, env={**os.environ, "TERM": "xterm"}, stdout=subprocess.PIPE, stderr=child,
    )  # fmt: skip
    os.close(child)
    shown = read_terminal(parent)
    assert process.wait(60) == 0
    assert "━" in shown.decode()
    assert b"frozen: epoch" not in shown
    assert b"cuda" not in shown.lower()


def test_make_ui_train_and_serve(small: dict[str, Path], tmp_path: Path) -> None:
    """A run is logged to the server of `make ui`; `make serve` answers with its champion."""
    port, scoring = free_port(), free_port()
    uri, address = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{scoring}"
    stores = {
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'mlflow.db'}",
        "MLFLOW_ARTIFACTS_DESTINATION": str(tmp_path / "artifacts"),
    }
    with server(["make", "ui", f"PORT={port}"], f"{uri}/health", tmp_path, **stores):
        overrides = [o for o in small_overrides(small, "") if not o.startswith("tracking.uri")]
        ran = subprocess.run(
            ["make", "train", f"ARGS={' '.join(overrides)}"],
            cwd=ROOT, env={**os.environ, "MLFLOW_TRACKING_URI": uri},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        assert f"{uri}/#/experiments/" in ran.stdout
        model = "MODEL=models:/headlines-headlines@champion"
        serve = ["make", "serve", f"SERVE_PORT={scoring}", model]
        with server(serve, f"{address}/ping", tmp_path, MLFLOW_TRACKING_URI=uri):
            readme = (ROOT / "README.md").read_text("utf-8")
            (body,) = re.findall(r"^curl .* -d '(.*)'$", readme, re.M)
            answer = requests.post(f"{address}/invocations", json=json.loads(body), timeout=30)
            assert answer.status_code == 200, answer.text
            (row,) = answer.json()["predictions"]
            assert row["label"] == "money"
            assert sum(row["probabilities"].values()) == pytest.approx(1)
            why = {**json.loads(body), "params": {"why": True}}
            answer = requests.post(f"{address}/invocations", json=why, timeout=30)
            (words,) = [row["why"]["words"] for row in answer.json()["predictions"]]
            assert [word["word"] for word in words] == why["inputs"][0].split()
            wrong = requests.post(f"{address}/invocations", json={"inputs": [5]}, timeout=30)
            assert wrong.status_code == 400


def test_make_ui_of_a_server_says_where_it_is() -> None:
    env = {**os.environ, "MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    shown = subprocess.check_output(["make", "ui"], cwd=ROOT, env=env, text=True)
    assert "http://127.0.0.1:9" in shown
