"""How far training moved the words of the embedding, and towards which label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from keras import ops
from numpy.typing import NDArray
from pydantic import ConfigDict

from pipeline.classifier.network import Network
from pipeline.data.examples import Examples
from pipeline.data.sampling import sample_positions
from pipeline.embedding.matrix import FIRST_WORD, PADDING, EmbeddingMatrix
from pipeline.embedding.vectors import WordVectors
from pipeline.insight.similarity import neighbours_of
from pipeline.portable.tokens import LOWER_CASE

_MAX_COUNTED = 50_000  # training headlines
_MAX_VALUES = 250_000  # numbers in each table of vectors that is kept: 1 MB
_MAX_POINTS = 1_000  # on a map: more would hide each other
_MOST_MOVED = 4  # words whose neighbours are shown beside the words that were asked for
_MIN_COUNT = 3  # such a word occurs at least so often
_BATCH = 4_096  # words that are scored at a time


@dataclass(frozen=True, eq=False)
class Plane:
    """Points in two dimensions, before and after training.

    `chosen`: int array, (n,), positions of the words or headlines. `before`, `after`: float32
    arrays, (n, 2). Both lie on the first two principal components of both together, so they can be
    compared. `share`: the fraction of the variance that is on these components.
    """

    __pydantic_config__ = ConfigDict(arbitrary_types_allowed=True)

    chosen: NDArray[np.int64]
    before: NDArray[np.float32]
    after: NDArray[np.float32]
    share: float


@dataclass(frozen=True, eq=False)
class Near:
    """The nearest words of a word with their cosines, before and after training.

    `trained`: whether it is a training word. The vectors of other words do not move.
    """

    word: str
    trained: bool
    before: tuple[tuple[str, float], ...]
    after: tuple[tuple[str, float], ...]


@dataclass(frozen=True, eq=False)
class Drift:
    """How far training moved each of the training words.

    `counts`: int array, (n_words, n_labels), how often the training headlines of each label have
    the word. `distances`: float32 array, (n_words,), Euclidean, between the vectors before and
    after. `cosines`: float32 array, (n_words,), of the same vectors. `pushes`:
    float32 array, (n_words, n_labels), how much the move changes the score of each label, see
    `measure_drift`. `typical`: the length of a vector before training (root mean square).

    `frequent`: int array, (m,), positions of the most frequent words, the most frequent first.
    `before`, `after`: float32 arrays, (m, vector_size), their vectors. `neighbours`: the nearest
    words of some words. `words_map`: the most frequent words. `headlines_map`: test headlines, each
    at the mean of its word vectors. `headline_labels`: int array, (n,), their labels.
    """

    __pydantic_config__ = ConfigDict(arbitrary_types_allowed=True)

    words: tuple[str, ...]
    label_names: tuple[str, ...]
    counts: NDArray[np.int64]
    distances: NDArray[np.float32]
    cosines: NDArray[np.float32]
    pushes: NDArray[np.float32]
    typical: float
    frequent: NDArray[np.int64]
    before: NDArray[np.float32]
    after: NDArray[np.float32]
    neighbours: tuple[Near, ...]
    words_map: Plane
    headlines_map: Plane
    headline_labels: NDArray[np.int64]

    @property
    def moved(self) -> bool:
        """Whether the embedding was trained at all."""
        return bool(self.distances.any())

    @cached_property
    def towards(self) -> NDArray[np.int64]:
        """The label towards which each word moved, whose score rose most: int array, (n_words,)."""
        return self.pushes.argmax(axis=1)

    @cached_property
    def leanings(self) -> NDArray[np.int64]:
        """The label that each word leans to: int array, (n_words,).

        It is the label in whose headlines the word has the largest share of all words.
        """
        return (self.counts / np.maximum(self.counts.sum(axis=0), 1)).argmax(axis=1)

    def metrics(self) -> dict[str, float]:
        """The numbers that a run logs, by name.

        `agreement`: the fraction of the words that moved towards the label that they lean to, of
        those that occur at least three times.
        """
        seen = (self.counts.sum(axis=1) >= _MIN_COUNT) & (self.distances > 0)
        values = {
            "mean": self.distances.mean(),
            "median": np.median(self.distances),
            "largest": self.distances.max(),
            "relative": self.distances.mean() / (self.typical or 1),
            "cosine": self.cosines.mean(),
            "agreement": (self.towards == self.leanings)[seen].mean() if seen.any() else np.nan,
        }
        return {name: float(value) for name, value in values.items() if not np.isnan(value)}


def count_words(
    network: Network, training: Examples, *, max_headlines: int = _MAX_COUNTED
) -> NDArray[np.int64]:
    """Count the uses of each row of the embedding: int array, (n_rows, n_labels).

    Column i is for the headlines of label i. Of more than `max_headlines` a sample is counted.
    """
    n_labels = len(training.label_names)
    chosen = sample_positions(len(training), max_headlines)
    rows = network.token_ids([training.texts[i] for i in chosen])[0]
    n_rows = network.embedding.input_dim
    cells = rows.astype(np.int64) * n_labels + np.asarray(training.labels)[chosen, None]
    cells = cells[(rows != PADDING) & (rows < n_rows)]
    return np.bincount(cells, minlength=n_rows * n_labels).reshape(n_rows, n_labels)


def measure_drift(
    network: Network,
    matrix: EmbeddingMatrix,
    counts: NDArray[np.int64],
    test: Examples,
    words: Sequence[str] = (),
    *,
    max_values: int = _MAX_VALUES,
    max_points: int = _MAX_POINTS,
    batch_size: int = _BATCH,
) -> Drift:
    """Compare the embedding as it is with `matrix`, from which it started.

    The network itself says towards which label a word moved. It scores a headline of that word
    alone, with the vector before and with the vector after. It moved towards the label whose score
    rises most. A score is a logit less the mean over the labels. This is exact for any encoder,
    where a gradient would hold only for small steps. What a word does beside other words is left
    out.

    Args:
        network: the trained network.
        matrix: the one that the network was built from.
        counts: int array, (n_rows, n_labels), from `count_words`.
        test: the headlines of the map.
        words: the words whose neighbours are shown, where they have a vector. The four words that
            moved most come after them.
        max_values: numbers that `Drift.before` has at most.
        max_points: words, and headlines, that a map has at most.
        batch_size: words that are scored at a time.
    """
    after = network.embedding.embeddings.numpy()
    before, moved = matrix.weights[FIRST_WORD:], after[FIRST_WORD:]
    lengths = np.linalg.norm(before, axis=1)
    distances = np.linalg.norm(moved - before, axis=1)
    products = lengths * np.linalg.norm(moved, axis=1)
    cosines = (before * moved).sum(axis=1) / np.where(products == 0, 1, products)
    # A word that stayed has a cosine of 1 to the bit, whatever rounding gives.
    cosines = np.where(distances == 0, 1, cosines)
    n_frequent = max(max_values // before.shape[1], 1)
    frequent = np.argsort(-counts[FIRST_WORD:].sum(axis=1), kind="stable")[:n_frequent]
    on_map = frequent[:max_points]
    chosen = sample_positions(len(test), max_points)
    rows = network.token_ids([test.texts[i] for i in chosen])[0]
    return Drift(
        words=matrix.words,
        label_names=tuple(test.label_names),
        counts=counts[FIRST_WORD:],
        distances=distances,
        cosines=cosines.astype(np.float32),
        pushes=_pushes(network, matrix.weights, after, batch_size),
        typical=float(np.sqrt((lengths**2).mean())) if len(lengths) else 0.0,
        frequent=frequent,
        before=before[frequent],
        after=moved[frequent],
        neighbours=_neighbours(matrix, moved, words, _most_moved(distances, counts)),
        words_map=_plane(before[on_map], moved[on_map], on_map),
        headlines_map=_plane(
            _averages(rows, matrix.weights, matrix.extra_weights),
            _averages(rows, after, matrix.extra_weights),
            chosen,
        ),
        headline_labels=np.asarray(test.labels, np.int64)[chosen],
    )


def _pushes(
    network: Network, before: NDArray[np.float32], after: NDArray[np.float32], batch_size: int
) -> NDArray[np.float32]:
    """How much the move from `before` to `after`, (n_rows, vector_size), changes the scores."""
    if np.array_equal(before, after):
        return np.zeros((len(before) - FIRST_WORD, network.n_labels), np.float32)
    return _scores(network, after, batch_size) - _scores(network, before, batch_size)


def _scores(network: Network, table: NDArray[np.float32], batch_size: int) -> NDArray[np.float32]:
    """Score a headline of each word of `table` alone: float32 array, (n_words, n_labels)."""
    rows = np.arange(FIRST_WORD, len(table), dtype=np.int32)[:, None]
    batches = []
    for start in range(0, len(rows), batch_size):
        batch = rows[start : start + batch_size]
        cases = [np.full_like(batch, LOWER_CASE)] * (len(network.head.inputs) - 1)
        tokens = network.embed_trained([ops.convert_to_tensor(i) for i in (batch, *cases)])
        channel = tokens[:, :, table.shape[1] :]  # of the letter case, where there is one
        tokens = ops.concatenate([ops.convert_to_tensor(table[batch]), channel], axis=-1)
        logits, _, _ = network.encoder([tokens, ops.ones(batch.shape, "bool")])
        batches.append(logits.numpy())
    scores = np.concatenate(batches) if batches else np.zeros((0, network.n_labels))
    return (scores - scores.mean(axis=1, keepdims=True)).astype(np.float32)


def _most_moved(distances: NDArray[np.float32], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions of the words that moved most, of those that occur at least three times."""
    seen = np.flatnonzero((counts[FIRST_WORD:].sum(axis=1) >= _MIN_COUNT) & (distances > 0))
    return seen[np.argsort(-distances[seen], kind="stable")[:_MOST_MOVED]]


