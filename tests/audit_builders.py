"""Headlines with planted shortcuts and leaks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from datasets import Dataset, DatasetDict

from pipeline.data.headlines import Headlines, load_headlines
from pipeline.insight.audit import Audit
from pipeline.insight.audit.duplicates import Overlap

WORDS = [
    f"{a}{b}{c}{d}"
    for a in "bdfgklm"
    for b in "aeiou"
    for c in "nrst"
    for d in ("", "ak", "ilo", "ubeda")
]


def random_texts(n: int, seed: int = 0) -> list[str]:
    """Headlines of random words. Two of them share words only by chance."""
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, random.integers(5, 9))) for _ in range(n)]


def headlines_in_splits(**rows: Sequence[tuple[str, str]]) -> Headlines:
    """Headlines and labels in the given splits, with 20 random headlines more in each split."""
    splits = DatasetDict()
    for number, name in enumerate(("train", "validation", "test")):
        pairs = [*rows.get(name, ()), *label_in_turns(random_texts(20, seed=number))]
        columns = {"text": [text for text, _ in pairs], "label": [label for _, label in pairs]}
        splits[name] = Dataset.from_dict(columns)
    return load_headlines(splits)


def label_in_turns(texts: Sequence[str]) -> list[tuple[str, str]]:
    """Each text with the label a or b, in turns."""
    return [(text, "ab"[i % 2]) for i, text in enumerate(texts)]


def plant(shortcut: str, topics: int = 2, n: int = 600) -> Headlines:
    """Random words and labels, and a shortcut that shows 95 % of the first label."""
    random = np.random.default_rng(1)
    change = {
        "letter_case": str.title,
        "leading_digit": lambda text: f"{random.integers(2, 30)} {text}",
        "punctuation": lambda text: f"{text}?",
        "length": lambda text: f"{text} {' '.join(random.choice(WORDS, 8))}",
        "best_word": lambda text: f"{text} shocking",
        "none": lambda text: text,
    }[shortcut]
    texts, labels = random_texts(n, seed=2), random.integers(0, topics, n)
    shown = (labels == 0) & (random.random(n) < 0.95)
    return load_headlines(
        [change(text) if show else text for text, show in zip(texts, shown, strict=True)],
        [f"label {label}" for label in labels],
    )


def with_groups(groups: Sequence[str], texts: Sequence[str], labels: Sequence[object]) -> Headlines:
    """Headlines with a column of groups."""
    frame = pd.DataFrame({"text": texts, "label": labels, "source": groups})
    return load_headlines(frame, group="source")


def overlap(audited: Audit, split: str, against: str) -> Overlap:
    """The overlap of a pair of splits."""
    (overlap,) = [
        overlap
        for overlap in audited.near_duplicates.overlaps
        if (overlap.split, overlap.other_split) == (split, against)
    ]
    return overlap


def table(audited: Audit, name: str) -> pd.DataFrame:
    """A table of the audit, by the name of its file."""
    return audited.tables()[name].frame
