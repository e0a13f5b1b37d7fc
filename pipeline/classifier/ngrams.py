"""The wide part: a linear model over n-grams of words and of characters, beside the network.

It knows what pretrained vectors do not: endings, spellings, fixed phrases. scikit-learn fits it in
seconds; what it learned is one table, looked up by hashed n-grams (Weinberger et al. 2009, arXiv
0902.2206), so that it is exported within the TensorFlow model and needs no vocabulary.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import scipy.sparse
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.svm import LinearSVC

from pipeline.base.errors import DataError
from pipeline.classifier.calibration import temperature_factor

logger = logging.getLogger(__name__)

WORDS = (1, 2, 3)
CHARACTERS = (2, 3, 4, 5)
BEGINNING, END = "\x02", "\x03"  # no token has such characters

_CHUNK = 2_000
_MAX_HEADLINES = 100_000
_NOWHERE = 0  # the bucket of an n-gram that would reach into the next headline
# Odd constants that spread bits: 2**32 over the golden ratio, and one of MurmurHash3's.
_ROLL, _MIX = 0x9E3779B1, 0x85EBCA6B


def hash_ngrams(texts: Any, n_buckets: int) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Buckets of the word 1-3-grams and of the character 2-5-grams.

    `texts`: string tensor (n,), tokens between spaces. `n_buckets`: a power of two up to 2**31.
    Returns (buckets, rows) of the words and of the characters: int32 tensors (tokens, 3) and
    (tokens,), (characters, 4) and (characters,). `buckets[i]` are those of the n-grams that begin
    at place i, of the headline `rows[i]`; 0 stands for none. The beginning and the end of a
    headline are marked, so that `Here 's` there is another n-gram than in the middle.
    """
    # No n-gram is ever written as a string: numbers of words and code points are combined.
    tokens, letters = split_marked(texts)
    # 2**32 - 1 is the largest number of buckets whose numbers fit in 32 bits.
    numbers = tf.cast(tf.strings.to_hash_bucket_fast(tokens.values, 2**32 - 1), tf.uint32)
    found = []
    for ragged, values, sizes in (
        (tokens, numbers, WORDS),
        (letters, tf.cast(letters.values, tf.uint32), CHARACTERS),
    ):
        rows = _rows(ragged)
        found.append((_buckets(values, rows, sizes, n_buckets), rows))
    return found[0], found[1]


def split_marked(texts: Any) -> tuple[Any, Any]:
    """The tokens, strings, and the characters, code points, of strings (n,) whose beginning and end
    are marked by one more token each: ragged tensors (n, tokens), (n, characters)."""
    marked = tf.strings.join([f"{BEGINNING} ", texts, f" {END}"])
    return tf.strings.split(marked), tf.strings.unicode_decode(marked, "UTF-8")


def _rows(ragged: Any) -> Any:
    """The row of each value, int32: `value_rowids` in a third of its time. Ranges that lie 2**32
    apart are written one after the other; what is above the 32nd bit is the row."""
    far = tf.constant(32, tf.int64)
    starts = tf.bitwise.left_shift(tf.range(ragged.nrows()), far)
    ranges = tf.raw_ops.RaggedRange(
        starts=starts, limits=starts + ragged.row_lengths(), deltas=tf.constant(1, tf.int64)
    )
    return tf.cast(tf.bitwise.right_shift(ranges.rt_dense_values, far), tf.int32)


def _buckets(values: Any, rows: Any, sizes: Sequence[int], n_buckets: int) -> Any:
    """A polynomial hash modulo 2**32, grown by one value a step; its upper bits are the bucket."""
    n, longest = tf.size(values), max(sizes)
    next_values = tf.pad(values, [[0, longest]])
    next_rows = tf.pad(rows, [[0, longest]], constant_values=-1)
    roll, mix = tf.constant(_ROLL, tf.uint32), tf.constant(_MIX, tf.uint32)
    unused = tf.constant(33 - n_buckets.bit_length(), tf.uint32)
    hashed = tf.zeros_like(values)
    columns = []
    for size in range(1, longest + 1):
        hashed = (hashed + next_values[size - 1 : size - 1 + n]) * roll
        if size in sizes:
            mixed = tf.bitwise.bitwise_xor(
                hashed, tf.bitwise.right_shift(hashed, tf.constant(15, tf.uint32))
            )
            bucket = tf.bitcast(tf.bitwise.right_shift(mixed * mix, unused), tf.int32)
            inside = rows == next_rows[size - 1 : size - 1 + n]
            columns.append(tf.where(inside, bucket, _NOWHERE))
    return tf.stack(columns, axis=1)


