"""A training that was cut off goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import tempfile
import time
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_KEPT = 7 * 24 * 3600  # seconds after which what nobody took up again is removed


@dataclass(frozen=True)
class Checkpoint:
    """One file that holds how far a training has come. It is written beside and renamed, so that
    it is whole whenever the process ends."""

    path: Path

    @classmethod
    def of(cls, folder: Path, *identity: Any) -> Checkpoint:
        """That of a training which `identity` (arrays, and values that repr shows) decides: what
        was begun with other data, options, weights or versions is never taken up."""
        digest = hashlib.sha256()
        for part in identity:
            if isinstance(part, np.ndarray):
                digest.update(f"{part.dtype}{part.shape}".encode())
                digest.update(np.ascontiguousarray(part).data)
            else:
                digest.update(repr(part).encode())
        return cls(folder / f"{digest.hexdigest()[:32]}.npz")

    def load(self) -> tuple[dict[str, Any], dict[str, list[NDArray[Any]]]] | None:
        """Values and lists of arrays, as they were saved; None where there is nothing whole."""
        try:
            with np.load(self.path, allow_pickle=False) as file:
                values = json.loads(file["values"].tobytes())
                arrays = {
                    name: [file[f"{name}/{i}"] for i in range(n)]
                    for name, n in values.pop("_lengths").items()
                }
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, pickle.PickleError):
            return None
        return values, arrays

    def save(self, values: Mapping[str, Any], arrays: Mapping[str, Sequence[Any]]) -> None:
        """Replace what was saved before. `values` must be JSON's."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lengths = {name: len(several) for name, several in arrays.items()}
        flat = {f"{name}/{i}": a for name, several in arrays.items() for i, a in enumerate(several)}
        with tempfile.NamedTemporaryFile(
            dir=self.path.parent, suffix=".part", delete=False
        ) as part:
            try:
                text = json.dumps({**values, "_lengths": lengths}).encode()
                np.savez(part, values=np.frombuffer(text, np.uint8), **flat)
                part.close()
                os.replace(part.name, self.path)
            except BaseException:
                Path(part.name).unlink(missing_ok=True)
                raise

    def remove(self) -> None:
        """Of a training that is finished; and what has been left behind for a week."""
        self.path.unlink(missing_ok=True)
        for file in _files(self.path.parent):
            with suppress(FileNotFoundError):  # another process may do the same
                if time.time() - file.stat().st_mtime > _KEPT:
                    file.unlink()


def _files(folder: Path) -> Iterable[Path]:
    return [*folder.glob("*.npz"), *folder.glob("*.part")]
