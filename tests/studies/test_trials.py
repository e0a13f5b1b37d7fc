"""The trainings that the studies share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from builders import all_words, write_glove

from pipeline.base.errors import ConfigError, VectorsError
from pipeline.classifier.encoders import MeanOptions
from pipeline.data.headlines import Headlines, load_headlines
from pipeline.data.sampling import sample_examples
from pipeline.embedding.options import VectorsOptions
from pipeline.studies.trials import (
    SCRATCH,
    TRANSFER,
    Shared,
    Trial,
    fit_trial,
    load_once,
    prepare_trials,
)
from pipeline.training.options import PhaseOptions, TrainingOptions


def test_there_must_be_something_to_transfer(
    headlines: Headlines, glove: VectorsOptions, schedule: TrainingOptions
) -> None:
    from_scratch = replace(schedule, phases=("scratch",))
    with pytest.raises(ConfigError, match="got training=scratch: leave it out"):
        prepare_trials(headlines, glove, MeanOptions(), from_scratch)
    without = TrainingOptions(frozen=PhaseOptions(0), phases=("frozen", "scratch"))
    with pytest.raises(ConfigError, match="got training=scratch: leave it out"):
        prepare_trials(headlines, glove, MeanOptions(), without)
    random = VectorsOptions(source="random", vector_size=8)
    with pytest.raises(ConfigError, match="got vectors=random: leave it out"):
        prepare_trials(headlines, random, MeanOptions(), schedule)
    with pytest.raises(ConfigError, match=r"training\.scratch\.epochs=0: expected auto or"):
        prepare_trials(headlines, glove, MeanOptions(), replace(schedule, scratch=PhaseOptions(0)))


def test_headlines_without_a_label_ask_for_their_words(
    headlines: Headlines, tmp_path: Path
) -> None:
    path = tmp_path / "vectors.txt"
    write_glove(path, [*all_words(), "avalanche"])
    vectors = VectorsOptions(source="file", path=str(path), extra_words=0)
    assert "avalanche" not in load_once(headlines, vectors, MeanOptions())
    more = replace(headlines, unlabelled=("avalanche",))
    assert "avalanche" in load_once(more, vectors, MeanOptions())


def test_extra_words_are_the_frequent_ones_whatever_the_headlines_ask_for(
    small: dict[str, Path], headlines: Headlines, glove: VectorsOptions, schedule: TrainingOptions
) -> None:
    shared = prepare_trials(headlines, replace(glove, extra_words=5), MeanOptions(), schedule)
    frequent = [line.split()[0] for line in small["vectors"].read_text().splitlines()[:5]]
    assert list(shared.vectors.index_to_key[:5]) == frequent
    assert {"alps", "himalaya"} <= set(shared.vectors.index_to_key)
    train, validation = map(headlines.examples, ("train", "validation"))
    few = sample_examples(train, 6, seed=0)
    fitted = fit_trial(Trial(TRANSFER, 6, 0), shared, few, validation, members=False)
    extra = [word for word in frequent if word not in fitted.matrix.words]
    assert list(fitted.matrix.extra_words) == extra != []
    # The members can be left out.
    assert fitted.ensemble.network_only
    assert fitted.kept == fitted.history.best.name


def test_from_scratch_the_vectors_are_random_and_the_tokeniser_the_same(
    small: dict[str, Path], headlines: Headlines, tmp_path: Path
) -> None:
    """A set with `don't` and without `n't` decides how contractions are written."""
    texts = [f"Don't {text}" for text in headlines.texts("train")]
    negated = load_headlines(texts, [f"topic {label}" for label in headlines.labels("train")])
    path = tmp_path / "vectors.txt"
    path.write_text(f"don't {' '.join(['0.5'] * 8)}\n" + small["vectors"].read_text())
    schedule = TrainingOptions(
        frozen=PhaseOptions(1), fine_tuned=PhaseOptions(1), scratch=PhaseOptions(3)
    )
    shared = prepare_trials(
        negated, VectorsOptions(source="file", path=str(path)), MeanOptions(), schedule
    )
    train, validation = map(negated.examples, ("train", "validation"))
    scratch, transfer = (
        fit_trial(Trial(kind, len(train), 0), shared, train, validation)
        for kind in (SCRATCH, TRANSFER)
    )
    assert scratch.vocabulary == transfer.vocabulary
    assert "don't" in scratch.matrix.words
    assert scratch.matrix.weights.shape == transfer.matrix.weights.shape
    assert (scratch.matrix.coverage.tokens, transfer.matrix.coverage.tokens) == (0, 1)
    # The schedule is that of the options.
    assert [epoch.phase for epoch in scratch.history.epochs] == [SCRATCH] * 3
    assert [epoch.phase for epoch in transfer.history.epochs] == ["frozen", "fine_tuned"]
    # The linear members would know what the vectors know.
    assert scratch.kept == SCRATCH
    assert scratch.ensemble.network_only
    assert transfer.kept == "ensemble"


def test_vectors_of_other_words_are_refused(
    headlines: Headlines, schedule: TrainingOptions, tmp_path: Path
) -> None:
    write_glove(tmp_path / "other.txt", ["зима", "the"])
    vectors = VectorsOptions(source="file", path=str(tmp_path / "other.txt"))
    shared = prepare_trials(headlines, vectors, MeanOptions(), schedule)
    train, validation = map(headlines.examples, ("train", "validation"))
    with pytest.raises(VectorsError, match=r"vectors\.min_coverage"):
        fit_trial(Trial(TRANSFER, 12, 0), shared, train, validation)


def test_phases_follow_from_the_schedule(shared: Shared) -> None:
    assert shared.phases(SCRATCH) == (SCRATCH,)
    assert shared.phases(TRANSFER) == ("frozen", "fine_tuned")
    schedule = replace(shared.schedule, phases=("scratch", "fine_tuned", "frozen"))
    assert replace(shared, schedule=schedule).phases(TRANSFER) == ("fine_tuned", "frozen")
    left_out = replace(shared.schedule, frozen=PhaseOptions(0))
    assert replace(shared, schedule=left_out).phases(TRANSFER) == ("fine_tuned",)
