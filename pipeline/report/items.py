"""The types of what is logged. Items are made without a server; `pipeline.tracking` sends them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pandas as pd
from matplotlib.figure import Figure
from pandas.api.types import is_numeric_dtype

from pipeline.base.cells import escape_cell


@dataclass(frozen=True)
class Param:
    """An option of a run."""

    name: str
    value: Any


@dataclass(frozen=True)
class Metric:
    """A number. `step`: its place in a series, such as the epoch."""

    name: str
    value: float
    step: int = 0


@dataclass(frozen=True)
class Tag:
    """A short text about a run."""

    name: str
    value: str


BETWEEN_WARNINGS = ";\n"
"""Between the warnings in the tag `audit.warning`. A warning is one line, and may hold a
semicolon."""

RESULT, LINE, TRIAL = "result", "line", "trial"
"""Kinds of runs below a study, as their tag `kind`: what one training gave; a line in the charts; a
training of a search."""


@dataclass(frozen=True)
class Note:
    """The description of a run, in Markdown. A later one takes its place."""

    content: str


@dataclass(frozen=True)
class Text:
    """A text file."""

    path: str
    content: str


@dataclass(frozen=True)
class File:
    """A binary file."""

    path: str
    content: bytes


@dataclass(frozen=True, eq=False)
class Table:
    """A CSV file."""

    path: str
    frame: pd.DataFrame

    def csv(self) -> str:
        """The table as CSV. Texts that a spreadsheet would run as formulas are escaped."""
        frame = self.frame.rename(columns=escape_cell)
        for name in frame.columns[~frame.dtypes.map(is_numeric_dtype)]:
            frame[name] = frame[name].map(escape_cell)
        return frame.to_csv(index=False)


@dataclass(frozen=True, eq=False)
class ComparedTable:
    """A table as JSON, in the form of `mlflow.log_table`: MLflow shows it beside those of other
    runs."""

    path: str
    frame: pd.DataFrame

    def json(self) -> str:
        """The table as JSON, with numbers of four digits after the point."""
        return str(self.frame.to_json(orient="split", index=False, double_precision=4))


@dataclass(frozen=True, eq=False)
class Picture:
    """A PNG file. `dpi`: pixels for each inch of the figure."""

    path: str
    figure: Figure
    dpi: float = 100


@dataclass(frozen=True, eq=False)
class Input:
    """A split of the data. `rows`: a datasets.Dataset. `address`: where the data came from."""

    name: str
    context: str
    rows: Any
    address: str
    sha256: str


Item = Param | Metric | Tag | Note | Text | File | Table | ComparedTable | Picture | Input


class FinishedRun(Protocol):
    """A run that was logged and is read back. `content`: of the one file that its reader needs."""

    @property
    def params(self) -> Mapping[str, str]: ...
    @property
    def metrics(self) -> Mapping[str, float]: ...
    @property
    def content(self) -> bytes: ...
