"""`pipeline predict`: headlines in, labels out, and which model gave them."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import mlflow
import pytest
from builders import main, make_headlines, write_csv

from pipeline.run import RunResult


def test_rows_and_json(asked: RunResult, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = main(capfd, "predict", "Bank shares", "Alps", "--json")
    assert code == 0
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["text"] for row in rows] == ["Bank shares", "Alps"]
    assert set(rows[0]["probabilities"]) == {"money", "nature", "sport"}
    assert rows[0]["probability"] == max(rows[0]["probabilities"].values())
    assert {row["model"] for row in rows} == {"models:/headlines-headlines/1"}

    _, out, _ = main(capfd, "predict", "Bank shares", "Alps")
    lines = out.splitlines()
    assert lines[0].split() == ["label", "probability", "headline"]
    assert lines[2].split()[0] == rows[0]["label"]
    assert lines[-1].split() == ["model", "models:/headlines-headlines/1"]


def test_a_file_of_lines_and_a_table(
    asked: RunResult, tmp_path: Path, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def texts(*arguments: str) -> list[str]:
        code, out, err = main(capfd, "predict", "--json", *arguments)
        assert code == 0, err
        return [json.loads(line)["text"] for line in out.splitlines()]

    (tmp_path / "in.txt").write_text("Bank shares\n\nAlps, snow\n")
    assert texts("--file", "in.txt") == ["Bank shares", "", "Alps, snow"]
    assert texts("Goal", "--file", "in.txt") == ["Goal", "Bank shares", "", "Alps, snow"]
    write_csv(tmp_path / "new.csv", ["Bank shares", "Alps, snow"], ["a", "b"])
    assert texts("--file", "new.csv") == ["Bank shares", "Alps, snow"]
    write_csv(tmp_path / "new.csv", ["Bank shares", "", "Alps"], ["a", "b", "c"], "title,topic")
    assert texts("--file", "new.csv", "--text", "title") == ["Bank shares", "", "Alps"]
    code, _, err = main(capfd, "predict", "--file", "new.csv")
    assert code == 2
    assert "there is no column 'text', it has 'title', 'topic'" in err
    assert "--text" in err
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Bank shares\nAlps\n")))
    assert texts("--file", "-") == ["Bank shares", "Alps"]


@pytest.mark.parametrize(
    "address",
    [
        "headlines-headlines",
        "models:/headlines-headlines@champion",
        "models:/headlines-headlines/1",
        "runs",
        "folder",
    ],
)
def test_the_ways_to_name_a_model(
    address: str, asked: RunResult, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    if address == "runs":
        address = f"runs:/{asked.run_id}/model"
    elif address == "folder":
        address = mlflow.artifacts.download_artifacts(
            asked.registered.uri, dst_path=str(tmp_path / "local")
        )
    code, out, _ = main(capfd, "predict", "Alps", "--model", address, "--json")
    assert code == 0
    shown = address if address.startswith(("runs:", "/")) else "models:/headlines-headlines/1"
    assert json.loads(out)["model"] == shown


def test_the_store_can_be_named(
    logged: RunResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    code, out, _ = main(capfd, "predict", "Alps", "--tracking-uri", logged.tracking_uri)
    assert code == 0
    assert "models:/headlines-headlines/1" in out
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_there_is_not(asked: RunResult, capfd: pytest.CaptureFixture[str]) -> None:
    code, _, err = main(capfd, "predict", "Alps", "--model", "headline-headlines")
    assert code == 2
    assert "there is no model 'headline-headlines' in" in err
    assert "did you mean headlines-headlines?" in err
    code, _, err = main(capfd, "predict", "Alps", "--model", "models:/headlines-headlines@best")
    assert code == 2
    assert "could not find models:/headlines-headlines@best" in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "argument",
    [
        "data.path=my.csv",
        "tracking.uri=sqlite:///with space/x.db",
        "model=mean",
        "seed=3",
        "+seed=3",
        "traking.uri=sqlite:///x.db",
        "modle=mean",
        "data.path='my (1).csv'",
    ],
)
def test_an_option_of_a_run_is_no_headline(
    argument: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = main(capfd, "predict", "Alps", argument)
    assert (code, out) == (2, "")
    assert err == (
        f"error: {argument!r} is in the form of an option of a run, which `pipeline predict` does "
        "not take: use --model, --tracking-uri, --file, --text; put a headline of that form into a "
        "file (see pipeline predict --help)\n"
    )


def test_other_equations_are_headlines(asked: RunResult, capfd: pytest.CaptureFixture[str]) -> None:
    texts = ["x=3", "E = mc2", "Data = money", "market=up", "Seed=1"]
    code, out, _ = main(capfd, "predict", *texts, "--json")
    assert code == 0
    assert [json.loads(line)["text"] for line in out.splitlines()] == texts


@pytest.mark.parametrize("headline", ["-5 degrees in Alps", "-5", "--5 degrees in Alps"])
def test_a_headline_that_begins_with_a_hyphen(
    headline: str, asked: RunResult, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = main(capfd, "predict", headline)
    assert (code, out) == (2, "")
    assert f'put -- before the headlines, as in `pipeline predict -- "{headline}"`' in err
    assert len(err.strip().splitlines()) == 1
    code, out, _ = main(capfd, "predict", "--json", "--", headline, "--debug")
    assert code == 0
    assert [json.loads(line)["text"] for line in out.splitlines()] == [headline, "--debug"]


def test_an_option_with_a_wrong_letter_is_no_headline(capfd: pytest.CaptureFixture[str]) -> None:
    code, _, err = main(capfd, "predict", "Alps", "--jsom")
    assert code == 2
    assert "No such option '--jsom'" in err or "No such option: --jsom" in err
    assert "hyphen" not in err


def test_headlines_of_any_number_are_in_their_order(
    asked: RunResult, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    texts, _ = make_headlines(40, seed=3)
    (tmp_path / "in.txt").write_text("\n".join(texts))
    _, out, _ = main(capfd, "predict", "--file", "in.txt", "--json")
    assert [json.loads(line)["text"] for line in out.splitlines()] == texts


def test_thresholds_sets_and_marks(asked: RunResult, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = main(capfd, "predict", "--threshold", "1", "--coverage", "0.8", "Bank", "xqzw")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split() == ["label", "probability", "labels", "mark", "headline"]
    assert lines[2].startswith(
        ("(none) nearest: money", "(none) nearest: nature", "(none) nearest: sport")
    )
    assert "no known word" in lines[3]
    code, out, _ = main(capfd, "predict", "--json", "--coverage", "0.8", "Bank", "xqzw")
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["mark"] for row in rows] == [None, "no_known_word"]
    assert all(set(row["labels"]) <= {"money", "nature", "sport"} for row in rows)
    code, out, _ = main(capfd, "predict", "--why", "--threshold", "1", "Bank shares")
    assert code == 0
    assert out.startswith("(none) nearest: ")
