"""One's own headlines: a file, or a folder with a file for each split."""

from __future__ import annotations

import re
from pathlib import Path, PurePath

from pipeline.base.errors import DataError
from pipeline.data.sources.request import Loaded, Request


def load_file(request: Request) -> Loaded:
    """The headlines of the file or folder `request.path`, in any format of `tables.READERS`.

    Raises DataError: there is no such file, it cannot be read, or has no such columns.
    """
    from pipeline.data.split_files import read_split_files, warn_of_splits_beside
    from pipeline.data.tables import read_columns

    check_file_source(request.path)
    path = Path(request.path)
    columns = (request.text, request.label, request.group, request.weight)
    if path.is_dir():
        frames = read_split_files(path, *columns)
    else:
        warn_of_splits_beside(path)
        frames = {"train": read_columns(path, *columns)}
    return Loaded(_data_name(path), str(path), frames)


def _data_name(path: Path) -> str:
    """The name of a file without the endings of its format, or that of a folder: `data.2023` of
    `data.2023.csv.gz`."""
    from pipeline.data.content import COMPRESSIONS
    from pipeline.data.tables import READERS

    if path.is_dir():
        return path.resolve().name
    name = PurePath(path.name)
    while name.suffix.lower() in (*READERS, *COMPRESSIONS, ".zip", ".txt"):
        name = name.with_suffix("")
    return name.name


def check_file_source(path: str) -> None:
    """Raises DataError: there is no such file or folder, it cannot be read, or its name is no
    text."""
    from pipeline.data.split_files import check_files

    scheme = re.match(r"\w+://", path)
    if scheme and not Path(path).exists():
        raise DataError(
            f"data.path: expected a file or folder, got an address, {scheme[0]}...: download it "
            "first"
        )
    try:
        path.encode()
    except UnicodeEncodeError as error:  # a run logs the name, and a model is registered under it
        raise DataError(
            f"expected a name in UTF-8 for a file of headlines, got {path!r}: rename it, or set "
            "the locale to one with UTF-8"
        ) from error
    check_files(Path(path))
