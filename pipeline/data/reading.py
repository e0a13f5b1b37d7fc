"""Files of headlines that are not split: those to evaluate with, and those to predict."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd

from pipeline.base.errors import DataError
from pipeline.data.cleaning import clean_rows, clean_texts, warn_of_spellings
from pipeline.data.content import Content, read_content, unpack
from pipeline.data.delimited import read_lines
from pipeline.data.examples import Labelled
from pipeline.data.options import DataOptions
from pipeline.data.tables import READERS, holds_table, read_columns, select_columns, table_of

logger = logging.getLogger(__name__)

FILE_OPTION = "--{}"  # of the commands that read a file, as `pipeline evaluate --file`


def read_labelled(
    path: str | os.PathLike[str], text: str = DataOptions.text, label: str = DataOptions.label
) -> Labelled:
    """Read a file of labelled headlines. It is not split, and repeated headlines stay.

    `text`, `label`: names of the columns.

    Raises DataError: the file or its rows cannot be used.
    """
    frame = read_columns(Path(path), text, label, option=FILE_OPTION)
    warn_of_spellings(frame["label"])
    cleaned = clean_rows(frame)
    rows, dropped = cleaned.table, cleaned.dropped
    if not len(rows):
        raise DataError(f"{path}: expected labelled headlines, found none")
    if any(dropped.values()):
        logger.warning(
            "data: %s: left out %d empty and %d unlabelled headlines",
            path,
            dropped["empty"],
            dropped["unlabelled"],
        )
    return Labelled(rows["text"].to_pylist(), rows["label"].to_pylist())


def read_texts(path: str | os.PathLike[str], text: str | None = None) -> list[str]:
    """Read headlines to predict: one for each row of a table, or for each line of another file.

    A row or line without text is an empty headline, so that the answers stay beside their rows.

    Args:
        path: a table by its content or name, else a file with one headline a line. `-` is standard
            input.
        text: the column of a table. None: the column `text` of a table.

    Raises:
        DataError: the file or its rows cannot be used, or there is no headline.
    """
    if os.fspath(path) == "-":
        if sys.stdin is None:  # as after `<&-`
            raise DataError("standard input: expected headlines, it is closed")
        content = unpack(sys.stdin.buffer.read(), "standard input", "-")
    else:
        content = read_content(Path(path))
    column = text or DataOptions.text
    frame = select_columns(
        read_frame(content, text), column, None, content.name, option=FILE_OPTION
    )
    texts = clean_texts(frame["text"])
    blank = texts.count("")
    if blank == len(texts):
        raise DataError(f"{content.name}: expected headlines, found none")
    if blank:
        logger.warning(
            "data: %s: no headline in %s of %s rows: their answers mean nothing",
            content.name,
            f"{blank:,}",
            f"{len(texts):,}",
        )
    return texts


def read_frame(content: Content, text: str | None = None) -> pd.DataFrame:
    """The table in a file of headlines, with all its columns and rows.

    A file with one headline a line becomes a table with the column `text`. `text`: a column that
    the file is said to have; then it is a table, whatever its name is.

    Raises DataError: the file cannot be used.
    """
    if text is not None and content.ending not in READERS:
        content = replace(content, ending=".csv")  # its first row says whether it has the column
    if holds_table(content):
        return table_of(content)
    lines = read_lines(content.text(), content.name)
    if not lines:
        raise DataError(f"{content.name}: expected headlines, found none")
    return pd.DataFrame({DataOptions.text: lines}, dtype=object)