@dataclass(frozen=True)
class Wide:
    """A fitted linear model over hashed n-grams.

    `table`: float32 (n_buckets, 1 + n_outputs): the squared weight of a bucket's n-grams, then
    weight x coefficient for each output; zeros where training saw nothing. `bias`: float32
    (n_outputs,). `n_outputs` is `n_classes`, or 1 for two classes (the logit of the second).
    """

    table: NDArray[np.float32]
    bias: NDArray[np.float32]
    n_classes: int

    def layer(self, name: str = "wide") -> WideLayer:
        """The layer that computes it: strings (n,) -> log-probabilities (n, n_classes)."""
        layer = WideLayer(len(self.table), self.n_classes, name=name)
        layer.build((None,))
        layer.set_weights([self.table, self.bias])
        return layer

    def log_probabilities(self, texts: Any) -> NDArray[np.float32]:
        """Log-probabilities of standardised `texts`: float32 (n, n_classes), in chunks."""
        layer = self.layer()
        parts = [layer(chunk).numpy() for chunk in _chunks(_strings(texts))]
        return np.concatenate([np.zeros((0, self.n_classes), np.float32), *parts])


@keras.saving.register_keras_serializable(package="pipeline")
class WideLayer(keras.layers.Layer):
    """Standardised strings (n,) -> float32 log-probabilities (n, n_classes).

    Its weights are `Wide.table` and `Wide.bias`, which gradients do not change. Words and
    characters are two blocks of features, each of Euclidean length 1 (repeats of an n-gram count
    as n-grams of their own).
    """

    def __init__(self, n_buckets: int, n_classes: int, **kwargs: Any) -> None:
        super().__init__(trainable=False, **kwargs)
        self.supports_jit = False  # XLA has no strings
        self.n_buckets = n_buckets
        self.n_classes = n_classes

    def build(self, input_shape: Any) -> None:
        n_outputs = _n_outputs(self.n_classes)
        self.table = self.add_weight(
            shape=(self.n_buckets, 1 + n_outputs), initializer="zeros", name="table"
        )
        self.bias = self.add_weight(shape=(n_outputs,), initializer="zeros", name="bias")
        super().build(input_shape)

    def call(self, texts: Any) -> Any:
        table, logits = tf.convert_to_tensor(self.table), tf.convert_to_tensor(self.bias)
        for buckets, rows in hash_ngrams(texts, self.n_buckets):
            # The n-grams that begin at a place lie side by side, and are added up at the end: fewer
            # and longer rows for the sum over a headline's places.
            sizes, width = buckets.shape[1], table.shape[1]
            found = tf.reshape(tf.gather(table, buckets), [-1, sizes * width])
            by_size = tf.math.segment_sum(found, rows)  # each headline has marks, so a row
            sums = tf.reduce_sum(tf.reshape(by_size, [-1, sizes, width]), axis=1)
            # Nothing known: the sums are 0, and stay so.
            logits += sums[:, 1:] * tf.math.rsqrt(tf.maximum(sums[:, :1], 1e-12))
        if self.n_classes == 2:
            logits = tf.pad(logits, [[0, 0], [1, 0]])
        return tf.nn.log_softmax(logits)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, int]:
        return (input_shape[0], self.n_classes)

    def compute_output_spec(self, texts: Any) -> keras.KerasTensor:
        return keras.KerasTensor(self.compute_output_shape(texts.shape), dtype="float32")

    def get_config(self) -> dict[str, Any]:
        config = {key: value for key, value in super().get_config().items() if key != "trainable"}
        return {**config, "n_buckets": self.n_buckets, "n_classes": self.n_classes}


