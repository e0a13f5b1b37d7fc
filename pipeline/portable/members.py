"""The members of a classifier in NumPy: each gives logits, and says what a token gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .characters import codes_of
from .encoders import Array, Encoder
from .hashing import WORDS, buckets_of, word_number
from .tables import Table
from .tokens import TokenBatch, ragged_ranges

BEGINNING, END = "\x02", "\x03"  # the marks of a text; no token has such characters
STEPS = 16  # of integrated gradients, where the gradient alone is not exact
_LEAST = np.float32(1e-12)  # a squared length below it counts as this


class Member(Protocol):
    """One of the experts whose probabilities a classifier multiplies."""

    def logits(self, batch: TokenBatch) -> Array:
        """Scores of the labels: (n, n_labels). A softmax makes them probabilities."""

    def contributions(self, batch: TokenBatch) -> tuple[Array, Array]:
        """What each token gives to each label, (n_places, n_labels), and what no token gives, (n,
        n_labels), in nats. Their sum over a text is a logit of the label."""


# ------------------------------------------------------------------------------------ the network


@dataclass(frozen=True, eq=False)
class Head:
    """From features to a representation and logits: linear, with `kernel` (width, n_labels) and
    `bias` (n_labels,)."""

    kernel: Array
    bias: Array

    def represent(self, features: Array) -> Array:
        """(n, n_features) to (n, width)."""
        return features

    @property
    def width(self) -> int:
        """How many numbers a representation has."""
        return len(self.kernel)

    def logits(self, representation: Array) -> Array:
        """(n, width) to (n, n_labels)."""
        return representation @ self.kernel + self.bias

    def gradient(self, representation: Array, label: int) -> Array:
        """Of the logit of a label at the features: (n, n_features)."""
        return np.broadcast_to(self.kernel[:, label], representation.shape)


@dataclass(frozen=True, eq=False)
class PrototypeHead:
    """Logits that fall with the distance to the prototype of a label. `kernel`:
    (n_features, width); `bias`: (width,); `prototypes`: (n_labels, width)."""

    kernel: Array
    bias: Array
    prototypes: Array

    def represent(self, features: Array) -> Array:
        """(n, n_features) to (n, width)."""
        return np.tanh(features @ self.kernel + self.bias)

    @property
    def width(self) -> int:
        """How many numbers a representation has."""
        return len(self.bias)

    def logits(self, representation: Array) -> Array:
        """(n, width) to (n, n_labels)."""
        squares = (representation**2).sum(axis=1, keepdims=True) + (self.prototypes**2).sum(axis=1)
        return representation @ self.prototypes.T - squares / 2

    def gradient(self, representation: Array, label: int) -> Array:
        """Of the logit of a label at the features: (n, n_features)."""
        away = self.prototypes[label] - representation
        return (away * (1 - representation**2)) @ self.kernel.T


@dataclass(frozen=True, eq=False)
class NetworkMember:
    """The network: word vectors, encoder, head.

    `embedding`: (n_trained, vector_size), the rows that were trained; `extra`: the rows after them,
    or None. `cases`: (5, size), the vectors of the letter cases, or None. `steps`: of integrated
    gradients; 0 takes the gradient itself.
    """

    embedding: Table
    extra: Table | None
    cases: Array | None
    encoder: Encoder
    head: Head | PrototypeHead
    steps: int

    def representation(self, batch: TokenBatch) -> Array:
        """Where texts lie before the last layer: (n, width)."""
        vectors = self._vectors(batch)
        features = np.zeros((len(batch.counts), len(self.head.kernel)), np.float32)
        for texts, places in batch.by_length:
            features[texts] = self.encoder.features(take(vectors, batch.places[places]))
        return self.head.represent(features)

    def logits(self, batch: TokenBatch) -> Array:
        return self.head.logits(self.representation(batch))

    def contributions(self, batch: TokenBatch) -> tuple[Array, Array]:
        vectors = self._vectors(batch)
        bias = self.head.logits(self.representation(batch))
        values = np.zeros((len(batch.places), bias.shape[1]), np.float32)
        for texts, places in batch.by_length:
            given = self._explain(vectors[batch.places[places]], bias.shape[1])
            values[places] = given
            bias[texts] -= given.sum(axis=0)
        return values, bias

    def _explain(self, x: Array, n_labels: int) -> Array:
        """(tokens, n, width) to (tokens, n, n_labels): mean gradients from zero vectors, times
        `x`."""
        points, shares = _path(self.steps)
        path = np.concatenate([point * x for point in points], axis=1)
        representation = self.head.represent(self.encoder.features(path))
        by_label = []
        for label in range(n_labels):
            gradient = self.encoder.gradient(path, self.head.gradient(representation, label))
            by_point = gradient.reshape(len(x), len(points), *x.shape[1:])
            by_label.append((np.einsum("p,tpnw->tnw", shares, by_point) * x).sum(axis=2))
        return np.stack(by_label, axis=2)

    def _vectors(self, batch: TokenBatch) -> Array:
        """The vector of each token: (n_tokens, width)."""
        vectors = rows_of(batch.rows, self.embedding, self.extra)
        if self.cases is None:
            return vectors
        return np.concatenate([vectors, self.cases[batch.cases]], axis=1)


def rows_of(rows: NDArray[np.intp], trained: Table, extra: Table | None) -> Array:
    """The rows of two tables, one after the other: (n, vector_size)."""
    if extra is None:
        return trained.rows(rows)
    values = trained.rows(np.minimum(rows, trained.n_rows - 1))
    beyond = rows >= trained.n_rows
    if beyond.any():
        values[beyond] = extra.rows(rows[beyond] - trained.n_rows)
    return values


def _path(steps: int) -> tuple[Array, Array]:
    """Points between 0 and 1 and their weights (Gauss-Legendre); the end alone for no steps."""
    if not steps:
        return np.ones(1, np.float32), np.ones(1, np.float32)
    points, weights = np.polynomial.legendre.leggauss(steps)  # on -1 to 1
    return ((points + 1) / 2).astype(np.float32), (weights / 2).astype(np.float32)


# ---------------------------------------------------------------------------------------------- sif


@dataclass(frozen=True, eq=False)
class SifMember:
    """A linear model over the weighted mean vector.

    `table`: (n_trained, vector_size), the vectors before any training; `extra`: as in the network.
    `rarity`: (n_rows, 1), the weight of each row's word. `kernel`: (vector_size, n_labels); `bias`.
    """

    table: Table
    extra: Table | None
    rarity: Table
    kernel: Array
    bias: Array

    def logits(self, batch: TokenBatch) -> Array:
        weighed = self._weighed(batch)
        means = np.zeros((len(batch.counts), weighed.shape[1]), np.float32)
        for texts, places in batch.by_length:
            total = take(weighed, batch.places[places]).sum(axis=0)
            means[texts] = total / _length(total)
        return means @ self.kernel + self.bias

    def contributions(self, batch: TokenBatch) -> tuple[Array, Array]:
        weighed = self._weighed(batch)
        values = np.zeros((len(batch.places), len(self.bias)), np.float32)
        for _, places in batch.by_length:
            vectors = weighed[batch.places[places]]
            values[places] = (vectors / _length(vectors.sum(axis=0))) @ self.kernel
        return values, np.tile(self.bias, (len(batch.counts), 1))

    def _weighed(self, batch: TokenBatch) -> Array:
        """The vector of each token times its weight: (n_tokens, vector_size)."""
        return rows_of(batch.rows, self.table, self.extra) * self.rarity.rows(batch.rows)


def _length(total: Array) -> Array:
    return np.maximum(np.sqrt((total**2).sum(axis=1, keepdims=True)), np.float32(1e-9))


# ------------------------------------------------------------------------------------------- ngrams


@dataclass(frozen=True, eq=False)
class Marked:
    """Texts with a mark before and behind, as words and as characters, one text after the other.

    `numbers`: uint32 (n_words,); `letters`: uint32 (n_letters,), code points with a space between
    tokens. `counts`: int (2 n,), how many words each text has, and then how many letters. `inside`:
    bool (n_words,), which words are tokens and no marks.
    """

    numbers: NDArray[np.uint32]
    letters: NDArray[np.uint32]
    counts: NDArray[np.intp]
    inside: NDArray[np.bool_]


def mark(batch: TokenBatch) -> Marked:
    """Mark the beginning and the end of the texts, of which there is at least one."""
    # Between the marks of a text without tokens there are two spaces.
    tokens = [*batch.tokens, BEGINNING, f"{BEGINNING} ", END]
    words_and_marks = [*batch.tokens, BEGINNING, BEGINNING, END]
    n_tokens = len(batch.tokens)
    word_counts = batch.counts + 2
    ends = word_counts.cumsum()
    starts = ends - word_counts
    is_mark = np.zeros(ends[-1], bool)
    is_mark[starts] = is_mark[ends - 1] = True
    words = np.empty(ends[-1], np.intp)
    words[~is_mark] = batch.places
    words[starts] = n_tokens + (batch.counts == 0)
    words[ends - 1] = n_tokens + 2

    # Each token is followed by a space, and the mark at the end by none.
    lengths = np.fromiter(map(len, tokens), np.intp, len(tokens)) + 1
    codes = codes_of(" ".join(tokens))
    firsts = lengths.cumsum() - lengths
    lengths[-1] = 1
    letter_lengths = lengths[words]
    return Marked(
        np.fromiter(map(word_number, words_and_marks), np.uint32, len(tokens))[words],
        codes[ragged_ranges(firsts[words], letter_lengths)],
        np.concatenate([word_counts, np.add.reduceat(letter_lengths, starts)]),
        ~is_mark,
    )


@dataclass(frozen=True, eq=False)
class NgramMember:
    """A linear model over hashed n-grams.

    `kept`: uint8 (n_buckets / 8,), a bit for each bucket that has a row. `table`: (n_rows, 1 +
    n_outputs): the squared weight of the bucket's n-grams, and weight x coefficient for each
    output. `bias`: (n_outputs,); there is one output for two labels, the logit of the second.
    """

    kept: NDArray[np.uint8]
    table: Table
    bias: Array

    @cached_property
    def _rows(self) -> Array:
        """The different rows, behind one of zeros for all other buckets: (n, 1 + n_outputs)."""
        zeros = np.zeros((1, 1 + len(self.bias)), np.float32)
        return np.concatenate([zeros, self.table.different()])

    @cached_property
    def _row_of_bucket(self) -> NDArray[np.int32]:
        bits = np.unpackbits(self.kept)
        shared = self.table.shared
        row = np.arange(self.table.n_rows, dtype=np.int32) if shared is None else shared
        row_of_bucket = np.zeros(len(bits), np.int32)
        row_of_bucket[bits.view(bool)] = row.astype(np.int32) + 1
        return row_of_bucket

    def logits(self, batch: TokenBatch) -> Array:
        marked = mark(batch)
        ends = marked.counts.cumsum()
        by_place = np.zeros((ends[-1], self._rows.shape[1]), np.float32)
        for _, places, rows in self._lookups(marked, ends):
            by_place[places] += take(self._rows, rows)
        sums = np.add.reduceat(by_place, ends - marked.counts, axis=0)
        scores, n = sums[:, 1:] * _scale(sums[:, :1]), len(batch.counts)
        return _both(self.bias + scores[:n] + scores[n:])

    def contributions(self, batch: TokenBatch) -> tuple[Array, Array]:
        """Each n-gram is divided equally between the tokens that it touches."""
        marked, n = mark(batch), len(batch.counts)
        ends = marked.counts.cumsum()
        lookups = list(self._lookups(marked, ends))
        squares = np.zeros(ends[-1], np.float32)
        for _, places, rows in lookups:
            squares[places] += self._rows[rows, 0]
        segment_of = np.repeat(np.arange(2 * n), marked.counts)
        scale = _scale(np.add.reduceat(squares, ends - marked.counts))[segment_of]
        in_token = marked.letters > ord(" ")
        begins = in_token & ~np.concatenate([[False], in_token[:-1]])
        # An n-gram touches the tokens from `first` to `last`, counted through the batch.
        begun = np.concatenate([marked.inside.cumsum(), begins.cumsum()])
        first = begun - np.concatenate([marked.inside, in_token])
        here = np.arange(len(begun))
        values = np.zeros((len(batch.places), len(self.bias)), np.float32)
        bias = np.tile(self.bias, (n, 1))
        for size, places, rows in lookups:
            given = self._rows[rows, 1:] * scale[places, None]
            start = first[places]
            last = begun.take(here[places] + size - 1, mode="clip") - 1
            touched = last - start + 1
            given /= np.maximum(touched, 1)[:, None].astype(np.float32)
            for place in range(max(WORDS)):  # as many as fit in five characters with spaces
                touches = place < touched
                np.add.at(values, start[touches] + place, given[touches])
            nowhere = touched <= 0
            np.add.at(bias, segment_of[places][nowhere] % n, given[nowhere])
        return _both(values), _both(bias)

    def _lookups(
        self, marked: Marked, ends: NDArray[np.intp]
    ) -> Iterator[tuple[int, slice, NDArray[np.int32]]]:
        """Of the n-grams of each size: the size, the places where they begin, and their rows."""
        room_ends, n_buckets = ends.repeat(marked.counts), 8 * len(self.kept)
        by_size = buckets_of(marked.numbers, marked.letters, room_ends, n_buckets)
        for size, places, buckets in by_size:
            yield size, places, take(self._row_of_bucket, buckets)


def _scale(squares: Array) -> Array:
    return np.reciprocal(np.sqrt(np.maximum(squares, _LEAST)))


def take(table: NDArray[Any], rows: NDArray[np.integer[Any]]) -> NDArray[Any]:
    """Rows that the table has. NumPy is twice as fast where it need not look whether it has
    them."""
    return table.take(rows, axis=0, mode="clip")


def _both(scores: Array) -> Array:
    """One output is the score of the second of two labels; that of the first is 0."""
    return np.pad(scores, ((0, 0), (1, 0))) if scores.shape[1] == 1 else scores


def log_softmax(logits: Array) -> Array:
    """Log-probabilities, of logits along the last axis."""
    shifted = logits - np.maximum.reduce(logits, axis=-1, keepdims=True)
    return shifted - np.log(np.add.reduce(np.exp(shifted), axis=-1, keepdims=True))
