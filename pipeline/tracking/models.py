"""Trained models are read back: by a registered name, an address, or a folder.

A folder is read without MLflow, which takes seconds to import. So this file imports nothing of it.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from pipeline.base.errors import ModelError, TrackingError
from pipeline.base.files import file_digest
from pipeline.base.imports import quick_imports
from pipeline.portable import PortableClassifier, load_classifier
from pipeline.portable.answers import answer
from pipeline.portable.folder import SUMS

if TYPE_CHECKING:
    from pipeline.tracking.foreign import ForeignModel

Result = TypeVar("Result")

_RUN_ID = re.compile("[0-9a-f]{32}")

CLASSIFIER = "classifier"
"""The name of the classifier's folder among the data of a logged model."""


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A trained classifier in memory. Nothing of its folder was executed.

    `address`: what gives this version of it again, as in `models:/headlines-bbc/3`; `id`: the same
    wherever it lies, that of MLflow for a logged model.
    """

    address: str
    id: str
    classifier: PortableClassifier

    def predict(self, texts: Sequence[str], **params: Any) -> list[dict[str, Any]]:
        """One row for each text. `params`, and what a row has: see `pipeline.portable.answers`."""
        return answer(self.classifier, texts, **params)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The representation of texts before the last layer: float32 array, (len(texts), width)."""
        return self.classifier.embed(texts)


@dataclass(frozen=True)
class ModelFolder:
    """Where the files of a model are.

    `address`, `id`: as in `LoadedModel`. `classifier`: the folder of the classifier; None: this
    package did not write the model, or an earlier version did. `run_id`: the run that logged it.
    """

    path: Path
    address: str
    id: str
    classifier: Path | None
    run_id: str | None = None


def is_run_id(name: str) -> bool:
    """Whether a name looks like the ID of a run of MLflow."""
    return bool(_RUN_ID.fullmatch(name))


@contextmanager
def find_model(model: str | None = None, uri: str | None = None) -> Iterator[ModelFolder]:
    """The files of a model, which stay until the block ends.

    Args:
        model: a registered name (its champion), `models:/NAME@ALIAS`, `models:/NAME/VERSION`,
            `runs:/ID/model`, or a local folder of MLflow or of `pipeline export`. None: the only
            registered model of the store.
        uri: the address of the store, as for `tracking_uri`.

    Raises:
        ModelError: there is no such model; TrackingError: the store does not answer.
    """
    if model and Path(model).is_dir():
        yield _describe(Path(model), model)
        return
    if model and (Path(model).suffix or "/" in model) and Path(model).is_file():
        raise ModelError(
            f"{model}: expected a folder with a model, got a file: name the folder; unpack an "
            "archive first"
        )
    if model is not None and ":/" not in model and "/" in model:
        raise ModelError(
            f"{model}: expected a folder with a model, there is none: name a registered model, or "
            "a folder that `pipeline export` or MLflow wrote"
        )
    with quick_imports():
        from pipeline.tracking.addresses import fetched_model, find_address

        address = find_address(model, uri)  # the store imports as much again
    with fetched_model(address) as folder:
        yield _describe(folder, address)


@overload
def load_model(
    model: str | None = None, uri: str | None = None, *, trust: Literal[False] = False
) -> LoadedModel: ...


@overload
def load_model(
    model: str | None = None, uri: str | None = None, *, trust: bool
) -> LoadedModel | ForeignModel: ...


def load_model(
    model: str | None = None, uri: str | None = None, *, trust: bool = False
) -> LoadedModel | ForeignModel:
    """Load a trained model.

    `model`, `uri`: as for `find_model`. `trust`: also load a model that this package did not write.
    Its code runs then.

    Raises ModelError: there is no such model, it is damaged, or this package did not write it;
    TrackingError: the store does not answer.
    """
    with find_model(model, uri) as source:
        if source.classifier is not None:
            return LoadedModel(source.address, source.id, load_classifier(source.classifier))
        if not trust:
            raise foreign_error(source.address)
        from pipeline.tracking.foreign import load_foreign

        return load_foreign(source)


def load_lean(model: str | None = None, uri: str | None = None) -> LoadedModel:
    """Load a trained model as `load_model` does, and keep nothing of MLflow in this process.

    MLflow takes 170 MB. So another process asks it, and gives back a copy of the folder.
    """
    if model and Path(model).is_dir():
        return load_model(model, uri)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, CLASSIFIER)
        address, identity = run_apart(copy_classifier, copy, model, uri)
        return LoadedModel(address, identity, load_classifier(copy))


def run_apart(function: Callable[..., Result], *args: Any) -> Result:
    """Call a function of a module in another process, which ends then. Its errors come through.

    Raises TrackingError: the process was killed.
    """
    from multiprocessing import get_context

    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send_answer, args=(sender, function, args), daemon=True)
    with receiver:
        process.start()
        sender.close()
        try:
            result, error = receiver.recv()
        except EOFError:
            process.join()
            raise TrackingError(
                f"the process that asks MLflow ended with code {process.exitcode}: is there enough "
                "memory?"
            ) from None
        finally:
            process.kill()  # with MLflow loaded, it would take half a second to end
            process.join()
    if error is not None:
        raise error
    return result


def _send_answer(sender: Any, function: Callable[..., Any], args: Any) -> None:
    answer: tuple[Any, BaseException | None]
    try:
        answer = function(*args), None
    except BaseException as error:  # noqa: BLE001, raised again by who asked
        answer = None, error
    with suppress(BrokenPipeError):  # who asked was killed
        sender.send(answer)


def copy_classifier(folder: Path, model: str | None, uri: str | None) -> tuple[str, str]:
    """Copy the classifier of a model to a folder, and return its address and id.

    `model`, `uri`, and errors: as for `load_model`.
    """
    with find_model(model, uri) as source:
        if source.classifier is None:
            raise foreign_error(source.address)
        shutil.copytree(source.classifier, folder)
        return source.address, source.id


def read_facts(source: ModelFolder) -> dict[str, Any]:
    """What a README tells of a model, beside what its folder says: its address, and how good it
    is."""
    facts: dict[str, Any] = {"model": source.address}
    if source.run_id and str(source.path) != source.address:  # the store was asked already
        from pipeline.tracking.addresses import run_metrics

        if metrics := run_metrics(source.run_id):
            facts["metrics"] = metrics
    return facts


def foreign_error(address: str) -> ModelError:
    """A model is code, and not only data."""
    return ModelError(
        f"{address}: expected a model that this version of `pipeline train` logged, it is another: "
        "train again; if you trust whoever made it, `pipeline predict --trust` runs its code"
    )


def _describe(folder: Path, address: str) -> ModelFolder:
    if not (folder / "MLmodel").is_file():
        sums = folder / SUMS
        identity = f"c-{file_digest(sums)[:32]}" if sums.is_file() else ""
        return ModelFolder(folder, address, identity, folder)
    import yaml

    try:
        content = yaml.safe_load((folder / "MLmodel").read_text("utf-8"))
        identity, run_id = str(content["model_uuid"]), content.get("run_id")
    except (OSError, ValueError, LookupError, TypeError, yaml.YAMLError) as error:
        raise ModelError(
            f"could not load the model {address}: its file MLmodel is damaged: put back a copy, or "
            "name another with --model"
        ) from error
    classifier = folder / "data" / CLASSIFIER
    portable = classifier if classifier.is_dir() else None
    return ModelFolder(folder, address, identity, portable, run_id)
