"""The options of `data`."""

from __future__ import annotations

import os
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from pipeline.base.errors import nearest
from pipeline.base.options import STRICT, Fraction, Seed, Text
from pipeline.data.sources import SOURCES

Rule = Literal["first", "drop", "error"]
"""What becomes of a headline with several labels: its first row stays, none does, or it is an
error."""


def _check_source(source: str) -> str:
    if source not in SOURCES:
        raise ValueError(
            f"expected one of {', '.join(SOURCES)}, got {source!r}{nearest(source, SOURCES)}"
        )
    return source


def _one_or_several(files: Any) -> Any:
    """The names of files, where there may be one by itself."""
    several = [files] if isinstance(files, str | int | os.PathLike) else files
    if not isinstance(several, list | tuple):
        return several
    return [os.fspath(file) if isinstance(file, os.PathLike) else file for file in several]


@dataclass(frozen=True, config=STRICT)
class DataOptions:
    """Which headlines.

    `source`: a name in `SOURCES`. `path`: what the source needs it for. `text`, `label`: names of
    the columns. `group`: name of the column with the publisher or author, if there is one.
    `weight`: name of the column that says how much a headline counts; None: each counts once.
    `unlabelled`: a file of headlines without a label. `added`: files of labelled headlines that are
    added to train. `contradictions`: what becomes of a headline with several labels. `subset`,
    `revision`: of a data set on the hub. `validation`, `test`: fractions for the splits that the
    source does not have; the default of `validation` is the source's. `seed`: of the split.
    """

    source: Annotated[str, AfterValidator(_check_source)] = "bbc"
    path: Text | None = None
    text: Text = "text"
    label: Text = "label"
    group: Text | None = None
    weight: Text | None = None
    unlabelled: Text | None = None
    added: Annotated[tuple[Text, ...], BeforeValidator(_one_or_several)] = ()
    contradictions: Rule = "first"
    subset: Text | None = None
    revision: Text | None = None
    validation: Fraction = Field(
        default_factory=lambda values: SOURCES[values["source"]].validation
    )
    test: Fraction = 0.2
    seed: Seed = 0

    @model_validator(mode="after")
    def _check(self) -> DataOptions:
        if self.validation + self.test >= 1:
            raise ValueError(
                f"validation + test must stay below 1, got {self.validation} + {self.test}"
            )
        columns = {
            "text": self.text,
            "label": self.label,
            "group": self.group,
            "weight": self.weight,
        }
        for (name, column), (second, same) in combinations(columns.items(), 2):
            if column == same and column is not None:
                raise ValueError(
                    f"expected different columns, {name} and {second} are both {column!r}"
                )
        needs = SOURCES[self.source].needs
        if needs and not self.path:
            raise ValueError(
                f"data={self.source} needs {needs}: add data.path=... (in Python: path=...)"
            )
        return self

    @property
    def origin(self) -> str:
        """What tells these data from others, as two files of the same name in two folders."""
        if self.source == "file":
            return str(Path(self.path or "").resolve())
        return f"hub:{self.path}" if self.source == "hub" else self.source
