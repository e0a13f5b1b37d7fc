"""What the options of all rooms have in common: the types of their values, and how they are checked.

Options are frozen dataclasses of pydantic: types and ranges stand beside the names, and nothing is
heavy to import.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

STRICT = ConfigDict(extra="forbid")

Fraction = Annotated[float, Field(gt=0, lt=1)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Seeds = Positive | Annotated[tuple[Seed, ...], Field(min_length=1)]
"""How many seeds, counted from a first one; or a list of seeds."""


def list_seeds(seeds: Seeds, first: int) -> list[int]:
    """The seeds themselves, each once.

    >>> list_seeds(3, first=5), list_seeds((1, 8, 1), first=5)
    ([5, 6, 7], [1, 8])
    """
    if isinstance(seeds, int):
        return list(range(first, first + seeds))
    return list(dict.fromkeys(seeds))
