"""Tables are read exactly, by their content; what cannot be read is named, with its line."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import logging
import lzma
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from builders import make_headlines
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.fuzz import tables as fuzz
from bench.fuzz.frame import COMPRESSIONS, MISTAKES
from pipeline.base.errors import DataError
from pipeline.data.content import check_file, unpack
from pipeline.data.delimited import read_delimited
from pipeline.data.headlines import load_headlines
from pipeline.data.reading import read_texts
from pipeline.data.sources import check_source
from pipeline.data.tables import read_table

ROWS = [["Alps, snow", "nature"], ['Rates "rise"', "money"], ["Café", "sport"]]


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows_of(path: Path) -> list[list[str]]:
    frame = read_table(path)
    assert list(frame.columns) == ["text", "label"]
    return [list(row) for row in frame.itertuples(index=False)]


def delimited(separator: str = ",", end: str = "\n") -> str:
    file = io.StringIO()
    csv.writer(file, delimiter=separator, lineterminator=end).writerows([["text", "label"], *ROWS])
    return file.getvalue()


def zipped(**members: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


OBJECTS = [{"text": text, "label": label} for text, label in ROWS]
JSON_LINES = "\n".join(map(json.dumps, OBJECTS))
MAC = {"__MACOSX/._x.csv": "\0\5\26\7", "x.csv": delimited()}

SAME: dict[str, tuple[str, str | bytes]] = {
    "semicolons in .csv": ("x.csv", delimited(";")),
    "tabs in .csv": ("x.csv", delimited("\t")),
    "bars in .csv": ("x.csv", delimited("|")),
    "commas in .tsv": ("x.tsv", delimited()),
    "sep=;": ("x.csv", f"sep=;\n{delimited(';')}"),
    "sep=, of Excel": ("x.csv", f"\ufeffsep=,\r\n{delimited(end=chr(13) + chr(10))}"),
    "CR alone in all lines": ("x.csv", delimited(end="\r")),
    "UTF-8 with a mark": ("x.csv", delimited().encode("utf-8-sig")),
    "UTF-16": ("x.csv", delimited().encode("utf-16")),
    "UTF-16, big end first": ("x.csv", b"\xfe\xff" + delimited().encode("utf-16-be")),
    "UTF-32": ("x.csv", delimited().encode("utf-32")),
    "UTF-16 in gzip": ("x.csv.gz", gzip.compress(delimited().encode("utf-16"))),
    "gzip without .gz": ("x.csv", gzip.compress(delimited().encode())),
    "plain with .gz": ("x.csv.gz", delimited()),
    "bz2": ("x.csv.bz2", bz2.compress(delimited().encode())),
    "xz": ("x.csv.xz", lzma.compress(delimited().encode())),
    "zstd": ("x.csv.zst", COMPRESSIONS["zstd"](delimited().encode())),
    "zip": ("x.zip", zipped(**{"in/x.csv": delimited()})),
    "zip of a Mac": ("x.zip", zipped(**MAC)),
    "a list in .jsonl": ("x.jsonl", json.dumps(OBJECTS)),
    "lines in .json": ("x.json", JSON_LINES),
    "a mark in .jsonl": ("x.jsonl", JSON_LINES.encode("utf-8-sig")),
    "a mark in .json": ("x.json", json.dumps(OBJECTS).encode("utf-8-sig")),
    "objects over several lines": ("x.jsonl", "\n".join(json.dumps(o, indent=1) for o in OBJECTS)),
    "JSON in .csv": ("x.csv", json.dumps(OBJECTS)),
    "JSON without an ending": ("x", JSON_LINES),
    "columns of lists": ("x.json", pd.DataFrame(OBJECTS).to_json(orient="columns")),
    '"sep=;"': ("x.csv", f'"sep=;"\r{delimited(";", chr(13))}'),
    "an empty first line": ("x.csv", "\n" + delimited()),
}


@pytest.mark.parametrize("case", SAME)
def test_the_same_rows_in_every_form(case: str, tmp_path: Path) -> None:
    name, content = SAME[case]
    assert rows_of(write(tmp_path / name, content)) == ROWS


def test_parquet_under_another_name(tmp_path: Path) -> None:
    pd.DataFrame(OBJECTS).to_parquet(tmp_path / "x.parquet")
    os.rename(tmp_path / "x.parquet", tmp_path / "x.csv")
    assert rows_of(tmp_path / "x.csv") == ROWS


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.text(st.characters(exclude_characters="\0", codec="utf-8")),
                       st.text(st.characters(exclude_characters="\0", codec="utf-8"))), min_size=1),
    st.sampled_from([",", "\t"]),
)  # fmt: skip
def test_what_the_module_csv_writes_comes_back(rows: list[tuple[str, str]], separator: str) -> None:
    """Bit by bit, line ends inside of fields too."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator, quoting=csv.QUOTE_ALL)
    writer.writerows([("text", "label"), *rows])
    frame = read_delimited(file.getvalue(), "x", separator)
    assert [*frame.itertuples(index=False, name=None)] == rows


