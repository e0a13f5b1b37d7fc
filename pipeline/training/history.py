"""What a training showed: epochs, phases, and which phase was best."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Epoch:
    """What one epoch showed. Losses are mean cross-entropies in nats, accuracies are fractions.

    `number`: from 1, in its phase. `planned`: how many epochs the phase has if nothing ends it
    early. Where texts have weights, the losses count by them, and the accuracies count each text
    once. `score`: what decides (`training.select`), by the weights; None: the validation accuracy.
    `earlier`: whether it was trained before the training was cut off and went on.
    """

    phase: str
    number: int
    planned: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    earlier: bool = field(default=False, compare=False)
    score: float | None = None

    def better_than(self, epoch: Epoch | None) -> bool:
        """A higher score, or the same with a lower validation loss."""
        return epoch is None or self._result > epoch._result

    @property
    def _result(self) -> tuple[float, float]:
        return self.val_accuracy if self.score is None else self.score, -self.val_loss


@dataclass(frozen=True, eq=False)
class Phase:
    """A finished phase.

    `best`: the epoch with the best validation result. `weights`: the arrays of
    `Network.get_weights()` after that epoch. `seconds`: time taken.
    """

    name: str
    epochs: tuple[Epoch, ...]
    best: Epoch
    weights: tuple[NDArray[np.float32], ...]
    seconds: float


@dataclass(frozen=True, eq=False)
class History:
    """The phases in order. The network has kept the weights of the `best` one."""

    phases: tuple[Phase, ...]

    @property
    def best(self) -> Phase:
        """The phase with the best validation result; of equal ones the earlier."""
        best = self.phases[0]
        for phase in self.phases[1:]:
            if phase.best.better_than(best.best):
                best = phase
        return best

    @property
    def epochs(self) -> tuple[Epoch, ...]:
        """All epochs of all phases in order."""
        return tuple(epoch for phase in self.phases for epoch in phase.epochs)
