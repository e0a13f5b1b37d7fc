"""Cleaning: white space, labels as text, rows without a headline or label, repeated headlines."""

from __future__ import annotations

import logging
import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pandas as pd

from pipeline.base.errors import DataError
from pipeline.data.content import shown
from pipeline.data.splitting import SPLITS
from pipeline.portable.text import MAX_CHARACTERS, normalize

logger = logging.getLogger(__name__)


def fold_spaces(text: str) -> str:
    """Make one space of any white space, and none of that at the ends.

    Headlines are compared in this form.

    >>> fold_spaces("  Alps \\t lose snow\\n")
    'Alps lose snow'
    """
    return " ".join(text.split())


def label_text(value: object) -> str:
    """The name of a label: one value has one name, from whatever file or list it comes.

    A number has the shortest name, and a truth value the names True and False, also where a file
    without types (CSV) gives them as text. It is empty for a missing value.

    >>> label_text(1.0), label_text("1.0"), label_text("true"), label_text("  news "), label_text(None)
    ('1', '1', 'True', 'news', '')

    Raises DataError: the value is no single text, number, truth value or date, such as a list.
    """
    if isinstance(value, str):
        return _shortest(fold_spaces(*normalize([value])))
    own_text = (
        type(value).__str__ is not object.__str__ or type(value).__repr__ is not object.__repr__
    )
    if isinstance(value, Collection) or callable(value) or not own_text:
        kind = type(value).__name__
        raise DataError(
            f"expected one text, number or truth value as a label, got {shown(value)} ({kind})"
        )
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return ""
    if isinstance(value, float | np.floating | Decimal):
        if math.isfinite(value) and (whole := int(value)) == value and abs(whole) < 10**21:
            return str(whole)
        return _shortest(str(value))  # a number of 32 bits has fewer digits than float() would show
    return str(value)


def _shortest(name: str) -> str:
    """One name for a number in different forms, such as 1.50, and for a truth value."""
    if name.lower() in ("true", "false"):
        return name.capitalize()
    if re.fullmatch(r"-?(0|[1-9][0-9]*)\.[0-9]+", name):
        name = name.rstrip("0").rstrip(".")
    return "0" if name == "-0" else name


def clean_rows(frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Clean texts and labels, and drop the rows that lack one of them.

    `frame`: columns `text`, `label` and perhaps `group`. Returns the rows that stay, and how many
    were dropped by reason: `empty`, `unlabelled`.

    Raises DataError: a label is a list, bytes or the like.
    """
    cleaned = pd.DataFrame(
        {
            "text": clean_texts(frame["text"]),
            **{name: _names(frame[name]) for name in ("label", "group") if name in frame},
        },
        dtype=object,
    )
    empty = cleaned["text"] == ""
    unlabelled = ~empty & (cleaned["label"] == "")
    dropped = {"empty": int(empty.sum()), "unlabelled": int(unlabelled.sum())}
    return cleaned[~(empty | unlabelled)], dropped


def clean_texts(values: Iterable[object]) -> list[str]:
    """Headlines as they are compared and learned from; a missing one is empty."""
    texts = [value if isinstance(value, str) else "" for value in values]
    long = sum(len(text) > MAX_CHARACTERS for text in texts)
    if long:
        logger.warning(
            "data: more than %s characters in %s of %s headlines: their rest is not read",
            f"{MAX_CHARACTERS:,}",
            f"{long:,}",
            f"{len(texts):,}",
        )
    return [fold_spaces(text) for text in normalize(texts)]


def _names(values: Iterable[object]) -> list[str]:
    names: list[str] = []
    seen: dict[str, str] = {}
    for value in values:
        if isinstance(value, str):
            names.append(seen.get(value) or seen.setdefault(value, label_text(value)))
        else:
            names.append(label_text(value))
    return names


def warn_of_spellings(values: Iterable[object]) -> None:
    """Warn where labels that differ have one name, such as 1.5 and 1.50, or the number 1 and "1"."""
    spellings = defaultdict(set)
    for _, value in dict.fromkeys((type(value), value) for value in values):
        name = label_text(value)
        text = fold_spaces(value) if isinstance(value, str) else f"{name} (not text)"
        spellings[name].add(text)
    for name, texts in sorted(spellings.items()):
        if name and len(texts) > 1:
            logger.warning("data: the labels %s are one label, %s", ", ".join(sorted(texts)), name)


@dataclass(frozen=True)
class Contradiction:
    """A headline that the data has with several labels.

    `label`: that of the row that stays. `other_labels`: those of the rows that were dropped.
    `headlines`: how many rows were dropped for it.
    """

    text: str
    label: str
    other_labels: tuple[str, ...]
    headlines: int


@dataclass(frozen=True, eq=False)
class Cleaned:
    """`frames`: the rows that stay, by split. `dropped`: how many rows were dropped, by reason.

    `contradictions`: the headlines with several labels, those with most dropped rows first.
    """

    frames: dict[str, pd.DataFrame]
    dropped: dict[str, int]
    contradictions: tuple[Contradiction, ...]


def clean_splits(frames: Mapping[str, pd.DataFrame]) -> Cleaned:
    """Clean each split, and drop repeated headlines: the first of test, validation, train stays.

    A repeated headline with the label of the one that stays is a duplicate; with another label it is
    a contradiction. A split other than train without any label is left out, with a warning.

    `frames`: a table for each split. The reasons: `empty`, `unlabelled`, `duplicates`,
    `contradictions`.

    Raises DataError: no row of a split is left.
    """
    total = dict.fromkeys(("empty", "unlabelled", "duplicates", "contradictions"), 0)
    cleaned: dict[str, pd.DataFrame] = {}
    kept: dict[str, str] = {}  # the label of each headline that stays
    others: dict[str, Counter[str]] = defaultdict(Counter)
    warn_of_spellings(label for frame in frames.values() for label in frame["label"])
    for split in reversed(SPLITS):
        if split not in frames:
            continue
        frame, dropped = clean_rows(frames[split])
        if frame.empty and dropped["unlabelled"] and split != "train":
            logger.warning(
                "data: the split %s is left out, as none of its %s headlines has a label",
                split,
                f"{dropped['unlabelled']:,}",
            )
            continue
        first = frame.drop_duplicates("text")
        first = first[~first["text"].isin(kept.keys())]
        kept.update(zip(first["text"], first["label"], strict=True))
        repeated = frame.drop(first.index)
        contradicts = repeated["label"] != repeated["text"].map(kept)
        for text, label in repeated.loc[contradicts, ["text", "label"]].itertuples(index=False):
            others[text][label] += 1
        dropped["contradictions"] = int(contradicts.sum())
        dropped["duplicates"] = len(repeated) - dropped["contradictions"]
        if first.empty:
            raise DataError(
                f"expected labelled headlines in {split}, none is left of {len(frames[split])} rows "
                f"({dropped['empty']} empty, {dropped['unlabelled']} unlabelled, "
                f"{len(repeated)} repeated)"
            )
        cleaned[split] = first
        total = {reason: count + dropped[reason] for reason, count in total.items()}
    contradictions = [
        Contradiction(text, kept[text], tuple(labels), labels.total())
        for text, labels in others.items()
    ]
    contradictions.sort(key=lambda contradiction: -contradiction.headlines)
    return Cleaned(cleaned, total, tuple(contradictions))