def test_a_name_of_the_only_column_may_hold_separators(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "text; or title\nBank\nGoal; goal\nTax\n")
    assert read_texts(path, "text; or title") == ["Bank", "Goal; goal", "Tax"]


def test_a_field_may_be_long(tmp_path: Path) -> None:
    long = "x" * 300_000
    limit = csv.field_size_limit()
    assert rows_of(write(tmp_path / "x.csv", f"text,label\n{long},a\n")) == [[long, "a"]]
    assert csv.field_size_limit() == limit


LABELLED = [f"Story number {i} about money,{'xy'[i % 2]}" for i in range(40)]


@pytest.mark.parametrize("to", [5, 6, 20, 38])
def test_a_quote_that_swallows_rows_is_named_where_it_opens(to: int, tmp_path: Path) -> None:
    rows = [*LABELLED]
    rows[3] = '"Quote opens here,x'
    rows[to] = 'iMac 27",y'
    path = write(tmp_path / "x.csv", "\n".join(["text,label", *rows]))
    with pytest.raises(DataError, match=rf"x\.csv, line 5: .* and goes on to line {to + 2}, over"):
        read_table(path)


@pytest.mark.parametrize("row", ["x,{}", '{},x,"1"'], ids=["last", "first of three"])
def test_it_is_named_in_any_column(row: str, tmp_path: Path) -> None:
    columns = row.count(",") + 1
    lines = [row.format(f"Story {i}") for i in range(30)]
    lines[3] = row.format('"Story opens')
    lines[9] = row.format('Story closes"')
    header = ",".join("abc"[:columns])
    with pytest.raises(
        DataError, match=r"x\.csv, line 5: expected quotes in pairs, got a field that"
    ):
        read_table(write(tmp_path / "x.csv", "\n".join([header, *lines])))


def test_a_quote_without_an_end_is_named_by_its_beginning(tmp_path: Path) -> None:
    rows = [*LABELLED]
    rows[3] = '"Quote opens here,x'
    path = write(tmp_path / "x.csv", "\n".join(["text,label", *rows]))
    with pytest.raises(
        DataError, match=r"x\.csv, line 5: .* opens with a quote and is never closed"
    ):
        read_table(path)


def test_a_headline_over_several_lines_is_read_and_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = "Snow falls,\nin the Alps\nand on the sea"
    rows = [f'"{text}",x', *LABELLED]
    frame = read_table(write(tmp_path / "x.csv", "\n".join(["text,label", *rows])))
    assert len(frame) == 41
    assert frame["text"][0] == text
    assert "41 rows on 43 lines; rows over several lines: 1, the longest from line 2 to 4" in (
        caplog.text
    )


