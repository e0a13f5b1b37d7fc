"""Headlines: read from a source, cleaned, without duplicates, in three splits."""

from __future__ import annotations

import hashlib
import logging
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from pipeline.base.errors import DataError
from pipeline.data.examples import Examples
from pipeline.data.sources import (
    LOADERS,
    SPLITS,
    Request,
    columns,
    fold,
    from_datasets,
    from_lists,
    name_of,
    read_table,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Headlines:
    """Labelled headlines in three splits that share no headline.

    `splits`: a DatasetDict of `train`, `validation` and `test` with the features `text`
    (string), `label` (ClassLabel) and, where it was asked for, `group` (string). `dropped`: how
    many rows went and why (`empty`, `unlabelled`, `duplicates`). `address`: where they came from.
    """

    name: str
    splits: DatasetDict
    dropped: Mapping[str, int]
    address: str

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the labels; label i of `labels` is `label_names[i]`."""
        return tuple(self.splits["train"].features["label"].names)

    def texts(self, split: str) -> list[str]:
        """Headlines of a split."""
        return list(self.splits[split]["text"][:])

    def labels(self, split: str) -> list[int]:
        """Labels of a split, one a headline: positions in `label_names`."""
        return list(self.splits[split]["label"][:])

    def examples(self, split: str) -> Examples:
        """Headlines and labels of a split, with the names of the labels."""
        return Examples(self.texts(split), self.labels(split), self.label_names)

    def groups(self, split: str) -> list[str] | None:
        """The group (publisher, author ...) of each headline of a split, empty where it has none.
        None where no column of groups was asked for."""
        rows = self.splits[split]
        return list(rows["group"][:]) if "group" in rows.column_names else None

    @cached_property
    def sha256(self) -> Mapping[str, str]:
        """A digest for each split, over its labels and headlines in order."""
        return {
            split: _digest(self.texts(split), self.labels(split), self.label_names)
            for split in self.splits
        }


@dataclass(frozen=True)
class Labelled:
    """Headlines and the names of their labels, one each."""

    texts: list[str]
    labels: list[str]


def load_headlines(
    source: str | Iterable[str] | pd.DataFrame | DatasetDict | Dataset,
    labels: Iterable[Any] | None = None,
    *,
    path: str | os.PathLike[str] | None = None,
    text: str = "text",
    label: str = "label",
    group: str | None = None,
    subset: str | None = None,
    revision: str | None = None,
    validation: float = 0.1,
    test: float = 0.2,
    seed: int = 0,
) -> Headlines:
    """Load headlines and their labels, clean them and split them.

    `source` is `bbc`, `stop_clickbait`, `hub`, `file`, or what is already loaded: a list of
    headlines (with `labels`), or a pandas DataFrame, a Dataset or a DatasetDict with the columns
    `text` and `label`. `group`: a column that says where each headline is from (publisher,
    author ...); of repeated headlines the first keeps its own.
    White space is folded; empty and unlabelled rows and repeated headlines are dropped and
    counted, before the split, so that no headline is in two of them (the first of test,
    validation, train keeps it). Splits that the source has are kept; the others are taken from
    its training part, stratified by label: the fractions `validation` and `test`.

    >>> load_headlines(["Alps lose snow", "Rates rise"] * 9, ["nature", "money"] * 9)
    Traceback (most recent call last):
    ...
    pipeline.errors.DataError: label 'money' has 1 headline left ...

    Raises DataError: anything about the rows that cannot be used; MissingExtraError: `bbc`
    without its package.
    """
    for option, fraction in (("validation", validation), ("test", test)):
        if not 0 < fraction < 1:
            raise DataError(f"expected a fraction between 0 and 1 for {option}, got {fraction}")
    if not 0 <= seed < 2**31:
        raise DataError(f"expected a seed from 0 to 2**31 - 1, got {seed}")
    if isinstance(source, str):
        if source not in LOADERS:
            raise DataError(
                f"there is no source {source!r}: expected {', '.join(LOADERS)}, or lists"
            )
        if source in ("file", "hub") and path is None:
            raise DataError(f"the source {source!r} needs a path: a file, or a name on the hub")
        request = Request("" if path is None else str(path), text, label, group, subset, revision)
        name = name_of(source, request.path)
        address, frames = LOADERS[source](request)
    elif isinstance(source, Dataset | DatasetDict):
        name, address = "dataset", "memory"
        frames = from_datasets(source, text, label, name, group)
    elif isinstance(source, pd.DataFrame):
        name, address = "frame", "memory"
        frames = {"train": columns(source, text, label, "the data frame", group)}
    else:
        name, address = "lists", "memory"
        frames = {"train": from_lists(source, labels)}
    frames, dropped = _clean(frames)
    if group is not None:
        _check_groups(frames, group, name)
    names = _label_names(frames)
    frames = _split(frames, validation=validation, test=test, seed=seed)
    features = Features({"text": Value("string"), "label": ClassLabel(names=names)})
    if group is not None:
        features["group"] = Value("string")
    code = {name: i for i, name in enumerate(names)}
    splits = DatasetDict()
    for split in SPLITS:
        frame = frames[split].assign(label=[code[value] for value in frames[split]["label"]])
        splits[split] = Dataset.from_dict(frame.to_dict("list"), features=features)
    logger.info(
        "data: %s, %s headlines in %d labels (dropped: %s)",
        name,
        " + ".join(f"{len(splits[split]):,}" for split in SPLITS),
        len(names),
        ", ".join(f"{count:,} {why}" for why, count in dropped.items()),
    )
    return Headlines(name, splits, dropped, address)


def read_labelled(
    path: str | os.PathLike[str], text: str = "text", label: str = "label"
) -> Labelled:
    """Read a file of labelled headlines without splitting it or dropping duplicates.

    Raises DataError: as `load_headlines`.
    """
    frame = columns(read_table(Path(path)), text, label, str(path))
    frame, dropped = _fold(frame)
    if frame.empty:
        raise DataError(f"{path}: expected labelled headlines, found none")
    if any(dropped.values()):
        logger.warning(
            "data: %s: left out %d empty and %d unlabelled headlines",
            path, dropped["empty"], dropped["unlabelled"],
        )  # fmt: skip
    return Labelled(frame["text"].to_list(), frame["label"].to_list())


# --------------------------------------------------------------------- cleaning and splitting


def _fold(frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """White space folded, labels as text; rows without a headline or a label dropped."""
    texts = [fold(value) if isinstance(value, str) else "" for value in frame["text"]]
    labels = ["" if value is None else _label(value) for value in frame["label"]]
    folded = pd.DataFrame({"text": texts, "label": labels}, dtype=object)
    if "group" in frame:
        folded["group"] = ["" if value is None else _label(value) for value in frame["group"]]
    empty = folded["text"] == ""
    unlabelled = ~empty & (folded["label"] == "")
    kept = folded[~(empty | unlabelled)]
    return kept, {"empty": int(empty.sum()), "unlabelled": int(unlabelled.sum())}


def _label(value: object) -> str:
    # 1.0 is what pandas makes of the label 1 where another row has none.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return " ".join(str(value).split())


def _clean(frames: dict[str, pd.DataFrame]) -> tuple[dict[str, pd.DataFrame], dict[str, int]]:
    dropped = {"empty": 0, "unlabelled": 0, "duplicates": 0}
    cleaned: dict[str, pd.DataFrame] = {}
    seen: set[str] = set()
    for split in reversed(SPLITS):
        if split not in frames:
            continue
        frame, counts = _fold(frames[split])
        for why, count in counts.items():
            dropped[why] += count
        again = frame["text"].duplicated() | frame["text"].isin(seen)
        dropped["duplicates"] += int(again.sum())
        cleaned[split] = frame[~again]
        seen.update(cleaned[split]["text"])
        if cleaned[split].empty:
            raise DataError(
                f"expected labelled headlines in {split}, none is left of {len(frames[split])} rows "
                f"({counts['empty']} empty, {counts['unlabelled']} unlabelled, {again.sum()} repeated)"
            )
    return cleaned, dropped


def _check_groups(frames: Mapping[str, pd.DataFrame], group: str, name: str) -> None:
    if any("group" not in frame for frame in frames.values()):
        raise DataError(
            f"the source {name!r} has no column {group!r}: a group is for files, hub data sets and "
            "data frames"
        )
    different = set().union(*(frame["group"] for frame in frames.values()))
    if len(different) < 2:
        raise DataError(
            f"expected at least two different values in the column {group!r}, all headlines have "
            f"{different.pop()!r}: leave data.group out"
        )


def _label_names(frames: dict[str, pd.DataFrame]) -> list[str]:
    names = sorted(set(frames["train"]["label"]))
    if all(re.fullmatch("-?[0-9]+", name) for name in names):
        names.sort(key=int)
    if len(names) < 2:
        raise DataError(f"expected at least two labels, all headlines have {names[0]!r}")
    for split, frame in frames.items():
        unknown = sorted(set(frame["label"]) - set(names))
        if unknown:
            raise DataError(f"label {unknown[0]!r} is in {split} but not in train")
    return names


def _split(
    frames: dict[str, pd.DataFrame], *, validation: float, test: float, seed: int
) -> dict[str, pd.DataFrame]:
    """Take the missing splits from `train`, stratified."""
    fractions = {"test": test, "validation": validation}
    wanted = {split: part for split, part in fractions.items() if split not in frames}
    if not wanted:
        return frames
    from sklearn.model_selection import train_test_split

    train = frames["train"]
    counts = train["label"].value_counts()
    if counts.min() < len(wanted) + 1:
        rare = min(counts[counts == counts.min()].index)
        raise DataError(
            f"label {rare!r} has {counts.min()} headline{'s' if counts.min() > 1 else ''} left, expected at "
            f"least {len(wanted) + 1} (one a split): add some, or leave the label out"
        )
    total = len(train)
    result = dict(frames)
    for split, part in wanted.items():
        size = math.ceil(part * total)
        rest = len(train) - size
        if min(size, rest) < len(counts):
            raise DataError(
                f"{total} headlines with data.{split}={part} leave {size} for {split} and {rest} for "
                f"the rest, expected at least {len(counts)} in each (one a label): add headlines or "
                "change the fraction"
            )
        train, result[split] = train_test_split(
            train, test_size=size, stratify=train["label"], random_state=seed
        )
    return result | {"train": train}


def _digest(texts: Sequence[str], labels: Sequence[int], names: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for text, label in zip(texts, labels, strict=True):
        digest.update(f"{names[label]}\t{text}\n".encode())
    return digest.hexdigest()
