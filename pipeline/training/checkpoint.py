"""How far a training has come, so that it can go on after it was cut off."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.base.archive import load_archive, save_archive
from pipeline.base.files import digest

_KEEP_SECONDS = 7 * 24 * 3600


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

    def remove(self) -> None:
        """Remove the file of a finished training, and files that nobody used for a week."""
        self.path.unlink(missing_ok=True)
        for file in [*self.path.parent.glob("*.npz")]:
            with suppress(FileNotFoundError):  # another process may do the same
                if time.time() - file.stat().st_mtime > _KEEP_SECONDS:
                    file.unlink()
