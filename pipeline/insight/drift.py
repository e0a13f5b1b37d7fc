"""How far training moved the words of the embedding, and which way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from keras import ops
from numpy.typing import NDArray
from pydantic import ConfigDict

from pipeline.classifier.network import Network
from pipeline.embedding.matrix import FIRST_WORD, PADDING, EmbeddingMatrix
from pipeline.embedding.vectors import WordVectors
from pipeline.insight.probes import sample
from pipeline.insight.similarity import neighbours_of

_COUNTED = 50_000  # training headlines: of more, a sample is counted
_KEPT = 250_000  # numbers of either table: 1 MB
_ON_MAP = 1_000  # words and headlines: more hide one another
_MOST_MOVED = 4  # words whose neighbours are shown beside those that were asked for
_ENOUGH = 3  # times that such a word was seen
_BATCH = 4_096  # words at a time
_AS_WRITTEN_SMALL = 1  # of the letter cases, that of a word in lower case


@dataclass(frozen=True, eq=False)
class Plane:
    """Points in two dimensions, before and after training.

    `chosen`: int array, (n,), which words or headlines they are. `before`, `after`: float32 arrays,
    (n, 2), on the first two principal components of both together, so that they can be compared.
    `share`: the part of the variance that these hold.
    """

    __pydantic_config__ = ConfigDict(arbitrary_types_allowed=True)

    chosen: NDArray[np.int64]
    before: NDArray[np.float32]
    after: NDArray[np.float32]
    share: float


@dataclass(frozen=True, eq=False)
class Near:
    """The nearest words of `word` and their cosines, before and after. `trained`: whether it is a
    training word; another has a vector that no training moves."""

    word: str
    trained: bool
    before: tuple[tuple[str, float], ...]
    after: tuple[tuple[str, float], ...]


@dataclass(frozen=True, eq=False)
class Drift:
    """How far each of the training words is from where it started; arrays are (n_words,).

    `counts`: times seen in the training headlines, (n_words, n_labels). `distances`: Euclidean;
    `typical` is the length of a vector at the start (root mean square). `cosines`: of the vectors
    before and after. `pushes`: float32 array, (n_words, n_labels), how the labels' scores change
    when the moved vector takes the place of the first one, see `measure_drift`.
    `frequent`: int array, (m,), the words seen most often, the most frequent first, of which there
    are also the vectors `before` and `after`: float32 arrays, (m, vector_size), at most 250,000
    numbers each. `words_map` and `headlines_map`: the most frequent words, and test headlines by
    the mean of their word vectors; `headline_labels`, (n,), are those of the latter.
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
        """The label towards which each word moved: the one whose score its drift raises most."""
        return self.pushes.argmax(axis=1)

    @cached_property
    def leanings(self) -> NDArray[np.int64]:
        """The label whose training headlines hold each word more often than those of the others."""
        return (self.counts / np.maximum(self.counts.sum(axis=0), 1)).argmax(axis=1)

    def metrics(self) -> dict[str, float]:
        """Figures over the words. `agreement`: the fraction of those seen at least three times
        that moved towards the label that they lean to."""
        seen = (self.counts.sum(axis=1) >= _ENOUGH) & (self.distances > 0)
        values = {
            "mean": self.distances.mean(),
            "median": np.median(self.distances),
            "largest": self.distances.max(),
            "relative": self.distances.mean() / (self.typical or 1),
            "cosine": self.cosines.mean(),
            "agreement": (self.towards == self.leanings)[seen].mean() if seen.any() else np.nan,
        }
        return {name: float(value) for name, value in values.items() if not np.isnan(value)}


def word_counts(
    classifier: Network, texts: Sequence[str], labels: Sequence[int], n_labels: int
) -> NDArray[np.int64]:
    """How often each row of the embedding is looked up in headlines of each label: int array,
    (n_rows, n_labels). Of more than 50,000 headlines a sample is counted."""
    chosen = sample(len(texts), _COUNTED)
    rows = classifier.token_ids([texts[i] for i in chosen])[0]
    n_rows = classifier.embedding.input_dim
    cells = rows.astype(np.int64) * n_labels + np.asarray(labels)[chosen, None]
    cells = cells[(rows != PADDING) & (rows < n_rows)]
    return np.bincount(cells, minlength=n_rows * n_labels).reshape(n_rows, n_labels)


