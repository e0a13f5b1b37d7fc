"""What the README and the notebook say is run."""

from __future__ import annotations

import doctest
import importlib
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import nbformat
import pytest
from builders import ROOT, make_headlines, write_csv, write_glove
from nbclient import NotebookClient

from pipeline.cli import app as cli
from pipeline.config import groups, options
from pipeline.training import schedule as batches

README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", README, re.S)
    for line in block.splitlines()
    if line and not line.startswith("#")
]


def test_every_command_is_of_a_kind_that_is_tested() -> None:
    kinds = ("make ", "pipeline ", "git clone ", "pip install ", "curl ", "cd ")
    assert len(COMMANDS) > 15
    assert [line for line in COMMANDS if not line.startswith(kinds)] == []


@pytest.mark.parametrize("line", [line for line in COMMANDS if line.startswith("make ")])
def test_make_knows_its_targets(line: str) -> None:
    """`make train`, `ui` and `serve` are run for real in test_cli, `test` by whoever reads this."""
    arguments = shlex.split(line.split("#")[0])[1:]
    ran = subprocess.run(
        ["make", "--dry-run", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


MEASURING = [
    line
    for page in sorted((ROOT / "docs").glob("*.md"))
    for block in re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.S)
    for line in block.splitlines()
]


@pytest.mark.parametrize("line", MEASURING)
def test_commands_that_measure_have_their_options(line: str) -> None:
    """They take minutes to hours: that they would start is what is tested."""
    words = shlex.split(line.split(" #")[0])
    if words[0] == "make":
        (arguments,) = [word.removeprefix("ARGS=") for word in words if word.startswith("ARGS=")]
        module, words = "bench.__main__", shlex.split(arguments)
    elif words[0] == "pipeline":
        command = cli.cli
        words = words[1:]
        while isinstance(command, click.Group):
            command = command.commands[words.pop(0)]
        module = None
    else:
        assert words[:2] == ["python", "-m"]
        module, words = words[2], words[3:]
    if module is not None:
        command = importlib.import_module(module).main
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_make_help_lists_the_targets() -> None:
    shown = subprocess.check_output(["make", "help"], cwd=ROOT, text=True)
    targets = {line.split()[1] for line in shown.splitlines()}
    assert {"setup", "train", "ui", "serve", "test", "bench", "help"} <= targets


def test_pipeline_commands(
    store_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """In the order of the README, in one folder with the files that it names."""
    shutil.copy(store_template, tmp_path / "mlflow.db")
    texts, labels = make_headlines(40)
    write_csv(tmp_path / "my.csv", texts, labels, "headline,topic")
    (tmp_path / "headlines.txt").write_text("\n".join(texts[:3]))
    words = {word for text in texts for word in text.lower().split()}
    write_glove(tmp_path / "glove.6B.100d.txt", sorted(words))
    (tmp_path / "my.txt").write_text("\n".join(make_headlines(40, seed=1)[0]))
    monkeypatch.setenv("HEADLINE_TRANSFER_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    # From scratch, a thousand steps would be trained.
    monkeypatch.setitem(batches._STEPS, "scratch", 40)
    lines = [line for line in COMMANDS if line.startswith("pipeline ")]
    assert len(lines) >= 6
    short = ["training.frozen.epochs=1", "model=mean", "compare.sizes=[20]", "compare.seeds=1",
             "explain.seeds=1"]  # fmt: skip
    trained: set[str] = set()
    for line in lines:
        arguments = shlex.split(line.split(" #")[0])[1:]
        if arguments[0] in ("train", "compare", "explain"):
            # One of each kind; of the others, whether there are such options and choices.
            arguments = [arguments[0] if arguments[0] not in trained else "stages", *arguments[1:]]
            trained.add(arguments[0])
            arguments += short
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        assert not ended.value.code, f"{line}: {capfd.readouterr().err}"


def test_the_example_of_the_estimator() -> None:
    (example,) = re.findall(
        r"```python\n(from pipeline import EmbeddingClassifier.*?)```", README, re.S
    )
    texts, labels = make_headlines(40)
    names = {"texts": texts, "labels": labels}
    exec(compile(example, "README.md", "exec"), names)
    assert names["classifier"].classes_.tolist() == sorted(set(labels))


def test_the_table_of_choices_is_complete() -> None:
    for group in groups():
        (row,) = re.findall(rf"^\| `{group}` \| (.*?) \|", README, re.M)
        assert re.findall(r"`([a-z0-9_-]+)`", row) == options(group), group


def test_the_map_of_the_code_is_complete() -> None:
    parts = [*(ROOT / "pipeline").glob("[!_]*.py"), *(ROOT / "pipeline").glob("*/__init__.py")]
    modules = {path.parent.name if path.stem == "__init__" else path.stem for path in parts}
    (code,) = re.findall(r"## Where things are\n(.*?)\n## ", README, re.S)
    assert modules <= set(re.findall(r"`(\w+)(?:\.py|/)`", code))


MODULES = (
    "auditing", "auditing.words", "casebase", "comparing", "config", "data", "estimator", "matching",
    "matrix", "text", "vectors", "vectors.joining",
)  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name: str) -> None:
    module = importlib.import_module(f"pipeline.{name}")
    flags = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
    result = doctest.testmod(module, optionflags=flags)
    assert result.attempted > 0
    assert result.failed == 0


def test_the_notebook_runs(tmp_path: Path) -> None:
    notebook = nbformat.read(ROOT / "notebooks" / "quickstart.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # committed without outputs
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = "".join(
        output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])
    )
    assert "fine_tuned" in shown
