"""Cells of CSV files that people open in a spreadsheet."""

from __future__ import annotations

import re
from typing import Any

_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")  # also what looks as if it had been escaped
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def escape_cell(value: Any) -> Any:
    """A cell of a CSV file that a spreadsheet shows and does not run: a formula gets a ' in front.

    Numbers stay, also where they are texts.

    >>> escape_cell("=1+1"), escape_cell("-0.5"), escape_cell("- ice"), escape_cell(-0.5)
    ("'=1+1", '-0.5', "'- ice", -0.5)
    """
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def unescape_cell(value: Any) -> Any:
    """The value of a cell that `escape_cell` wrote: what it was before, for each text.

    >>> unescape_cell("'=1+1"), unescape_cell("'tis the season")
    ('=1+1', "'tis the season")
    """
    if isinstance(value, str) and value[:1] == "'" and escape_cell(value[1:]) == value:
        return value[1:]
    return value
