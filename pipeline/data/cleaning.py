"""Cleaning: white space, labels as text, rows without a headline or label, repeated headlines."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from pipeline.base.errors import DataError
from pipeline.data.splitting import SPLITS
from pipeline.portable.text import normalize


def fold_spaces(text: str) -> str:
    """Make one space of any white space, and none of that at the ends.

    Headlines are compared in this form.

    >>> fold_spaces("  Alps \\t lose snow\\n")
    'Alps lose snow'
    """
    return " ".join(text.split())


def label_text(value: object) -> str:
    """The name of a label, empty for None.

    pandas makes 1.0 of the label 1 where another row has none. Both are the label 1.

    >>> label_text(1.0), label_text("  news "), label_text(None)
    ('1', 'news', '')
    """
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return fold_spaces(str(value))


def clean_rows(frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Clean texts and labels, and drop the rows that lack one of them.

    `frame`: columns `text`, `label` and perhaps `group`. Returns the rows that stay, and how many
    were dropped by reason: `empty`, `unlabelled`.
    """
    texts = normalize(text if isinstance(text, str) else "" for text in frame["text"])
    cleaned = pd.DataFrame(
        {
            "text": [fold_spaces(text) for text in texts],
            **{
                name: [label_text(value) for value in frame[name]]
                for name in ("label", "group")
                if name in frame
            },
        },
        dtype=object,
    )
    empty = cleaned["text"] == ""
    unlabelled = ~empty & (cleaned["label"] == "")
    dropped = {"empty": int(empty.sum()), "unlabelled": int(unlabelled.sum())}
    return cleaned[~(empty | unlabelled)], dropped


def clean_splits(
    frames: Mapping[str, pd.DataFrame],
) -> tuple[dict[str, pd.DataFrame], dict[str, int]]:
    """Clean each split, and drop repeated headlines: the first of test, validation, train stays.

    `frames`: a table for each split. Returns the same for the rows that stay, and how many were
    dropped by reason: `empty`, `unlabelled`, `duplicates`.

    Raises DataError: no row of a split is left.
    """
    total = {"empty": 0, "unlabelled": 0, "duplicates": 0}
    cleaned: dict[str, pd.DataFrame] = {}
    seen: set[str] = set()
    for split in reversed(SPLITS):
        if split not in frames:
            continue
        frame, dropped = clean_rows(frames[split])
        repeated = frame["text"].duplicated() | frame["text"].isin(seen)
        dropped["duplicates"] = int(repeated.sum())
        cleaned[split] = frame[~repeated]
        seen.update(cleaned[split]["text"])
        if cleaned[split].empty:
            raise DataError(
                f"expected labelled headlines in {split}, none is left of {len(frames[split])} rows "
                f"({dropped['empty']} empty, {dropped['unlabelled']} unlabelled, "
                f"{dropped['duplicates']} repeated)"
            )
        total = {reason: count + dropped[reason] for reason, count in total.items()}
    return cleaned, total
