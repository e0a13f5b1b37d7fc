"""The command line as a whole: help, wrong input, errors, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from builders import main, pipeline_command, small_overrides

from pipeline.base.errors import DataError
from pipeline.cli import main as command_line
from pipeline.cli.app import COMMANDS


def test_import_is_light() -> None:
    script = (
        "import time; t = time.process_time(); import pipeline, sys; t = time.process_time() - t;"
        "print(t, [m for m in ('tensorflow', 'keras', 'mlflow', 'numpy') if m in sys.modules])"
    )
    best = min(
        float(subprocess.check_output([sys.executable, "-c", script], text=True).split()[0])
        for _ in range(3)
    )
    loaded = subprocess.check_output([sys.executable, "-c", script], text=True).split(maxsplit=1)[1]
    assert loaded.strip() == "[]"
    assert best < 0.2


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"]], ids=" ".join)
def test_help_is_quick_and_loads_nothing_heavy(arguments: list[str]) -> None:
    script = (
        "import sys, time; from pipeline.cli import main\n"
        f"try: main({arguments})\n"
        "except SystemExit: print([m for m in ('tensorflow', 'mlflow', 'datasets', 'hydra', 'numpy')"
        " if m in sys.modules], time.process_time())"
    )
    seconds = []
    for _ in range(3):
        out = subprocess.check_output([sys.executable, "-c", script], text=True)
        loaded, _, spent = out.splitlines()[-1].rpartition(" ")
        assert loaded == "[]"
        seconds.append(float(spent))
    assert min(seconds) < 0.7  # of the processor, which other work on the machine leaves alone


def test_without_a_command_it_shows_its_help(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = main(capfd)
    assert (code, err) == (0, "")
    listed = out.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in listed] == [command.name for command in COMMANDS]
    assert not [line for line in listed if line.endswith("...")]  # each summary is whole


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_every_command_has_a_help_text(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = main(capfd, command, "--help")
    assert code == 0
    assert len(out.splitlines()) > 5
    assert f"  pipeline {command}" in out  # an example


BAD = {
    "command": (["trian"], "No such command 'trian'"),
    "option": (["train", "--modle"], "there is no option '--modle'"),
    "group": (["train", "modle=cnn"], "did you mean model"),
    "choice": (["train", "model=cnm"], "did you mean cnn?"),
    "value": (["train", "data.validation=1.5"], "expected less than 1, got 1.5"),
    "new": (["train", "+new=1"], "no option 'new'"),
    "no headlines": (["predict"], "expected headlines"),
    "empty headline": (["predict", "a headline", " "], "expected a headline in each argument"),
    "empty": (["predict", "--file", os.devnull], "expected a file of headlines, got a device"),
    "no file": (
        ["predict", "--file", "nowhere.txt"],
        "expected a file of headlines, there is none at nowhere.txt",
    ),
    "no table": (["predict", "--file", "nowhere.csv"], "there is none at nowhere.csv"),
    "not UTF-8": (["predict", "--file", sys.executable], "expected UTF-8, got binary data"),
    "column of nothing": (
        ["predict", "x", "--text", "headline"],
        "--text names a column of --file",
    ),
    "an option of a run": (
        ["evaluate", "data=file", "data.path=new.csv"],
        "'data=file' is in the form of an option of a run, which `pipeline evaluate` does not take: "
        "use --model, --tracking-uri, --file, --text, --label (see",
    ),
    "evaluate what": (["evaluate", "--model", "x"], "Missing option '--file'"),
    "no store": (
        ["predict", "x"],
        "there is no model in sqlite:///mlflow.db: train one first (pipeline train), or name a "
        "folder with --model",
    ),
    "no folder": (["predict", "x", "--model", "./model"], "a folder with a model, there is none"),
}


def test_a_message_gives_no_orders_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    code, _, err = main(capfd, "predict", "--model", "a\x1b[31mred\rx", "Alps")
    assert code == 2
    assert "a\\x1b[31mred\\rx" in err


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line(
    case: str, capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)  # MLflow sets it in this process
    arguments, message = BAD[case]
    code, out, err = main(capfd, *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.startswith("error: ")
    assert len(err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []  # nothing half-written


UNUSED = {
    "train compare.sizes=[20]": "compare.sizes is not used by `pipeline train`: leave it out "
    "(`pipeline compare` uses it)",
    "train training.scratch.epochs=2": "training.scratch.epochs is not used by `pipeline train` with "
    "training.phases=[frozen,fine_tuned]: leave it out, or add training=scratch",
    "compare insight.words=[alps]": "insight.words is not used by `pipeline compare`: leave it out",
    "compare insight=none": "insight is not used by `pipeline compare`: leave it out",
    "compare training=frozen training.fine_tuned.epochs=2": "leave it out, or add "
    "training=fine_tuned",
    "explain compare.seeds=3": "compare.seeds is not used by `pipeline explain`",
    "explain insight.audit=false": "insight.audit is not used by `pipeline explain`",
    "compare tracking.promote=never": "tracking.promote is not used by `pipeline compare`: leave it "
    "out (`pipeline train` uses it)",
    "audit model=mean": "model is not used by `pipeline audit`",
    "audit training=scratch": "training is not used by `pipeline audit`",
    "audit tracking.uri=x": "tracking.uri is not used by `pipeline audit`",
    "vectors compare glove_6b_50d model=mean": "model is not used by `pipeline vectors compare`: "
    "leave it out (`pipeline vectors compare --train` uses it)",
    "vectors compare glove_6b_50d --train explain.seeds=2": "explain.seeds is not used by `pipeline "
    "vectors compare --train`: leave it out (`pipeline explain` uses it)",
}


@pytest.mark.parametrize("line", UNUSED)
def test_an_option_that_a_command_does_not_use(
    line: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = main(capfd, *line.split())
    assert (code, out) == (2, "")
    assert UNUSED[line] in err
    assert len(err.strip().splitlines()) == 1


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
        command_line(["train", *overrides, "--debug"])


def test_an_error_of_the_system_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    long = "x" * 300
    code, _, err = main(capfd, "train", "data=file", f"data.path={long}")
    assert code == 2
    assert len(err.strip().splitlines()) == 1
    assert err.endswith(": File name too long\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_behind_the_output_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "pipeline.cli", "--version"]
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (2, "error: No space left on device\n")
