"""What all kinds of tables share: stretches of a file, and the rows of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.base.errors import DataError
from pipeline.data.cleaning import fold_spaces
from pipeline.data.content import shown
from pipeline.portable.text import normalize

STRETCH_BYTES = 2 << 20
"""About how many bytes of text a part is made of."""
MOST_ROW_BYTES = 16 << 20
"""A row that is longer cannot be read."""


class Position(NamedTuple):
    """A place in a file: `offset` in bytes of its text, or in rows of Parquet; `line`: its
    number."""

    offset: int
    line: int


class Unreadable(NamedTuple):
    """A row that is left out. `line`: where it begins, from 1."""

    line: int
    reason: str


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of one stretch that can be read.

    `texts`: a headline for each. `content`: what the kind of table needs to write the rows again.
    `end`: where the next stretch begins. `unreadable`: what is left out.
    """

    texts: list[str]
    content: Any
    end: Position
    unreadable: tuple[Unreadable, ...] = ()


@dataclass(frozen=True, eq=False)
class Answers:
    """What is added to rows, one column after the other.

    `names`: of the columns. `labels`: the names of the labels. `probabilities`: float32 array, (n,
    n_labels). `every`: whether there is a column for the probability of each label.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    probabilities: NDArray[np.float32]
    every: bool

    @property
    def best(self) -> NDArray[np.intp]:
        """The most probable label of each row: int array, (n,)."""
        return self.probabilities.argmax(axis=1)

    def numbers(self) -> list[NDArray[np.float32]]:
        """The columns after that of the labels."""
        highest = self.probabilities.max(axis=1)
        return [highest, *(self.probabilities.T if self.every else ())]

    def number_texts(self) -> list[list[str]]:
        """The same as text: the fewest digits that give the same float32."""
        import pyarrow as pa

        return [pa.array(column).cast(pa.string()).to_pylist() for column in self.numbers()]


class OpenTable(Protocol):
    """A file whose rows are read in stretches. A kind of table is a class of this form."""

    ending: str
    """Of the parts that are written, such as `.csv`."""

    @property
    def size(self) -> int | None:
        """The offset of the end; None: it is not known before the end."""

    def columns(self) -> object:
        """What has to be equal in all files of an input."""

    def check_names(self, names: Sequence[str]) -> None:
        """Raises DataError: a column has a name that is added."""

    def read(self, position: Position | None = None) -> Iterator[Rows]:
        """The stretches from a position on, None from the first row. They depend on nothing else.

        Raises DataError: the file is damaged.
        """

    def write(self, file: IO[bytes], rows: Rows, answers: Answers) -> None:
        """Write the rows with the answers to an open file. Raises OSError."""


def clean(values: Sequence[str | None]) -> list[str]:
    """Headlines as `pipeline predict` takes them; a missing one is empty."""
    return [fold_spaces(text) for text in normalize([value or "" for value in values])]


def check_clash(columns: Sequence[str], names: Sequence[str], where: str) -> None:
    """Raises DataError: a column has a name that is added."""
    if clash := [name for name in names if name in set(columns)]:
        raise DataError(
            f"{where}: the column {shown(clash[0])} has the name of one that is added: give the "
            "new columns other names, as with --prefix predicted_"
        )


def check_text_column(columns: Sequence[str], text: str, where: str) -> None:
    """Raises DataError: the column of headlines is missing, or there twice."""
    times = list(columns).count(text)
    if times == 0:
        listed = ", ".join(shown(column) for column in columns[:20]) or "none"
        raise DataError(
            f"{where}: there is no column {text!r}, it has {listed}"
            f"{' and more' if len(columns) > 20 else ''}: name the column of headlines with --text"
        )
    if times > 1:
        raise DataError(f"{where}: expected one column {text!r}, there are several")
