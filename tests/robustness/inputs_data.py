"""Bad files and lists of headlines."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

from bad_input import BadInput, Trial
from builders import make_headlines

TEXTS, LABELS = make_headlines(20)
CSV = "\n".join(["text,label", *(f"{t},{n}" for t, n in zip(TEXTS, LABELS, strict=True))]) + "\n"
STORIES = [f"Story number {i} about money,{'xy'[i % 2]}" for i in range(40)]


def rows(lines: Sequence[str], header: str = "text,label") -> str:
    return "\n".join([header, *lines]) + "\n"


def changed(**lines: str) -> str:
    """Stories in which the lines `line_N` are others."""
    places = {int(name.removeprefix("line_")): line for name, line in lines.items()}
    return rows([places.get(i + 2, story) for i, story in enumerate(STORIES)])


def trained(name: str, content: str | bytes, *more: str) -> Callable[[Trial], object]:
    """What `pipeline audit` says to a file, which reads it as `pipeline train` does."""

    def act(trial: Trial) -> object:
        trial.write(name, content)
        return trial.command("audit", "data=file", f"data.path={name}", *more)

    return act


def predicted(name: str, content: str | bytes, *more: str) -> Callable[[Trial], object]:
    """What `pipeline predict` says to a file."""

    def act(trial: Trial) -> object:
        trial.write(name, content)
        return trial.command("predict", "--file", name, *more)

    return act


def read(name: str, content: str | bytes, text: str | None = None) -> Callable[[Trial], object]:
    """The headlines that `pipeline predict` reads of a file, and the warnings."""

    def act(trial: Trial) -> object:
        from pipeline.data.reading import read_texts

        trial.write(name, content)
        texts: list[str] = []
        warnings = trial.warnings(lambda: texts.extend(read_texts(name, text)))
        return f"{warnings}\n{texts}" if warnings else texts

    return act


def loaded(name: str, content: str | bytes) -> Callable[[Trial], object]:
    """How many headlines a file has after cleaning, the labels, and the warnings."""

    def act(trial: Trial) -> object:
        trial.write(name, content)
        return summary(trial, "file", path=name)

    return act


def listed(texts: Any, labels: Any) -> Callable[[Trial], object]:
    """The same for lists in memory."""
    return lambda trial: summary(trial, texts, labels=labels)


def summary(trial: Trial, source: Any, **options: Any) -> str:
    from pipeline.data.headlines import Headlines, load_headlines

    kept: list[Headlines] = []
    warnings = trial.warnings(lambda: kept.append(load_headlines(source, **options)))
    n = sum(map(len, kept[0].splits.values()))
    return f"{warnings}\n{n} headlines, labels {', '.join(kept[0].label_names)}".strip()


def beside(name: str, content: str = "x") -> Callable[[Trial], object]:
    """A folder with train.csv and another file."""

    def act(trial: Trial) -> object:
        trial.write("news/train.csv", CSV)
        trial.write(f"news/{name}", content)
        return summary(trial, "file", path="news")

    return act


def without_column(
    name: str,
    content: str | bytes,
    *overrides: str,
    command: str = "train",
    path: str | None = None,
) -> Callable[[Trial], object]:
    """What a command says to wrong columns, and that it has written nothing."""

    def act(trial: Trial) -> object:
        trial.write(name, content)
        error = trial.command(command, "data=file", f"data.path={path or name}", *overrides)
        assert [file.name for file in trial.folder.iterdir()] == [name]
        return error

    return act


def audited(headlines: Sequence[str]) -> Callable[[Trial], object]:
    """What `pipeline audit` says to headlines, each of which it gets 15 times with another number."""

    def act(trial: Trial) -> object:
        lines = [f"{text} {i},{'xy'[i % 2]}" for i in range(15) for text in headlines]
        trial.write("x.csv", rows(lines))
        printed = trial.command("audit", "data=file", "data.path=x.csv", "--json")
        return [warning for warning in json.loads(printed)["warnings"] if "spaces" in warning]

    return act


def with_pipe(*command: str) -> Callable[[Trial], object]:
    def act(trial: Trial) -> object:
        os.mkfifo(trial.folder / "pipe.csv")
        return trial.command(*command)

    return act


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, CSV)
    return file.getvalue()


def tar() -> bytes:
    import tarfile

    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        info = tarfile.TarInfo("news.csv")
        info.size = len(CSV.encode())
        archive.addfile(info, io.BytesIO(CSV.encode()))
    return file.getvalue()


def parquet(**columns: Any) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet

    file = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(columns), file)
    return file.getvalue()


def late_dates() -> bytes:
    import pyarrow as pa

    days = pa.array([10**7] * len(TEXTS), pa.int32()).cast(pa.date32())
    return parquet(text=TEXTS, label=LABELS, day=days)


def lines_of_json(values: Sequence[Any]) -> str:
    return "\n".join(
        json.dumps({"text": text, "label": values[i % len(values)]}) for i, text in enumerate(TEXTS)
    )


ROWS = (
    # What a path names
    BadInput(
        "a path that names nothing",
        lambda t: t.command("train", "data=file", "data.path=no.csv"),
        "error: expected a file of headlines, there is none at no.csv",
    ),
    BadInput(
        "a pipe as data",
        with_pipe("train", "data=file", "data.path=pipe.csv"),
        "error: pipe.csv: expected a file of headlines, got a pipe: write what comes out of it into a file first, or use --file - where there is one",
    ),
    BadInput(
        "a pipe to predict",
        with_pipe("predict", "--file", "pipe.csv"),
        "error: pipe.csv: expected a file of headlines, got a pipe: write what comes out of it into a file first, or use --file - where there is one",
    ),
    BadInput(
        "a device as data",
        lambda t: t.command("train", "data=file", "data.path=/dev/zero"),
        "error: /dev/zero: expected a file of headlines, got a device",
    ),
    BadInput(
        "a folder without a file of a split",
        lambda t: t.command("train", "data=file", "data.path=."),
        "error: .: expected a file train.csv, .tsv, .json, .jsonl, .ndjson or .parquet, found nothing",
    ),
    BadInput(
        "a folder to predict",
        lambda t: t.command("predict", "--file", "."),
        "error: .: expected a file of headlines, got a folder",
    ),
    BadInput(
        "a link that leads to nothing",
        lambda t: (
            (t.folder / "x.csv").symlink_to("gone")
            or t.command("train", "data=file", "data.path=x.csv")
        ),
        "error: expected a file of headlines, there is none at x.csv: the link leads to nothing",
    ),
    BadInput(
        "an empty file",
        trained("x.csv", ""),
        "error: x.csv: expected a file of headlines, it is empty",
    ),
    BadInput(
        "a file with the names of the columns alone",
        trained("x.csv", "text,label\n"),
        "error: x.csv: expected rows of headlines, found none",
    ),
    BadInput(
        "another ending",
        trained("x.doc", "text,label\na,b\n"),
        "error: x.doc: expected a name that ends in .csv, .tsv, .json, .jsonl, .ndjson, .parquet, got the name 'x.doc'",
    ),
    # Quotes
    BadInput(
        "a quote that opens in line 5 and is never closed",
        trained("x.csv", changed(line_5='"Opens here,x')),
        'error: x.csv, line 5: expected quotes in pairs, got a field that opens with a quote and is never closed: close it, or write a quote inside a quoted field twice ("")',
    ),
    BadInput(
        "a quote that opens in line 5 and closes in line 30",
        trained("x.csv", changed(line_5='"Opens here,x', line_30='iMac 27",y')),
        'error: x.csv, line 5: expected quotes in pairs, got a field that opens with a quote here and goes on to line 30, over 25 lines that look like rows: close it, or write a quote inside a quoted field twice ("")',
    ),
    BadInput(
        "a quoted word at the beginning of a headline",
        trained("x.csv", changed(line_7='"Quoted" word,x')),
        "error: x.csv, line 7: expected quotes in pairs, got a field that opens with a quote and goes on after its closing quote on this line (' word,x'): close it, or write a quote inside a quoted field twice (\"\")",
    ),
    BadInput(
        "a headline over three lines",
        loaded("x.csv", changed(line_5='"Snow falls,\nin the Alps\nand at sea",x')),
        "data: x.csv: 40 rows on 42 lines; rows over several lines: 1, the longest from line 5 to 7: if that is wrong, look at the quotes\n40 headlines, labels x, y",
    ),
    # Fields and lines
    BadInput(
        "a comma too many",
        trained("x.csv", "text,label\none, two,a\n"),
        "error: x.csv, line 2: expected 2 fields, as in line 1, got 3: put headlines that hold ',' in double quotes",
    ),
    BadInput(
        "a field too few",
        trained("x.csv", "text,label\nA,x\nB\n"),
        "error: x.csv, line 3: expected 2 fields, as in line 1, got 1 ('B'): fill in what is missing, or leave the line out",
    ),
    BadInput(
        "two files put together",
        trained("x.csv", "text,label\nA,x\ntext,label\nB,y\n"),
        "error: x.csv, line 3: expected a row, got the names of the columns again, as where files are put together: take the line out",
    ),
    BadInput(
        "a carriage return (CR) inside a line",
        trained("x.csv", "text,label\nFirst\rstill first,x\nSecond,y\n"),
        "error: x.csv, line 2: expected a line that ends in LF, as others do, got a carriage return (CR) alone: take it out, or put the field that holds it in double quotes",
    ),
    BadInput(
        "lines that end in CR alone",
        loaded("x.csv", CSV.replace("\n", "\r")),
        "60 headlines, labels money, nature, sport",
    ),
    BadInput(
        "semicolons in .csv",
        loaded("x.csv", CSV.replace(",", ";")),
        "60 headlines, labels money, nature, sport",
    ),
    BadInput(
        "tabs in .csv",
        loaded("x.csv", CSV.replace(",", "\t")),
        "60 headlines, labels money, nature, sport",
    ),
    BadInput(
        "a first line sep=;",
        loaded("x.csv", "sep=;\n" + CSV.replace(",", ";")),
        "60 headlines, labels money, nature, sport",
    ),
    BadInput(
        "a headline of 200,000 characters",
        loaded("x.csv", CSV + "x" * 200_000 + ",money\n"),
        "data: more than 10,000 characters in 1 of 61 headlines: their rest is not read\n61 headlines, labels money, nature, sport",
    ),
    BadInput(
        "blank lines between the rows",
        loaded("x.csv", CSV.replace("\n", "\n\n")),
        "60 headlines, labels money, nature, sport",
    ),
    BadInput(
        "columns of other names",
        trained("x.csv", CSV.replace("text,label", "title,topic")),
        "error: x.csv: there is no column 'text', it has 'title', 'topic': set data.text and data.label (in Python: text, label)",
    ),
    BadInput(
        "two columns of one name",
        trained("x.csv", "text,text,label\na,b,c\n"),
        "error: x.csv: expected one column 'text', there are several",
    ),
    # Encodings
    BadInput(
        "cp1252, as Windows writes it",
        trained("x.csv", "text,label\nUK’s “best” café,y\n".encode("cp1252")),
        "error: x.csv, line 2: expected UTF-8, got other bytes. As cp1252 (Windows) the line is 'UK’s “best” café,y': if that is right, convert the file with iconv -f cp1252 -t utf-8, else from its encoding",
    ),
    BadInput(
        "UTF-16 in gzip",
        loaded("x.csv.gz", gzip.compress(CSV.encode("utf-16"))),
        "60 headlines, labels money, nature, sport",
    ),
    BadInput(
        "UTF-16 without a byte order mark",
        trained("x.csv", CSV.encode("utf-16-le")),
        "error: x.csv: expected UTF-8, got UTF-16LE without the byte order mark that tells it: save the file as UTF-8 (iconv -f utf-16le -t utf-8)",
    ),
    BadInput(
        "UTF-16 that is cut off",
        trained("x.csv", CSV.encode("utf-16")[:-1]),
        "error: x.csv, line 61: expected UTF-16-LE, as the first bytes say, got other bytes: the file is damaged or cut off",
    ),
    BadInput(
        "a byte 0",
        trained("x.csv", CSV.replace(TEXTS[2], "A\0")),
        "error: x.csv, line 4: expected text, got a byte 0: the file is damaged, or holds binary data",
    ),
    BadInput("a lone surrogate in JSON", read("x.json", '[{"text": "\\ud83d x"}]'), "['� x']"),
    BadInput(
        "a lone surrogate in a list",
        listed(["caf\udce9", *TEXTS], ["money", *LABELS]),
        "61 headlines, labels money, nature, sport",
    ),
    # JSON and Parquet
    BadInput(
        "a list in .jsonl",
        loaded("x.jsonl", f"[{lines_of_json(['a', 'b'])}]".replace("\n", ",")),
        "60 headlines, labels a, b",
    ),
    BadInput(
        "a byte order mark and lines in .json",
        loaded("x.json", "\ufeff" + lines_of_json(["a", "b"])),
        "60 headlines, labels a, b",
    ),
    BadInput(
        "CSV in .json",
        trained("x.json", CSV),
        "error: x.json, line 1: expected JSON, a list of objects, or one object a line (got 'text,label')",
    ),
    BadInput(
        "JSON that is cut off",
        trained("x.jsonl", lines_of_json(["a", "b"])[:-5]),
        "error: x.jsonl, line 60: expected JSON, a list of objects, or one object a line (Expecting value at character 47)",
    ),
    BadInput(
        "a name twice in one object",
        trained("x.jsonl", '{"text": "a", "text": "b"}'),
        "error: x.jsonl, line 1: expected JSON, a list of objects, or one object a line: an object has the name 'text' twice",
    ),
    BadInput(
        "brackets 200,000 deep",
        trained("x.json", "[" * 200_000),
        "error: x.json, line 1: expected JSON, a list of objects, or one object a line: it is nested too deeply",
    ),
    BadInput(
        "an integer of 5,000 digits",
        trained("x.json", f'[{{"text": "a", "label": {"9" * 5000}}}]'),
        "error: x.json, line 1: expected JSON, a list of objects, or one object a line: an integer has more digits than Python reads",
    ),
    BadInput(
        "a number as headline",
        trained("x.jsonl", '{"text": 5, "label": "a"}'),
        "error: x.jsonl: expected text in column 'text', got 5 in row 1: name the column that holds the headlines: set data.text (in Python: text)",
    ),
    BadInput(
        "Parquet that is cut off",
        trained("x.parquet", parquet(text=TEXTS, label=LABELS)[:200]),
        "error: x.parquet: expected Parquet, could not read it (Could not open Parquet input source '<Buffer>': Parquet magic bytes not found in footer. Either the file is corrupted or this is not a parquet file.)",
    ),
    BadInput(
        "Parquet with a date after the year 9999",
        trained("x.parquet", late_dates()),
        "error: x.parquet: expected Parquet, could not read it (date value out of range)",
    ),
    # Something else
    BadInput(
        "a Git LFS pointer",
        trained("x.csv", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
        "error: x.csv: expected headlines, got a Git LFS pointer, not the file itself: fetch it with `git lfs pull`",
    ),
    BadInput(
        "a page of HTML",
        trained("x.csv", "<!DOCTYPE html>\n<html><body>404</body></html>\n"),
        "error: x.csv: expected headlines, got a page of HTML or XML, as a server sends instead of a file: download it again",
    ),
    BadInput(
        "marks of a merge conflict",
        trained("x.csv", rows(["A,x", "<<<<<<< HEAD", "B,y", "=======", "B,z", ">>>>>>> branch"])),
        "error: x.csv, line 3: expected headlines, got the marks of a merge conflict (<<<<<<<, =======, >>>>>>>): resolve it, and take the marks out",
    ),
    BadInput(
        "a tar archive in gzip",
        trained("x.csv.gz", tar()),
        "error: x.csv.gz: expected text, got a tar archive: unpack it first",
    ),
    BadInput(
        "a zip archive of two files",
        trained("x.zip", zipped("a.csv", "b.csv")),
        "error: x.zip: expected one file in the zip archive, got a.csv, b.csv: unpack it first",
    ),
    BadInput(
        "a zip archive of a Mac",
        loaded("x.zip", zipped("x.csv", "__MACOSX/._x.csv")),
        "60 headlines, labels money, nature, sport",
    ),
    BadInput(
        "an Excel workbook",
        trained("x.xlsx", zipped("[Content_Types].xml", "xl/workbook.xml")),
        "error: x.xlsx: expected a table as text, got an Office file (such as .xlsx): save the sheet as CSV (UTF-8)",
    ),
    BadInput(
        "a gzip file that is cut off",
        trained("x.csv.gz", gzip.compress(CSV.encode(), mtime=0)[:-6]),
        "error: x.csv.gz: could not unpack it, it is damaged (Compressed file ended before the end-of-stream marker was reached)",
    ),
    BadInput(
        "a PDF document named .csv",
        trained("x.csv", b"%PDF-1.7\n\xff\xfe\0"),
        "error: x.csv: expected text, got a PDF document",
    ),
    # Files of splits
    BadInput(
        "Test.xlsx beside train.csv",
        beside("Test.xlsx"),
        "error: news/Test.xlsx: expected a file test.csv, .tsv, .json, .jsonl, .ndjson or .parquet, got the ending '.xlsx': save it as one of these, or move it away",
    ),
    BadInput(
        "test.txt beside train.csv",
        beside("test.txt"),
        "error: news/test.txt: expected a file test.csv, .tsv, .json, .jsonl, .ndjson or .parquet, got the ending '.txt': save it as one of these, or move it away",
    ),
    BadInput(
        "test-old.csv beside train.csv",
        beside("test-old.csv", CSV),
        "data: news: not read, as only train, validation and test are: test-old.csv\n60 headlines, labels money, nature, sport",
    ),
    BadInput(
        "TEST.CSV beside train.csv",
        beside(
            "TEST.CSV", rows([f"{t} again,{n}" for t, n in zip(TEXTS[:9], LABELS[:9], strict=True)])
        ),
        "69 headlines, labels money, nature, sport",
    ),
    BadInput(
        "a split test without labels",
        beside("test.csv", rows([f"{t} again," for t in TEXTS[:9]])),
        "data: the split test is left out, as none of its 9 headlines has a label\n60 headlines, labels money, nature, sport",
    ),
    # Labels
    BadInput(
        "a list as label",
        trained("x.jsonl", lines_of_json([["a", "b"]])),
        "error: x.jsonl: expected one text or number in column 'label', got ['a', 'b'] (list) in row 1",
    ),
    BadInput(
        "bytes as label",
        listed(TEXTS, [label.encode() for label in LABELS]),
        "error: the lists: expected one text or number in column 'label', got b'money' (bytes) in row 1",
    ),
    BadInput(
        "labels 0.3 and 0.7 in JSON",
        loaded("x.jsonl", lines_of_json([0.3, 0.7])),
        "60 headlines, labels 0.3, 0.7",
    ),
    BadInput(
        "labels 1.0 and 2 in CSV",
        loaded("x.csv", rows([f"{t},{('1.0', '2')[i % 2]}" for i, t in enumerate(TEXTS)])),
        "60 headlines, labels 1, 2",
    ),
    BadInput(
        "labels above 2**53 beside a missing one",
        loaded("x.jsonl", lines_of_json([2**53, 2**53 + 1, None])),
        "40 headlines, labels 9007199254740992, 9007199254740993",
    ),
    BadInput(
        "the same in Parquet",
        loaded("x.parquet", parquet(text=TEXTS, label=[*[2**53, 2**53 + 1] * 29, None, 2**53])),
        "59 headlines, labels 9007199254740992, 9007199254740993",
    ),
    BadInput(
        "labels true and false in JSON",
        loaded("x.jsonl", lines_of_json([True, False])),
        "60 headlines, labels False, True",
    ),
    BadInput(
        "labels true and false in CSV",
        loaded("x.csv", rows([f"{t},{('true', 'false')[i % 2]}" for i, t in enumerate(TEXTS)])),
        "60 headlines, labels False, True",
    ),
    BadInput(
        "labels 1.5 and 1.50 in CSV",
        loaded("x.csv", rows([f"{t},{('1.5', '1.50', '2')[i % 3]}" for i, t in enumerate(TEXTS)])),
        "data: the labels 1.5, 1.50 are one label, 1.5\n60 headlines, labels 1.5, 2",
    ),
    BadInput(
        "the same headline with two labels",
        listed([*TEXTS, TEXTS[0], TEXTS[0]], [*LABELS, "other", LABELS[0]]),
        "data: contradicting labels for 1 of 60 headlines, of which the first stays: 'Bond may of tax after' as money, other\n60 headlines, labels money, nature, sport",
    ),
    BadInput(
        "one label",
        listed(TEXTS, ["a"] * len(TEXTS)),
        "error: expected at least two labels, all headlines have 'a'",
    ),
    BadInput(
        "fewer labels than headlines",
        listed(TEXTS, LABELS[1:]),
        "error: expected one label a headline, got 60 and 59",
    ),
    # Headlines to predict
    BadInput(
        "lines with blank ones to predict",
        read("x.txt", "Bank rates rise\n\nMinister resigns\n"),
        "data: x.txt: no headline in 1 of 3 rows: their answers mean nothing\n['Bank rates rise', '', 'Minister resigns']",
    ),
    BadInput(
        "a blank row of a table to predict",
        read("x.csv", "headline\nBank rates rise\n\nMinister resigns\n", "headline"),
        "data: x.csv: no headline in 1 of 3 rows: their answers mean nothing\n['Bank rates rise', '', 'Minister resigns']",
    ),
    BadInput(
        "a table to predict without --text",
        predicted("x.csv", "headline\nBank rates rise\n"),
        "error: x.csv: there is no column 'text', it has 'headline': set --text (in Python: text)",
    ),
    BadInput(
        "a comma in each row to predict",
        predicted("x.csv", "text\nBank rates rise, again\n"),
        "error: x.csv, line 2: expected 1 field, as in line 1, got 2: put headlines that hold ',' in double quotes",
    ),
    BadInput(
        "quotes around a headline to predict",
        read("x.csv", 'text\n"Band releases film, album"\n'),
        "['Band releases film, album']",
    ),
    BadInput(
        "`null` and a date to predict",
        read("x.csv", "text\n2021-03-04\nnull\n"),
        "['2021-03-04', 'null']",
    ),
    BadInput(
        "a table in .txt to predict",
        read("x.txt", "headline\ttopic\nBank\tmoney\nGoal\tsport\n"),
        "data: x.txt: each line is read as a headline, and each has 1 '\\t': if it is a table, name its column with --text\n['headline topic', 'Bank money', 'Goal sport']",
    ),
    BadInput(
        "a byte order mark before lines to predict",
        read("x.txt", "\ufeffMinister resigns\n"),
        "['Minister resigns']",
    ),
    BadInput(
        "UTF-16 lines to predict",
        read("x.txt", "Minister resigns\nCafé\n".encode("utf-16")),
        "['Minister resigns', 'Café']",
    ),
    BadInput(
        "a CR inside a line to predict",
        predicted("x.txt", "Minister resigns\rover tax\nRates\n"),
        "error: x.txt, line 1: expected a line that ends in LF, as others do, got a carriage return (CR) alone: take it out",
    ),
    BadInput(
        "blank lines alone to predict",
        predicted("x.txt", "\n \n"),
        "error: x.txt: expected headlines, found none",
    ),
    BadInput(
        "a picture to predict",
        predicted("x.txt", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        "error: x.txt: expected a name that ends in .csv, .tsv, .json, .jsonl, .ndjson, .parquet, got a picture",
    ),
    BadInput(
        "a file to evaluate without its column of labels",
        lambda t: t.write("x.csv", "text\nBank\n") and t.command("evaluate", "--file", "x.csv"),
        "error: x.csv: there is no column 'label', it has 'text': set --label (in Python: label)",
    ),
    BadInput(
        "UTF-16 without a byte order mark, in Russian",
        trained(
            "x.csv", rows([f"Снег в Альпах {i},природа" for i in range(30)]).encode("utf-16-le")
        ),
        "error: x.csv: expected UTF-8, got UTF-16LE without the byte order mark that tells it: save the file as UTF-8 (iconv -f utf-16le -t utf-8)",
    ),
    BadInput(
        "UTF-16 without a byte order mark, cut off in a character",
        trained("x.csv", changed().encode("utf-16-be")[:-1]),
        "error: x.csv: expected UTF-8, got UTF-16BE without the byte order mark that tells it: save the file as UTF-8 (iconv -f utf-16be -t utf-8)",
    ),
    BadInput(
        "UTF-32 without a byte order mark",
        trained("x.csv", changed().encode("utf-32-le")),
        "error: x.csv: expected UTF-8, got UTF-32LE without the byte order mark that tells it: save the file as UTF-8 (iconv -f utf-32le -t utf-8)",
    ),
    BadInput(
        "random bytes",
        trained("x.csv", random.Random(1).randbytes(500)),
        "error: x.csv: expected UTF-8, got binary data: the file is no table, or is encrypted or damaged",
    ),
    BadInput(
        "random bytes to predict",
        predicted("x.txt", random.Random(1).randbytes(500)),
        "error: x.txt: expected UTF-8, got binary data: the file is no table, or is encrypted or damaged",
    ),
    BadInput(
        "a program named .csv",
        trained("x.csv", b"\x7fELF\x02\x01\x01" + bytes(200)),
        "error: x.csv: expected UTF-8, got binary data: the file is no table, or is encrypted or damaged",
    ),
    BadInput(
        "`data.text` names no column: nothing is written",
        without_column("x.csv", CSV, "data.text=nope"),
        "error: x.csv: there is no column 'nope', it has 'text', 'label': set data.text (in Python: text)",
    ),
    BadInput(
        "the same in JSON lines",
        without_column("x.jsonl", lines_of_json(["a", "b"]), "data.text=nope"),
        "error: x.jsonl: there is no column 'nope', it has 'text', 'label': set data.text (in Python: text)",
    ),
    BadInput(
        "the same in a Parquet file",
        without_column("x.parquet", parquet(text=TEXTS, label=LABELS), "data.text=nope"),
        "error: x.parquet: there is no column 'nope', it has 'text', 'label': set data.text (in Python: text)",
    ),
    BadInput(
        "the same in a file in gzip",
        without_column("x.csv.gz", gzip.compress(CSV.encode(), mtime=0), "data.text=nope"),
        "error: x.csv.gz: there is no column 'nope', it has 'text', 'label': set data.text (in Python: text)",
    ),
    BadInput(
        "the same in a folder",
        without_column("train.csv", CSV, "data.text=nope", path="."),
        "error: train.csv: there is no column 'nope', it has 'text', 'label': set data.text (in Python: text)",
    ),
    BadInput(
        "`data.label` names no column",
        without_column("x.csv", CSV, "data.label=topic"),
        "error: x.csv: there is no column 'topic', it has 'text', 'label': set data.label (in Python: label)",
    ),
    BadInput(
        "`data.group` names no column",
        without_column("x.csv", CSV, "data.group=publisher"),
        "error: x.csv: there is no column 'publisher', it has 'text', 'label': set data.group (in Python: group)",
    ),
    BadInput(
        "`data.text` and `data.label` name no column",
        without_column("x.csv", CSV, "data.text=title", "data.label=topic"),
        "error: x.csv: there is no column 'title', it has 'text', 'label': set data.text and data.label (in Python: text, label)",
    ),
    BadInput(
        "`data.text` and `data.label` are one column",
        without_column("x.csv", CSV, "data.text=label"),
        "error: data: expected different columns, text and label are both 'label'",
    ),
    BadInput(
        "`data.group` and `data.label` are one column",
        without_column("x.csv", CSV, "data.group=label"),
        "error: data: expected different columns, label and group are both 'label'",
    ),
    BadInput(
        "`data.unlabelled` names no file",
        without_column("x.csv", CSV, "data.unlabelled=more.txt"),
        "error: expected a file of headlines, there is none at more.txt",
    ),
    BadInput(
        "`data.unlabelled` names a folder",
        without_column("x.csv", CSV, "data.unlabelled=."),
        "error: .: expected a file of headlines, got a folder",
    ),
    BadInput(
        "compare: `data.unlabelled`, which only a training learns from",
        without_column("x.csv", CSV, "data.unlabelled=x.csv", command="compare"),
        "error: data.unlabelled is not used by `pipeline compare`: leave it out",
    ),
    BadInput(
        "compare: `data.text` names no column",
        without_column("x.csv", CSV, "data.text=nope", command="compare"),
        "error: x.csv: there is no column 'nope', it has 'text', 'label': set data.text (in Python: text)",
    ),
    BadInput(
        "explain: `data.text` names no column",
        without_column("x.csv", CSV, "data.text=nope", command="explain"),
        "error: x.csv: there is no column 'nope', it has 'text', 'label': set data.text (in Python: text)",
    ),
    BadInput(
        "headlines in Chinese, without spaces",
        audited(["阿尔卑斯山的雪可能消失", "央行再次上调利率"]),
        "['no spaces between words in 30 of 30 headlines, each of which is one unknown word: segment them first']",
    ),
    BadInput(
        "headlines in Japanese, without spaces",
        audited(["アルプスの雪が七割消える恐れ", "日銀が利上げ決定"]),
        "['no spaces between words in 30 of 30 headlines, each of which is one unknown word: segment them first']",
    ),
    BadInput(
        "headlines in Thai, without spaces",
        audited(["เทือกเขาแอลป์อาจสูญเสียหิมะ", "ธนาคารกลางขึ้นดอกเบี้ยอีกครั้ง"]),
        "['no spaces between words in 30 of 30 headlines, each of which is one unknown word: segment them first']",
    ),
    BadInput(
        "headlines in Thai, with spaces between words",
        audited(["เทือกเขา แอลป์ อาจ สูญเสีย หิมะ", "ธนาคาร กลาง ขึ้น ดอกเบี้ย"]),
        "[]",
    ),
)