def fit_wide(
    texts: Any,
    labels: Sequence[int] | NDArray[np.integer[Any]],
    n_classes: int,
    *,
    regularisation: float = 3.0,
    n_buckets: int | None = None,
    folds: int | None = None,
    seed: int = 0,
) -> Wide:
    """Fit a linear support vector machine to hashed n-grams and calibrate its scores.

    `texts`: standardised strings (n,). `labels`: (n,), from 0 to `n_classes` - 1; a class may be
    rare or absent. `regularisation`: LinearSVC's C, which weighs the errors (larger fits closer).
    `n_buckets`: a power of two; by default 512 for each headline, within bounds. Above 100,000
    headlines a stratified sample of that size is fitted.

    Scores become probabilities by one factor, which minimises the log loss of scores that were
    taken from each of `folds` parts (5 by default, 3 above 10,000 headlines, where time counts and
    the factor is sure) by a model fitted to the others (temperature: Guo et al. 2017,
    arXiv 1706.04599).

    Raises DataError: nothing to fit, labels out of range or of another number than the texts.
    """
    strings, classes = _strings(texts), np.asarray(labels, np.int64)
    if len(strings) == 0 or len(strings) != len(classes):
        raise DataError(
            f"expected as many labels as headlines, and at least one, to fit the n-grams: "
            f"got {len(strings)} headlines and {len(classes)} labels"
        )
    if classes.min() < 0 or classes.max() >= n_classes:
        raise DataError(
            f"expected labels from 0 to {n_classes - 1} to fit the n-grams, "
            f"got {classes.min()} to {classes.max()}"
        )
    chosen = _sample(classes, seed)
    if n_buckets is None:
        n_buckets = _default_buckets(len(chosen), n_classes)
    if folds is None:
        folds = 5 if len(chosen) <= 10_000 else 3
    features = _Features.extract(strings[chosen], n_buckets)
    known = classes[chosen]
    scores = _out_of_fold(features, known, n_classes, folds, regularisation, seed)
    factor = temperature_factor(scores, known)
    model = _fit(features, known, n_classes, regularisation, seed)

    n_outputs = model.coefficients.shape[1]
    table = np.zeros((n_buckets, 1 + n_outputs), np.float32)
    table[features.buckets, 0] = model.weights**2
    table[features.buckets, 1:] = factor * model.weights[:, None] * model.coefficients
    bias = (factor * model.bias).astype(np.float32)
    logger.info(
        "n-grams: %s in %s buckets, from %s headlines",
        f"{len(features.buckets):,}", f"{n_buckets:,}", f"{len(chosen):,}",
    )  # fmt: skip
    return Wide(table, bias, n_classes)


@dataclass(frozen=True)
class _Features:
    """How often each seen bucket occurs: `blocks`, of words and of characters, CSR (n, n_seen).

    `buckets`: int64 (n_seen,), the bucket of each column.
    """

    blocks: tuple[Any, Any]
    buckets: NDArray[np.int64]

    @classmethod
    def extract(cls, strings: NDArray[Any], n_buckets: int) -> _Features:
        parts: tuple[list[Any], list[Any]] = ([], [])
        for chunk in _chunks(strings):
            for part, (buckets, rows) in zip(parts, hash_ngrams(chunk, n_buckets), strict=True):
                part.append(_count(buckets.numpy(), rows.numpy(), len(chunk), n_buckets))
        words, characters = (scipy.sparse.vstack(part, "csr") for part in parts)
        seen = np.zeros(n_buckets, bool)
        seen[words.indices] = seen[characters.indices] = True
        buckets = np.flatnonzero(seen)
        column = np.cumsum(seen, dtype=np.int32) - 1
        blocks = tuple(
            scipy.sparse.csr_matrix(
                (block.data, column[block.indices], block.indptr), (len(strings), len(buckets))
            )
            for block in (words, characters)
        )
        return cls((blocks[0], blocks[1]), buckets)

    def rows(self, which: NDArray[np.integer[Any]]) -> _Features:
        return replace(self, blocks=(self.blocks[0][which], self.blocks[1][which]))

    def weighted(self, weights: NDArray[np.float64]) -> Any:
        """Both blocks added up, each row of a block of length 1: CSR (n, n_seen)."""
        total = 0
        for block in self.blocks:
            length = np.sqrt(np.maximum(block @ weights**2, 1e-12))
            total = total + scipy.sparse.diags_array(1 / length) @ block
        return scipy.sparse.csr_matrix(total @ scipy.sparse.diags_array(weights))


@dataclass(frozen=True)
class _Linear:
    """`weights`: float64 (n_seen,); `coefficients`: (n_seen, n_outputs); `bias`: (n_outputs,)."""

    weights: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    bias: NDArray[np.float64]

    def scores(self, features: _Features) -> NDArray[np.float64]:
        return features.weighted(self.weights) @ self.coefficients + self.bias


