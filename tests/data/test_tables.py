"""Files of headlines in every format, and what is said of files that cannot be used."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from builders import all_texts, make_headlines, write_csv

from pipeline.base.errors import DataError
from pipeline.data.content import Content
from pipeline.data.headlines import load_headlines
from pipeline.data.reading import read_labelled
from pipeline.data.tables import READERS, Reader

FORMATS = {
    "csv": lambda frame, path: frame.to_csv(path, index=False),
    "tsv": lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
    "json": lambda frame, path: frame.to_json(path, orient="records"),
    "jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True),
    "parquet": lambda frame, path: frame.to_parquet(path),
    "csv.gz": lambda frame, path: frame.to_csv(path, index=False),
}


@pytest.mark.parametrize("ending", FORMATS)
def test_files_of_every_format(ending: str, tmp_path: Path) -> None:
    texts, labels = make_headlines(10)
    # What looks like a missing value, a number or a date is a headline all the same.
    texts[:4] = ["NA", "1984", "2024-01-01", 'He said "no", twice – naïve']
    frame = pd.DataFrame({"headline": texts, "topic": labels})
    FORMATS[ending](frame, tmp_path / f"news.{ending}")
    headlines = load_headlines(
        "file", path=tmp_path / f"news.{ending}", text="headline", label="topic"
    )
    assert headlines.name == "news"
    assert sorted(all_texts(headlines)) == sorted(texts)


def test_a_format_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts, labels = make_headlines(10)
    pd.DataFrame({"text": texts, "label": labels}).to_orc(tmp_path / "news.orc")
    with pytest.raises(DataError, match=r"expected a name that ends in \.csv, .*, got an ORC file"):
        read_labelled(tmp_path / "news.orc")

    def read_orc(content: Content) -> pd.DataFrame:
        return pd.read_orc(io.BytesIO(content.data))

    monkeypatch.setitem(READERS, ".orc", Reader(read_orc, b"ORC"))
    assert read_labelled(tmp_path / "news.orc").texts == texts


def test_a_folder_with_a_file_a_split_keeps_the_splits(tmp_path: Path) -> None:
    texts, labels = make_headlines(30)
    write_csv(tmp_path / "train.csv", texts[:60], labels[:60])
    pd.DataFrame({"text": texts[60:], "label": labels[60:]}).to_json(
        tmp_path / "test.jsonl", orient="records", lines=True
    )
    headlines = load_headlines("file", path=tmp_path, validation=0.25)
    assert headlines.texts("test") == texts[60:]
    assert len(headlines.splits["validation"]) == 15
    assert len(headlines.splits["train"]) == 45


def _latin(path: Path) -> None:
    path.write_bytes(b"text,label\ngood,a\ncaf\xe9,b\n")


BAD_FILES: dict[str, tuple[str, Any, str]] = {
    "missing": ("x.csv", lambda path: None, "there is none at"),
    "empty": ("x.csv", lambda path: path.write_bytes(b""), "it is empty"),
    "unknown ending": ("x.doc", lambda path: path.write_bytes(b"x"), "a name that ends in .csv"),
    "columns": (
        "x.csv",
        lambda path: path.write_text("title,topic\na,b\n"),
        "there is no column 'text', it has 'title', 'topic'",
    ),
    "only a header": (
        "x.csv",
        lambda path: path.write_text("text,label\n"),
        "x.csv: expected rows of headlines, found none",
    ),
    "unquoted commas": (
        "x.csv",
        lambda path: path.write_text("text,label\none, two,a\nthree, four,b\n"),
        "line 2: expected 2 fields, as in line 1, got 3: put headlines that hold ','",
    ),
    "trailing commas": (
        "x.csv",
        lambda path: path.write_text("text,label\none,a,\ntwo,b,\n"),
        "line 2: expected 2 fields, as in line 1, got 3",
    ),
    "odd quotes": (
        "x.tsv",
        lambda path: path.write_text('text\tlabel\n"one\ta\ntwo\tb\n"three\ta\n'),
        "line 2: expected quotes in pairs, got a field that opens with a quote and goes on after its "
        "closing quote in line 4 ('three\\ta')",
    ),
    "a column twice": (
        "x.csv",
        lambda path: path.write_text("text,text,label\na,b,c\n"),
        "expected one column 'text', there are several",
    ),
    "UTF-16": (
        "x.csv",
        lambda path: path.write_text("text,label\n", "utf-16-le"),
        "got UTF-16LE without the byte order mark",
    ),
    "damaged gzip": (
        "x.csv.gz",
        lambda path: path.write_bytes(gzip.compress(b"text,label\na,b\n")[:-6]),
        "could not unpack it, it is damaged",
    ),
    "damaged xz": ("x.csv.xz", lambda path: path.write_bytes(b"\xfd7zXZ\0x"), "could not unpack"),
    "not zstd": (
        "x.csv.zst",
        lambda path: path.write_bytes(b"\xff\xff"),
        "expected a file that is compressed, as .zst says, got other bytes",
    ),
    "ragged": ("x.csv", lambda path: path.write_text("text,label\na,b\na,b,c,d\n"), "line 3"),
    "not UTF-8": ("x.csv", _latin, "line 3: expected UTF-8"),
    "damaged JSON": (
        "x.json",
        lambda path: path.write_text('[{"text": '),
        "line 1: expected JSON, ",
    ),
    "damaged Parquet": ("x.parquet", lambda path: path.write_bytes(b"PAR1"), "could not read it"),
    "not text": (
        "x.json",
        lambda path: path.write_text(json.dumps([{"text": 5, "label": "a"}])),
        "expected text in column 'text', got 5 in row 1",
    ),
    "one class": (
        "x.csv",
        lambda path: write_csv(path, make_headlines(9)[0], ["a"] * 27),
        "expected at least two labels, all headlines have 'a'",
    ),
    "rare labels": (
        "x.csv",
        lambda path: write_csv(path, make_headlines(1)[0], ["a", "b", "b"]),
        "label 'b' has 2 headlines left, others have no more: expected at least 3 of a label",
    ),
    "empty headlines": (
        "x.csv",
        lambda path: write_csv(path, [" "] * 9, ["a", "b", "c"] * 3),
        "none is left of 9 rows (9 empty",
    ),
    "too few": (
        "x.csv",
        lambda path: write_csv(path, make_headlines(3)[0], ["a", "b", "c"] * 3),
        "leave 2 for test",
    ),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files(case: str, tmp_path: Path) -> None:
    name, write, message = BAD_FILES[case]
    write(tmp_path / name)
    with pytest.raises(DataError) as raised:
        load_headlines("file", path=tmp_path / name)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_bad_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected a file train\.csv.*found nothing"):
        load_headlines("file", path=tmp_path)
    texts, labels = make_headlines(9)
    write_csv(tmp_path / "train.csv", texts, labels)
    write_csv(tmp_path / "test.csv", ["A new one"], ["unseen"])
    with pytest.raises(
        DataError,
        match=r"'unseen' is in test \(1 of 1 headlines\) but not in train: leave it out there",
    ):
        load_headlines("file", path=tmp_path)
