"""What is known of the embedding after each phase, and the file that keeps it."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drift_builders import UNSEEN, examples, trained_for_report

from pipeline.embedding.matrix import FIRST_WORD
from pipeline.insight.embedding_report import EmbeddingReport, report_embedding


@pytest.fixture(scope="module")
def reports() -> list[EmbeddingReport]:
    """The reports of each method, for one seed."""
    reports: list[EmbeddingReport] = []
    for scratch in (True, False):
        network, matrix, history = trained_for_report(0, scratch=scratch)
        before = network.get_weights()
        words = ["alps", UNSEEN]
        new = report_embedding(network, matrix, history, examples(), examples(), words=words)
        for weights, after in zip(before, network.get_weights(), strict=True):
            np.testing.assert_array_equal(weights, after)  # the network has its own weights again
        for phase, report in zip(history.phases, new, strict=True):
            counts = report.drift.counts.sum(axis=1)
            after = phase.weights[0][FIRST_WORD:][np.argsort(-counts, kind="stable")]
            np.testing.assert_array_equal(report.drift.after, after)
        reports += new
    return reports


def same(first: Any, second: Any) -> bool:
    assert type(first) is type(second)
    if is_dataclass(first):
        return all(same(getattr(first, f.name), getattr(second, f.name)) for f in fields(first))
    if isinstance(first, np.ndarray):
        return first.dtype == second.dtype and np.array_equal(first, second)
    if isinstance(first, tuple):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[k], second[k]) for k in first)
    return first == second or (first != first and second != second)  # NaN is the same


def test_each_phase_is_measured_with_its_own_weights(reports: list[EmbeddingReport]) -> None:
    assert [report.method for report in reports] == ["scratch", "frozen", "fine_tuned"]
    scratch, frozen, tuned = reports
    assert not frozen.drift.moved
    assert tuned.drift.moved
    assert scratch.drift.moved
    np.testing.assert_array_equal(frozen.drift.after, tuned.drift.before)
    # Tiger and cat, cup and coffee.
    assert 2 <= frozen.similarity["wordsim353"].pairs_known < 10
    assert frozen.probes.reference[1].unseen == scratch.probes.reference[1].unseen
    assert UNSEEN in scratch.probes.reference[1].unknown
    assert UNSEEN not in frozen.probes.reference[1].unknown
    assert scratch.drift.neighbours[0].word == "alps"
    assert {UNSEEN} == {near.word for near in frozen.drift.neighbours if not near.trained}


def test_it_is_kept_in_a_file(reports: list[EmbeddingReport], tmp_path: Path) -> None:
    for report, following in pairwise(reports):
        report.save(tmp_path / "report.npz")
        again = EmbeddingReport.load(tmp_path / "report.npz")
        assert same(report, again)
        assert not same(following, again)