def measure_drift(
    classifier: Network,
    matrix: EmbeddingMatrix,
    counts: NDArray[np.int64],
    test: tuple[Sequence[str], Sequence[int]],
    label_names: Sequence[str],
    words: Sequence[str] = (),
) -> Drift:
    """Compare the embedding as it is with `matrix`, from which it started.

    `counts`: as `word_counts` gives them. `test`: headlines and labels for the map. `words`: those
    whose neighbours are shown where they have a vector, beside the four that moved most.

    Towards which label a word moved is asked of the network itself: it scores the headline of that
    word alone, with the vector as it was and as it is, and the label whose score (the logit, less
    the mean over the labels) rises most is the one. That is exact for any encoder, where a
    gradient would hold only for small steps, and takes two short passes over the vocabulary. What
    the word does beside others is left out.
    """
    after = classifier.embedding.embeddings.numpy()
    texts, labels = test
    before, moved = matrix.weights[FIRST_WORD:], after[FIRST_WORD:]
    lengths = np.linalg.norm(before, axis=1)
    distances = np.linalg.norm(moved - before, axis=1)
    products = lengths * np.linalg.norm(moved, axis=1)
    cosines = (before * moved).sum(axis=1) / np.where(products == 0, 1, products)
    # A word that stayed keeps its direction to the bit, whatever rounding says.
    cosines = np.where(distances == 0, 1, cosines)
    most = max(_KEPT // before.shape[1], 1)
    frequent = np.argsort(-counts[FIRST_WORD:].sum(axis=1), kind="stable")[:most]
    on_map = frequent[:_ON_MAP]
    chosen = sample(len(texts), _ON_MAP)
    rows = classifier.token_ids([texts[i] for i in chosen])[0]
    return Drift(
        words=matrix.words,
        label_names=tuple(label_names),
        counts=counts[FIRST_WORD:],
        distances=distances,
        cosines=cosines.astype(np.float32),
        pushes=_pushes(classifier, matrix.weights, after),
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
        headline_labels=np.asarray(labels, np.int64)[chosen],
    )


def _pushes(
    classifier: Network, before: NDArray[np.float32], after: NDArray[np.float32]
) -> NDArray[np.float32]:
    if np.array_equal(before, after):
        n_labels = classifier.head.output_shape[-1]
        return np.zeros((len(before) - FIRST_WORD, n_labels), np.float32)
    return _scores(classifier, after) - _scores(classifier, before)


def _scores(classifier: Network, table: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits, less their mean, of the headline of each word of `table` alone: (n_words, n_labels)."""
    rows = np.arange(FIRST_WORD, len(table), dtype=np.int32)[:, None]
    batches = []
    for start in range(0, len(rows), _BATCH):
        batch = rows[start : start + _BATCH]
        cases = [np.full_like(batch, _AS_WRITTEN_SMALL)] * (len(classifier.head.inputs) - 1)
        tokens = classifier.embed_trained([ops.convert_to_tensor(i) for i in (batch, *cases)])
        channel = tokens[:, :, table.shape[1] :]  # of the letter case, where there is one
        tokens = ops.concatenate([ops.convert_to_tensor(table[batch]), channel], axis=-1)
        logits, _, _ = classifier.encoder([tokens, ops.ones(batch.shape, "bool")])
        batches.append(logits.numpy())
    scores = np.concatenate(batches) if batches else np.zeros((0, classifier.head.output_shape[-1]))
    return (scores - scores.mean(axis=1, keepdims=True)).astype(np.float32)


def _most_moved(distances: NDArray[np.float32], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows of the words that moved most, of those seen at least three times."""
    seen = np.flatnonzero((counts[FIRST_WORD:].sum(axis=1) >= _ENOUGH) & (distances > 0))
    return seen[np.argsort(-distances[seen], kind="stable")[:_MOST_MOVED]]


def _neighbours(
    matrix: EmbeddingMatrix,
    moved: NDArray[np.float32],
    words: Sequence[str],
    most_moved: NDArray[np.int64],
) -> tuple[Near, ...]:
    """Among the training words, and those asked for that have only an untrained vector."""
    trained = set(matrix.words)
    row_of = {word: row for row, word in enumerate(matrix.extra_words)}
    further = [word for word in dict.fromkeys(words) if word not in trained and word in row_of]
    names = (*matrix.words, *further)
    rest = matrix.extra_weights[[row_of[word] for word in further]]
    asked = [word for word in dict.fromkeys(words) if word in trained or word in row_of]
    asked += [w for w in (matrix.words[row] for row in most_moved) if w not in asked]
    near = [
        neighbours_of(WordVectors.of(names, np.concatenate([table, rest])), asked, k=8)
        for table in (matrix.weights[FIRST_WORD:], moved)
    ]
    return tuple(Near(word, word in trained, *(tuple(of[word]) for of in near)) for word in asked)


def _averages(
    rows: NDArray[np.int32], table: NDArray[np.float32], further: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The mean of the word vectors of each headline: float32 array, (n, vector_size)."""
    vectors = table[np.minimum(rows, len(table) - 1)]
    beyond = rows >= len(table)
    vectors[beyond] = further[rows[beyond] - len(table)]
    present = (rows != PADDING)[:, :, None]
    return (vectors * present).sum(axis=1) / np.maximum(present.sum(axis=1), 1)


def _plane(
    before: NDArray[np.float32], after: NDArray[np.float32], chosen: NDArray[np.int64]
) -> Plane:
    both = np.concatenate([before, after]).astype(np.float64)
    both = np.pad(both, [(0, 0), (0, max(2 - both.shape[1], 0))])
    both -= both.mean(axis=0) if len(both) else 0
    variances, axes = np.linalg.eigh(both.T @ both)  # in ascending order
    axes = axes[:, ::-1][:, :2]
    # Which way an axis points means nothing: the largest part of it points up.
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), range(axes.shape[1])])
    points = (both @ axes).astype(np.float32)
    share = float(variances[::-1][:2].sum() / (variances.sum() or 1))
    return Plane(chosen, points[: len(before)], points[len(before) :], share)