def _neighbours(
    matrix: EmbeddingMatrix,
    moved: NDArray[np.float32],
    words: Sequence[str],
    most_moved: NDArray[np.int64],
) -> tuple[Near, ...]:
    """The nearest words of `words`, then of the words that moved most.

    They come from the training words, and from those of `words` that have only an untrained vector.
    """
    trained = set(matrix.words)
    row_of = {word: row for row, word in enumerate(matrix.extra_words)}
    untrained = [word for word in dict.fromkeys(words) if word not in trained and word in row_of]
    names = (*matrix.words, *untrained)
    still = matrix.extra_weights[[row_of[word] for word in untrained]]
    asked = [word for word in dict.fromkeys(words) if word in trained or word in row_of]
    asked += [w for w in (matrix.words[row] for row in most_moved) if w not in asked]
    before, after = (
        neighbours_of(WordVectors.from_rows(names, np.concatenate([table, still])), asked, k=8)
        for table in (matrix.weights[FIRST_WORD:], moved)
    )
    return tuple(
        Near(word, word in trained, tuple(before[word]), tuple(after[word])) for word in asked
    )


def _averages(
    rows: NDArray[np.int32], table: NDArray[np.float32], extra: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The mean of the word vectors of each headline: float32 array, (n, vector_size).

    `rows`: int32 array, (n, tokens). Behind the rows of `table` are those of `extra`.
    """
    vectors = table[np.minimum(rows, len(table) - 1)]
    beyond = rows >= len(table)
    vectors[beyond] = extra[rows[beyond] - len(table)]
    present = (rows != PADDING)[:, :, None]
    return (vectors * present).sum(axis=1) / np.maximum(present.sum(axis=1), 1)


def _plane(
    before: NDArray[np.float32], after: NDArray[np.float32], chosen: NDArray[np.int64]
) -> Plane:
    """Project both, float32 arrays, (n, vector_size), on their first two principal components."""
    both = np.concatenate([before, after]).astype(np.float64)
    both = np.pad(both, [(0, 0), (0, max(2 - both.shape[1], 0))])
    both -= both.mean(axis=0) if len(both) else 0
    variances, axes = np.linalg.eigh(both.T @ both)  # in ascending order
    axes = axes[:, ::-1][:, :2]
    # The direction of an axis is arbitrary. Its largest part is made positive.
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), range(axes.shape[1])])
    points = (both @ axes).astype(np.float32)
    share = float(variances[::-1][:2].sum() / (variances.sum() or 1))
    return Plane(chosen, points[: len(before)], points[len(before) :], share)
