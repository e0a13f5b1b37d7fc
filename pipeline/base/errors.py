"""Errors that the user can mend. Any other exception is a bug.

A message is one line: what was expected, what came, and what to do next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PipelineError(Exception):
    """The base of all errors that the user can mend."""


class ArgumentError(PipelineError, TypeError):
    """An argument of a function has another type than the function takes."""


class ConfigError(PipelineError):
    """An option does not exist, or has a value of the wrong type or out of range."""


class DataError(PipelineError):
    """Headlines or labels are missing, unreadable or too few."""


class VectorsError(PipelineError):
    """Word vectors are missing or damaged, or do not fit the text."""


class TrainingError(PipelineError):
    """A training does not converge: its numbers are not finite."""


class ModelError(PipelineError):
    """A saved or registered model is missing or cannot be used."""


class TrackingError(PipelineError):
    """A tracking server or store does not answer."""


class MissingExtraError(PipelineError):
    """A package is not installed that comes with an extra of this distribution.

    `package`: its name. `extra`: the extra that installs it. `feature`: what needs it.
    """

    def __init__(self, package: str, extra: str, feature: str) -> None:
        super().__init__(
            f"{feature} needs the package {package}, which is not installed: "
            f"pip install 'headline-transfer[{extra}]'"
        )
        self._parts = (package, extra, feature)

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str, str]]:
        return type(self), self._parts  # as it comes from another process


class FetchError(PipelineError):
    """A file could not be downloaded or kept."""


def written(value: object) -> str:
    """What `repr` gives; Python writes no integer of more than 4,300 digits.

    >>> written("Alps"), written([10**5000])
    ("'Alps'", 'a huge number (list)')
    """
    try:
        return repr(value)
    except ValueError:
        return f"a huge number ({type(value).__name__})"


def nearest(name: str, names: Iterable[str]) -> str:
    """The end of a message: the one of `names` that is most like `name`, or nothing.

    >>> nearest("bcc", ["bbc", "hub"]), nearest("x", ["bbc", "hub"])
    ('; did you mean bbc?', '')
    """
    names = list(names)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    close = close or [each for each in names if each.casefold() == name.casefold()]
    return f"; did you mean {close[0]}?" if close else ""
