"""How far a training has come, so that it can go on after it was cut off."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.base.archive import load_archive, save_archive
from pipeline.base.files import digest
from pipeline.training.history import Epoch, Phase

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """One file with the state of a training. It is whole whenever the process ends."""

    path: Path

    @classmethod
    def for_training(cls, folder: Path, *identity: Any) -> Checkpoint:
        """The checkpoint in `folder` of the training that `identity` decides.

        `identity`: arrays, and values whose `repr` shows all that they are. Other data, options,
        weights or versions have another checkpoint.
        """
        return cls(folder / f"{digest(*identity)[:32]}.npz")

    def load(self) -> tuple[dict[str, Any], dict[str, list[NDArray[Any]]]] | None:
        """The values and lists of arrays that were saved. None: there is no whole file."""
        try:
            content = load_archive(self.path)
            return content["values"], content["arrays"]
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def save(self, values: Mapping[str, Any], arrays: Mapping[str, Sequence[Any]]) -> None:
        """Replace what was saved before. `values` must be JSON's.

        Raises OSError: the file cannot be written.
        """
        lists = {name: [np.asarray(array) for array in listed] for name, listed in arrays.items()}
        save_archive(self.path, {"values": values, "arrays": lists})


@dataclass(eq=False)
class Progress:
    """How far a training has come, and where that is kept.

    `checkpoint`: None where nothing is kept. `values`, `arrays`: what is kept of each phase, by the
    name of the phase.
    """

    checkpoint: Checkpoint | None
    on_epoch: Callable[[Epoch], None] | None
    values: dict[str, Any]
    arrays: dict[str, list[NDArray[Any]]]

    @classmethod
    def load(
        cls, checkpoint: Checkpoint | None, on_epoch: Callable[[Epoch], None] | None
    ) -> Progress:
        """What an earlier training has kept, or nothing."""
        values, arrays = (checkpoint.load() if checkpoint else None) or ({}, {})
        if values:
            logger.info("training: goes on after %s", _where(values))
        return cls(checkpoint, on_epoch, values, arrays)

    def save(self, phase: Phase, now: list[Any], optimizer: list[Any]) -> None:
        """Keep the best weights of each phase, and what it takes to go on after this epoch.

        `now`: the weights after the epoch. `optimizer`: the variables of its state.
        """
        if self.checkpoint is None:
            return
        self.values[phase.name] = {
            "epochs": [asdict(epoch) for epoch in phase.epochs],
            "seconds": phase.seconds,
        }
        self.arrays[phase.name] = list(phase.weights)
        states = [variable.numpy() for variable in optimizer]
        try:
            self.checkpoint.save(self.values, {**self.arrays, "now": now, "optimizer": states})
        except OSError as error:
            logger.warning(
                "training: goes on, but could not be taken up if it were cut off: %s (%s)",
                error.strerror,
                self.checkpoint.path.parent,
            )
            self.checkpoint = None


def _where(values: dict[str, Any]) -> str:
    name, phase = list(values.items())[-1]
    return f"epoch {len(phase['epochs'])} of {name}"
