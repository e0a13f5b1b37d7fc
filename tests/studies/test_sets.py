"""What sets of vectors are worth to a classifier: `pipeline vectors compare --train`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from builders import all_words, write_glove
from mlflow import MlflowClient

from pipeline.base.errors import DataError, VectorsError
from pipeline.classifier.encoders import MeanOptions
from pipeline.data.headlines import Headlines
from pipeline.embedding.options import (
    CorpusOptions,
    JoinedOptions,
    OwnTextOptions,
    VectorsOptions,
)
from pipeline.studies.sets import SetComparison, compare_sets
from pipeline.studies.study import OnTrial
from pipeline.tracking.options import TrackingOptions
from pipeline.training.options import PhaseOptions, TrainingOptions

Runs = Callable[[str], list[Any]]
ONE_EPOCH = TrainingOptions(frozen=PhaseOptions(1), fine_tuned=PhaseOptions(1))


def compared(
    headlines: Headlines,
    sets: Mapping[str, VectorsOptions],
    store: str,
    on_trial: OnTrial | None = None,
    **options: Any,
) -> SetComparison:
    return compare_sets(
        headlines, sets, model=MeanOptions(ngrams=False), training=ONE_EPOCH,
        tracking=TrackingOptions(uri=store), on_trial=on_trial, **options,
    )  # fmt: skip


def test_one_run_with_a_run_below_it_for_each_set_and_seed_goes_on(
    headlines: Headlines, glove: VectorsOptions, store: str, runs: Runs, children: Runs,
    tmp_path: Path,
) -> None:  # fmt: skip
    write_glove(tmp_path / "other.txt", all_words(), size=4, seed=1)
    path = str(tmp_path / "other.txt")
    sets = {
        "glove": glove,
        f"{path}+glove": JoinedOptions(sets=(path, str(glove.path)), extra_words=0),
    }
    sentences: list[str] = []

    def fail_once(number: int, total: int, sentence: str) -> None:
        sentences.append(f"{number} of {total}: {sentence}")
        if len(sentences) == 3:
            raise DataError("half-way")

    with pytest.raises(DataError, match="half-way"):
        compared(headlines, sets, store, fail_once, seeds=(3, 5))
    (parent,) = runs("attributes.run_name LIKE 'sets-%'")
    assert parent.info.status == "FAILED"
    before = {run.info.run_id: run for run in children(parent.info.run_id)}
    assert len(before) == 3

    result = compared(headlines, sets, store, fail_once, seeds=(3, 5))
    assert result.run_id == parent.info.run_id
    assert [sentence.split(":")[0] for sentence in sentences[3:]] == [
        f"{n} of 4" for n in (1, 2, 3, 4)
    ]
    # What was finished is read, and not done again.
    assert sentences[3:6] == sentences[:3]
    below = {run.info.run_id: run for run in children(result.run_id)}
    assert {run.info.run_name for run in below.values()} == {
        f"{name}-{seed}" for name in sets for seed in (3, 5)
    }
    for run_id, run in before.items():
        assert below[run_id].info.end_time == run.info.end_time
    assert [(outcome.name, outcome.seed) for outcome in result.outcomes] == [
        (name, seed) for name in sets for seed in (3, 5)
    ]
    by_name = {run.info.run_name: run.data.metrics for run in below.values()}
    for outcome in result.outcomes:
        assert list(outcome.accuracies) == [
            f"{method} {split}"
            for method in ("frozen", "fine_tuned", "ensemble")
            for split in ("validation", "test")
        ]
        metrics = by_name[f"{outcome.name}-{outcome.seed}"]
        assert metrics["test/accuracy/ensemble"] == outcome.accuracies["ensemble test"]

    client = MlflowClient(store)
    params = client.get_run(result.run_id).data.params
    assert [params[f"vectors.set_{number}.name"] for number in (1, 2)] == [*sets]
    table = pd.read_csv(client.download_artifacts(result.run_id, "tables/sets.csv"))
    assert table["set"].tolist() == [name for name in sets for _ in range(2)]


def test_no_vectors_are_trained_on_validation_or_test_headlines(
    headlines: Headlines, store: str, runs: Runs, tmp_path: Path
) -> None:
    pytest.importorskip("gensim")
    path = tmp_path / "text.txt"
    held_out = [*headlines.texts("validation"), *headlines.texts("test")]
    path.write_text("\n".join(held_out))
    own = OwnTextOptions(path=str(path), vector_size=4, epochs=1)
    sets = {
        "corpus": CorpusOptions(path=own.path, vector_size=4, epochs=1),
        "joined": JoinedOptions(sets=("corpus", "corpus:cbow"), corpus=own),
    }
    for name, options in sets.items():
        with pytest.raises(DataError, match="had none to train on"):
            compared(headlines, {name: options}, store, seeds=1)
    assert {run.info.status for run in runs("")} == {"FAILED"}
    # With other text beside it, they are.
    path.write_text("\n".join([*held_out, *headlines.texts("train")] * 2))
    result = compared(headlines, {"corpus": sets["corpus"]}, store, seeds=1)
    assert [outcome.name for outcome in result.outcomes] == ["corpus"]


def test_a_set_that_knows_too_few_words_is_refused(
    headlines: Headlines, store: str, tmp_path: Path
) -> None:
    write_glove(tmp_path / "other.txt", ["зима", "the"])
    sets = {"other": VectorsOptions(source="file", path=str(tmp_path / "other.txt"))}
    with pytest.raises(VectorsError, match=r"min_coverage"):
        compared(headlines, sets, store, seeds=1)
