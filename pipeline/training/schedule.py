"""In which order texts are trained on, how many a step, and how many steps a phase takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.training.options import PhaseOptions, TrainingOptions

_WINDOW = 50  # batches within which texts are sorted by length


@dataclass(frozen=True, eq=False)
class Plan:
    """The batches of an epoch. Batch i has the texts `order[starts[i] : starts[i + 1]]`.

    `order`: int32 array, (n * passes,), positions of texts. `starts`: int32 array, (n_batches +
    1,). `widths`: int32 array, (n_batches,), the tokens of the longest text of each batch, at least
    1.
    """

    order: NDArray[np.int32]
    starts: NDArray[np.int32]
    widths: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.widths)


def plan_epoch(
    lengths: NDArray[np.integer], batch_size: int, random: np.random.Generator, passes: int = 1
) -> Plan:
    """Shuffle texts into batches of like length, so that there is little padding.

    The texts are shuffled and cut into windows of 50 batches. Each window is sorted by length and
    cut into batches, and all batches are shuffled. So other texts meet in every epoch.

    `lengths`: int array (n,), tokens of each text. `passes`: how often each text is taken.
    """
    window = _WINDOW * batch_size
    batches: list[NDArray[np.integer]] = []
    for _ in range(passes):
        shuffled = random.permutation(len(lengths))
        order = np.concatenate(
            [
                part[np.argsort(lengths[part], kind="stable")]
                for part in np.split(shuffled, range(window, len(shuffled), window))
            ]
        )
        sorted_batches = np.split(order, range(batch_size, len(order), batch_size))
        batches += [sorted_batches[i] for i in random.permutation(len(sorted_batches))]
    return _plan(batches, lengths)


def plan_by_length(lengths: NDArray[np.integer], batch_size: int) -> Plan:
    """All texts from the shortest to the longest. `lengths`: int array (n,)."""
    order = np.argsort(lengths, kind="stable")
    return _plan(np.split(order, range(batch_size, len(order), batch_size)), lengths)


def _plan(batches: list[NDArray[np.integer]], lengths: NDArray[np.integer]) -> Plan:
    return Plan(
        np.concatenate(batches).astype(np.int32),
        np.cumsum([0, *map(len, batches)]).astype(np.int32),
        np.array([max(lengths[batch].max(initial=1), 1) for batch in batches], np.int32),
    )


# What `auto` stands for, measured on the validation headlines of BBC News and Stop Clickbait. Few
# texts need small batches, and some hundred steps whatever their number. Many texts need few
# epochs. Above 100,000 texts nothing was measured; large batches save time there.
_SMALL, _LARGE = 1_000, 100_000  # texts
_BATCHES = {"small": 16, "middle": 32, "large": 128}
_STEPS = {"frozen": 300, "fine_tuned": 300, "scratch": 1_000}  # at least, in a phase
_PASSES = {"frozen": 2, "fine_tuned": 5, "scratch": 8}  # over all texts, at least, in a phase
_EPOCHS = 8  # at most; with few texts an epoch takes several passes


@dataclass(frozen=True)
class Schedule:
    """How a phase goes through the texts.

    `batch_size`: texts a step. `epochs`: after each of them the validation texts are scored.
    `passes`: how often an epoch takes every text.
    """

    batch_size: int
    epochs: int
    passes: int


def schedule_for(n: int, name: str, phase: PhaseOptions, options: TrainingOptions) -> Schedule:
    """The schedule of the phase `name` for `n` training texts."""
    size = "small" if n < _SMALL else "middle" if n < _LARGE else "large"
    batch_size = _BATCHES[size] if options.batch_size == "auto" else options.batch_size
    if phase.epochs != "auto":
        return Schedule(batch_size, phase.epochs, passes=1)
    passes = max(_PASSES[name], -(-_STEPS[name] // -(-n // batch_size)))
    epochs = min(passes, _EPOCHS)
    return Schedule(batch_size, epochs, -(-passes // epochs))
