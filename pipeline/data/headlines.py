"""Headlines: loaded from a source, cleaned, without repetitions, in three splits."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from pipeline.base.errors import ConfigError, DataError, nearest
from pipeline.base.files import digest
from pipeline.base.options import check_options
from pipeline.data.added import added_rows, join_added, read_added, warn_of_new_labels
from pipeline.data.cleaning import (
    ADDED,
    Contradiction,
    clean_splits,
    clean_texts,
)
from pipeline.data.content import read_content
from pipeline.data.examples import Examples
from pipeline.data.options import DataOptions, Rule
from pipeline.data.reading import read_frame
from pipeline.data.sources import SOURCES, Request
from pipeline.data.sources.memory import load_memory
from pipeline.data.splitting import SPLITS, add_missing_splits
from pipeline.data.tables import holds_table, select_columns
from pipeline.data.text_column import TextColumn

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Headlines:
    """Labelled headlines in three splits that share no headline.

    `name`: what the data is called in a run. `splits`: a DatasetDict of `train`, `validation` and
    `test` with the features `text` (string), `label` (ClassLabel) and, where it was asked for,
    `group` (string) and `weight` (float64). `dropped`: how many rows were dropped by reason
    (`empty`, `unlabelled`, `duplicates`, `contradictions`). `address`: where the headlines came
    from. `contradictions`: the headlines with several labels, each once. `unlabelled`: texts
    without a label, each once; none of them is in a split.
    """

    name: str
    splits: DatasetDict
    dropped: Mapping[str, int]
    address: str
    contradictions: tuple[Contradiction, ...] = ()
    unlabelled: tuple[str, ...] = ()

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the labels: label i is `label_names[i]`."""
        return tuple(self.splits["train"].features["label"].names)

    def rows(self, split: str) -> Dataset:
        """A split as a Dataset. Raises DataError: there is no such split."""
        if split not in self.splits:
            raise DataError(
                f"expected one of {', '.join(self.splits)}, got "
                f"{split!r}{nearest(split, self.splits)}"
            )
        return self.splits[split]

    def texts(self, split: str) -> list[str]:
        """Headlines of a split. Raises DataError: there is no such split."""
        return list(self._values(split, "text").to_pylist())

    def labels(self, split: str) -> list[int]:
        """Labels of a split, one for each headline: positions in `label_names`."""
        return list(self._values(split, "label").to_pylist())

    def examples(self, split: str) -> Examples:
        """Headlines and labels of a split, with the names of the labels, and weights if there are
        any.

        The headlines become strings only where they are asked for. Those of test have no weights,
        as nothing is weighed by them.
        """
        has_weights = split != "test" and "weight" in self.rows(split).column_names
        weights = self._values(split, "weight").to_pylist() if has_weights else None
        return Examples(self.column(split), self.labels(split), self.label_names, weights)

    def column(self, split: str) -> TextColumn:
        """Headlines of a split, which become strings only where they are asked for."""
        return TextColumn(self._values(split, "text"))

    def groups(self, split: str) -> list[str] | None:
        """The group (publisher or author) of each headline of a split, empty where it has none.

        None: the headlines were loaded without a column of groups.
        """
        has_groups = "group" in self.rows(split).column_names
        return list(self._values(split, "group").to_pylist()) if has_groups else None

    def _values(self, split: str, name: str) -> pa.ChunkedArray:
        return self.rows(split).select_columns(name).with_format("arrow")[:][name]

    @cached_property
    def sha256(self) -> Mapping[str, str]:
        """A digest for each split, of its labels and headlines in order. Where there are weights,
        or headlines without a label, they have one too: `weights`, `unlabelled`."""
        splits = {split: self.examples(split) for split in self.splits}
        digests = {split: replace(each, weights=None).sha256 for split, each in splits.items()}
        weights = {
            split: each.weights
            for split, each in splits.items()
            if each.weights is not None and any(weight != 1 for weight in each.weights)
        }
        if weights:
            digests["weights"] = digest(weights)
        return digests | ({"unlabelled": digest(self.unlabelled)} if self.unlabelled else {})


