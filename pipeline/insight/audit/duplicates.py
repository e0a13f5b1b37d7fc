"""Near-duplicates across splits: headlines that hardly differ from one in another split."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse
from numpy.typing import NDArray

from pipeline.insight.audit.check import AuditInputs, CheckResult, CheckTable

SIMILAR = 0.8  # cosine from which two headlines are near-duplicates
PAIRS = (("validation", "train"), ("test", "train"), ("test", "validation"))

_CHUNK = 1_000_000  # comparisons at a time
_FIRST_ROWS = 4_000  # that are looked at, to see how many can be compared
_MANY = 2_000  # comparisons for which a word is taken by itself
_EXAMPLES = 2  # near-duplicates of each kind and pair of splits that the terminal shows


@dataclass(frozen=True)
class Match:
    """A headline of `split`, and the nearest headline of `other_split`.

    `same_letters`: whether they differ only in digits, punctuation, case and spaces. `similarity`:
    1 for the same letters, else the cosine of their words.
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
    """How many headlines of `split` have a near-duplicate in `other_split`.

    `headlines`: the number of headlines of `split`. `same_letters`, `similar`: how many have a
    near-duplicate of either kind. `other_label`: how many of both have another label there.
    `compared`: among how many headlines the similar ones were looked for. It is a random sample
    where it is smaller than the number of headlines beside `same_letters`.
    """

    split: str
    other_split: str
    headlines: int
    same_letters: int
    similar: int
    other_label: int
    compared: int

    @property
    def number(self) -> int:
        """The near-duplicates of both kinds that were found."""
        return self.same_letters + self.similar

    @property
    def sampled(self) -> bool:
        """Whether similar headlines were looked for in a sample only."""
        return self.compared < self.headlines - self.same_letters

    @property
    def share(self) -> float:
        """The fraction of the headlines with a near-duplicate, estimated where it is a sample."""
        rest = self.headlines - self.same_letters
        return (self.same_letters + self.similar * rest / max(self.compared, 1)) / self.headlines


@dataclass(frozen=True)
class NearDuplicates(CheckResult):
    """`overlaps`: one for each pair of splits. `matches`: the headlines with a near-duplicate, once
    for each other split that has one."""

    overlaps: tuple[Overlap, ...]
    matches: tuple[Match, ...]

    def leaks(self) -> list[Overlap]:
        """The overlaps that can matter.

        Their share is larger than the standard error of an accuracy on so many headlines, which is
        at most 0.5 / sqrt(n). Fewer near-duplicates cannot be told from chance, even if each of
        them is right only because the model has seen it.
        """
        return [o for o in self.overlaps if o.share > 0.5 / math.sqrt(o.headlines)]

    def warnings(self, best: float = 1.0) -> list[str]:
        leaks = self.leaks()
        if not leaks:
            return []
        shares = ", ".join(f"{o.share:.1%} of {o.split} in {o.other_split}" for o in leaks)
        warning = f"near-duplicates across splits: {shares}"
        noise = sum(overlap.other_label for overlap in leaks)
        if noise:
            warning += f"; {noise:,} of them have another label there (label noise)"
        return [warning]

    def samples(self) -> list[str]:
        return [
            f"similar headlines were looked for among a random {overlap.compared:,} of "
            f"{overlap.headlines:,} in {overlap.split} (against {overlap.other_split})"
            for overlap in self.overlaps
            if overlap.sampled
        ]

    def metrics(self) -> dict[str, float]:
        values: dict[str, float] = {}
        for overlap in self.overlaps:
            name = f"near_duplicates_{overlap.split}_in_{overlap.other_split}"
            values[name] = overlap.number
            values[f"{name}_other_label"] = overlap.other_label
        return values

    def tables(self, best: float = 1.0) -> dict[str, CheckTable]:
        leaks = self.leaks()
        overlaps = pd.DataFrame(
            {
                **asdict(overlap),
                "share": overlap.share,
                "remark": "leak" if overlap in leaks else "",
            }
            for overlap in self.overlaps
        )
        # Label noise comes first.
        matches = sorted(self.matches, key=lambda match: match.label == match.other_label)
        columns = [field.name for field in fields(Match)]
        frame = pd.DataFrame([asdict(match) for match in matches], columns=columns)
        kinds = frame.groupby(["split", "other_split", "same_letters"])
        shown = ["split", "label", "text", "other_split", "other_label", "other_text", "similarity"]
        examples = kinds.head(_EXAMPLES)[shown]
        return {
            "audit_overlaps": CheckTable(
                "Headlines that are almost the same in another split", overlaps
            ),
            "near_duplicates": CheckTable(
                f"Examples, {len(examples)} of {len(frame):,}", frame, examples
            ),
        }


