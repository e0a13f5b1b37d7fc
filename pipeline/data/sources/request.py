"""What a source is asked for, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Request:
    """What to read.

    `path`: what `data.path` names, or empty. `text`, `label`: names of the columns. `group`: name
    of the column with the publisher or author, or None. `weight`: name of the column that says how
    much a headline counts, or None. `subset`, `revision`: of a data set on the hub, or None.
    """

    path: str
    text: str
    label: str
    group: str | None
    weight: str | None
    subset: str | None
    revision: str | None


@dataclass(frozen=True, eq=False)
class Loaded:
    """What a source gives.

    `name`: what the data is called in a run. `address`: where the headlines came from. `frames`: a
    data frame for each split that the source has, with the columns `text` (str or None), `label`
    (anything or None) and, where the request has them, `group` (anything or None) and `weight`
    (float). Splits that are missing are taken from `train` later.
    """

    name: str
    address: str
    frames: Mapping[str, pd.DataFrame]