def load_headlines(
    source: str | Iterable[str] | pd.DataFrame | DatasetDict | Dataset,
    labels: Iterable[Any] | None = None,
    *,
    path: str | os.PathLike[str] | None = DataOptions.path,
    text: str = DataOptions.text,
    label: str = DataOptions.label,
    group: str | None = DataOptions.group,
    weight: str | None = DataOptions.weight,
    unlabelled: str | os.PathLike[str] | None = DataOptions.unlabelled,
    added: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = DataOptions.added,
    contradictions: Rule = DataOptions.contradictions,
    subset: str | None = DataOptions.subset,
    revision: str | None = DataOptions.revision,
    validation: float | None = None,
    test: float = DataOptions.test,
    seed: int = DataOptions.seed,
) -> Headlines:
    """Load headlines and their labels, clean them and split them.

    White space is folded. Rows without a headline or a label, and repeated headlines, are dropped
    and counted before the split (rows of train without a label stay in `Headlines.unlabelled`), so
    no headline is in two splits. Of a repeated headline, the first one of test, validation, train
    stays. Splits that the source has are kept. A missing split is taken from the training rows,
    stratified by label.

    >>> headlines = load_headlines(["Alps lose snow", "Rates rise"] * 9, ["nature", "money"] * 9)
    Traceback (most recent call last):
    ...
    pipeline.base.errors.DataError: label 'money' has 1 headline left ...

    Args:
        source: a name in `SOURCES` (`bbc`, `stop_clickbait`, `hub`, `file`), or what is in memory:
            a list of headlines, a pandas DataFrame, a Dataset or a DatasetDict.
        labels: the labels of a list of headlines. They may be of any type.
        path: a file, a folder, or the name of a data set on the hub, as the source needs it.
        text: the column with the headlines.
        label: the column with the labels.
        unlabelled: a file of headlines without a label: a table with the same column of headlines,
            or a line for each. They stand in `Headlines.unlabelled`, with those of train.
        added: tables of more labelled headlines, with the same columns. They are added to train,
            after the other splits were taken from it. Their rows without a label are unlabelled.
        contradictions: what becomes of a headline with several labels: `first` (its first row
            stays), `drop` (none of its rows) or `error`.
        group: the column with the publisher or author. A repeated headline keeps its first group.
        weight: the column that says how much a headline counts; one of weight 2 counts as two. A
            repeated headline keeps its first weight.
        subset: the configuration of a data set on the hub.
        revision: the commit or tag of a data set on the hub.
        validation: the fraction of the training rows for a missing split `validation`; None: the
            usual one of the source.
        test: the same for a missing split `test`.
        seed: decides which rows go to which split.

    Raises:
        DataError: an option is out of range, or the rows cannot be used.
        MissingExtraError: `bbc` without its package.
    """
    values = {
        "path": os.fspath(path) if isinstance(path, os.PathLike) else path,
        "text": text,
        "label": label,
        "group": group,
        "weight": weight,
        "unlabelled": os.fspath(unlabelled) if isinstance(unlabelled, os.PathLike) else unlabelled,
        "added": added,
        "contradictions": contradictions,
        "subset": subset,
        "revision": revision,
        **({} if validation is None else {"validation": validation}),
        "test": test,
        "seed": seed,
    }
    if labels is not None and isinstance(source, str | pd.DataFrame | Dataset | DatasetDict):
        raise DataError(
            "labels: expected none, as the source has its own column of them: leave them out"
        )
    # What is in memory has no row in SOURCES. The other options are checked all the same.
    named = {"source": source} if isinstance(source, str) else {}
    try:
        options = check_options(DataOptions, values | named)
    except ConfigError as error:
        raise DataError(str(error)) from error
    request = Request(options.path or "", text, label, group, weight, subset, revision)
    if isinstance(source, str):
        loaded = SOURCES[source].load(request)
    else:
        loaded = load_memory(source, labels, request)
    for column, name in ((group, "group"), (weight, "weight")):
        if column is not None:
            _check_columns(loaded.frames, column, name, loaded.name)
    added_files = read_added(options)
    frames = {**loaded.frames, **added_rows(added_files, options)}
    cleaned = clean_splits(frames, options.contradictions)
    added = cleaned.tables.pop(ADDED, None)
    if group is not None:
        _check_groups(cleaned.tables, group)
    names = _label_names(join_added(cleaned.tables, added))
    if added is not None:
        warn_of_new_labels(cleaned.tables["train"], added, added_files)
    tables = add_missing_splits(
        cleaned.tables, validation=options.validation, test=options.test, seed=options.seed
    )
    tables = join_added(tables, added)
    if weight is not None:
        _check_weights(tables, weight)
    headlines = Headlines(
        loaded.name,
        _splits(tables, names),
        cleaned.dropped,
        loaded.address,
        cleaned.contradictions,
    )
    headlines = replace(
        headlines, unlabelled=_without_label(headlines, cleaned.unlabelled, options)
    )
    # What is kept as a headline without a label is not dropped.
    n_kept = len({*headlines.unlabelled} & {*cleaned.unlabelled})
    dropped = {**headlines.dropped, "unlabelled": headlines.dropped["unlabelled"] - n_kept}
    logger.info(
        "data: %s, %s headlines in %d labels%s (dropped: %s)",
        headlines.name,
        " + ".join(f"{len(headlines.splits[split]):,}" for split in SPLITS),
        len(names),
        f", {len(headlines.unlabelled):,} without a label" if headlines.unlabelled else "",
        ", ".join(f"{count:,} {reason}" for reason, count in dropped.items()),
    )
    return headlines


