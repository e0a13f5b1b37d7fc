"""Cleaning: white space, labels as text, rows without a headline or label, repeated headlines."""

from __future__ import annotations

import logging
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.base.errors import DataError
from pipeline.data.content import shown
from pipeline.data.options import Rule
from pipeline.data.splitting import SPLITS
from pipeline.data.tables import is_arrow_text
from pipeline.portable.text import MAX_CHARACTERS, normalize

logger = logging.getLogger(__name__)

ADDED = "added"
"""The rows that are only learned from, beside the splits."""

_ORDER = (*reversed(SPLITS), ADDED)  # of a repeated headline, the first one in this order stays
_EXAMPLES = 3  # contradictions that a message shows


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

    Raises DataError: the value is no single text, number, truth value or date, such as a list, or
    it is an integer of more digits than Python writes.
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
    if is_missing(value):
        return ""
    if isinstance(value, float | np.floating | Decimal):
        return _number_name(value)
    try:
        return str(value)
    except ValueError as error:
        raise DataError(
            f"expected labels with short names, got a number of more than 4,300 digits "
            f"({type(value).__name__}): write it as text"
        ) from error


def is_missing(value: object) -> bool:
    """Whether a value is None, NaN or the like."""
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    if isinstance(value, Decimal):
        return value.is_nan()  # a signalling NaN cannot be compared
    return isinstance(value, float | complex | np.generic) and bool(value != value)


def _shortest(name: str) -> str:
    """One name for a number in different forms, such as 1.50 or 1e+16, and for a truth value."""
    if name.lower() in ("true", "false"):
        return name.capitalize()
    # As programs write it: 2E10 is a name.
    if re.fullmatch(r"-?[0-9](\.[0-9]+)?e[+-][0-9]{2}", name):
        return _number_name(float(name))
    if re.fullmatch(r"-?(0|[1-9][0-9]*)\.[0-9]+", name):
        name = name.rstrip("0").rstrip(".")
    return "0" if name == "-0" else name


def _number_name(value: float | np.floating[Any] | Decimal) -> str:
    """The name of a number: its digits without an exponent, but where that is 21 digits or more."""
    if isinstance(value, Decimal):
        is_short = value.is_finite() and value.copy_abs() < 10**21
    else:
        is_short = abs(float(value)) < 1e21
    if is_short and (whole := int(value)) == value:  # int() of a large Decimal can take long
        return str(whole)
    name = str(value)  # a number of 32 bits has fewer digits than float() would show
    if is_short and abs(float(value)) > 1e-21:
        return _shortest(f"{Decimal(name):f}")
    return name


@dataclass(frozen=True, eq=False)
class CleanRows:
    """`table`: the rows that stay, as columns of text. `dropped`: how many rows were dropped, by
    reason: `empty`, `unlabelled`. `unlabelled`: the texts without a label."""

    table: pa.Table
    dropped: dict[str, int]
    unlabelled: pa.ChunkedArray


def clean_rows(frame: pd.DataFrame) -> CleanRows:
    """Clean texts and labels, and drop the rows that lack one of them.

    `frame`: columns `text`, `label` and perhaps `group` and `weight`.

    Raises DataError: a label is a list, bytes or the like.
    """
    texts = frame["text"]
    columns = {
        "text": _clean_arrow(pa.array(texts))
        if is_arrow_text(texts)
        else pa.array(clean_texts(texts), pa.large_string()),
        **{name: _names(frame[name]) for name in ("label", "group") if name in frame},
        **({"weight": pa.array(frame["weight"], pa.float64())} if "weight" in frame else {}),
    }
    cleaned = pa.table(columns)
    has_text, has_label = (pc.not_equal(cleaned[name], "") for name in ("text", "label"))
    stays = pc.and_(has_text, has_label)
    empty = len(frame) - pc.sum(has_text).as_py()
    dropped = {"empty": empty, "unlabelled": len(frame) - empty - pc.sum(stays).as_py()}
    unlabelled = cleaned.filter(pc.and_not(has_text, has_label))["text"]
    table = cleaned.filter(stays) if any(dropped.values()) else cleaned
    return CleanRows(table, dropped, unlabelled)


def clean_texts(values: Iterable[object]) -> list[str]:
    """Headlines as they are compared and learned from; a missing one is empty."""
    texts = [value if isinstance(value, str) else "" for value in values]
    return _fold(texts, len(texts))


