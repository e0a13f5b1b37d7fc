"""N-grams of words and characters as numbers of buckets, in TensorFlow's operations.

No n-gram is ever written as a string, and no vocabulary is kept (feature hashing: Weinberger et al.
2009, arXiv 0902.2206).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

WORDS = (1, 2, 3)
CHARACTERS = (2, 3, 4, 5)
BEGINNING, END = "\x02", "\x03"  # no token has such characters

NOWHERE = 0  # the bucket of an n-gram that would reach into the next text
# Odd constants that spread bits: 2**32 over the golden ratio, and one of MurmurHash3's.
_ROLL, _MIX = 0x9E3779B1, 0x85EBCA6B


def hash_ngrams(texts: Any, n_buckets: int) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Buckets of the word 1-3-grams and of the character 2-5-grams.

    `texts`: string tensor (n,), tokens between spaces. `n_buckets`: a power of two up to 2**31.
    Returns (buckets, rows) of the words and of the characters: int32 tensors (tokens, 3) and
    (tokens,), (characters, 4) and (characters,). `buckets[i]` are those of the n-grams that begin
    at place i, of the text `rows[i]`; 0 stands for none. The beginning and the end of a
    text are marked, so that `Here 's` there is another n-gram than in the middle.
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
            columns.append(tf.where(inside, bucket, NOWHERE))
    return tf.stack(columns, axis=1)
