"""The three splits: their names, and how a missing one is taken from the training rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.base.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

SPLITS = ("train", "validation", "test")
ALIASES = {"valid": "validation", "dev": "validation", "val": "validation"}


def split_name(name: str) -> str:
    """The split that a file or a data set calls `name`, in any case of the letters.

    >>> split_name("dev"), split_name("Test"), split_name("unsupervised")
    ('validation', 'test', 'unsupervised')
    """
    return ALIASES.get(name.lower(), name.lower())


def add_missing_splits(
    frames: Mapping[str, pa.Table], *, validation: float, test: float, seed: int
) -> dict[str, pa.Table]:
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
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    from sklearn.model_selection import train_test_split

    train = frames["train"]
    # Labels as numbers in the order of their names.
    names = sorted(train["label"].unique().to_pylist())
    labels = pc.index_in(train["label"], value_set=pa.array(names)).to_numpy()
    total, counts = len(train), np.bincount(labels)
    if counts.min() < len(missing) + 1:
        rare = names[counts.argmin()]
        raise DataError(
            f"label {rare!r} has {counts.min()} headline{'s' if counts.min() > 1 else ''} left, expected at "
            f"least {len(missing) + 1} (one a split): add some, or leave the label out"
        )
    complete, rows = dict(frames), np.arange(total)
    for split, fraction in missing.items():
        size = math.ceil(fraction * total)
        rest = len(rows) - size
        if min(size, rest) < len(counts):
            raise DataError(
                f"{total} headlines with {split}={fraction} leave {size} for {split} and {rest} for "
                f"the rest, expected at least {len(counts)} in each (one a label): add headlines or "
                "change the fraction"
            )
        rows, chosen = train_test_split(
            rows, test_size=size, stratify=labels[rows], random_state=seed
        )
        complete[split] = train.take(chosen)
    complete["train"] = train.take(rows)
    return complete
