"""Near-duplicates across splits: headlines that differ in little from one that a model has seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from pipeline.insight.audit.words import Words

SIMILAR = 0.8  # cosine from which two headlines are near-duplicates
PAIRS = (("validation", "train"), ("test", "train"), ("test", "validation"))

_MOST_COMPARISONS = 20_000_000  # of two headlines, for each pair of splits: a few seconds
_CHUNK = 1_000_000


@dataclass(frozen=True)
class Match:
    """A headline of `split` and the nearest one of `other_split`.

    `same_letters`: they differ in digits, punctuation, case and spacing alone; `similarity` is 1
    then, and else the cosine of their words.
    """

    split: str
    text: str
    label: str
    other_split: str
    other_text: str
    other_label: str
    same_letters: bool
    similarity: float


@dataclass(frozen=True)
class Overlap:
    """How many of the `headlines` of `split` have a near-duplicate in `other_split`.

    `same_letters` and `similar` say by which of the two ways, `other_label` how many of both have a
    nearest one with another label. The similar ones were looked for among `compared` headlines:
    a random sample where that is fewer than there are beside `same_letters`.
    """

    split: str
    other_split: str
    headlines: int
    same_letters: int
    similar: int
    other_label: int
    compared: int

    @property
    def found(self) -> int:
        """Near-duplicates of both kinds, as many as were found."""
        return self.same_letters + self.similar

    @property
    def sampled(self) -> bool:
        """Whether similar ones were looked for in a sample only."""
        return self.compared < self.headlines - self.same_letters

    @property
    def share(self) -> float:
        """Fraction of the headlines with a near-duplicate, what a sample gives taken for all."""
        rest = self.headlines - self.same_letters
        return (self.same_letters + self.similar * rest / max(self.compared, 1)) / self.headlines


@dataclass(frozen=True)
class NearDuplicates:
    """`overlaps`: by pair of splits; `matches`: every headline that has a near-duplicate, once for
    each split that has one."""

    overlaps: tuple[Overlap, ...]
    matches: tuple[Match, ...]


def near_duplicates(words: Words, *, seed: int = 0) -> NearDuplicates:
    """Look for headlines of validation and test that stand almost the same in another split.

    Two headlines have the same letters if their normal forms are equal but for spaces; that is
    looked up for all. Two are similar if the TF-IDF vectors of their words have a cosine of 0.8 or
    more: rare words count most, so that a set phrase with another name in it is not similar. Of
    several, the nearest counts, and of equally near ones one with the same label.

    Time grows with the number of headlines and stays below 20 million comparisons a pair of
    splits: where that is not enough, a random sample of the split is compared
    (`Overlap.compared`). Languages that put no spaces between words are compared by their letters
    alone.
    """
    from sklearn.feature_extraction.text import TfidfTransformer

    texts, labels, forms, names = words.texts, words.labels, words.forms, words.label_names
    weighing = TfidfTransformer().fit(scipy.sparse.vstack([*words.counts.values()]))
    vectors = {split: weighing.transform(words.counts[split]) for split in texts}
    random = np.random.default_rng(seed)
    overlaps, matches = [], []
    for split, other in PAIRS:
        same = _same_letters(forms[split], labels[split], forms[other], labels[other])
        rest = np.setdiff1d(np.arange(len(texts[split])), [*same])
        rows, others, cosines, compared = _similar(vectors[split], vectors[other], rest, random)
        # The nearest of each: the last one in this order.
        agree = labels[split][rows] == labels[other][others]
        order = np.lexsort((agree, cosines.round(3), rows))
        similar = {int(rows[i]): (int(others[i]), float(cosines[i])) for i in order}
        found = [
            Match(
                split,
                texts[split][row],
                names[labels[split][row]],
                other,
                texts[other][nearest],
                names[labels[other][nearest]],
                row in same,
                similarity,
            )
            for row, (nearest, similarity) in (
                {k: (v, 1.0) for k, v in same.items()} | similar
            ).items()
        ]
        matches += sorted(found, key=lambda m: (not m.same_letters, -m.similarity))
        other_label = sum(match.label != match.other_label for match in found)
        overlaps.append(
            Overlap(split, other, len(texts[split]), len(same), len(similar), other_label, compared)
        )
    return NearDuplicates(tuple(overlaps), tuple(matches))


def _same_letters(
    forms: Sequence[str],
    labels: NDArray[np.int64],
    other_forms: Sequence[str],
    other_labels: NDArray[np.int64],
) -> dict[int, int]:
    """The row of each headline that the other split has too, and the row there, of the same label
    where there is one."""
    wanted = {form.replace(" ", "") for form in forms}
    rows: dict[tuple[str, int | None], int] = {}
    for row, (form, label) in enumerate(zip(other_forms, other_labels.tolist(), strict=True)):
        letters = form.replace(" ", "")
        if letters in wanted:
            rows.setdefault((letters, label), row)
            rows.setdefault((letters, None), row)
    found = {}
    for row, (form, label) in enumerate(zip(forms, labels.tolist(), strict=True)):
        letters = form.replace(" ", "")
        nearest = rows.get((letters, label), rows.get((letters, None)))
        if nearest is not None:
            found[row] = nearest
    return found


def _similar(
    vectors: Any, other_vectors: Any, rows: NDArray[np.int64], random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], int]:
    """All pairs with a cosine of `SIMILAR` or more of the given rows and those of the other split.

    `vectors`, `other_vectors`: sparse matrices with rows of length 1. Returns the rows, the rows of
    the other split, the cosines, and how many rows were compared.

    Only headlines that share one of a few rare words are compared, without missing any (prefix
    filtering: Bayardo, Ma and Srikant 2007, doi 10.1145/1242572.1242591): if all the words that
    two vectors share are among those that make up less than 1 - SIMILAR**2 of the one's squared
    length, their cosine is below SIMILAR.
    """
    by_word = other_vectors.T.tocsr()
    frequency = np.diff(by_word.indptr)
    rare = _rarest_words(vectors[rows], frequency)
    costs = np.asarray(rare @ frequency.astype(np.float64))
    order = random.permutation(len(rows))
    order = order[np.cumsum(costs[order]) <= _MOST_COMPARISONS]
    parts = np.cumsum(costs[order]) // _CHUNK
    found: list[tuple[Any, Any, Any]] = []
    for part in np.split(order, np.flatnonzero(np.diff(parts)) + 1):
        pairs = (rare[part] @ by_word).tocoo()
        mine, theirs = rows[part[pairs.row]], pairs.col
        cosines = vectors[mine].multiply(other_vectors[theirs]).sum(axis=1)
        cosines = np.asarray(cosines, np.float32).ravel()
        near = cosines >= SIMILAR
        found.append((mine[near], theirs[near], cosines[near]))
    mine, theirs, cosines = (np.concatenate(values) for values in zip(*found, strict=True))
    return mine, theirs, cosines, len(order)


def _rarest_words(vectors: Any, frequency: NDArray[np.int64]) -> Any:
    """A sparse matrix with ones at the rarest words of each row, as many as make up more than
    1 - SIMILAR**2 of its squared length."""
    rows = np.repeat(np.arange(vectors.shape[0]), np.diff(vectors.indptr))
    order = np.lexsort((frequency[vectors.indices], rows))
    squares = vectors.data[order].astype(np.float64) ** 2
    before = np.cumsum(squares) - squares
    before -= before[vectors.indptr[rows]]  # of the row alone
    kept = before <= 1 - SIMILAR**2
    ones = np.ones(kept.sum(), np.float32)
    places = rows[kept], vectors.indices[order][kept]
    return scipy.sparse.csr_matrix((ones, places), shape=vectors.shape)
