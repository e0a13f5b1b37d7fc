"""Headlines and options of small studies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import make_headlines, small_overrides
from mlflow import MlflowClient

from pipeline.classifier.encoders import MeanOptions
from pipeline.data.headlines import Headlines, load_headlines
from pipeline.embedding.options import VectorsOptions
from pipeline.studies.trials import Shared, prepare_trials
from pipeline.training.options import PhaseOptions, TrainingOptions


@pytest.fixture(scope="session")
def headlines() -> Headlines:
    return load_headlines(*make_headlines(40))


@pytest.fixture(scope="session")
def schedule() -> TrainingOptions:
    return TrainingOptions(
        frozen=PhaseOptions(3), fine_tuned=PhaseOptions(2), scratch=PhaseOptions(4)
    )


@pytest.fixture(scope="session")
def glove(small: dict[str, Path]) -> VectorsOptions:
    return VectorsOptions(source="file", path=str(small["vectors"]))


@pytest.fixture(scope="session")
def shared(headlines: Headlines, glove: VectorsOptions, schedule: TrainingOptions) -> Shared:
    return prepare_trials(headlines, glove, MeanOptions(), schedule)


@pytest.fixture
def overrides(small: dict[str, Path], store: str) -> list[str]:
    """Of the command line: a study takes some seconds."""
    return small_overrides(
        small,
        store,
        "training.fine_tuned.epochs=2",
        "training.scratch.epochs=4",
        "model.ngrams=false",
    )


@pytest.fixture
def runs(store: str) -> Callable[[str], list[Any]]:
    """The runs of the store that a filter in MLflow's language lets through, first one first."""
    client = MlflowClient(store)

    def search(query: str = "") -> list[Any]:
        names = [e.experiment_id for e in client.search_experiments() if e.name == "headlines"]
        return client.search_runs(names, query, order_by=["start_time"]) if names else []

    return search


@pytest.fixture
def children(runs: Callable[[str], list[Any]]) -> Callable[[str], list[Any]]:
    """The runs below a run that are results, and no lines of a chart."""
    return lambda run_id: runs(f"tags.mlflow.parentRunId = '{run_id}' and tags.kind = 'result'")