def _without_label(
    headlines: Headlines, texts: Sequence[str], options: DataOptions
) -> tuple[str, ...]:
    """Texts of train and added rows without a label, then those of the file; no headline of a split
    is among them."""
    if options.unlabelled:
        content = read_content(Path(options.unlabelled))
        column = options.text if holds_table(content) else DataOptions.text
        frame = select_columns(read_frame(content), column, None, content.name)
        texts = [*texts, *clean_texts(frame["text"])]
    if not texts:
        return ()
    labelled = {text for split in headlines.splits for text in headlines.column(split)}
    return tuple(text for text in dict.fromkeys(texts) if text and text not in labelled)


def _check_columns(frames: Mapping[str, pd.DataFrame], column: str, name: str, source: str) -> None:
    if any(name not in frame.columns for frame in frames.values()):
        raise DataError(
            f"the source {source!r} has no column {column!r}: a {name} is for files, hub data sets "
            "and data frames"
        )


def _check_weights(tables: Mapping[str, pa.Table], weight: str) -> None:
    for split in ("train", "validation"):  # nothing is weighed by those of test
        if not pc.sum(tables[split]["weight"]).as_py():
            raise DataError(
                f"data.weight={weight}: expected a headline of {split} with a weight above 0, all "
                f"{len(tables[split]):,} have 0: change the weights, or leave the option out"
            )


def _check_groups(tables: Mapping[str, pa.Table], group: str) -> None:
    different = _different(tables, "group")
    if len(different) < 2:
        raise DataError(
            f"expected at least two different values in the column {group!r}, all headlines have "
            f"{different.pop()!r}: choose another column, or none"
        )


def _different(tables: Mapping[str, pa.Table], column: str) -> set[str]:
    return set().union(*(table[column].unique().to_pylist() for table in tables.values()))


def _label_names(tables: Mapping[str, pa.Table]) -> list[str]:
    """The labels of `train` in order: numbers by value, names by the alphabet."""
    names = sorted(tables["train"]["label"].unique().to_pylist())
    if all(re.fullmatch("-?[0-9]+", name) for name in names):
        names.sort(key=Decimal)  # int() takes 4,300 digits
    if len(names) < 2:
        raise DataError(f"expected at least two labels, all headlines have {names[0]!r}")
    for split, table in tables.items():
        unknown = sorted(_different({split: table}, "label") - set(names))
        if unknown:
            count = pc.sum(pc.equal(table["label"], unknown[0])).as_py()
            raise DataError(
                f"label {unknown[0]!r} is in {split} ({count:,} of {len(table):,} headlines) but not "
                "in train: leave it out there, or add some to train"
            )
    return names


def _splits(tables: Mapping[str, pa.Table], names: Sequence[str]) -> DatasetDict:
    """The tables as a DatasetDict, with labels as positions in `names`."""
    features = Features({"text": Value("string"), "label": ClassLabel(names=list(names))})
    if "group" in tables["train"].column_names:
        features["group"] = Value("string")
    if "weight" in tables["train"].column_names:
        features["weight"] = Value("float64")
    splits = DatasetDict()
    for split in SPLITS:
        codes = pc.index_in(tables[split]["label"], value_set=pa.array(names, pa.string()))
        table = tables[split].set_column(1, "label", codes)
        # An array of strings holds 2 GB at most, and a headline has 10,000 characters at most.
        parts = (
            table.take(np.arange(start, min(start + _TOGETHER, len(table))))
            for start in range(0, len(table), _TOGETHER)
        )
        splits[split] = Dataset(
            pa.concat_tables(part.cast(features.arrow_schema) for part in parts)
        )
    return splits


_TOGETHER = 50_000  # headlines
