"""Texts that are kept on the disk are the texts that are kept in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from networks import TRAIN, small_matrix

from pipeline.classifier.encoders import MeanOptions
from pipeline.classifier.network import build_network
from pipeline.training.schedule import plan_epoch
from pipeline.training.tokens import tokenise


@pytest.mark.parametrize("letter_case", [False, True])
def test_on_the_disk_as_in_memory(letter_case: bool, tmp_path: Path) -> None:
    options = MeanOptions(letter_case=letter_case, max_tokens=9)
    network = build_network(small_matrix(), len(TRAIN.label_names), options)
    memory = tokenise(network, TRAIN)
    disk = tokenise(network, TRAIN, tmp_path / "new", many=len(TRAIN))
    assert isinstance(disk.inputs[0], np.memmap)
    assert not any((tmp_path / "new").iterdir())  # the file has no name
    np.testing.assert_array_equal(disk.lengths, memory.lengths)
    plan = plan_epoch(memory.lengths, 16, np.random.default_rng(0))
    for start, end in ((0, 3), (3, len(plan))):
        batches = zip(disk.batches(plan, start, end), memory.batches(plan, start, end), strict=True)
        for of_disk, of_memory in batches:
            np.testing.assert_array_equal(of_disk, of_memory)
            assert of_disk.dtype == of_memory.dtype == np.int32


def test_batches_have_the_texts_of_the_plan() -> None:
    tokens = tokenise(build_network(small_matrix(), len(TRAIN.label_names), MeanOptions()), TRAIN)
    plan = plan_epoch(tokens.lengths, 16, np.random.default_rng(0))
    ids, labels = tokens.batches(plan, 2, 4)
    rows = plan.order[plan.starts[2] : plan.starts[4]]
    assert ids.shape == (len(rows), max(plan.widths[2:4]))
    np.testing.assert_array_equal(labels, np.array(TRAIN.labels)[rows])
    np.testing.assert_array_equal(ids, tokens.inputs[0][rows, : ids.shape[1]])


def test_without_a_place_on_the_disk_they_stay_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    network = build_network(small_matrix(), len(TRAIN.label_names), MeanOptions())
    tokens = tokenise(network, TRAIN, tmp_path / "file", many=1)
    assert not isinstance(tokens.inputs[0], np.memmap)
    np.testing.assert_array_equal(tokens.lengths, tokenise(network, TRAIN).lengths)
    assert "keeps its texts in memory" in caplog.text
