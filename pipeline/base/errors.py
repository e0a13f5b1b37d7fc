"""What can go wrong with what the user brings. Each message is one line that says what was
expected, what came and what to do; anything else that is raised is a bug."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PipelineError(Exception):
    """Base of every error that the user can mend."""


class ConfigError(PipelineError):
    """An option that does not exist, or a value of the wrong type or out of range."""


class DataError(PipelineError):
    """Headlines or labels that are missing, unreadable or too few."""


class VectorsError(PipelineError):
    """Word vectors that are missing, damaged, or do not fit the text."""


class ModelError(PipelineError):
    """A saved or registered model that is missing or cannot be used."""


class TrackingError(PipelineError):
    """A tracking server or store that does not answer."""


class MissingExtraError(PipelineError):
    """A package that comes with an extra of this distribution is not installed."""

    def __init__(self, package: str, extra: str, what: str) -> None:
        super().__init__(
            f"{what} needs the package {package}, which is not installed: "
            f"pip install 'headline-transfer[{extra}]'"
        )


class FetchError(PipelineError):
    """A file that could not be downloaded or kept."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message: the known name that is most like `name`, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else ""