def _fold(texts: list[str], total: int) -> list[str]:
    """`total`: how many headlines there are with those that are clean already, for the warning."""
    long = sum(len(text) > MAX_CHARACTERS for text in texts)
    if long:
        logger.warning(
            "data: more than %s characters in %s of %s headlines: their rest is not read",
            f"{MAX_CHARACTERS:,}",
            f"{long:,}",
            f"{total:,}",
        )
    return [fold_spaces(text) for text in normalize(texts)]


_CHANGING = r"[^\x20-\x7e]|  |^ | $"
"""What a text has that cleaning may change."""


def _clean_arrow(column: pa.ChunkedArray) -> pa.Array:
    """The same as `clean_texts` for an Arrow column. Python sees only the texts that may change."""
    texts = _in_one(column.fill_null("").cast(pa.large_string()))
    changing = pc.or_(
        pc.match_substring_regex(texts, _CHANGING),
        pc.greater(pc.binary_length(texts), MAX_CHARACTERS),
    )
    folded = _fold(texts.filter(changing).to_pylist(), len(texts))
    return pc.replace_with_mask(texts, changing, pa.array(folded, pa.large_string()))


def _names(values: pd.Series[Any]) -> pa.Array:
    """The names of labels or groups, as strings."""
    if is_arrow_text(values):
        encoded = _in_one(pa.array(values).fill_null("")).dictionary_encode()
        names = [label_text(value) for value in encoded.dictionary.to_pylist()]
        return pa.array(names, pa.string()).take(encoded.indices)
    seen: dict[str, str] = {}
    names = []
    for value in values:
        if isinstance(value, str):
            names.append(seen.get(value) or seen.setdefault(value, label_text(value)))
        else:
            names.append(label_text(value))
    return pa.array(names, pa.string())


