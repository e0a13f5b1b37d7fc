"""What the pages say is run: commands, Python examples, docstrings, tables, links."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import json
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from builders import ROOT, all_words, main, make_headlines, pipeline_command, write_csv

from pipeline import fit, load_headlines, load_vectors
from pipeline.classifier.encoders import MeanOptions
from pipeline.classifier.export import export_classifier
from pipeline.cli.app import cli
from pipeline.cli.arguments import load_command_config
from pipeline.config import flatten, groups, options
from pipeline.embedding.catalogue import CATALOGUE

README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = {page: page.read_text("utf-8") for page in PAGES}


def _blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a page in one language, without those that the next test file runs."""
    return re.findall(rf"(?<!<!-- reuse -->\n)```{language}\n(.*?)```", TEXT[page], re.S)


def _commands(page: Path) -> list[str]:
    """The lines of a page's shell blocks, without comments."""
    lines = [line for block in _blocks(page, "sh") for line in block.splitlines()]
    return [line.split(" #")[0].strip() for line in lines if line and not line.startswith("#")]


def _cases(*pages: Path) -> list[pytest.param]:
    """Every command of `pages` as a case of a test, named by its page."""
    return [
        pytest.param(line, id=f"{page.stem}: {line}") for page in pages for line in _commands(page)
    ]


# Commands ----------------------------------------------------------------------------------------

# What makes the commands of the README quick; nothing else of them is changed.
SMALL = {
    "train": (
        "model=mean",
        "model.ngrams=false",
        "training.frozen.epochs=1",
        "training.fine_tuned.epochs=1",
        "insight=none",
    ),
    "compare": (
        "model=mean",
        "model.ngrams=false",
        "training.frozen.epochs=1",
        "training.scratch.epochs=1",
        "compare.sizes=[20]",
        "compare.seeds=1",
    ),
    "explain": (
        "model=mean",
        "model.ngrams=false",
        "training.frozen.epochs=1",
        "training.scratch.epochs=1",
        "explain.seeds=1",
    ),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the pages name."""
    folder = tmp_path_factory.mktemp("pages")
    texts, labels = make_headlines(40)
    write_csv(folder / "my.csv", texts, labels, "headline,topic")
    write_csv(folder / "new.csv", *make_headlines(20, seed=1), "headline,topic")
    (folder / "headlines.txt").write_text("\n".join(texts[:3]))
    (folder / "my.txt").write_text("\n".join(make_headlines(40, seed=1)[0]))
    write_csv(folder / "to_label.csv", *make_headlines(5, seed=2), "headline,topic")
    (folder / "FOLDER").mkdir()
    vectors = load_vectors("glove_6b_50d", words=all_words(), most_frequent=5000)
    rows = zip(vectors.index_to_key, vectors.vectors.tolist(), strict=True)
    lines = [f"{word} {' '.join(f'{value:.4f}' for value in row)}" for word, row in rows]
    (folder / "glove.6B.100d.txt").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def test_the_pipeline_commands_of_the_readme_run_in_their_order(
    store: str, files: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(files)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    lines = [line for line in _commands(README) if line.startswith("pipeline ")]
    assert len(lines) > 10
    for line in lines:
        _, command, *rest = shlex.split(line)
        code, _, error = main(capfd, command, *rest, *SMALL.get(command, ()))
        assert code == 0, f"{line}: {error}"


@pytest.mark.parametrize("line", _cases(*PAGES))
def test_every_command_exists_with_its_options(
    line: str, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some take hours: they are read as the program would read them, and not run."""
    monkeypatch.chdir(files)
    words = shlex.split(line)
    if words[0] == "make":
        done = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        (program,) = [w for w in done.stdout.splitlines() if "-m bench" in w] or [None]
        if program is not None:
            words = shlex.split(program.removeprefix("TF_CPP_MIN_LOG_LEVEL=3 "))
            _parse(_program(words[2]), words[3:])
    elif words[0] == "pipeline":
        _parse(cli, words[1:])
    elif words[:2] == ["python", "-m"]:
        _parse(_program(words[2]), words[3:])
    elif words[0] == "python":
        assert (ROOT / words[1]).is_file()
    elif words[:2] == ["pip", "install"]:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
        name, extra = re.fullmatch(r"(.+)\[(\w+)\]", words[2]).groups()
        assert name == project["name"]
        assert extra in project["optional-dependencies"]
    elif words[0] == "curl":
        shown = subprocess.check_output(["make", "-n", "serve"], cwd=ROOT, text=True)
        assert words[1] in shown
        assert list(json.loads(words[words.index("-d") + 1])) == ["inputs"]
    else:
        assert words[0] in ("git", "cd"), "a kind of command that no test knows"


def _program(module: str) -> click.Command:
    """What `python -m` runs for a module or a package."""
    is_package = importlib.util.find_spec(module).submodule_search_locations is not None
    return importlib.import_module(f"{module}.__main__" if is_package else module).main


def _parse(command: click.Command, words: list[str]) -> None:
    """Read the arguments of a command. The options of a run among them are ones that it uses."""
    names: list[str] = []
    while isinstance(command, click.Group):
        names, words = [*names, words[0]], words[1:]
        command = command.commands[names[-1]]
    context = command.make_context(command.name, list(words))
    if overrides := context.params.get("overrides"):
        load_command_config(" ".join(names), overrides)


@pytest.mark.slow
def test_the_readme_shows_what_train_prints(store: str, tmp_path: Path) -> None:
    """On the same kind of machine to the bit; elsewhere training ends a little differently."""
    ran = pipeline_command("train", cwd=tmp_path, timeout_seconds=280, MLFLOW_TRACKING_URI=store)
    assert ran.returncode == 0, ran.stderr
    printed = {line.split("  ")[0]: line for line in ran.stdout.splitlines()}
    (block,) = [b for b in _blocks(ROOT / "README.md", "text") if "test accuracy" in b]
    shown = {line.split("  ")[0]: line for line in block.splitlines()}
    rows = {name: _accuracies(line) for name, line in shown.items() if _accuracies(line)}
    assert len(rows) > 3
    for name, numbers in rows.items():
        assert _accuracies(printed.get(name, "")) == pytest.approx(numbers, abs=0.02), name


def _accuracies(line: str) -> list[float]:
    return [float(number) for number in re.findall(r"\b0\.\d{4}\b", line)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_within_the_text_exist(page: Path) -> None:
    prose = re.sub(r"```.*?```", "", TEXT[page], flags=re.S)
    targets = _targets()
    for code in re.findall(r"`((?:pipeline|make) [^`]+)`", prose):
        words = code.split()
        if words[0] == "make":
            assert words[1] in targets, code
            continue
        command, rest = cli, words[1:]
        while isinstance(command, click.Group) and rest:
            command, rest = command.commands[rest[0]], rest[1:]
        taken = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in rest if word.startswith("--")} - {"--"} <= taken, code


def test_make_help_lists_every_target() -> None:
    shown = subprocess.check_output(["make", "--no-print-directory", "help"], cwd=ROOT, text=True)
    assert [line.split()[1] for line in shown.splitlines()] == _targets()


def _targets() -> list[str]:
    (names,) = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.M)
    return names.split()