def find_near_duplicates(inputs: AuditInputs) -> NearDuplicates:
    """Find headlines of validation and test that are almost the same in another split.

    Two headlines have the same letters if their normal forms are equal but for spaces. All
    headlines are looked up. Two headlines are similar if the TF-IDF vectors of their words have a
    cosine of 0.8 or more. Rare words count most, so a set phrase with another name in it is not
    similar. Of several similar headlines the nearest counts, and of equally near ones one with the
    same label.

    The time grows with the number of headlines up to `bounds.max_comparisons`. Above that, a random
    sample of the split is compared (`Overlap.compared`). Languages without spaces between words are
    compared by their letters only.
    """
    from sklearn.feature_extraction.text import TfidfTransformer

    words, random = inputs.words, np.random.default_rng(inputs.seed)
    texts, labels, forms, names = words.texts, words.labels, words.forms, words.label_names
    weighting = TfidfTransformer().fit(scipy.sparse.vstack([*words.counts.values()]))
    vectors = {split: weighting.transform(words.counts[split]) for split in texts}
    by_word = {split: vectors[split].T.tocsr() for _, split in PAIRS}
    letters = {split: pc.replace_substring(forms[split].column, " ", "") for split in texts}
    overlaps, matches = [], []
    for split, other_split in PAIRS:
        nearest = _same_letters(
            letters[split], labels[split], letters[other_split], labels[other_split]
        )
        similarity = dict.fromkeys(nearest, 1.0)
        n_same = len(nearest)
        rest = np.delete(np.arange(len(texts[split])), [*nearest])
        rows, others, cosines, compared = _similar(
            vectors[split],
            vectors[other_split],
            by_word[other_split],
            rest,
            inputs.bounds.max_comparisons,
            random,
        )
        # In this order the nearest row of each headline is the last one.
        agree = labels[split][rows] == labels[other_split][others]
        for i in np.lexsort((agree, cosines.round(3), rows)):
            nearest[int(rows[i])] = int(others[i])
            similarity[int(rows[i])] = float(cosines[i])
        pair = [
            Match(
                split,
                texts[split][row],
                names[labels[split][row]],
                other_split,
                texts[other_split][near],
                names[labels[other_split][near]],
                position < n_same,
                similarity[row],
            )
            for position, (row, near) in enumerate(nearest.items())
        ]
        matches += sorted(pair, key=lambda match: (not match.same_letters, -match.similarity))
        other_label = sum(match.label != match.other_label for match in pair)
        n_similar = len(nearest) - n_same
        overlaps.append(
            Overlap(split, other_split, len(texts[split]), n_same, n_similar, other_label, compared)
        )
    return NearDuplicates(tuple(overlaps), tuple(matches))


def _same_letters(
    letters: pa.ChunkedArray,
    labels: NDArray[np.int64],
    other_letters: pa.ChunkedArray,
    other_labels: NDArray[np.int64],
) -> dict[int, int]:
    """The headlines that the other split has too: their rows, and the rows there.

    Where several rows there have the same letters, one with the same label is taken.
    """
    # Python sees only the rows that both splits have.
    theirs = np.flatnonzero(pc.is_in(other_letters, value_set=letters.unique()))
    shared = other_letters.take(theirs)
    mine = np.flatnonzero(pc.is_in(letters, value_set=shared.unique()))
    rows: dict[tuple[str, int | None], int] = {}
    for row, each in zip(theirs.tolist(), shared.to_pylist(), strict=True):
        rows.setdefault((each, int(other_labels[row])), row)
        rows.setdefault((each, None), row)
    nearest = {}
    for row, each in zip(mine.tolist(), letters.take(mine).to_pylist(), strict=True):
        nearest[row] = rows.get((each, int(labels[row])), rows[each, None])
    return nearest