def _in_one(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The chunks of a column as one array."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def warn_of_spellings(*columns: pd.Series[Any]) -> None:
    """Warn where labels that differ have one name, such as 1.5 and 1.50, or the number 1 and
    "1"."""
    spellings = defaultdict(set)
    for _, value in dict.fromkeys((type(v), v) for column in columns for v in _different(column)):
        name = label_text(value)
        text = fold_spaces(value) if isinstance(value, str) else f"{name} (not text)"
        spellings[name].add(text)
    for name, texts in sorted(spellings.items()):
        if name and len(texts) > 1:
            logger.warning("data: the labels %s are one label, %s", ", ".join(sorted(texts)), name)


def _different(column: pd.Series[Any]) -> Iterable[Any]:
    """The values of a column; those of an Arrow column once each."""
    return pa.array(column).unique().to_pylist() if is_arrow_text(column) else column


@dataclass(frozen=True)
class Contradiction:
    """A headline that the data has with several labels.

    `label`: that of its first row. `other_labels`: the others. `headlines`: how many rows were
    dropped for it.
    """

    text: str
    label: str
    other_labels: tuple[str, ...]
    headlines: int


@dataclass(frozen=True, eq=False)
class Cleaned:
    """`tables`: the rows that stay, by split. `dropped`: how many rows were dropped, by reason.

    `contradictions`: the headlines with several labels, those with most dropped rows first.
    `unlabelled`: the texts of train and of the added rows without a label.
    """

    tables: dict[str, pa.Table]
    dropped: dict[str, int]
    contradictions: tuple[Contradiction, ...]
    unlabelled: list[str]


def clean_splits(frames: Mapping[str, pd.DataFrame], contradictions: Rule = "first") -> Cleaned:
    """Clean each split, and drop repeated headlines: the first of test, validation, train, added
    stays.

    A repeated headline with the label of the first one is a duplicate; with another label it is a
    contradiction. A split other than train without any label is left out, with a warning.

    Args:
        frames: a table for each split, and perhaps one for ADDED.
        contradictions: which row of a headline with several labels stays.

    Returns:
        Tables with the columns of `frames`, as text. The reasons are `empty`, `unlabelled`,
        `duplicates`, `contradictions`.

    Raises:
        DataError: no row of a split is left, or a headline has several labels where that is an
            error.
    """
    warn_of_spellings(*(frame["label"] for frame in frames.values()))
    parts: dict[str, pa.Table] = {}
    reasons: dict[str, dict[str, int]] = {}
    texts: list[str] = []
    for split in (split for split in _ORDER if split in frames):
        cleaned = clean_rows(frames[split])
        table, dropped = cleaned.table, cleaned.dropped
        if split in ("train", ADDED):
            texts += cleaned.unlabelled.to_pylist()
        if not len(table) and dropped["unlabelled"] and split != "train":
            logger.warning(
                "data: the split %s is left out, as none of its %s headlines has a label",
                split,
                f"{dropped['unlabelled']:,}",
            )
            continue
        parts[split], reasons[split] = table, dropped
    rows = pa.concat_tables(parts.values())
    # Each headline has the number of its first row among those that stay.
    numbers = _in_one(rows["text"]).dictionary_encode().indices.to_numpy()
    stays = np.diff(np.maximum.accumulate(numbers), prepend=-1) > 0
    repeated = np.flatnonzero(~stays)
    first = np.flatnonzero(stays)[numbers[repeated]]
    differs = pc.not_equal(rows["label"].take(repeated), rows["label"].take(first)).to_numpy()
    contradicts = np.zeros(len(rows), bool)
    contradicts[repeated[differs]] = True
    contradicting = _contradictions(rows, repeated[differs], first[differs])
    if contradictions == "drop":
        # An added row drops no row of the splits, which stay what they were.
        n_own = len(rows) - len(parts.get(ADDED, ()))
        dropped_too = first[differs][(repeated[differs] < n_own) | (first[differs] >= n_own)]
        stays[dropped_too], contradicts[dropped_too] = False, True
        anew = repeated[(repeated >= n_own) & np.isin(first, dropped_too[dropped_too < n_own])]
        decided, decisive = _labelled_anew(rows, anew)
        contradicts[decided], stays[decisive] = False, True
    _tell(contradicting, int(stays.sum()), contradictions, ADDED in parts)
    tables, end = {}, 0
    for split, part in parts.items():
        start, end = end, end + len(part)
        if not stays[start:end].any() and split != ADDED:
            empty, unlabelled = reasons[split].values()
            others = "repeated" if contradictions == "first" else "repeated or contradicting"
            raise DataError(
                f"expected labelled headlines in {split}, none is left of {len(frames[split])} "
                f"rows ({empty} empty, {unlabelled} unlabelled, {len(part)} {others})"
            )
        tables[split] = part.filter(pa.array(stays[start:end])) if len(repeated) else part
        reasons[split]["contradictions"] = int(contradicts[start:end].sum())
    total = Counter[str]()
    for dropped in reasons.values():
        total.update(dropped)
    dropped = {reason: total[reason] for reason in ("empty", "unlabelled")}
    n = total["contradictions"]
    dropped |= {"duplicates": int((~stays).sum()) - n, "contradictions": n}
    return Cleaned(tables, dropped, contradicting, texts)


def _labelled_anew(
    rows: pa.Table, added: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of added rows whose headlines are dropped otherwise, those that have one label for a headline;
    and of these the first of each."""
    frame = pd.DataFrame({name: rows[name].take(added).to_pandas() for name in ("text", "label")})
    one = (frame.groupby("text")["label"].transform("nunique") == 1).to_numpy(bool)
    new = ~frame["text"].duplicated().to_numpy()
    return added[one], added[one & new]


def _tell(
    contradictions: Sequence[Contradiction], headlines: int, rule: Rule, has_added: bool
) -> None:
    """Warn of headlines with several labels. `headlines`: how many stay.

    Raises DataError: there are some, and the rule is that this is an error.
    """
    if not contradictions:
        return
    examples = "; ".join(
        f"{shown(each.text)} as {', '.join((each.label, *each.other_labels))}"
        for each in contradictions[:_EXAMPLES]
    )
    examples += "; ..." if len(contradictions) > _EXAMPLES else ""
    if rule == "error":
        raise DataError(
            f"expected one label for each headline, got several for {len(contradictions):,}: "
            f"{examples}: mend them, or set data.contradictions (in Python: contradictions) to "
            "first or drop"
        )
    none_stays = (
        (
            "none stays (an added label counts where the splits have several, and is left out where "
            "they have one)"
        )
        if has_added
        else "none stays"
    )
    logger.warning(
        "data: contradicting labels for %s of %s headlines, of which %s: %s",
        f"{len(contradictions):,}",
        f"{headlines:,}",
        "the first stays" if rule == "first" else none_stays,
        examples,
    )


def _contradictions(
    rows: pa.Table, dropped: NDArray[np.int64], first: NDArray[np.int64]
) -> tuple[Contradiction, ...]:
    """`dropped`: the rows that contradict another, in order. `first`: which one, for each."""
    others: dict[int, Counter[str]] = defaultdict(Counter)
    for row, label in zip(first.tolist(), rows["label"].take(dropped).to_pylist(), strict=True):
        others[row][label] += 1
    stay = rows.take(np.array([*others], np.int64)).to_pylist()
    contradictions = [
        Contradiction(row["text"], row["label"], tuple(labels), labels.total())
        for row, labels in zip(stay, others.values(), strict=True)
    ]
    return tuple(sorted(contradictions, key=lambda contradiction: -contradiction.headlines))
