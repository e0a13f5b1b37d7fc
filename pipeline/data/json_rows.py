"""JSON: a list of objects, or objects one after another, usually one a line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.base.errors import DataError
from pipeline.data.content import line_number, shown
from pipeline.portable.text import normalize

if TYPE_CHECKING:
    import pandas as pd

_SPACE = re.compile(r"[ \t\r\n]*")
_EXPECTED = "a list of objects, or one object a line"


def looks_like_json(text: str) -> bool:
    """Whether a text begins as JSON rows do.

    >>> looks_like_json('[{"text": "Alps"}]'), looks_like_json("[Alps] lose snow")
    (True, False)
    """
    return re.match(r'\s*(\[\s*)?\{\s*["}]', text) is not None


def read_json(text: str, name: str) -> pd.DataFrame:
    """Read the objects of a text as rows, and their names as columns; values keep their types.

    An object of lists, or of objects, is taken as a table by columns. `name`: how messages call the
    file.

    Raises DataError: it is no JSON, or has something else than objects; a name is twice in an
    object.
    """
    values, starts = _values(text, name)
    if len(values) == 1:
        value = values[0]
        if isinstance(value, list):
            return _frame(value, lambda row: f"{name}, item {row + 1}")
        if isinstance(value, dict) and value:
            kinds = {type(column) for column in value.values()}
            if kinds == {list} or kinds == {dict}:
                return _frame_by_columns(value, name)
    return _frame(values, lambda row: f"{name}, line {line_number(text, starts[row])}")


def _values(text: str, name: str) -> tuple[list[Any], list[int]]:
    """The JSON values of a text, and where each begins."""
    decoder = json.JSONDecoder(object_pairs_hook=_object)
    values: list[Any] = []
    starts: list[int] = []
    at = 0
    while True:
        at = _SPACE.match(text, at).end()  # type: ignore[union-attr]
        if at == len(text):
            return values, starts
        starts.append(at)
        try:
            value, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            where = f"{name}, line {line_number(text, error.pos)}"
            reason = f"{error.msg} at character {error.colno}"
            if not values and text[starts[0]] not in "[{":
                line = re.split(r"[\r\n]", text[starts[0] : starts[0] + 200])[0]
                reason = f"got {shown(line)}"
            raise DataError(f"{where}: expected JSON, {_EXPECTED} ({reason})") from error
        except (_TwiceError, ValueError, RecursionError) as error:
            reasons = {_TwiceError: str(error), RecursionError: "it is nested too deeply"}
            reason = reasons.get(type(error), "an integer has more digits than Python reads")
            raise DataError(
                f"{name}, line {line_number(text, starts[-1])}: expected JSON, {_EXPECTED}: "
                f"{reason}"
            ) from error
        values.append(value)


class _TwiceError(Exception):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _TwiceError(f"an object has the name {shown(twice)} twice")
    return result


def _frame(rows: Sequence[Any], place: Callable[[int], str]) -> pd.DataFrame:
    """`place`: where a row stands, for messages."""
    import pandas as pd

    columns: dict[str, None] = {}
    for i, row in enumerate(rows):
        if not isinstance(row, dict):
            raise DataError(
                f'{place(i)}: expected an object such as {{"text": ...}}, got {shown(row)}'
            )
        columns.update(dict.fromkeys(row))
    frame = pd.DataFrame(
        dict(enumerate([row.get(column) for row in rows] for column in columns)), dtype=object
    )
    return frame.set_axis(
        normalize(list(columns)), axis=1
    )  # pandas takes no lone surrogate as a name


def _frame_by_columns(columns: Mapping[str, Any], name: str) -> pd.DataFrame:
    first = next(iter(columns.values()))
    keys = list(first) if isinstance(first, dict) else range(len(first))
    for column, values in columns.items():
        own = list(values) if isinstance(values, dict) else range(len(values))
        if own != keys:
            raise DataError(
                f"{name}: expected columns of the same rows, {shown(column)} has {len(own):,} "
                f"rows, {shown(next(iter(columns)))} has {len(keys):,}"
            )
    rows = [{column: values[key] for column, values in columns.items()} for key in keys]
    return _frame(rows, str)
