"""A trained model together with what its run says of the training: its options, results and phases.

As in `pipeline.tracking.models`, another process asks MLflow, so that nothing of it stays in this
one.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.portable import PortableClassifier, load_classifier
from pipeline.tracking.models import (
    CLASSIFIER,
    LoadedModel,
    find_model,
    foreign_error,
    load_model,
    run_apart,
)

PHASES = "phases"
"""The folder of a run that has the networks of the phases that were not kept."""


@dataclass(frozen=True, eq=False)
class TrainingRecord:
    """What a run says of the training of its model.

    `options`: those of the run, nested. `metrics`, `tags`: by their names. `digest`: how the
    SHA-256 of the training headlines begins. `phases`: by the name of a phase that was not kept,
    the network as it was then.
    """

    options: Mapping[str, Any]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    digest: str
    phases: Mapping[str, PortableClassifier]


def load_with_record(
    model: str | None = None, uri: str | None = None
) -> tuple[LoadedModel, TrainingRecord | None]:
    """Load a trained model, and what its run says. None: the model is a folder, or its run is gone.

    `model`, `uri`, and errors: as for `pipeline.tracking.models.load_model`.
    """
    if model and Path(model).is_dir():
        return load_model(model, uri), None
    with tempfile.TemporaryDirectory() as folder:
        address, identity, read = run_apart(_copy, Path(folder), model, uri)
        loaded = LoadedModel(address, identity, load_classifier(Path(folder, CLASSIFIER)))
        if not read:
            return loaded, None
        phases = read_phases(Path(folder), loaded.classifier)
        digest = read["digests"].get("training", "")
        record = TrainingRecord(read["options"], read["metrics"], read["tags"], digest, phases)
        return loaded, record


def _copy(folder: Path, model: str | None, uri: str | None) -> tuple[str, str, dict[str, Any]]:
    """Copy the classifier of a model and the phases of its run, and return its address, its id, and
    what the run says."""
    with find_model(model, uri) as source:
        if source.classifier is None:
            raise foreign_error(source.address)
        shutil.copytree(source.classifier, folder / CLASSIFIER)
        from pipeline.tracking.addresses import read_run

        read = read_run(source.run_id, PHASES, folder) if source.run_id else {}
        return source.address, source.id, read


def read_phases(folder: Path, kept: PortableClassifier) -> dict[str, PortableClassifier]:
    """The networks in the folder `PHASES` of a run, by the name of the phase.

    They lack the words that no training saw. The classifier that was `kept` has the same.
    """
    phases = {}
    for path in sorted((folder / PHASES).glob("*")):
        phase = load_classifier(path)
        network = replace(phase.network, extra=kept.network.extra)
        phases[path.name] = replace(
            phase, tokeniser=kept.tokeniser, network=network, members=(network,)
        )
    return phases
