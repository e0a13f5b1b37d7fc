"""The folder of a saved case base: a file with the cases, and one with the model where they hold it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from pipeline.base.archive import load_archive, save_archive
from pipeline.base.errors import ConfigError, DataError, ModelError
from pipeline.base.files import atomic_write, digest
from pipeline.base.options import check_options
from pipeline.classifier.encoders import ModelOptions
from pipeline.classifier.options import EncoderOptions

if TYPE_CHECKING:
    from pipeline.classifier.network import Network

FILE = "cases.npz"


@dataclass(frozen=True, eq=False)
class Saved:
    """What is kept of a case base. `pairs`: text and label of each case; `ids`: int64 array, (n,);
    `vectors`: float32 array, (n, width). `model`: the file with the model, or Path()."""

    k: int
    name: str
    next_id: int
    first_new: int
    pairs: Sequence[tuple[str, str]]
    ids: NDArray[np.int64]
    vectors: NDArray[np.float32]
    model: Path = Path()
    options: EncoderOptions | None = None


def write(folder: Path, saved: Saved, classifier: Network | None = None) -> None:
    """Replace what the folder holds; that stays whole until all is written.

    `classifier`: the model that goes with the cases, where it is in memory; else `saved.model` is
    taken along. Raises DataError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        model = _write_model(folder, classifier) if classifier else saved.model.name
        if model and not (folder / model).exists():
            with atomic_write(folder / model) as part:
                shutil.copy(saved.model, part)
        content = {
            "k": saved.k,
            "name": saved.name,
            "next_id": saved.next_id,
            "first_new": saved.first_new,
            "model": model,
            "options": asdict(options)
            if (options := classifier.options if classifier else saved.options)
            else None,
            "pairs": saved.pairs,
            "ids": saved.ids,
            "vectors": saved.vectors,
        }
        save_archive(folder / FILE, content)
        for other in folder.glob("model-*.keras"):
            if other.name != model:
                other.unlink()
    except OSError as error:
        raise DataError(f"{folder}: could not save the cases: {error.strerror}") from error


def read(folder: Path) -> Saved:
    """What `write` wrote. Raises DataError: there is nothing to be read, or it is damaged."""
    file = folder / FILE
    if not os.access(file, os.R_OK):
        raise DataError(f"expected a folder with a case base, there is no {file} to be read")
    try:
        values = load_archive(file)
        ids, vectors = values["ids"], values["vectors"]
        model = folder / values["model"] if values["model"] else Path()
        pairs = [(str(text), str(label)) for text, label in values["pairs"]]
        options = values["options"]
        if options is not None:
            options = check_options(TypeAdapter(ModelOptions), options)
        numbers = [int(values[name]) for name in ("k", "next_id", "first_new")]
        fit = len(pairs) == len(ids) == len(np.unique(ids)) == len(vectors) and vectors.ndim == 2
        if not fit or max(ids, default=-1) >= numbers[1] or not np.isfinite(vectors).all():
            raise ValueError("cases, ids and vectors that do not fit")
    except (OSError, LookupError, ValueError, TypeError, ConfigError) as error:
        raise DataError(
            f"{file}: expected a case base as CaseBase.save writes it, the file is damaged: put back a "
            "copy, or add the cases again in another folder"
        ) from error
    k, next_id, first_new = numbers
    return Saved(k, str(values["name"]), next_id, first_new, pairs, ids, vectors, model, options)


def _write_model(folder: Path, classifier: Network) -> str:
    """The name of its file, which follows from its weights: the cases' file names the right one."""
    weights = [variable.numpy() for variable in classifier.model.weights]
    name = f"model-{digest(*weights)[:16]}.keras"
    if not (folder / name).exists():
        with atomic_write(folder / name) as part:
            classifier.model.save(part)
    return name


def read_model(file: Path, options: EncoderOptions) -> Network:
    """The classifier that `write` wrote. Raises ModelError: it is missing or damaged."""
    import keras

    from pipeline.classifier.network import Network

    try:
        return Network(keras.saving.load_model(file), options)
    except Exception as error:  # of whatever a damaged file makes Keras do
        raise ModelError(
            f"{file}: expected the model that CaseBase.save wrote, it is missing or damaged: put back "
            "a copy, or add the cases again in another folder"
        ) from error