# Python ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What the examples take as given."""
    texts, labels = make_headlines(40)
    headlines = load_headlines(texts, labels)
    training, test = headlines.examples("train"), headlines.examples("test")
    fitted = fit(training, headlines.examples("validation"), model=MeanOptions())
    return {
        "texts": texts,
        "labels": labels,
        "training": training,
        "test": test,
        "network": fitted.network,
        "matrix": fitted.matrix,
        "history": fitted.history,
        "classifier": fitted.classifier,
        "paths": ["fine_tuned-0.npz"],
    }


@pytest.mark.parametrize(
    "page", [page for page in PAGES if _blocks(page, "python")], ids=lambda page: page.stem
)
def test_the_python_examples_run(
    page: Path, names: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = dict(names)
    if "load_classifier" in TEXT[page]:
        export_classifier(given["classifier"], "model")
    for block in _blocks(page, "python"):
        exec(compile(block, page.name, "exec"), given)


@pytest.mark.parametrize(
    "path",
    [
        path.relative_to(ROOT)
        for room in ("pipeline", "bench")
        for path in sorted((ROOT / room).rglob("*.py"))
        if ">>> " in path.read_text("utf-8")
    ],
    ids=str,
)
def test_the_examples_in_docstrings_run(path: Path) -> None:
    name = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
    flags = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
    result = doctest.testmod(importlib.import_module(name), optionflags=flags)
    assert result.failed == 0
    assert result.attempted == (ROOT / path).read_text("utf-8").count(">>> ")  # none is overlooked


# Pages -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("page", "most"), [("README.md", 1200), ("CONTRIBUTING.md", 600)])
def test_the_length_of_a_page(page: str, most: int) -> None:
    assert len(TEXT[ROOT / page].split()) <= most


def test_the_table_of_rooms_is_complete() -> None:
    (table,) = re.findall(r"^\| room \|.*\n\|[-|: ]+\n((?:\|.*\n)+)", TEXT[README], re.M)
    rooms = {path.parent.name for path in (ROOT / "pipeline").glob("*/__init__.py")}
    assert sorted(re.findall(r"^\| `(\w+)/?` \|", table, re.M)) == sorted(rooms)


def test_the_table_of_choices_is_complete() -> None:
    for group in groups():
        ((choices, values),) = re.findall(
            rf"^\| `{group}` \| (.*?) \| (.*) \|$", TEXT[README], re.M
        )
        listed = re.findall(r"`([a-z0-9_-]+)`", choices)
        if "`pipeline vectors list`" in choices:  # it lists the sets of the catalogue
            listed = sorted({*listed, *CATALOGUE})
        assert listed == options(group), group
        names = {
            name
            for path in (ROOT / "conf" / group).glob("*.yaml")
            for name in flatten(yaml.safe_load(path.read_text("utf-8")), f"{group}.")
        }
        assert set(re.findall(r"`(\w+\.[\w.]+)`", values)) <= names, group


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_and_pictures_are_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", TEXT[page]):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        linked = page.parent / name if name else page
        assert linked.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.*)$", linked.read_text("utf-8"), re.M)
            assert anchor in {_anchor(title) for title in titles}, target


def _anchor(title: str) -> str:
    """A heading's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def test_every_picture_is_on_a_page() -> None:
    shown = {
        Path(name).name for text in TEXT.values() for name in re.findall(r"\]\((.*?\.png)\)", text)
    }
    assert {path.name for path in (ROOT / "docs").glob("*.png")} <= shown
