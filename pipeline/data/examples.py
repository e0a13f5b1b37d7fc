"""Labelled texts: with labels as numbers, as the stages take them, and with labels as names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Examples:
    """Texts and their labels.

    `texts`: n strings. `labels`: n positions in `label_names`, from 0.

    Raises ValueError: there is not one label for each text.
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


@dataclass(frozen=True)
class Labelled:
    """Texts and the names of their labels, one for each text."""

    texts: list[str]
    labels: list[str]
