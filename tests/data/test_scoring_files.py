"""Large files are scored a stretch at a time: every row, in order, once."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from threading import Barrier

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.base.errors import DataError
from pipeline.data.cleaning import clean_texts
from pipeline.data.delimited import read_delimited
from pipeline.data.scoring.delimited import DelimitedTable
from pipeline.data.scoring.inputs import open_table
from pipeline.data.scoring.json_lines import JsonLinesTable
from pipeline.data.scoring.loop import Scored, Scoring, score_files
from pipeline.data.scoring.output import OutputFolder
from pipeline.data.scoring.parquet import ParquetTable
from pipeline.data.scoring.stretches import OpenTable, Position
from pipeline.data.tables import read_table, select_columns

LABELS = ("nature", "money")
TEXTS = [
    "Alps lose snow",
    "2021-03-04",
    "null",
    "1.50",
    "Bank, profit",
    'a "quote"',
    "雪 é",
    "",
    "x\ny",
]


class Scorer:
    """Scores texts by their length, and counts what it was asked. `fails_at`: the call that fails."""

    def __init__(self, fails_at: int = -1) -> None:
        self.asked: list[str] = []
        self.calls, self.fails_at = 0, fails_at

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        if self.calls == self.fails_at:
            raise KeyboardInterrupt
        self.calls += 1
        self.asked += texts
        first = np.array([len(text) % 7 / 7 for text in texts], np.float32)
        return np.stack([first, 1 - first], axis=1)


def scoring(output: Path, *inputs: Path | str, **options: object) -> Scoring:
    return Scoring(tuple(map(str, inputs)), output, "text", LABELS, "m-1", **options)  # type: ignore[arg-type]


def texts_of(table: OpenTable, position: Position | None = None) -> list[str]:
    return [text for rows in table.read(position) for text in rows.texts]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def as_csv(path: Path, texts: Sequence[str], separator: str = ",") -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerows([("id", "text"), *enumerate(texts)])
    return path


def as_json(path: Path, texts: Sequence[str]) -> Path:
    lines = (json.dumps({"id": i, "text": text}) + "\n" for i, text in enumerate(texts))
    path.write_text("".join(lines), "utf-8")
    return path


def as_parquet(path: Path, texts: Sequence[str]) -> Path:
    pq.write_table(pa.table({"id": range(len(texts)), "text": texts}), path, row_group_size=4)
    return path


WRITERS: dict[str, Callable[[Path, Sequence[str]], Path]] = {
    "csv": as_csv,
    "tsv": lambda path, texts: as_csv(path, texts, "\t"),
    "jsonl": as_json,
    "parquet": as_parquet,
}


@pytest.mark.parametrize("ending", WRITERS)
def test_every_row_gets_an_answer_beside_its_other_columns(tmp_path: Path, ending: str) -> None:
    path = WRITERS[ending](tmp_path / f"in.{ending}", TEXTS)
    scorer = Scorer()
    scored = score_files(scoring(tmp_path / "out", path, probabilities=True), scorer)
    assert scored == Scored(len(TEXTS), 1, 0, 1, len(TEXTS))
    frame = read_table(tmp_path / "out" / f"part-00000.{ending}")
    assert list(frame["id"].map(int)) == list(range(len(TEXTS)))
    assert list(frame["text"]) == list(read_table(path)["text"])
    expected = Scorer()([" ".join(text.split()) for text in TEXTS])
    names = ["probability", "probability_nature", "probability_money"]
    given = frame[names].astype(float).to_numpy(np.float32)
    assert given.tolist() == [[max(row), *row] for row in expected.tolist()]
    assert list(frame["label"]) == [LABELS[i] for i in expected.argmax(axis=1)]


@pytest.mark.parametrize("ending", WRITERS)
def test_an_interrupted_scoring_goes_on_to_the_same_bytes(tmp_path: Path, ending: str) -> None:
    files = [
        WRITERS[ending](tmp_path / f"{i}.{ending}", [f"{i} {t}" for t in TEXTS]) for i in range(5)
    ]
    whole, parts = scoring(tmp_path / "whole", *files), scoring(tmp_path / "parts", *files)
    score_files(whole, Scorer())
    with pytest.raises(KeyboardInterrupt):
        score_files(parts, Scorer(fails_at=3))
    assert not (parts.output / "_SUCCESS").exists()
    # A part that was cut off, one without a record, and what a killed process left beside them.
    (parts.output / f"part-00001.{ending}").write_bytes(b"half")
    (parts.output / f".part-x.{ending}").write_bytes(b"half")
    scorer = Scorer()
    scored = score_files(parts, scorer)
    assert scored.new_rows == len(scorer.asked) == 3 * len(TEXTS)
    assert (scored.rows, scored.parts) == (5 * len(TEXTS), 5)
    assert contents(parts.output) == contents(whole.output)
    again = Scorer()
    assert score_files(parts, again).new_rows == again.calls == 0


def test_parts_of_a_finished_output_that_were_lost_or_changed_are_made_again(
    tmp_path: Path,
) -> None:
    files = [as_csv(tmp_path / f"{i}.csv", [f"{i} {text}" for text in TEXTS]) for i in range(4)]
    asked = scoring(tmp_path / "out", *files)
    score_files(asked, Scorer())
    before = contents(asked.output)
    (asked.output / "part-00000.csv").unlink()
    (asked.output / "part-00001.csv").write_bytes(b"")
    changed = bytes(reversed(before["part-00002.csv"]))
    (asked.output / "part-00002.csv").write_bytes(changed)
    with pytest.raises(KeyboardInterrupt):
        score_files(asked, Scorer(fails_at=1))
    assert not (asked.output / "_SUCCESS").exists()
    scored = score_files(asked, Scorer())
    assert (scored.rows, scored.parts) == (4 * len(TEXTS), 4)
    assert 0 < scored.new_rows <= 3 * len(TEXTS)
    assert contents(asked.output) == before


@pytest.mark.parametrize("damaged", ["x", "{}", "[]", "null", "1", '{"end": 1}', '{"written": {}}'])
def test_records_of_another_form_are_made_again(tmp_path: Path, damaged: str) -> None:
    asked = scoring(tmp_path / "out", as_csv(tmp_path / "in.csv", TEXTS))
    score_files(asked, Scorer())
    before = contents(asked.output)
    (asked.output / "_SUCCESS").write_text(damaged)
    (asked.output / "_parts").mkdir()
    (asked.output / "_parts" / "00000.json").write_text(damaged)
    assert score_files(asked, Scorer()).new_rows == len(TEXTS)
    assert contents(asked.output) == before


def test_who_is_refused_removes_nothing(tmp_path: Path) -> None:
    """Two begin at once in a new folder: one goes on, and the other leaves its files alone."""

    def write(folder: Path, begin: Barrier, end: Barrier) -> str:
        begin.wait(20)
        try:
            with OutputFolder(folder, ".csv").opened({"model": "m-1"}):
                end.wait(20)
                return "kept" if (folder / "_scoring.json").is_file() else "lost"
        except DataError as error:
            end.wait(20)
            return str(error)

    for folder in (tmp_path / str(trial) for trial in range(20)):
        barriers = Barrier(2), Barrier(2)
        with ThreadPoolExecutor(2) as pool:
            pending = [pool.submit(write, folder, *barriers) for _ in range(2)]
        refused = (
            f"{folder}: another `pipeline score` writes here: wait for its end, or name another"
        )
        assert sorted(each.result() for each in pending) == [refused, "kept"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: as_csv(folder / "in.csv", ["other"]), "another input"),
        (lambda _: {"model_id": "m-2"}, "another model"),
        (lambda _: {"probabilities": True}, "another option"),
    ],
)
def test_it_does_not_go_on_with_something_else(
    tmp_path: Path, change: Callable[[Path], object], message: str
) -> None:
    path = as_csv(tmp_path / "in.csv", TEXTS)
    first = scoring(tmp_path / "out", path)
    score_files(first, Scorer())
    before = contents(first.output)
    options = change(tmp_path)
    second = Scoring(**{**vars(first), **(options if isinstance(options, dict) else {})})
    with pytest.raises(DataError, match=message):
        score_files(second, Scorer())
    assert contents(first.output) == before


FIELD = st.text(st.sampled_from('ab ,"\n\ré;'), max_size=6)


@given(
    rows=st.lists(st.lists(FIELD, min_size=2, max_size=2), min_size=1, max_size=12),
    size=st.integers(8, 60),
    end=st.sampled_from(["\n", "\r\n"]),
)
@settings(max_examples=60, deadline=None)
def test_stretches_of_any_size_hold_the_rows_of_the_whole_file(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], size: int, end: str
) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([["id", "text"], *rows])
    path = tmp_path_factory.mktemp("any") / "in.csv"
    path.write_bytes(text.getvalue().encode())
    table = DelimitedTable(path, "text", stretch_bytes=size, most_row_bytes=10_000)
    stretches = list(table.read())
    given = [fields for stretch in stretches for fields in stretch.content[0]]
    assert given == read_delimited(text.getvalue(), "x").to_numpy().tolist()
    assert not [row for stretch in stretches for row in stretch.unreadable]
    for before, after in pairwise(stretches):
        assert next(table.read(before.end)).content == after.content  # as a restart reads it


CELL = FIELD | FIELD.map(lambda text: '"' + text.replace('"', '""') + '"')
HEADERS = ["id,text", "id;text", '"text","id"', "text", "id\ttext", "text,id,more"]


@given(
    header=st.sampled_from(HEADERS),
    separator=st.sampled_from(",;\t"),
    rows=st.lists(st.lists(CELL, min_size=1, max_size=3), max_size=8),
    end=st.sampled_from(["\n", "\r\n", "\r", "\r\r\n"]),
    size=st.sampled_from([8, 40, 100_000]),
)
@settings(max_examples=300, deadline=None)
@example(
    header="id,text",
    separator=",",
    rows=[['",;\n\r"', '"\n"'], ['";,\r;"', '"\r"'], ['";"', '";"']],
    end="\n",
    size=100_000,
)
@example(
    header="text,id",
    separator=",",
    rows=[['"\r"', "1"], ['"a,1\r\r"', '"\n"'], ['"a,1\rb,1\r"', "1"]],
    end="\n",
    size=100_000,
)
@example(header="id,text", separator=",", rows=[["1", "a"], ["2", "b"]], end="\r\r\n", size=100_000)
def test_noise_gets_the_rows_that_other_commands_read_or_is_listed(
    tmp_path_factory: pytest.TempPathFactory,
    header: str,
    separator: str,
    rows: list[list[str]],
    end: str,
    size: int,
) -> None:
    path = tmp_path_factory.mktemp("noise") / "in.csv"
    lines = [header, *(separator.join(row) for row in rows)]
    path.write_bytes("".join(line + end for line in lines).encode())
    try:
        expected = clean_texts(select_columns(read_table(path), "text", None, "x")["text"])
    except DataError as error:
        expected = [] if "found none" in str(error) else None
    try:
        table = DelimitedTable(path, "text", stretch_bytes=size, most_row_bytes=100_000)
    except DataError:
        assert expected is None
        return
    stretches = list(table.read())
    unreadable = [row for stretch in stretches for row in stretch.unreadable]
    if expected is None:
        # In a short stretch, little tells a quote that swallows rows from a long headline.
        assert unreadable or size < 100_000
    else:
        assert [text for stretch in stretches for text in stretch.texts] == expected
        assert not unreadable


BAD_CSV = """id,text
1,Alps
2,too,many
3,"never closed
4,Bank
id,text
5,"closed" here
6,"one
field"
7
8,bytes \udcff
9,end"""


@pytest.mark.parametrize("size", [12, 40, 4096])
def test_rows_that_cannot_be_read_are_listed_and_the_next_are_read(
    tmp_path: Path, size: int
) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(BAD_CSV.encode("utf-8", "surrogateescape"))
    table = DelimitedTable(path, "text", stretch_bytes=size, most_row_bytes=8 * size)
    stretches = list(table.read())
    assert [text for rows in stretches for text in rows.texts] == [
        "Alps",
        "Bank",
        "one field",
        "end",
    ]
    assert [row.line for rows in stretches for row in rows.unreadable] == [3, 4, 6, 7, 10, 11]
    assert stretches[-1].end == Position(path.stat().st_size, 13)


def test_a_quote_that_swallows_rows_loses_one_row(tmp_path: Path) -> None:
    rows = [f"{i},{'a' if i % 2 else 'b'}" for i in range(20)]
    rows[5], rows[15] = '5,"a', '15,b"'
    path = tmp_path / "in.csv"
    path.write_text("\n".join(["text,label", *rows]) + "\n")
    (rows_read,) = DelimitedTable(path, "text").read()
    assert rows_read.texts == [str(i) for i in range(20) if i != 5]
    assert [row.line for row in rows_read.unreadable] == [7]


@pytest.mark.parametrize("size", [30, 4096])
def test_lines_that_are_no_json_objects_are_listed(tmp_path: Path, size: int) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(
        b'{"text": "Alps"}\n\n{"text": "Bank"\n[1]\n{"text": 5}\n{"text": null}\n{"x": 1, "x": 2}\n'
        b'{"text": "\xff"}\r\n{"text": "2021-03-04"}'
    )
    table = JsonLinesTable(path, "text", stretch_bytes=size)
    stretches = list(table.read())
    assert [text for rows in stretches for text in rows.texts] == ["Alps", "", "2021-03-04"]
    assert [row.line for rows in stretches for row in rows.unreadable] == [3, 4, 5, 7, 8]


@pytest.mark.parametrize("rows", [1, 3, 5, 100])
def test_parquet_is_cut_at_any_row(tmp_path: Path, rows: int) -> None:
    path = as_parquet(tmp_path / "in.parquet", TEXTS)
    table = ParquetTable(path, "text", stretch_rows=rows)
    whole = texts_of(table)
    assert len(whole) == len(TEXTS)
    assert all(len(each.texts) == rows for each in list(table.read())[:-1])
    for start in range(len(TEXTS) + 1):
        assert texts_of(table, Position(start, start + 1)) == whole[start:]


@pytest.mark.parametrize("encode", [
    lambda text: gzip.compress(text.encode()),
    lambda text: text.encode("utf-16"),
    lambda text: b"\xef\xbb\xbf" + text.encode(),
    lambda text: text.replace("\n", "\r").encode(),
    lambda text: b"sep=;\n" + text.replace(",", ";").encode(),
], ids=["gzip", "utf-16", "mark", "cr", "semicolons"])  # fmt: skip
def test_other_encodings_are_read_from_any_position(
    tmp_path: Path, encode: Callable[[str], bytes]
) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(encode("id,text\n" + "".join(f"{i},Zürich {i}\n" for i in range(30))))
    open_table(path, "text")
    table = DelimitedTable(path, "text", stretch_bytes=100)
    stretches = list(table.read())
    whole = [f"Zürich {i}" for i in range(30)]
    assert len(stretches) > 2
    assert [text for rows in stretches for text in rows.texts] == whole
    position = stretches[0].end
    assert texts_of(table, position) == whole[len(stretches[0].texts) :]
