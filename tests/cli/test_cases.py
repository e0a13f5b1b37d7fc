"""`pipeline cases` on a real store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from builders import main, make_headlines, small_overrides, write_csv
from networks import NAMES, TRAIN, built

from pipeline.cases.casebase import CaseBase
from pipeline.config import load_config
from pipeline.run import run
from pipeline.tracking.runs import tracked_run


def test_the_commands(
    small: dict[str, Path], store: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    overrides = small_overrides(small, store, "model=metric", "model.width=10", "insight=none")
    config = load_config(overrides)
    result = run(config)
    where = ["--tracking-uri", store]
    texts, labels = make_headlines(10, seed=9)
    write_csv(tmp_path / "my.csv", texts, labels, "headline,topic")
    file = ["--file", "my.csv", "--text", "headline", "--label", "topic"]
    assert main(capfd, "cases", "add", *file, *where)[:2] == (
        0,
        "cases: 30 cases, 30 of them added\n",
    )
    _, out, _ = main(capfd, "cases", "add", *file, *where)
    assert out == "cases: 30 cases, 0 of them added, 30 were there already\n"
    code, out, _ = main(
        capfd, "cases", "add", "Rain again", "Sun", "--as", "weather", "--json", *where
    )
    assert (code, json.loads(out)) == (0, {"cases": 32, "added": 2, "ids": [30, 31]})

    _, out, _ = main(capfd, "cases", "list")
    assert out.startswith("cases: 32 cases, made with models:/headlines-headlines/1\n")
    assert ["weather", "2"] in [line.split() for line in out.splitlines()]
    assert ["30", "weather", "Rain", "again"] in [line.split() for line in out.splitlines()]
    _, out, _ = main(capfd, "cases", "list", "--only", "weather", "--json")
    assert [json.loads(line)["text"] for line in out.splitlines()] == ["Rain again", "Sun"]
    code, _, err = main(capfd, "cases", "list", "--only", "wether")
    assert (code, err) == (
        2,
        "error: cases: there is no case of the label 'wether'; did you mean weather?\n",
    )

    code, out, _ = main(capfd, "cases", "predict", "Rain again", "Alps", "--why", *where)
    lines = out.splitlines()
    assert lines[0].split() == ["label", "votes", "headline"]
    assert lines[3].split() == ["weather", "0.000", "30:", "Rain", "again"]
    assert len(lines) == 2 + 2 * 6 + 3
    assert lines[-1].split()[0] == "model"
    assert lines[-1].split()[1] == "models:/headlines-headlines/1"
    _, out, _ = main(capfd, "cases", "predict", "Alps", "--why", "--json", *where)
    row = json.loads(out)
    assert sum(row["votes"].values()) == len(row["cases"]) == 5
    _, out, _ = main(
        capfd, "cases", "predict", "--file", "my.csv", "--text", "headline", "--json", *where
    )
    assert [json.loads(line)["text"] for line in out.splitlines()] == texts
    assert main(capfd, "cases", "remove", "30", "31")[1] == "cases: 30 cases, 2 removed\n"
    assert "weather" not in main(capfd, "cases", "list")[1]

    # Another model becomes the champion: the cases stay with theirs, and refuse the other.
    row = json.loads(main(capfd, "cases", "predict", "Alps", "--why", "--json", *where)[1])
    # The logged model represents headlines as that of this process does.
    cases = CaseBase(result.fitted.classifier, texts, labels)
    for given, case in zip(row["cases"], cases.neighbours("Alps"), strict=True):
        assert given == {**vars(case), "distance": pytest.approx(case.distance, abs=1e-4)}
    with tracked_run(config.tracking, "another") as tracked:
        tracked.keep_model(result.fitted.classifier)
        tracked.log_model(
            registered_model="headlines-headlines",
            validation={"accuracy": 1.0},
            validation_sha256="",
            promote="always",
        )
    code, again, _ = main(capfd, "cases", "predict", "Alps", "--why", "--json", *where)
    assert (code, json.loads(again)) == (0, row)
    champion = ["--model", "headlines-headlines"]
    code, _, err = main(capfd, "cases", "predict", "Alps", *champion, *where)
    assert code == 2
    assert "the cases were made with models:/headlines-headlines/1, and cannot be used with" in err
    assert "with models:/headlines-headlines/2: leave" in err
    assert json.loads(again)["model"] == "models:/headlines-headlines/1"
    assert len(err.strip().splitlines()) == 1
    code, out, _ = main(
        capfd, "cases", "add", "Alps", "--as", "nature", "--cases", "other", *champion, *where
    )
    assert (code, out) == (0, "other: 1 case, 1 of them added\n")


def test_without_a_model_no_folder_is_begun(
    store: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code, _, err = main(capfd, "cases", "add", "Snow", "--as", "nature", "--tracking-uri", store)
    assert code == 2
    assert "train one first (pipeline train)" in err
    assert not (tmp_path / "cases").exists()


def test_a_folder_with_its_own_model(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Needs no store."""
    monkeypatch.chdir(tmp_path)
    texts, labels = TRAIN.texts, [NAMES[label] for label in TRAIN.labels]
    CaseBase(built(), texts, labels).save("cases")
    code, _, err = main(capfd, "cases", "predict", texts[0])
    assert code == 2
    assert "in a file of Keras, which may be code" in err
    code, out, _ = main(capfd, "cases", "predict", texts[0], "--json", "--trust")
    assert (code, json.loads(out)["label"]) == (0, labels[0])
    assert "made with a model of their own" in main(capfd, "cases", "list")[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cases"]

    # A network in the place of another is not taken for it.
    CaseBase(built(seed=1), texts, labels).save("others")
    (mine,), (theirs,) = (list(Path(name).glob("*.keras")) for name in ("cases", "others"))
    mine.write_bytes(theirs.read_bytes())
    code, _, err = main(capfd, "cases", "predict", texts[0], "--trust")
    assert code == 2
    assert "expected the model that CaseBase.save wrote, it is missing or damaged" in err


BAD = {
    "nothing": (["add", "--as", "a"], "expected headlines as arguments, or a file"),
    "both": (["add", "x", "--file", "my.csv"], "expected headlines as arguments, or a file"),
    "no label": (["add", "x"], "expected the label of the headlines: --as LABEL"),
    "a column of nothing": (
        ["add", "x", "--label", "a"],
        "name columns of --file, which is missing",
    ),
    "a label for a file": (["add", "--file", "my.csv", "--as", "a"], "of a file is --label"),
    "no cases": (["list"], "expected a folder with a case base"),
    "nothing to remove": (
        ["remove", "3"],
        "expected a folder with a case base, there is none at cases",
    ),
    "no id": (["remove", "x"], "'x' is not a valid integer"),
    "no headline": (["predict"], "expected headlines: as arguments, or with --file"),
    "an option": (["predict", "x", "seed=1"], "'seed=1' is in the form of an option of a run"),
    "an option of a list": (
        ["list", "data=file"],
        "which `pipeline cases list` does not take: use its own options",
    ),
    "a hyphen": (["add", "-5 degrees", "--as", "a"], '`pipeline cases add -- "-5 degrees"`'),
    "no file": (["add", "--file", "no.csv"], "there is none at no.csv"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_commands_are_one_line(
    case: str, capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, message = BAD[case]
    code, out, err = main(capfd, "cases", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_help_of_the_commands(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = main(capfd, "cases")
    assert code == 0
    assert {"add", "list", "predict", "remove"} <= {
        line.split()[0] for line in out.splitlines() if line.strip()
    }
