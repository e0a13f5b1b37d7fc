"""A case, its neighbours, and the vote of the neighbours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from pipeline.base.errors import DataError
from pipeline.data.cleaning import clean_texts, label_text


@dataclass(frozen=True)
class Case:
    """A labelled text. `id`: its number; no other case of the base ever gets it."""

    id: int
    text: str
    label: str


@dataclass(frozen=True)
class Neighbour(Case):
    """A case near a text. `distance`: the Euclidean distance between them."""

    distance: float


@dataclass(frozen=True)
class Answer:
    """What the cases say about a text.

    `label`: the label with most votes. `votes`: the number of votes for each label. `neighbours`:
    the cases that voted, nearest first.
    """

    label: str
    votes: Mapping[str, int]
    neighbours: tuple[Neighbour, ...]


def vote(neighbours: Sequence[Neighbour]) -> Answer:
    """Let each neighbour vote for its label.

    In a tie, the label whose voters are nearer on average wins.
    """
    votes = Counter(case.label for case in neighbours)

    def rank(label: str) -> tuple[int, float]:
        return -votes[label], mean(case.distance for case in neighbours if case.label == label)

    return Answer(min(votes, key=rank), dict(votes.most_common()), tuple(neighbours))


def check_pairs(texts: Sequence[str], labels: Sequence[str]) -> list[tuple[str, str]]:
    """Each text and label in the form that the data has them, such as with folded white space.

    Raises DataError: not one label for each text, or a text or label that is empty or no string.
    """
    for values in (texts, labels):
        if isinstance(values, str | bytes) or not isinstance(values, Iterable):
            got = "one text: put it in a list" if isinstance(values, str | bytes) else repr(values)
            raise DataError(f"expected a list of texts and one of labels, got {got}")
    if len(texts) != len(labels):
        raise DataError(
            f"expected one label a text, got {len(texts)} texts and {len(labels)} labels"
        )
    pairs = []
    for i, (text, label) in enumerate(zip(texts, labels, strict=True)):
        for name, value in (("text", text), ("label", label)):
            if not isinstance(value, str) or not value.strip():
                raise DataError(f"expected a {name}, got {value!r} at position {i}")
        pairs.append((clean_texts([text])[0], label_text(label)))
    return pairs