def test_one_line_that_looks_like_a_row_is_no_proof(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [
        '"Real Madrid win 3,2',
        'against Barcelona",2',
        *(f"Story {i},{i % 3}" for i in range(9)),
    ]
    frame = read_table(write(tmp_path / "x.csv", "\n".join(["text,label", *rows])))
    assert frame["text"][0] == "Real Madrid win 3,2\nagainst Barcelona"
    assert "rows over several lines: 1, the longest from line 2 to 3" in caplog.text


BAD: dict[str, tuple[str, str | bytes, str]] = {
    "too few fields": ("x.csv", "text,label\nA,x\nB\n", r"line 3: expected 2 fields, as in line 1, got 1 \('B'\)"),
    "too many fields after sep=": ("x.csv", "sep=;\ntext;label\nA;x;y\n", "line 3: expected 2 fields, as in line 2, got 3"),
    "the first line again": ("x.csv", "text,label\nA,x\ntext,label\nB,y\n", "line 3: .* the names of the columns again"),
    "a CR alone": ("x.csv", "text,label\nA\rB,x\n", r"line 2: expected a line that ends in LF, .* \(CR\) alone"),
    "cp1252": ("x.csv", "text,label\nUK’s “best” café,y\n".encode("cp1252"), "line 2: expected UTF-8.* As cp1252 .* 'UK’s “best” café,y'"),
    "a byte 0": ("x.csv", "text,label\nA\0,x\n", "line 2: expected text, got a byte 0"),
    "cut UTF-16": ("x.csv", delimited().encode("utf-16")[:-1], "expected UTF-16-LE, as the first bytes say"),
    "HTML": ("x.csv", "\n<!DOCTYPE html><html>", "got a page of HTML"),
    "LFS": ("x.parquet", "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 5\n", "got a Git LFS pointer"),
    "a merge conflict": ("x.csv", "text,label\nA,x\n<<<<<<< HEAD\nB,y\n=======\nB,z\n>>>>>>> them\n", "line 3: .* merge conflict"),
    "Excel": ("x.xlsx", zipped(**{"[Content_Types].xml": "", "xl/x.xml": ""}), r"an Office file \(such as .xlsx\)"),
    "Excel as csv": ("x.csv", zipped(**{"[Content_Types].xml": "", "xl/x.xml": ""}), "an Office file"),
    "two in a zip": ("x.zip", zipped(**{"a.csv": "x", "b.csv": "y"}), r"one file in the zip archive, got a\.csv, b\.csv"),
    "a zip in a zip": ("x.zip", zipped(**{"a.zip": zipped(x="1").decode("latin1")}), "expected"),
    "a name twice in JSON": ("x.jsonl", '{"text": "a", "label": "b"}\n{"text": "a", "text": "c"}', "line 2: .* has the name 'text' twice"),
    "a lone surrogate as a name": ("x.json", '[{"\\ud83d": 1}]', "there is no column .text., it has"),
    "JSON that is cut": ("x.jsonl", '{"text": "a", "label": "b"}\n{"text": "c', "line 2: expected JSON"),
    "no objects": ("x.json", '["a", "b"]', "item 1: expected an object"),
    "numbers a line": ("x.jsonl", '{"text": "a"}\n5\n', "line 2: expected an object"),
    "CSV as JSON": ("x.json", "text,label\na,b\n", r"line 1: expected JSON, .* \(got 'text,label'\)"),
    "deep JSON": ("x.json", "[" * 200_000, "nested too deeply"),
    "long integers": ("x.json", '[{"text": "a", "label": ' + "9" * 5000 + "}]", "line 1: expected JSON"),
    "an empty list": ("x.json", "[]", "expected rows of headlines, found none"),
    "blank lines alone": ("x.csv", "\n\n", "expected rows of headlines, found none"),
    "columns of two lengths": ("x.json", '{"text": ["a", "b"], "label": ["x"]}', "expected columns of the same rows"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_read_is_named(case: str, tmp_path: Path) -> None:
    name, content, message = BAD[case]
    write(tmp_path / name, content)
    with pytest.raises(DataError, match=message) as raised:
        load_headlines("file", path=tmp_path / name)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 500 + len(str(tmp_path))


def test_a_small_archive_of_a_large_file(tmp_path: Path) -> None:
    data = gzip.compress(b"x" * 1_000_000)
    with pytest.raises(DataError, match="expected at most 1,000 bytes when unpacked"):
        unpack(data, "x.csv.gz", "x.csv.gz", most_bytes=1000)


def test_blank_lines_are_rows(tmp_path: Path) -> None:
    lines = write(tmp_path / "x.txt", "Bank\n\nGoal\n \nTax")
    assert read_texts(lines) == ["Bank", "", "Goal", "", "Tax"]
    table = write(tmp_path / "x.csv", 'text\nBank\n\n"Goal, 1"\n')
    assert read_texts(table) == ["Bank", "", "Goal, 1"]
    two = write(tmp_path / "y.csv", "id,text\n1,Bank\n\n2,\n,\n3,Goal\n")
    assert read_texts(two) == ["Bank", "", "", "", "Goal"]
    objects = write(tmp_path / "x.jsonl", '{"text": "Bank"}\n{"text": null}\n{"id": 3}\n')
    assert read_texts(objects) == ["Bank", "", ""]


def test_lines_in_every_encoding(tmp_path: Path) -> None:
    text = "Café\nGoal\n"
    for content in (text.encode("utf-8-sig"), text.encode("utf-16"), text.replace("\n", "\r").encode(),
                    gzip.compress(text.encode())):  # fmt: skip
        assert read_texts(write(tmp_path / "x.txt", content)) == ["Café", "Goal"]
    with pytest.raises(DataError, match=r"x\.txt, line 1: .* carriage return \(CR\) alone"):
        read_texts(write(tmp_path / "x.txt", "Minister resigns\rover tax\nRates\n"))


def test_lines_that_look_like_a_table(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "x.txt", "headline\ttopic\nBank\tmoney\nGoal, goal\tsport\n")
    assert len(read_texts(path)) == 3
    assert r"each line is read as a headline, and each has 1 '\t': if it is a table" in caplog.text
    assert read_texts(path, "headline") == ["Bank", "Goal, goal"]


def test_standard_input_is_lines_or_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    def given(content: bytes, text: str | None = None) -> list[str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        return read_texts("-", text)

    assert given(b"\xef\xbb\xbfBank, again\r\n\r\nGoal\r\n") == ["Bank, again", "", "Goal"]
    assert given(b"id;headline\n1;Bank, again\n", "headline") == ["Bank, again"]
    assert given(JSON_LINES.encode()) == [text for text, _ in ROWS]
    with pytest.raises(
        DataError, match="standard input: there is no column 'headline', it has 'id'"
    ):
        given(b"id\n1\n", "headline")
    with pytest.raises(DataError, match="standard input: expected headlines, found none"):
        given(b"")
    monkeypatch.setattr(sys, "stdin", None)  # what Python gives after `<&-`
    with pytest.raises(DataError, match="standard input: expected headlines, it is closed"):
        read_texts("-")


def test_lone_surrogates_become_readable(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", '[{"text": "\\ud83d x"}, {"text": "\\ud83d\\ude00"}]')
    assert read_texts(path) == ["\ufffd x", "😀"]
    texts, labels = make_headlines(20)
    texts[0], labels = f"{texts[0]} \udce9", [f"{label}\ud800" for label in labels]
    headlines = load_headlines(texts, labels)
    assert headlines.label_names == ("money\ufffd", "nature\ufffd", "sport\ufffd")
    assert len(headlines.sha256) == 3


def test_files_of_splits_in_any_case(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    texts, labels = make_headlines(30)
    frame = pd.DataFrame({"text": texts, "label": labels})
    frame[:60].to_csv(tmp_path / "Train.CSV", index=False)
    frame[60:75].to_csv(tmp_path / "VALIDATION.csv", index=False)
    frame[75:].to_csv(tmp_path / "Test.csv.gz", index=False)
    frame[75:].to_csv(tmp_path / "test-old.csv", index=False)
    headlines = load_headlines("file", path=tmp_path)
    assert [len(headlines.splits[split]) for split in headlines.splits] == [60, 15, 15]
    assert "not read, as only train, validation and test are: test-old.csv" in caplog.text
    caplog.clear()
    load_headlines("file", path=tmp_path / "Train.CSV")
    assert "not read: Test.csv.gz, VALIDATION.csv beside it. Name the folder" in caplog.text


@pytest.mark.parametrize("name", ["test.txt", "Test.xlsx", "validation", "dev.doc"])
def test_a_split_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    texts, labels = make_headlines(10)
    pd.DataFrame({"text": texts, "label": labels}).to_csv(tmp_path / "train.csv", index=False)
    write(tmp_path / name, "x")
    with pytest.raises(DataError, match=rf"{name}: expected a file (test|validation)\.csv, "):
        load_headlines("file", path=tmp_path)


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


NO_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "pipe": (make_fifo, "got a pipe"),
    "folder": (Path.mkdir, "got a folder"),
    "nothing": (lambda path: None, "there is none at"),
    "link": (lambda path: path.symlink_to("nowhere"), "the link leads to nothing"),
    "empty": (Path.touch, "it is empty"),
}


@pytest.mark.parametrize("case", NO_FILES)
def test_what_is_no_file_is_named_at_once(case: str, tmp_path: Path) -> None:
    make, message = NO_FILES[case]
    make(tmp_path / "x.csv")
    with pytest.raises(DataError, match=message):
        check_file(tmp_path / "x.csv")
    if case != "folder":
        with pytest.raises(DataError, match=message):
            check_source("file", str(tmp_path / "x.csv"))


def test_an_address_is_no_file() -> None:
    with pytest.raises(DataError, match=r"got an address, https://\.\.\.: download it first"):
        check_source("file", "https://user:secret@example.org/x.csv")


def test_a_name_that_is_no_text() -> None:
    with pytest.raises(DataError, match=r"expected a name in UTF-8 .* 'caf\\udce9\.csv'"):
        check_source("file", "caf\udce9.csv")


def test_a_wrong_path_is_known_before_anything_heavy_is_loaded(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from pipeline.base.errors import DataError\n"
        "from pipeline.cli.arguments import load_command_config\n"
        "try: load_command_config('train', ['data=file', 'data.path=nowhere.csv'])\n"
        "except DataError as error: print(error)\n"
        "print({'pandas', 'datasets', 'tensorflow', 'mlflow', 'sklearn'} & {*sys.modules})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout.splitlines() == [
        "expected a file of headlines, there is none at nowhere.csv",
        "set()",
    ]


def test_a_large_file_takes_a_moment(tmp_path: Path) -> None:
    rows = "".join(f'"Headline, number {i}",{i % 9}\n' for i in range(200_000))
    path = write(tmp_path / "x.csv", f"text,label\n{rows}")
    started = time.process_time()
    assert len(read_table(path)) == 200_000
    assert time.process_time() - started < 5


def test_fuzzed_tables_give_an_error_or_the_rows(tmp_path: Path) -> None:
    """`make fuzz` tries more of them."""
    logging.getLogger("pipeline").setLevel(logging.WARNING)
    outcomes = {}
    for seed in range(400):
        folder = tmp_path / str(seed)
        folder.mkdir()
        outcomes[seed] = fuzz.trial(seed, folder)
    assert {s: o for s, o in outcomes.items() if o.result in MISTAKES} == {}
    assert {outcome.result for outcome in outcomes.values()} == {"error", "right", "own"}
