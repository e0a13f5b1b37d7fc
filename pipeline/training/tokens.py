"""Texts as the network takes them, tokenised once for all epochs: in memory, or many on the
disk."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.classifier.network import Network
from pipeline.data.examples import Examples
from pipeline.data.weighting import given_weights
from pipeline.embedding.matrix import PADDING
from pipeline.training.schedule import Plan

logger = logging.getLogger(__name__)

MANY = 1_000_000  # texts from which they are kept on the disk
_TOGETHER = 100_000  # texts that are tokenised before they are written


@dataclass(frozen=True, eq=False)
class Tokens:
    """n tokenised texts.

    `inputs`: int32 arrays, (n, tokens), as `Network.head` takes them. `lengths`: int32 array, (n,),
    tokens of each text. `labels`: int32 array, (n,). `weights`: float32 array, (n,), with a mean of
    1; None: all count the same.
    """

    inputs: tuple[NDArray[np.int32], ...]
    lengths: NDArray[np.int32]
    labels: NDArray[np.int32]
    weights: NDArray[np.float32] | None = None

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """The inputs, the labels, and the weights where there are any."""
        return (*self.inputs, self.labels, *([] if self.weights is None else [self.weights]))

    def batches(self, plan: Plan, start: int, end: int) -> tuple[NDArray[Any], ...]:
        """The texts of the batches from `start` to `end`, which is not among them, in their order.

        The arrays are those of `arrays`, as wide as the longest of these texts.
        """
        rows = plan.order[plan.starts[start] : plan.starts[end]]
        width = plan.widths[start:end].max()
        inputs = [array[rows, :width] for array in self.inputs]
        return (*inputs, *(array[rows] for array in self.arrays[len(inputs) :]))


def tokenise(
    network: Network, examples: Examples, folder: Path | None = None, many: int = MANY
) -> Tokens:
    """Tokenise texts for `network`.

    `folder`: where the file is kept of `many` texts or more; None: that of temporary files. It has
    no name there, and is gone with the process.
    """
    labels = np.asarray(examples.labels, np.int32)
    weights = given_weights(examples)
    if weights is not None:
        weights = (weights / weights.mean()).astype(np.float32)
    if len(examples) < many:
        inputs = network.token_ids(examples.texts)
        return Tokens(inputs, _lengths(inputs), labels, weights)
    n, width = len(examples), network.text.max_tokens
    inputs = tuple(_zeros_on_disk((n, width), folder) for _ in network.embedder.inputs)
    lengths = np.zeros(n, np.int32)
    for start in range(0, n, _TOGETHER):
        parts = network.token_ids(examples.texts[start : start + _TOGETHER])
        rows = slice(start, start + len(parts[0]))
        lengths[rows] = _lengths(parts)
        for array, part in zip(inputs, parts, strict=True):
            array[rows, : part.shape[1]] = part
    return Tokens(inputs, lengths, labels, weights)


def _lengths(inputs: tuple[NDArray[np.int32], ...]) -> NDArray[np.int32]:
    return (inputs[0] != PADDING).sum(axis=1, dtype=np.int32)


def _zeros_on_disk(shape: tuple[int, int], folder: Path | None) -> NDArray[np.int32]:
    """Zeros in a file that is read and written like an array; in memory where it finds no place."""
    block = np.zeros((_TOGETHER, shape[1]), np.int32)
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            # Written, not only reserved: a disk that is full says so here, and not in between.
            for start in range(0, shape[0], _TOGETHER):
                block[: shape[0] - start].tofile(file)
            return np.memmap(file, np.int32, "r+", shape=shape)
    except OSError as error:
        logger.warning(
            "training: keeps its texts in memory, there is no place on the disk: %s (%s)",
            error.strerror,
            folder or tempfile.gettempdir(),
        )
        return np.zeros(shape, np.int32)
