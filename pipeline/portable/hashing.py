"""N-grams of words and characters as numbers of buckets: `pipeline.classifier.ngram_hashing` in
NumPy.

The numbers of words are FarmHash's, which TensorFlow uses (github.com/google/farmhash, farmhashna).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

WORDS = (1, 2, 3)
CHARACTERS = (2, 3, 4, 5)
NOWHERE = 0  # the bucket of an n-gram that would reach into the next text
_ROLL, _MIX, _SHIFT = np.uint32(0x9E3779B1), np.uint32(0x85EBCA6B), np.uint32(15)
_MOST_NUMBERS = 2**32 - 1

_64 = 2**64 - 1
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F


@lru_cache(maxsize=1 << 16)
def word_number(token: str) -> int:
    """The number of a word, which the n-grams of words are made from."""
    return fingerprint(token.encode()) % _MOST_NUMBERS


def buckets_of(
    words: NDArray[np.uint32],
    letters: NDArray[np.uint32],
    ends: NDArray[np.intp],
    n_buckets: int,
) -> Iterator[tuple[int, slice, NDArray[np.uint32]]]:
    """The buckets of the n-grams of one size after the other, that begin at some places.

    `words`: uint32 array, (n_words,), numbers of words; `letters`: uint32 array, (n_letters,), code
    points. Places are counted through both. `ends`: int array, (n_words + n_letters,), where the
    text of each place ends. `n_buckets`: a power of two. Gives each size, the places, and their
    buckets.
    """
    n_words, n = len(words), len(words) + len(letters)
    longest = max(*WORDS, *CHARACTERS)
    following = np.concatenate([words, letters, np.zeros(longest, np.uint32)])
    room = ends - np.arange(n)
    unused = np.uint32(33 - n_buckets.bit_length())
    hashed = np.zeros(n, np.uint32)
    for size in range(1, longest + 1):
        hashed += following[size - 1 : size - 1 + n]
        hashed *= _ROLL
        places = slice(0 if size in WORDS else n_words, n if size in CHARACTERS else n_words)
        bucket = hashed[places] >> _SHIFT
        bucket ^= hashed[places]
        bucket *= _MIX
        bucket >>= unused
        bucket[room[places] < size] = NOWHERE
        yield size, places, bucket


def fingerprint(data: bytes) -> int:
    """FarmHash's Fingerprint64 of bytes."""
    n = len(data)
    if n <= 16:
        return _up_to_16(data, n)
    if n <= 32:
        mul = _K2 + n * 2
        a, b = _fetch(data, 0) * _K1, _fetch(data, 8)
        c, d = _fetch(data, n - 8) * mul, _fetch(data, n - 16) * _K2
        first = _rotate(a + b, 43) + _rotate(c, 30) + d
        return _mix(first, a + _rotate(b + _K2, 18) + c, mul)
    if n <= 64:
        mul = _K2 + n * 2
        a, b = _fetch(data, 0) * _K2, _fetch(data, 8)
        c, d = _fetch(data, n - 8) * mul, _fetch(data, n - 16) * _K2
        y = _rotate(a + b, 43) + _rotate(c, 30) + d
        z = _mix(y, a + _rotate(b + _K2, 18) + c, mul)
        e, f = _fetch(data, 16) * mul, _fetch(data, 24)
        g, h = (y + _fetch(data, n - 32)) * mul, (z + _fetch(data, n - 24)) * mul
        first = _rotate(e + f, 43) + _rotate(g, 30) + h
        return _mix(first, e + _rotate(f + a, 18) + g, mul)
    return _above_64(data, n)


def _up_to_16(data: bytes, n: int) -> int:
    if n >= 8:
        mul = _K2 + n * 2
        a, b = _fetch(data, 0) + _K2, _fetch(data, n - 8)
        c = _rotate(b, 37) * mul + a
        return _mix(c, (_rotate(a, 25) + b) * mul, mul)
    if n >= 4:
        first = int.from_bytes(data[:4], "little")
        return _mix(n + (first << 3), int.from_bytes(data[n - 4 :], "little"), _K2 + n * 2)
    if n > 0:
        y = data[0] + (data[n >> 1] << 8)
        z = n + (data[n - 1] << 2)
        return _shift((y * _K2 ^ z * _K0) & _64) * _K2 & _64
    return _K2


def _above_64(data: bytes, n: int) -> int:
    x, y = 81, 81 * _K1 + 113
    z = _shift((y * _K2 + 113) & _64) * _K2
    x = x * _K2 + _fetch(data, 0)
    v, w = (0, 0), (0, 0)
    last = (n - 1) // 64 * 64
    for start in (*range(0, last, 64), n - 64):
        mul, nine = _K1, 1
        if start == n - 64:  # the end, which may have been a part of the piece before
            mul, nine = _K1 + ((z & 0xFF) << 1), 9
            w = (w[0] + ((n - 1) & 63), w[1])
            v = (v[0] + w[0], v[1])
            w = (w[0] + v[0], w[1])
        x = _rotate(x + y + v[0] + _fetch(data, start + 8), 37) * mul
        y = _rotate(y + v[1] + _fetch(data, start + 48), 42) * mul
        x = (x ^ w[1] * nine) & _64
        y += v[0] * nine + _fetch(data, start + 40)
        z = _rotate(z + w[0], 33) * mul
        v = _weak(data, start, v[1] * mul, x + w[0])
        w = _weak(data, start + 32, z + w[1], y + _fetch(data, start + 16))
        x, z = z & _64, x
    first = _mix(v[0], w[0], mul) + _shift(y & _64) * _K0 + z
    return _mix(first, _mix(v[1], w[1], mul) + x, mul)


def _fetch(data: bytes, start: int) -> int:
    return int.from_bytes(data[start : start + 8], "little")


def _rotate(value: int, by: int) -> int:
    value &= _64
    return (value >> by | value << (64 - by)) & _64


def _shift(value: int) -> int:
    return value ^ value >> 47


def _mix(u: int, v: int, mul: int) -> int:
    a = _shift((u ^ v) * mul & _64)
    return _shift((v ^ a) * mul & _64) * mul & _64


def _weak(data: bytes, start: int, a: int, b: int) -> tuple[int, int]:
    w, x, y, z = (_fetch(data, start + 8 * i) for i in range(4))
    a += w
    b = _rotate(b + a + z, 21)
    c = a
    a += x + y
    b += _rotate(a, 44)
    return (a + z) & _64, (b + c) & _64
