"""Labelled texts: with labels as numbers, as the stages take them, and with labels as names."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.base.calls import check_fields
from pipeline.base.errors import DataError


@dataclass(frozen=True)
class Examples:
    """Texts and their labels.

    `texts`: n strings. `labels`: n positions in `label_names`, from 0.

    Raises ArgumentError: a field has another type; DataError: there is not one label for each text, a
    label is no such position, or two labels have one name.
    """

    texts: Sequence[str]
    labels: Sequence[int]
    label_names: tuple[str, ...]

    def __post_init__(self) -> None:
        check_fields(self)
        if len(self.texts) != len(self.labels):
            raise DataError(
                f"expected one label a text, got {len(self.texts)} texts and {len(self.labels)} labels"
            )
        if len(set(self.label_names)) != len(self.label_names):
            raise DataError(f"expected different label names, got {self.label_names}")
        last = len(self.label_names) - 1
        for label in (min(self.labels, default=0), max(self.labels, default=0)):
            if not 0 <= label <= last and len(self):
                raise DataError(
                    f"expected labels from 0 to {last}, as positions in {last + 1} label names, got "
                    f"{label}"
                )

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def sha256(self) -> str:
        """A digest of the names of the labels and the texts, in order."""
        digest, names = hashlib.sha256(), self.label_names
        for text, label in zip(self.texts, self.labels, strict=True):
            digest.update(f"{names[label]}\t{text}\n".encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


@dataclass(frozen=True)
class Labelled:
    """Texts and the names of their labels, one for each text."""

    texts: list[str]
    labels: list[str]
