"""In which order, and how many at a time, headlines are trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.training.options import PhaseOptions, TrainingOptions

_WINDOW = 50  # batches within which headlines are sorted by length


@dataclass(frozen=True, eq=False)
class Plan:
    """An epoch. Batch i takes the headlines `order[starts[i] : starts[i + 1]]`, of which the
    longest has `widths[i]` tokens. int32 arrays, (n x passes,), (n_batches + 1,) and (n_batches,)."""

    order: NDArray[np.int32]
    starts: NDArray[np.int32]
    widths: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.widths)


def plan_epoch(
    lengths: NDArray[np.integer], batch_size: int, random: np.random.Generator, passes: int = 1
) -> Plan:
    """Shuffle, and put headlines of like length together, so that there is little padding.

    `lengths`: tokens of each headline, (n,). Each is taken `passes` times. Sorted are stretches of 50 batches of the shuffled
    headlines, and then the batches are shuffled: which headlines meet, and when, differs from
    epoch to epoch.
    """
    stretch = _WINDOW * batch_size
    batches: list[NDArray[np.integer]] = []
    for _ in range(passes):
        shuffled = random.permutation(len(lengths))
        order = np.concatenate(
            [
                part[np.argsort(lengths[part], kind="stable")]
                for part in np.split(shuffled, range(stretch, len(shuffled), stretch))
            ]
        )
        of_pass = np.split(order, range(batch_size, len(order), batch_size))
        batches += [of_pass[i] for i in random.permutation(len(of_pass))]
    return _plan(batches, lengths)


def plan_by_length(lengths: NDArray[np.integer], batch_size: int) -> Plan:
    """All headlines from the shortest to the longest."""
    order = np.argsort(lengths, kind="stable")
    return _plan(np.split(order, range(batch_size, len(order), batch_size)), lengths)


def _plan(batches: list[NDArray[np.integer]], lengths: NDArray[np.integer]) -> Plan:
    return Plan(
        np.concatenate(batches).astype(np.int32),
        np.cumsum([0, *map(len, batches)]).astype(np.int32),
        np.array([max(lengths[batch].max(initial=1), 1) for batch in batches], np.int32),
    )


# What `auto` stands for. Measured on the validation headlines of BBC News and Stop Clickbait:
# few headlines need small batches and some hundred steps whatever their number, many need few
# epochs. Beyond 100,000 headlines it is a matter of time, not measured.
_SMALL, _LARGE = 1_000, 100_000  # headlines
_BATCHES = {"small": 16, "middle": 32, "large": 128}
_STEPS = {"frozen": 300, "fine_tuned": 300, "scratch": 1_000}  # at least, in a phase
_PASSES = {"frozen": 2, "fine_tuned": 5, "scratch": 8}  # over all headlines, at least, in a phase
_EPOCHS = 8  # at most: of few headlines, an epoch takes several passes


@dataclass(frozen=True)
class Schedule:
    """How a phase goes through the headlines: `epochs`, after each of which the validation
    headlines are looked at, of `passes` over all of them, `batch_size` a step."""

    batch_size: int
    epochs: int
    passes: int


def schedule_for(n: int, name: str, phase: PhaseOptions, config: TrainingOptions) -> Schedule:
    """The schedule of the phase called `name` for `n` training headlines."""
    size = "small" if n < _SMALL else "middle" if n < _LARGE else "large"
    batch_size = _BATCHES[size] if config.batch_size == "auto" else config.batch_size
    if phase.epochs != "auto":
        return Schedule(batch_size, phase.epochs, passes=1)
    passes = max(_PASSES[name], -(-_STEPS[name] // -(-n // batch_size)))
    epochs = min(passes, _EPOCHS)
    return Schedule(batch_size, epochs, -(-passes // epochs))
