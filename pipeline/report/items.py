"""What can be logged: typed items, made without any server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure


@dataclass(frozen=True)
class Param:
    name: str
    value: Any


@dataclass(frozen=True)
class Metric:
    name: str
    value: float
    step: int = 0


@dataclass(frozen=True)
class Tag:
    name: str
    value: str


@dataclass(frozen=True)
class Text:
    path: str
    content: str


@dataclass(frozen=True)
class File:
    path: str
    content: bytes


@dataclass(frozen=True, eq=False)
class Table:
    path: str
    frame: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Picture:
    path: str
    figure: Figure


@dataclass(frozen=True, eq=False)
class Input:
    """A split of the data as an input of the run. `rows`: a datasets.Dataset."""

    name: str
    context: str
    rows: Any
    address: str
    sha256: str


Item = Param | Metric | Tag | Text | File | Table | Picture | Input
