"""Run a Keras model of strings over many texts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.base.errors import ConfigError
from pipeline.portable.text import normalize

Scorer = Callable[[Sequence[str]], NDArray[np.float32]]
"""n texts -> float32 array, (n, width)."""

BATCH_SIZE = 1024  # texts at a time, which bounds the memory


def compile_scorer(model: keras.Model) -> Scorer:
    """The model as one compiled function.

    It reads the weights each time it is called: training on changes what it gives.
    """
    compiled = tf.function(
        lambda texts: model(texts, training=False),
        input_signature=[tf.TensorSpec([None], tf.string)],
    ).get_concrete_function()
    return lambda texts: compiled(tf.constant(texts, tf.string)).numpy()


def score_texts(
    score: Scorer, texts: Iterable[str], width: int, batch_size: int = BATCH_SIZE
) -> NDArray[np.float32]:
    """What `score` gives for all texts: float32 array, (n, width).

    `batch_size`: texts that one thread scores at a time. There are as many threads as cores.

    Raises DataError: `texts` are no list of strings; ConfigError: `batch_size` is below 1.
    """
    if batch_size < 1:
        raise ConfigError(f"expected at least 1 as batch_size, got {batch_size}")
    strings = normalize(texts)
    if not strings:
        return np.zeros((0, width), np.float32)
    if len(strings) <= batch_size:
        return score(strings)
    # A batch is as wide as its longest text. So texts of like length go together.
    order = np.argsort([len(text) for text in strings], kind="stable")
    batches = [
        [strings[i] for i in order[start : start + batch_size]]
        for start in range(0, len(strings), batch_size)
    ]
    # TensorFlow's operations on strings use one core each, and let other Python threads run.
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        sorted_rows = np.concatenate(list(threads.map(score, batches)))
    rows = np.empty_like(sorted_rows)
    rows[order] = sorted_rows
    return rows


def as_tuple(outputs: Any) -> tuple[Any, ...]:
    """The outputs of a layer or model that has one, or several."""
    return tuple(outputs) if isinstance(outputs, list | tuple) else (outputs,)
