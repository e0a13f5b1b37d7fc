"""`pipeline vectors inspect` and `pipeline vectors compare`."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from builders import all_words, main, pipeline_command, write_glove
from mlflow import MlflowClient

from pipeline.base.errors import ConfigError
from pipeline.cli.vectors import set_overrides
from pipeline.config import load_config
from pipeline.embedding.options import JoinedOptions


def test_inspect(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "v.zip", "w") as archive:
        for size in (4, 8):
            write_glove(tmp_path / f"v.{size}d.txt", all_words(), size=size)
            archive.write(tmp_path / f"v.{size}d.txt", f"v.{size}d.txt")
    shown = pipeline_command("vectors", "inspect", "v.zip", "--vector-size", "8", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "format        GloVe text" in shown.stdout
    asked = ("vectors", "inspect", "v.zip", "--member", "v.4d.txt", "--words", "alps,xx", "--json")
    values = json.loads(pipeline_command(*asked, cwd=tmp_path).stdout)
    assert values["vector_size"] == 4
    assert values["neighbours"]["xx"] == []
    assert len(values["neighbours"]["alps"]) == 8
    failed = pipeline_command("vectors", "inspect", "v.zip", cwd=tmp_path)
    assert failed.returncode == 2
    assert failed.stderr.startswith("error: v.zip: expected one member, it holds v.4d.txt (4),")
    assert failed.stderr.count("\n") == 1


def test_sets_by_name(tmp_path: Path) -> None:
    path = tmp_path / "it's [my] (1)+2.txt"
    path.write_text("alps 1 2\n")
    assert load_config(set_overrides(str(path))).vectors.path == str(path)
    joined = load_config(set_overrides("glove_6b_50d+corpus:cbow", text=str(path))).vectors
    assert isinstance(joined, JoinedOptions)
    assert joined.sets == ("glove_6b_50d", "corpus:cbow")
    assert joined.corpus.path == str(path)
    for wrong in ("nowhere.txt", "corpus:glove", "glove_6b_50d+corpus:x", "it's"):
        with pytest.raises(ConfigError):
            load_config(set_overrides(wrong))


def test_a_table_of_sets(
    small: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HEADLINE_TRANSFER_CACHE", str(tmp_path))
    text = tmp_path / "text.txt"
    text.write_text(
        "a tiger is a cat\nthe tiger drinks a cup of coffee\nthe cat drinks a cup\n" * 9
    )
    sets = [str(small["vectors"]), "corpus:cbow", f"{small['vectors']}+corpus:cbow"]
    _, out, _ = main(
        capfd, "vectors", "compare", *sets, "--words", "alps,tiger", "--text", str(text),
        "data=file", f"data.path={small['csv']}",
    )  # fmt: skip
    lines = out.splitlines()
    assert lines[0].split("  ")[0] == "set"
    assert [line.split()[1:3] for line in lines[2:5]] == [["8", "36"], ["100", "9"], ["108", "42"]]
    assert [line.split()[-2:] for line in lines[2:4]] == [["nan", "(0)"], ["nan", "(0)"]]
    near = {word: [line for line in lines if line.startswith(word)] for word in ("alps", "tiger")}
    assert [row.endswith(" -") for row in near["alps"]] == [False, True, False]
    assert [row.endswith(" -") for row in near["tiger"]] == [True, False, False]


def test_what_sets_are_worth(
    small: dict[str, Path], store: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = main(
        capfd, "vectors", "compare", str(small["vectors"]), "--train", "--seeds", "2", "--json",
        "data=file", f"data.path={small['csv']}", "model=mean", "seed=3",
        "training.frozen.epochs=1", "training.fine_tuned.epochs=1", f"tracking.uri={store}",
    )  # fmt: skip
    assert code == 0
    (values,) = map(json.loads, out.splitlines())
    assert values["vector_size"] == 8
    assert values["wordsim353"] == {"spearman": None, "pairs": 353, "known": 0}
    assert {name: len(seeds) for name, seeds in values["accuracies"].items()} == {
        f"{method} {split}": 2
        for method in ("frozen", "fine_tuned", "ensemble")
        for split in ("validation", "test")
    }
    client = MlflowClient(store)
    assert not client.search_registered_models()  # comparing does not change what serves


def test_no_set_to_compare(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = main(capfd, "vectors", "compare", "data=bbc")
    assert (code, out) == (2, "")
    assert "expected sets to compare" in err
