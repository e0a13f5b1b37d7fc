"""Headlines without a label: where they come from, and that none of them is in a split."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from builders import make_headlines, write_csv

from pipeline.base.errors import DataError
from pipeline.data.headlines import load_headlines

TEXTS, LABELS = make_headlines(20)
MORE = ["Rates rise again", "Alps lose snow", "A new cup final"]


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "headlines.csv", TEXTS, LABELS)


FILES = {
    "more.txt": "\n".join(MORE).encode(),
    "more.csv": "\n".join(["id,text", *(f"{i},{text}" for i, text in enumerate(MORE))]).encode(),
    "more.jsonl": "\n".join(json.dumps({"text": text}) for text in MORE).encode(),
    "more.txt.gz": gzip.compress("\n".join(MORE).encode()),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_any_format(name: str, labelled: Path) -> None:
    path = labelled.with_name(name)
    path.write_bytes(FILES[name])
    assert load_headlines("file", path=labelled, unlabelled=path).unlabelled == tuple(MORE)


def test_rows_of_train_without_a_label(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "pipeline")
    path = write_csv(tmp_path / "x.csv", [*TEXTS, *MORE], [*LABELS, "", "", ""])
    headlines = load_headlines("file", path=path)
    assert headlines.unlabelled == tuple(MORE)
    assert headlines.dropped["unlabelled"] == 3
    assert "3 without a label (dropped: 0 empty, 0 unlabelled," in caplog.text  # not told twice
    plain = load_headlines("file", path=write_csv(tmp_path / "y.csv", TEXTS, LABELS))
    assert plain.sha256.items() < headlines.sha256.items()  # the splits are the same
    assert headlines.sha256.keys() - plain.sha256.keys() == {"unlabelled"}


def test_headlines_of_the_splits_are_not_among_them(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    write_csv(folder / "train.csv", TEXTS, LABELS)
    tests = ["Bank profits soar today", "Snow on the Alps today"]
    write_csv(folder / "test.csv", [*tests, "Without a label"], [*LABELS[:2], ""])
    lines = tmp_path / "more.txt"
    lines.write_text("\n".join([TEXTS[0], *MORE, tests[0], f"  {tests[1]} ", "", MORE[0]]))
    headlines = load_headlines("file", path=folder, unlabelled=lines)
    assert headlines.unlabelled == tuple(MORE)
    assert tests[0] in headlines.texts("test")


def test_a_table_has_the_same_column(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(
        "\n".join(["headline,topic", *(f"{t},{n}" for t, n in zip(TEXTS, LABELS, strict=True))])
    )
    more = tmp_path / "more.csv"
    more.write_text("title\nAlps lose snow\n")
    with pytest.raises(
        DataError, match=r"more\.csv: there is no column 'headline', it has 'title'"
    ):
        load_headlines("file", path=path, text="headline", label="topic", unlabelled=more)
    more.write_text("headline\nAlps lose snow\n")
    headlines = load_headlines("file", path=path, text="headline", label="topic", unlabelled=more)
    assert headlines.unlabelled == ("Alps lose snow",)
