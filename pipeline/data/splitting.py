"""The three splits: their names, and how a missing one is taken from the training rows."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.base.errors import DataError
from pipeline.data.content import shown

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)

SPLITS = ("train", "validation", "test")
_SHOWN = 5  # rare labels that a message lists
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

    A label with too few rows for a row in each split stays in `train`, and a warning says so.

    Raises:
        DataError: all labels have too few rows, or a split would have fewer rows than there are
            labels.
    """
    fractions = {"test": test, "validation": validation}
    missing = {split: value for split, value in fractions.items() if split not in frames}
    if not missing:
        return dict(frames)
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    train = frames["train"]
    # Labels as numbers in the order of their names.
    names = sorted(train["label"].unique().to_pylist())
    labels = pc.index_in(train["label"], value_set=pa.array(names)).to_numpy()
    counts = np.bincount(labels)
    common = counts > len(missing)
    if not common.any():
        most = names[counts.argmax()]
        raise DataError(
            f"label {most!r} has {counts.max()} headline{'s' if counts.max() > 1 else ''} left, "
            f"others have no more: expected at least {len(missing) + 1} of a label (one a split): "
            "add some"
        )
    if not common.all():
        rare = [(names[i], int(counts[i])) for i in np.flatnonzero(~common)]
        warn_of_rare(rare, len(missing) + 1)
    complete, rows = dict(frames), np.arange(len(train))
    total = int(counts[common].sum())
    for split, fraction in missing.items():
        size = math.ceil(fraction * total)
        rest = int(common[labels[rows]].sum()) - size
        if min(size, rest) < common.sum():
            raise DataError(
                f"{total} headlines with {split}={fraction} leave {size} for {split} and {rest} "
                f"for the rest, expected at least {common.sum()} in each (one a label): add "
                "headlines or change the fraction"
            )
        rows, chosen = hold_out(rows, labels[rows], size, common, seed)
        complete[split] = train.take(chosen)
    complete["train"] = train.take(rows)
    return complete


def warn_of_rare(rare: Sequence[tuple[object, int]], least: int) -> None:
    """Warn of labels that are in no split but train. `rare`: each and how many headlines it has."""
    listed = ", ".join(f"{shown(name)} ({count})" for name, count in rare[:_SHOWN])
    logger.warning(
        "data: %s fewer than %d headlines, which all stay in train, so that no result tells of "
        "them: %s",
        f"{len(rare):,} labels have" if len(rare) > 1 else "a label has",
        least,
        listed + (", ..." if len(rare) > _SHOWN else ""),
    )


def hold_out(
    rows: NDArray[Any],
    labels: NDArray[Any],
    size: int,
    common: NDArray[Any],
    seed: int,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Take `size` rows at random, stratified by label: the rest, and those that were taken.

    Args:
        rows: int array, (n,).
        labels: of the rows, int array, (n,).
        size: at least one for each common label, and leaves as many of their rows.
        common: whether rows of a label may be taken, bool array, (n_labels,). The others stay.
        seed: decides which rows are taken.
    """
    import numpy as np
    from sklearn.model_selection import train_test_split

    # Of a label with one row left, none is taken either.
    taken_from = (common & (np.bincount(labels, minlength=len(common)) > 1))[labels]
    rest, chosen = train_test_split(
        rows[taken_from], test_size=size, stratify=labels[taken_from], random_state=seed
    )
    return np.concatenate([rest, rows[~taken_from]]), chosen
