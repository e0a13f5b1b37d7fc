"""A folder with a file for each split, and what stands beside one file."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.base.errors import DataError
from pipeline.data.content import check_file, read_content
from pipeline.data.splitting import SPLITS, split_name
from pipeline.data.tables import READERS, is_table, read_columns, reader_of

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

_SMALL = 10_000_000  # bytes that are read in a moment


def split_files(folder: Path) -> dict[str, Path]:
    """The files train.*, validation.* and test.* of a folder, in any format of READERS.

    The case of the letters does not matter; valid, val and dev are validation.

    Raises DataError: there is no file for train, more than one for a split, or one that cannot be
    read, such as test.xlsx.
    """
    files: dict[str, Path] = {}
    paths = _listed(folder)
    for path in paths:
        split = split_name(path.name.split(".")[0])
        if split not in SPLITS:
            continue
        if not is_table(path) or path.is_dir():
            kind = "a folder" if path.is_dir() else f"the ending {path.suffix!r}"
            raise DataError(
                f"{path}: expected a file {split}{_endings()}, got {kind}: save it as one of "
                "these, or move it away"
            )
        if split in files:
            raise DataError(
                f"{folder}: expected one file for {split}, found several: {files[split].name}, "
                f"{path.name}"
            )
        files[split] = path
    if "train" not in files:
        names = ", ".join(path.name for path in paths[:8]) or "nothing"
        raise DataError(f"{folder}: expected a file train{_endings()}, found {names}")
    return files


def read_split_files(
    folder: Path, text: str, label: str, group: str | None = None, weight: str | None = None
) -> dict[str, pd.DataFrame]:
    """Read the files of `split_files`. `text`, `label`, `group`, `weight`: the columns, as
    `read_columns`.

    A warning names tables that only look like a split, such as test-old.csv.

    Raises DataError: as `split_files` and `read_columns`.
    """
    files = split_files(folder)
    alike = [path.name for path in _listed(folder) if _looks_like_a_split(path)]
    if alike:
        logger.warning(
            "data: %s: not read, as only train, validation and test are: %s",
            folder,
            ", ".join(alike[:8]),
        )
    return {split: read_columns(path, text, label, group, weight) for split, path in files.items()}


def check_files(path: Path) -> None:
    """Look at the file or the folder that `path` names: what it is, and at small files, what they
    hold.

    Raises DataError: it cannot be read, or is no table.
    """
    for file in split_files(path).values() if path.is_dir() else [path]:
        check_file(file)
        if file.stat().st_size < _SMALL:
            reader_of(read_content(file))


def warn_of_splits_beside(path: Path) -> None:
    """Warn where a file train.* is read that has files of other splits beside it."""
    if split_name(path.name.split(".")[0]) != "train":
        return
    beside = [
        file.name
        for file in _listed(path.absolute().parent)
        if is_table(file) and split_name(file.name.split(".")[0]) in SPLITS[1:]
    ]
    if beside:
        logger.warning(
            "data: %s is split, as it was named alone; not read: %s beside it. Name the folder to "
            "use them",
            path,
            ", ".join(beside),
        )


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise DataError(f"{folder}: could not list the folder: {error.strerror}") from error


def _looks_like_a_split(path: Path) -> bool:
    first = re.match("[a-z]+", path.name.lower())
    is_split = split_name(path.name.split(".")[0]) in SPLITS
    return first is not None and split_name(first[0]) in SPLITS and is_table(path) and not is_split


def _endings() -> str:
    *endings, last = READERS
    return f"{', '.join(endings)} or {last}"
