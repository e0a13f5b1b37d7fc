"""N-grams of words and characters as numbers of buckets, in TensorFlow's operations.

This is feature hashing (Weinberger et al. 2009, arXiv 0902.2206): no vocabulary is kept. No n-gram
is written as a string either. The numbers of words and the code points of characters are combined.
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
    """Hash the word 1-3-grams and the character 2-5-grams of texts.

    The beginning and the end of a text are marked. So `Here 's` at the beginning is not the n-gram
    that it is in the middle.

    Args:
        texts: string tensor (n,), tokens with a space between.
        n_buckets: a power of two up to 2**31.

    Returns:
        (buckets, rows) of the words, int32 tensors (n_tokens, 3) and (n_tokens,), and of the
        characters, (n_characters, 4) and (n_characters,). `buckets[i]` are the buckets of the
        n-grams that begin at place i, one for each size; 0 stands for none. Place i belongs to the
        text `rows[i]`.
    """
    tokens, letters = split_marked(texts)
    # 2**32 - 1 is the largest number of buckets whose numbers fit in 32 bits.
    numbers = tf.cast(tf.strings.to_hash_bucket_fast(tokens.values, 2**32 - 1), tf.uint32)
    blocks = []
    for ragged, values, sizes in (
        (tokens, numbers, WORDS),
        (letters, tf.cast(letters.values, tf.uint32), CHARACTERS),
    ):
        rows = _rows(ragged)
        blocks.append((_buckets(values, rows, sizes, n_buckets), rows))
    return blocks[0], blocks[1]


def split_marked(texts: Any) -> tuple[Any, Any]:
    """Mark the beginning and the end of strings (n,) by a token each, and split them.

    Returns the tokens, a ragged string tensor (n, tokens), and the characters as code points, a
    ragged int32 tensor (n, characters).
    """
    marked = tf.strings.join([f"{BEGINNING} ", texts, f" {END}"])
    return tf.strings.split(marked), tf.strings.unicode_decode(marked, "UTF-8")


def _rows(ragged: Any) -> Any:
    """The row of each value of a ragged tensor: int32 tensor, (n_values,).

    It gives what `value_rowids` does in a third of the time. Row i counts from i * 2**32. So the
    bits above the 32nd are the row.
    """
    far = tf.constant(32, tf.int64)
    starts = tf.bitwise.left_shift(tf.range(ragged.nrows()), far)
    ranges = tf.raw_ops.RaggedRange(
        starts=starts, limits=starts + ragged.row_lengths(), deltas=tf.constant(1, tf.int64)
    )
    return tf.cast(tf.bitwise.right_shift(ranges.rt_dense_values, far), tf.int32)


def _buckets(values: Any, rows: Any, sizes: Sequence[int], n_buckets: int) -> Any:
    """A polynomial hash modulo 2**32 of each n-gram: int32 tensor, (n_values, n_sizes).

    Each step adds a value to the n-grams. The upper bits of the hash are the bucket.
    """
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