def _fit(
    features: _Features, classes: NDArray[np.int64], n_classes: int, c: float, seed: int
) -> _Linear:
    weights = _weights(features, classes, n_classes)
    present = np.unique(classes)
    n_outputs = _n_outputs(n_classes)
    coefficients, bias = np.zeros((len(weights), n_outputs)), -np.ones(n_outputs)
    if len(present) == 1:  # nothing to separate: the one class wins
        bias[:] = np.where(np.arange(n_classes)[-n_outputs:] == present[0], 1.0, -1.0)
        return _Linear(weights, coefficients, bias)
    # In the dual, time does not grow with the features; the seed orders the headlines.
    machine = LinearSVC(C=c, dual=True, random_state=seed)
    machine.fit(features.weighted(weights), classes)
    rows, offsets = machine.coef_, machine.intercept_
    if len(present) == 2 and n_outputs > 1:
        rows, offsets = np.vstack([-rows, rows]), np.concatenate([-offsets, offsets])
    columns = present if n_outputs > 1 else [0]
    coefficients[:, columns], bias[columns] = rows.T, offsets
    return _Linear(weights, coefficients, bias)


def _weights(
    features: _Features, classes: NDArray[np.int64], n_classes: int
) -> NDArray[np.float64]:
    """Rare n-grams and telling ones count for more: (n_seen,).

    Smooth idf to the power 1.5, times a mean of 1 and the largest log-count ratio of any class
    (Wang and Manning 2012, aclanthology.org/P12-2018). The ratio's share grows with the number of
    headlines, as it is noise where an n-gram is seen once or twice: a half at 1,000.
    """
    n = len(classes)
    present = (features.blocks[0] + features.blocks[1]).sign()
    in_class = np.zeros((n_classes, n))
    in_class[classes, np.arange(n)] = 1
    counts = np.asarray((present.T @ in_class.T).T)  # (n_classes, n_seen)
    seen = counts.sum(axis=0)
    idf = np.log((1 + n) / (1 + seen)) + 1
    strongest = np.zeros(len(idf))
    for own in counts:
        inside, outside = own + 1, seen - own + 1
        ratio = np.log(inside / inside.sum()) - np.log(outside / outside.sum())
        np.maximum(strongest, np.abs(ratio), out=strongest)
    share = n / (n + 1_000)
    # An n-gram of the fold that was left out is not known here.
    return np.where(seen > 0, idf**1.5 * (1 - share + share * strongest), 0.0)


def _out_of_fold(
    features: _Features,
    classes: NDArray[np.int64],
    n_classes: int,
    folds: int,
    c: float,
    seed: int,
) -> NDArray[np.float64]:
    """Scores (n, n_outputs), each from a model that did not see the headline."""
    scores = np.zeros((len(classes), _n_outputs(n_classes)))
    # No more folds than the commonest class has headlines: rarer ones are missing in some.
    folds = min(folds, int(np.bincount(classes).max()))
    if folds < 2:  # one headline a class: nothing can be held out
        return scores
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")
        parts = list(splitter.split(scores, classes))
    for train, held_out in parts:
        model = _fit(features.rows(train), classes[train], n_classes, c, seed)
        scores[held_out] = model.scores(features.rows(held_out))
    return scores


def _count(
    buckets: NDArray[np.int32], rows: NDArray[np.int32], n: int, n_buckets: int
) -> scipy.sparse.csr_matrix:
    flat, repeated = buckets.ravel(), np.repeat(rows, buckets.shape[1])
    real = flat != _NOWHERE
    ones = np.ones(int(real.sum()))
    return scipy.sparse.csr_matrix((ones, (repeated[real], flat[real])), (n, n_buckets))


def _default_buckets(n: int, n_classes: int) -> int:
    """A power of two: 512 a headline, 2**18 to 2**20, and a table of 64 MB at most."""
    most = min(20, int(np.log2(2**24 / (1 + _n_outputs(n_classes)))))
    return 2 ** int(min(max(np.ceil(np.log2(512 * n)), 18), most))


def _n_outputs(n_classes: int) -> int:
    return 1 if n_classes == 2 else n_classes


def _sample(classes: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Which headlines are fitted: all, or as many as memory should hold, in order."""
    rows = np.arange(len(classes))
    if len(classes) <= _MAX_HEADLINES:
        return rows
    # A class with one headline cannot be stratified.
    rare = np.bincount(classes)[classes] < 2
    common = rows[~rare]
    chosen, _ = train_test_split(
        common,
        train_size=min(_MAX_HEADLINES, len(common) - 1),
        stratify=classes[common],
        random_state=seed,
    )
    return np.sort(np.concatenate([chosen, rows[rare]]))


def _strings(texts: Any) -> NDArray[Any]:
    return texts.numpy() if tf.is_tensor(texts) else np.asarray(list(texts), object)


def _chunks(strings: NDArray[Any]) -> Iterator[Any]:
    for start in range(0, len(strings), _CHUNK):
        yield tf.constant(strings[start : start + _CHUNK], tf.string)
