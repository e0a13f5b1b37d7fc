"""Stop Clickbait (Chakraborty et al. 2016, arXiv 1610.09786): 32,000 headlines in two classes."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path

from pipeline.base.download import Download, fetch
from pipeline.base.errors import DataError, FetchError
from pipeline.data.sources.request import Loaded, Request

ADDRESS = (
    "https://raw.githubusercontent.com/bhargaviparanjape/clickbait/"
    "203d979a81545ae6160ff45ffdac83e74469c97a/dataset/"
)
FILES = {
    "clickbait": Download(
        ADDRESS + "clickbait_data.gz",
        "sha256:a174ae2a377908ae58a514416c01a19c882de27fa6b1500da3774114e332a546",
        345_283,
    ),
    "news": Download(
        ADDRESS + "non_clickbait_data.gz",
        "sha256:4baa2a3cf6b28a48b765e4f763b5d5f03535caae1c70a26f680d39b0ca782a05",
        383_115,
    ),
}


def load_stop_clickbait(request: Request, files: Mapping[str, Download] = FILES) -> Loaded:
    """The headlines of `files`, one for each label.

    They are downloaded, or read from the folder `request.path`. That folder may also hold train.csv
    and the like, with the columns `headline` and `label`.

    Raises DataError: the files cannot be downloaded or read, or one of them is missing.
    """
    from pipeline.data.split_files import read_split_files
    from pipeline.data.tables import make_frame

    address = request.path or ADDRESS
    check_stop_clickbait(request.path)
    if request.path:
        folder = Path(request.path)
        paths = {label: folder / file.name for label, file in files.items()}
        missing = [str(path) for path in paths.values() if not path.is_file()]
        if len(missing) == len(paths):
            frames = read_split_files(folder, "headline", "label")
            return Loaded("stop_clickbait", address, frames)
        if missing:
            raise DataError(
                f"{folder}: expected both files of Stop Clickbait, {', '.join(missing)} is missing"
            )
    else:
        paths = _download(files)
    texts: list[str] = []
    labels: list[str] = []
    for label, path in paths.items():
        headlines = _read_lines(path)
        texts += headlines
        labels += [label] * len(headlines)
    return Loaded("stop_clickbait", address, {"train": make_frame(texts, labels)})


def check_stop_clickbait(path: str) -> None:
    """Raises DataError: `path` names no folder."""
    if path and not Path(path).is_dir():
        raise DataError(f"data.path: expected a folder, {path} is not one")


def _download(files: Mapping[str, Download]) -> dict[str, Path]:
    try:
        return {label: fetch(file) for label, file in files.items()}
    except FetchError as error:
        raise DataError(
            f"could not download Stop Clickbait: {error}, or set data.path to a folder that holds "
            "the files"
        ) from error


def _read_lines(path: Path) -> list[str]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            return [line for line in lines if line.strip()]  # every second line is empty
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected gzipped UTF-8 text ({error})") from error
