"""The folder of a saved case base: a file with the cases, and one with their network."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from pipeline.base.archive import load_archive, save_archive
from pipeline.base.errors import ConfigError, DataError, ModelError
from pipeline.base.files import atomic_write, digest
from pipeline.base.options import check_options
from pipeline.cases.case import Case
from pipeline.classifier.encoders import ModelOptions
from pipeline.classifier.options import EncoderOptions

if TYPE_CHECKING:
    from pipeline.classifier.network import Network

FILE = "cases.npz"
_NETWORK_FILE = re.compile(r"model-[0-9a-f]{16}\.keras")


@dataclass(frozen=True)
class StoredNetwork:
    """A network in a file. `options`: those that it was built with."""

    file: Path
    options: EncoderOptions

    def load(self) -> Network:
        """Read the network. Raises ModelError: the file is missing or damaged."""
        import keras

        from pipeline.classifier.network import Network

        damaged = ModelError(
            f"{self.file}: expected the model that CaseBase.save wrote, it is missing or damaged: "
            "put back a copy, or add the cases again in another folder"
        )
        try:
            network = Network(keras.saving.load_model(self.file, safe_mode=True), self.options)
        except Exception as error:  # a damaged file makes Keras raise errors of many types
            raise damaged from error
        if self.file.name != _file_name(network):
            raise damaged
        return network


@dataclass(frozen=True, eq=False)
class SavedCases:
    """What is kept of a case base.

    `k`: how many neighbours vote. `name`: the name of the model. `address`: how people call it, or
    empty. `next_id`: the id of the next case.
    `first_new`: the model was not trained on cases from this id on. `cases`: the cases, oldest
    first. `vectors`: float32 array, (n_cases, width). `network`: where the folder holds the model.
    """

    k: int
    name: str
    next_id: int
    first_new: int
    cases: Sequence[Case]
    vectors: NDArray[np.float32]
    network: StoredNetwork | None = None
    address: str = ""


@contextmanager
def changing(folder: Path, new: bool = False) -> Iterator[None]:
    """Let no other process change the folder meanwhile. `new`: make the folder where there is none.

    Raises DataError: there is no such folder, or it cannot be written.
    """
    from filelock import FileLock

    if not new and not folder.is_dir():
        raise DataError(f"expected a folder with a case base, there is none at {folder}")
    lock = FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise DataError(
            f"{folder}: expected a folder to keep cases in: {error.strerror}"
        ) from error
    try:
        yield
    finally:
        lock.release()


def write_cases(folder: Path, saved: SavedCases, network: Network | None = None) -> None:
    """Replace what the folder holds. The old content stays whole until all is written.

    `network`: the network of the cases where it is in memory; else `saved.network` is copied.
    Raises DataError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        name, options = "", None
        if network is not None:
            name, options = _write_network(folder, network), network.options
        elif saved.network is not None:
            name, options = saved.network.file.name, saved.network.options
            if not (folder / name).exists():
                with atomic_write(folder / name) as part:
                    shutil.copy(saved.network.file, part)
        content = {
            "k": saved.k,
            "name": saved.name,
            "address": saved.address,
            "next_id": saved.next_id,
            "first_new": saved.first_new,
            "model": name,
            "options": None if options is None else asdict(options),
            "pairs": [(case.text, case.label) for case in saved.cases],
            "ids": np.array([case.id for case in saved.cases], np.int64),
            "vectors": saved.vectors,
        }
        save_archive(folder / FILE, content)
        for file in folder.glob("model-*.keras"):
            if file.name != name:
                file.unlink()
    except OSError as error:
        raise DataError(f"{folder}: could not save the cases: {error.strerror}") from error


def read_cases(folder: Path) -> SavedCases:
    """Read what `write_cases` wrote. Raises DataError: there is no case base, or it is damaged."""
    file = folder / FILE
    if not (file.is_file() and os.access(file, os.R_OK)):  # a pipe would never end
        raise DataError(f"expected a folder with a case base, there is no {file} to be read")
    try:
        return _parse(folder, load_archive(file))
    except (OSError, LookupError, ValueError, TypeError, ConfigError) as error:
        raise DataError(
            f"{file}: expected a case base as CaseBase.save writes it, the file is damaged: put "
            "back a copy, or add the cases again in another folder"
        ) from error


def _parse(folder: Path, content: Any) -> SavedCases:
    """Raises LookupError, ValueError, TypeError or ConfigError: the content is damaged."""
    ids, vectors = content["ids"], content["vectors"]
    cases = [
        Case(id_, str(text), str(label))
        for id_, (text, label) in zip(ids.tolist(), content["pairs"], strict=True)
    ]
    k, next_id, first_new = (int(content[name]) for name in ("k", "next_id", "first_new"))
    network = None
    if content["model"]:
        if not _NETWORK_FILE.fullmatch(content["model"]):  # it could name any file of the machine
            raise ValueError("expected the name of a file that write_cases makes")
        options = check_options(TypeAdapter(ModelOptions), content["options"])
        network = StoredNetwork(folder / content["model"], options)
    if not len(cases) == len(np.unique(ids)) == len(vectors) or vectors.ndim != 2:
        raise ValueError("expected one id and one vector for each case")
    if max(ids, default=-1) >= next_id or not np.isfinite(vectors).all():
        raise ValueError("expected ids below the next one, and finite vectors")
    name, address = str(content["name"]), str(content.get("address", ""))
    return SavedCases(k, name, next_id, first_new, cases, vectors, network, address)


def _write_network(folder: Path, network: Network) -> str:
    """Write the network, and return the name of its file.

    The name follows from the weights, so the file with the cases always names the right network.
    """
    name = _file_name(network)
    if not (folder / name).exists():
        with atomic_write(folder / name) as part:
            network.model.save(part)
    return name


def _file_name(network: Network) -> str:
    weights = [variable.numpy() for variable in network.model.weights]
    return f"model-{digest(*weights)[:16]}.keras"
