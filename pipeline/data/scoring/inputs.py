"""Which files an input is, and what kind of table each holds."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.base.errors import DataError
from pipeline.data.content import Content, check_file, format_ending
from pipeline.data.json_rows import looks_like_json
from pipeline.data.scoring.delimited import DelimitedTable
from pipeline.data.scoring.json_lines import JsonLinesTable
from pipeline.data.scoring.parquet import ParquetTable
from pipeline.data.scoring.stretches import OpenTable
from pipeline.data.scoring.text_stream import TextStream
from pipeline.data.tables import READERS, reader_of

KINDS: dict[str, Callable[[Path, str], OpenTable]] = {
    ".csv": DelimitedTable,
    ".tsv": lambda path, text: DelimitedTable(path, text, "\t"),
    ".json": JsonLinesTable,
    ".parquet": ParquetTable,
}
"""The kinds of tables by the endings that `pipeline.data.tables` gives them."""


def find_files(inputs: Sequence[str], output: Path) -> list[Path]:
    """The files that are named: files, all files in folders, and patterns such as `2026-*.csv`.

    Files whose names begin with a dot or an underscore are left out of folders, as Spark does. A
    pattern leaves out what is in the output.

    Raises DataError: there is none, one is there twice or is no file, as a link that leads to
    nothing, or the output is inside of an input.
    """
    files: list[Path] = []
    for name in inputs:
        path = Path(name)
        if path.is_dir():
            _check_outside(path, output)
            own = sorted(each for each in path.rglob("*") if _is_data(each, path))
            if not own:
                raise DataError(f"{path}: expected a folder with files of headlines, it has none")
        elif glob.has_magic(name) and not path.exists():
            own = sorted(
                each
                for each in map(Path, glob.glob(name, recursive=True))
                if not each.is_dir()
                and output.resolve() not in Path(os.path.realpath(each)).parents
            )
            if not own:
                raise DataError(f"{name}: expected files whose names are like this, there is none")
        else:
            own = [path]
        files += own
    places: set[Path] = set()
    for file in files:
        check_file(file)
        place = file.resolve()
        if place in places:
            raise DataError(f"{file}: expected each file once, it is named twice")
        if place == output.resolve():
            raise DataError(f"{output}: expected a new folder as the output, got the input")
        places.add(place)
    return files


def _is_data(path: Path, folder: Path) -> bool:
    parts = path.relative_to(folder).parts
    return not path.is_dir() and not any(part.startswith((".", "_")) for part in parts)


def _check_outside(folder: Path, output: Path) -> None:
    if output.resolve().is_relative_to(folder.resolve()):
        raise DataError(
            f"{output}: expected an output outside of the input {folder}: else what is written is "
            "read"
        )


def open_tables(files: Sequence[Path], text: str, names: Sequence[str]) -> list[OpenTable]:
    """The files as tables of one kind. `text`: the column of headlines. `names`: what is added.

    Raises DataError: a file is no table, or has no such column; a column has a name that is added;
    the files are of different kinds, or have different columns.
    """
    tables: list[OpenTable] = []
    for file in files:
        table = open_table(file, text)
        table.check_names(names)
        first = tables[0] if tables else table
        if table.ending != first.ending:
            raise DataError(
                f"{file}: expected {first.ending[1:]}, as {files[0]} is, got {table.ending[1:]}: "
                "score files of one kind at a time"
            )
        if table.columns() != first.columns():
            raise DataError(
                f"{file}: expected the same columns in the same order as {files[0]} has, got "
                "others: score the files one by one"
            )
        tables.append(table)
    return tables


def open_table(path: Path, text: str) -> OpenTable:
    """A file as a table, by what it holds. Raises DataError: it is none."""
    return KINDS[_kind(path)](path, text)


def _kind(path: Path) -> str:
    """The key in KINDS."""
    head = TextStream(path).head
    content = Content(str(path), format_ending(path), head)
    if content.kind() is None and head.count(0) < len(head) / 10:
        # The head may end within a character, and some rows may not be readable.
        content = Content(content.name, content.ending, _readable(head))
    reader = reader_of(content, ": `pipeline predict --file` reads one headline a line")
    if reader.begins:
        return ".parquet"
    if looks_like_json(content.text()):
        return ".json"
    ending = next(ending for ending, each in READERS.items() if each is reader)
    if ending not in KINDS:
        raise DataError(f"{path}: expected JSON objects, got other text: look into the file")
    return ending


def _readable(head: bytes) -> bytes:
    return head.decode("utf-8", "replace").replace("\0", "\ufffd").encode()
