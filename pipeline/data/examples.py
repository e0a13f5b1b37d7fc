"""Labelled texts, as every stage takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Examples:
    """Texts and their labels.

    `texts`: n strings. `labels`: n positions in `label_names`, from 0.
    Raises ValueError: not one label for each text.
    """

    texts: Sequence[str]
    labels: Sequence[int]
    label_names: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.texts) != len(self.labels):
            raise ValueError(
                f"expected one label a text, got {len(self.texts)} texts and {len(self.labels)} labels"
            )

    def __len__(self) -> int:
        return len(self.texts)
