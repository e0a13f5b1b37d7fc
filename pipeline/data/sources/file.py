"""One's own headlines: a file, or a folder with a file for each split."""

from __future__ import annotations

from pathlib import Path

from pipeline.data.sources.request import Loaded, Request


def load_file(request: Request) -> Loaded:
    """The headlines of the file or folder `request.path`, in any format of `tables.READERS`.

    Raises DataError: there is no such file, it cannot be read, or has no such columns.
    """
    from pipeline.data.tables import read_split_files, read_table, select_columns

    path = Path(request.path)
    columns = (request.text, request.label)
    if path.is_dir():
        frames = read_split_files(path, *columns, request.group)
    else:
        frame = select_columns(read_table(path), *columns, str(path), request.group)
        frames = {"train": frame}
    return Loaded(path.resolve().name.split(".")[0], str(path), frames)
