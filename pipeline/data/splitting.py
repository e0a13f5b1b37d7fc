"""The three splits: their names, and how a missing one is taken from the training rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.base.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

SPLITS = ("train", "validation", "test")
ALIASES = {"valid": "validation", "dev": "validation", "val": "validation"}


def split_name(name: str) -> str:
    """The split that a file or a data set calls `name`, in any case of the letters.

    >>> split_name("dev"), split_name("Test"), split_name("unsupervised")
    ('validation', 'test', 'unsupervised')
    """
    return ALIASES.get(name.lower(), name.lower())


def add_missing_splits(
    frames: Mapping[str, pd.DataFrame], *, validation: float, test: float, seed: int
) -> dict[str, pd.DataFrame]:
    """Take the splits that `frames` lacks from its split `train`, stratified by label.

    Args:
        frames: a table for each split, with the column `label`. `train` must be there.
        validation: the fraction of the rows of `train` for a missing split `validation`.
        test: the same for `test`.
        seed: decides which rows go.

    Raises:
        DataError: a label has too few rows, or a split would have fewer rows than there are labels.
    """
    fractions = {"test": test, "validation": validation}
    missing = {split: value for split, value in fractions.items() if split not in frames}
    if not missing:
        return dict(frames)
    from sklearn.model_selection import train_test_split

    train = frames["train"]
    total, counts = len(train), train["label"].value_counts()
    if counts.min() < len(missing) + 1:
        rare = min(counts[counts == counts.min()].index)
        raise DataError(
            f"label {rare!r} has {counts.min()} headline{'s' if counts.min() > 1 else ''} left, expected at "
            f"least {len(missing) + 1} (one a split): add some, or leave the label out"
        )
    complete = dict(frames)
    for split, fraction in missing.items():
        size = math.ceil(fraction * total)
        rest = len(train) - size
        if min(size, rest) < len(counts):
            raise DataError(
                f"{total} headlines with {split}={fraction} leave {size} for {split} and {rest} for "
                f"the rest, expected at least {len(counts)} in each (one a label): add headlines or "
                "change the fraction"
            )
        train, complete[split] = train_test_split(
            train, test_size=size, stratify=train["label"], random_state=seed
        )
    complete["train"] = train
    return complete
