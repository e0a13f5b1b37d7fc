"""Arguments of public functions are compared with their type hints, so that a wrong one is named.

Libraries that do so refuse arrays and pandas Series where a hint says Sequence. Here they fit.
"""

from __future__ import annotations

import functools
import inspect
import operator
import os
import reprlib
import types
import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from numbers import Integral, Real
from typing import Annotated, Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin

from pipeline.base.errors import ArgumentError, ConfigError, nearest, written

P = ParamSpec("P")
R = TypeVar("R")

_NUMBERS: Mapping[Any, Any] = {int: Integral, float: Real}  # those of NumPy fit
_WORDS: Mapping[Any, str] = {types.NoneType: "None", Callable: "function", os.PathLike: "path"}
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = 3
_GENERAL = ("builtins", "collections.abc")  # where the types of lists and dicts are from
_LIMITS: Mapping[str, tuple[Callable[[Any, Any], bool], str]] = {
    "ge": (operator.ge, "at least"),
    "gt": (operator.gt, "above"),
    "le": (operator.le, "at most"),
    "lt": (operator.lt, "below"),
}
"""The limits of a number in a hint, by their names in pydantic's Field."""


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Compare the arguments of each call with the type hints, and with their limits.

    Limits stand in hints such as `Seed` and `Positive` of `pipeline.base.options`.

    Raises ArgumentError: an argument has another type; ConfigError: it is out of range.

    >>> @checked
    ... def repeat(text: str, times: int = 2) -> str:
    ...     return text * times
    >>> repeat("a"), repeat("a", times="3")
    Traceback (most recent call last):
    ...
    pipeline.base.errors.ArgumentError: repeat: expected int as times, got '3' (str)
    """
    signature = inspect.signature(function)
    hints = functools.cache(lambda: typing.get_type_hints(function, include_extras=True))
    where = function.__qualname__.removesuffix(".__init__")

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:  # it has no name of the function
            unknown = [name for name in kwargs if name not in signature.parameters]
            near = nearest(unknown[0], signature.parameters) if unknown else ""
            raise ArgumentError(f"{where}: {error}{near}") from error
        _check(where, bound.arguments, hints())
        return function(*args, **kwargs)

    return call


def check_fields(instance: Any) -> None:
    """Compare the fields of a dataclass with their type hints, as `checked` compares arguments."""
    hints = typing.get_type_hints(type(instance), include_extras=True)
    _check(type(instance).__name__, vars(instance), hints)


def _check(where: str, values: Mapping[str, Any], hints: Mapping[str, Any]) -> None:
    for name, value in values.items():
        hint = hints.get(name, Any)
        kinds = [*_alternatives(hint)]
        if not any(_fits(value, kind) for kind in kinds):
            raise ArgumentError(
                f"{where}: expected {' or '.join(map(_described, kinds))} as {name}, got "
                f"{_shown(value)}{_wrong_item(value, kinds)}"
            )
        limits = [*_limits(hint)] if isinstance(value, Real) else []
        if not all(holds(value, limit) for holds, _, limit in limits):
            words = " and ".join(f"{word} {limit}" for _, word, limit in limits)
            raise ConfigError(f"{where}: expected {words} as {name}, got {_shown(value)}")


def _alternatives(hint: Any) -> Iterator[Any]:
    """The types of a union, each by itself."""
    if get_origin(hint) in (Union, types.UnionType):
        for each in get_args(hint):
            yield from _alternatives(each)
    elif get_origin(hint) is Annotated:
        yield from _alternatives(get_args(hint)[0])
    else:
        yield types.NoneType if hint is None else hint


def _limits(hint: Any) -> Iterator[tuple[Callable[[Any, Any], bool], str, Any]]:
    """How a number is compared, in words too, and with what. A union has at most one such
    number."""
    if get_origin(hint) in (Union, types.UnionType):
        for each in get_args(hint):
            yield from _limits(each)
    for field in getattr(hint, "__metadata__", ()):
        for limit in getattr(field, "metadata", ()):
            for name, (holds, word) in _LIMITS.items():
                if hasattr(limit, name):
                    yield holds, word, getattr(limit, name)


def _fits(value: Any, hint: Any) -> bool:
    kind, arguments = get_origin(hint) or hint, get_args(hint)
    if kind is Any or isinstance(kind, TypeVar):
        return True
    if kind is Literal:
        return value in arguments
    if kind is Callable:
        return callable(value)
    if _is_list(kind):
        # A dict and a set are iterables, and no sequences.
        others = () if kind in (Iterable, Collection) else (Mapping, Set)
        is_text = isinstance(value, str | bytes)
        several = Collection if issubclass(kind, Collection) else Iterable
        listed = isinstance(value, several) and not is_text and not isinstance(value, others)
        listed = listed and getattr(value, "shape", None) != ()  # an array without a length
        listed = listed and not hasattr(value, "columns")  # a table gives its columns' names
        return listed and _items_fit(value, arguments)
    if kind.__name__ == "ndarray":
        return hasattr(value, "__array__") or isinstance(value, list | tuple)
    return isinstance(value, _NUMBERS.get(kind, kind))


def _is_list(kind: Any) -> bool:
    """Whether a hint is that of a list, such as Sequence or tuple."""
    return (
        kind.__module__ in _GENERAL
        and issubclass(kind, Iterable)
        and not issubclass(kind, str | Mapping)
    )


def _shown(value: Any) -> str:
    try:
        text = _SHORT.repr(value)
    except ValueError:  # an integer of more digits than Python writes
        return written(value)
    return f"{' '.join(text.split())} ({type(value).__name__})"


def _wrong_item(value: Any, kinds: Sequence[Any]) -> str:
    """Which item of a long list is wrong."""
    lists = [kind for kind in kinds if _is_list(get_origin(kind) or kind)]
    if not lists or not isinstance(value, list | tuple):
        return ""
    wrong = [i for i, item in enumerate(value) if not _items_fit([item], get_args(lists[0]))]
    return f" with {_shown(value[wrong[0]])} as item {wrong[0] + 1}" if wrong else ""


def _items_fit(values: Iterable[Any], arguments: tuple[Any, ...]) -> bool:
    """Whether the items fit. Where they can be taken only once, they are left as they are."""
    item = arguments[0] if arguments else Any
    if not isinstance(values, Collection) or item is Any or not isinstance(item, type):
        return True
    kind = _NUMBERS.get(item, item)
    return all(issubclass(each, kind) for each in set(map(type, values)))


def _described(hint: Any) -> str:
    """A hint in words: `list of str`."""
    kind, arguments = get_origin(hint) or hint, get_args(hint)
    if kind is Literal:
        return " or ".join(map(repr, arguments))
    if kind in _WORDS:
        return _WORDS[kind]
    if getattr(kind, "_is_protocol", False):
        return f"object with {', '.join(name for name in vars(kind) if name[0] != '_')}"
    if _is_list(kind):
        any_item = not arguments or arguments[0] is Any
        return "list" if any_item else f"list of {_described(arguments[0])}"
    is_dict = kind.__module__ in _GENERAL and issubclass(kind, Mapping)
    return "dict" if is_dict else str(kind.__name__)