def _similar(
    vectors: Any,
    other_vectors: Any,
    by_word: Any,
    rows: NDArray[np.int64],
    max_comparisons: int,
    random: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], int]:
    """All pairs of a given row and a row of the other split with a cosine of `SIMILAR` or more.

    Only headlines that share one of a few rare words are compared, and no pair is missed (prefix
    filtering: Bayardo, Ma and Srikant 2007, doi 10.1145/1242572.1242591). The reason: if all the
    words that two vectors share make up less than 1 - SIMILAR**2 of the squared length of one of
    them, their cosine is below SIMILAR.

    Args:
        vectors, other_vectors: sparse matrices, (n, n_words), with rows of length 1.
        by_word: `other_vectors`, transposed.
        rows: int array, the rows of `vectors` that are compared.
        max_comparisons: of two headlines; where it takes more, a random part of `rows` is compared.
        random: draws that part.

    Returns:
        The rows, the rows of the other split, the cosines, and how many rows were compared.
    """
    frequency = np.diff(by_word.indptr)
    order = random.permutation(len(rows))
    # Of many rows only a small part is compared, so the others are not looked at.
    most = _FIRST_ROWS
    while True:
        rare = _rarest_words(vectors[rows[order[:most]]], frequency)
        costs = np.asarray(rare @ frequency.astype(np.float64))
        compared = int((np.cumsum(costs) <= max_comparisons).sum())
        if compared < most or most >= len(rows):
            break
        most *= 4
    rows, rare, costs = rows[order[:compared]], rare[:compared], costs[:compared]
    near_pairs: list[tuple[Any, Any, Any]] = []
    if costs.sum() > _CHUNK:
        # A word with many comparisons is taken by itself, which is several times as fast.
        words = rare.tocsc()
        alone = np.diff(words.indptr) * frequency > _MANY
        for word in np.flatnonzero(alone):
            mine = rows[words.indices[words.indptr[word] : words.indptr[word + 1]]]
            theirs = by_word.indices[by_word.indptr[word] : by_word.indptr[word + 1]]
            near_pairs += _near_pairs(vectors, mine, other_vectors, theirs)
        rare = (rare @ scipy.sparse.diags_array((~alone).astype(np.float32))).tocsr()
        rare.eliminate_zeros()
    chunk_of = np.cumsum(costs) // _CHUNK
    for chunk in np.split(np.arange(compared), np.flatnonzero(np.diff(chunk_of)) + 1):
        pairs = (rare[chunk] @ by_word).tocoo()
        mine, theirs = rows[chunk[pairs.row]], pairs.col
        cosines = vectors[mine].multiply(other_vectors[theirs]).sum(axis=1)
        cosines = np.asarray(cosines, np.float32).ravel()
        near = cosines >= SIMILAR
        near_pairs.append((mine[near], theirs[near], cosines[near]))
    mine, theirs, cosines = (np.concatenate(values) for values in zip(*near_pairs, strict=True))
    return mine, theirs, cosines, compared


def _near_pairs(
    vectors: Any, mine: NDArray[np.int64], other_vectors: Any, theirs: NDArray[np.integer]
) -> Iterator[tuple[Any, Any, Any]]:
    """Compare each row of `mine` with each row of `theirs`. Gives rows, other rows and cosines."""
    few = other_vectors[theirs]
    most = max(1, _CHUNK // max(few.shape))
    for part in np.split(mine, range(most, len(mine), most)):
        cosines = few @ vectors[part].toarray().T
        row_of, place_of = np.nonzero(cosines >= SIMILAR)
        yield part[place_of], theirs[row_of], cosines[row_of, place_of]


def _rarest_words(vectors: Any, frequency: NDArray[np.int64]) -> Any:
    """A sparse matrix, (n, n_words), with ones at the rarest words of each row.

    There are as many as make up more than 1 - SIMILAR**2 of the squared length of the row.
    """
    rows = np.repeat(np.arange(vectors.shape[0]), np.diff(vectors.indptr))
    order = np.lexsort((frequency[vectors.indices], rows))
    squares = vectors.data[order].astype(np.float64) ** 2
    before = np.cumsum(squares) - squares
    before -= before[vectors.indptr[rows]]  # of the row alone
    kept = before <= 1 - SIMILAR**2
    ones = np.ones(kept.sum(), np.float32)
    places = rows[kept], vectors.indices[order][kept]
    return scipy.sparse.csr_matrix((ones, places), shape=vectors.shape)
