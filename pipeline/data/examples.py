"""Labelled texts: with labels as numbers, as the stages take them, and with labels as names."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.base.calls import check_fields
from pipeline.base.errors import DataError
from pipeline.data.content import shown


@dataclass(frozen=True)
class Examples:
    """Texts and their labels.

    `texts`: n strings. `labels`: n positions in `label_names`, from 0. `weights`: how much each
    text counts, n numbers: one of weight 2 counts as if it were there twice; None: each counts
    once.

    Raises ArgumentError: a field has another type; DataError: there is not one label for each text,
    a label is no such position, two labels have one name, or a weight is negative or not finite, or
    all are 0.
    """

    texts: Sequence[str]
    labels: Sequence[int]
    label_names: tuple[str, ...]
    weights: Sequence[float] | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        if len(self.texts) != len(self.labels):
            raise DataError(
                f"expected one label a text, got {len(self.texts)} texts and {len(self.labels)} "
                "labels"
            )
        if len(set(self.label_names)) != len(self.label_names):
            raise DataError(f"expected different label names, got {self.label_names}")
        last = len(self.label_names) - 1
        for label in (min(self.labels, default=0), max(self.labels, default=0)):
            if not 0 <= label <= last and len(self):
                raise DataError(
                    f"expected labels from 0 to {last}, as positions in {last + 1} label names, "
                    f"got {label}"
                )
        if self.weights is not None:
            check_weights(self.weights, len(self))

    def __len__(self) -> int:
        return len(self.texts)

    def in_lower_case(self) -> Examples:
        """The same with all texts in lower case."""
        return replace(self, texts=[text.lower() for text in self.texts])

    @property
    def sha256(self) -> str:
        """A digest of the names of the labels and the texts, in order; with the weights where there
        are any."""
        digest, names = hashlib.sha256(), self.label_names
        for text, label in zip(self.texts, self.labels, strict=True):
            digest.update(f"{names[label]}\t{text}\n".encode("utf-8", "surrogatepass"))
        if self.weights is not None and any(weight != 1 for weight in self.weights):
            digest.update(repr([float(weight) for weight in self.weights]).encode())
        return digest.hexdigest()


MOST_WEIGHT = 1e9
"""No weight is larger: sums of their products stay finite."""


def check_weights(weights: Sequence[float], n_texts: int, name: str = "weights") -> None:
    """Raises DataError: there is not one weight for each of `n_texts` texts, one is negative or
    above `MOST_WEIGHT`, or all are 0. `name`: what the message calls them."""
    if len(weights) != n_texts:
        raise DataError(
            f"{name}: expected one weight a text, got {len(weights)} for {n_texts} texts"
        )
    for i, weight in enumerate(weights):
        if not 0 <= weight <= MOST_WEIGHT:
            raise DataError(
                f"{name}: expected numbers from 0 to {MOST_WEIGHT:g}, got {shown(weight)} at "
                f"position {i}"
            )
    if n_texts and not any(weights):
        raise DataError(f"{name}: expected a weight above 0, all {n_texts} are 0")


@dataclass(frozen=True)
class Labelled:
    """Texts and the names of their labels, one for each text."""

    texts: list[str]
    labels: list[str]
