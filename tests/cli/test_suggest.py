"""`pipeline suggest`: a table to fill in, which `data.added` takes back."""

from __future__ import annotations

import csv
import shlex
from pathlib import Path

import pandas as pd
import pytest
from builders import main, make_headlines

from pipeline.config import in_quotes, load_config
from pipeline.data.headlines import load_headlines

MORE = ["Café and bank again", "Snow and shares again", "=Ice and bond again", "Alps lose snow"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    texts, labels = make_headlines(20)
    frame = pd.DataFrame({"headline": texts, "topic": labels})
    frame.to_csv("my.csv", index=False)
    Path("my.txt").write_text("\n".join(MORE), "utf-8")
    return tmp_path


def test_the_table_comes_back(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    options = ["data=file", "data.path=my.csv", "data.text=headline", "data.label=topic"]
    code, out, _ = main(capfd, "suggest", *options, "data.unlabelled=my.txt", "--n", "3")
    assert code == 0
    assert "written    to_label.csv: 3 of 4 headlines without a label" in out
    assert out.splitlines()[-1].split() == [
        "pipeline", "train", *options, "data.unlabelled=my.txt", "data.added=to_label.csv",
    ]  # fmt: skip
    with open("to_label.csv", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [*rows[0]] == ["headline", "topic", "suggested", "why"]
    assert {row["topic"] for row in rows} == {""}
    assert {row["headline"].lstrip("'") for row in rows} <= set(MORE)
    for row in rows[:2]:
        row["topic"] = "nature"
    with open("to_label.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0]], delimiter=";")  # as some spreadsheets do
        writer.writeheader()
        writer.writerows(rows)
    headlines = load_headlines(
        "file", path="my.csv", text="headline", label="topic", added="to_label.csv"
    )
    labelled = [row["headline"].removeprefix("'") for row in rows[:2]]
    assert headlines.texts("train")[-2:] == labelled
    code, out, _ = main(
        capfd, "suggest", *options, "data.unlabelled=my.txt", "data.added=to_label.csv",
        "--out", "again.csv",
    )  # fmt: skip
    assert code == 0
    assert out.splitlines()[-1].endswith("'data.added=[to_label.csv,again.csv]'")
    again = [text.removeprefix("'") for text in pd.read_csv("again.csv")["headline"]]
    assert sorted(again) == sorted(set(MORE) - set(labelled))


ODD = [
    "à étiqueter.csv", 'the "new" ones.csv', "it's.csv", "$HOME.csv", "a,b.csv", "a=b.csv",
    "[1].csv", "{a: b}.csv", r"a\\b\".csv", "雪;rm -r x.csv", "#1 (2) & more.csv",
]  # fmt: skip


def test_the_command_can_be_pasted(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever the files are called."""
    options = ["data=file", "data.path=my.csv", "data.text=headline", "data.label=topic"]
    for added, name in [([], ODD[0]), (ODD[2:], ODD[1])]:
        for file in added:
            Path(file).write_text(f"headline,topic\n{file.replace(',', '')[:-4]},nature\n", "utf-8")
        listed = ",".join(map(in_quotes, added))
        code, out, err = main(
            capfd, "suggest", *options, "data.unlabelled=my.txt", f"data.added=[{listed}]",
            "--n", "1", "--out", name,
        )  # fmt: skip
        assert code == 0, err
        pipeline, train, *overrides = shlex.split(out.splitlines()[-1])
        assert (pipeline, train) == ("pipeline", "train")
        assert load_config(overrides).data.added == (*added, name)


def test_each_counts_as_one(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pd.read_csv("my.csv").assign(worth=2).to_csv("my.csv", index=False)
    options = ["data=file", "data.path=my.csv", "data.text=headline", "data.label=topic"]
    code, _, _ = main(
        capfd, "suggest", *options, "data.weight=worth", "data.unlabelled=my.txt", "--n", "2"
    )
    assert code == 0
    table = pd.read_csv("to_label.csv").assign(topic="nature")
    table.to_csv("filled.csv", index=False)
    columns = {"text": "headline", "label": "topic", "weight": "worth"}
    headlines = load_headlines("file", path="my.csv", added="filled.csv", **columns)
    weights = headlines.examples("train").weights
    assert weights is not None
    assert list(weights)[-3:] == [2, 1, 1]
