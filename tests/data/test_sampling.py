"""Samples of examples and of positions."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from builders import make_headlines

from pipeline.data.examples import Examples
from pipeline.data.sampling import sample_examples, sample_positions


@pytest.fixture(scope="module")
def examples() -> Examples:
    texts, labels = make_headlines(40)
    names = sorted(set(labels))
    return Examples(texts, [names.index(label) for label in labels], tuple(names))


@pytest.mark.parametrize("n", [3, 10, 50, 119])
def test_a_sample_is_stratified_and_in_order(examples: Examples, n: int) -> None:
    sample = sample_examples(examples, n, seed=1)
    assert len(sample) == n
    assert sample.label_names == examples.label_names
    counts = np.bincount(sample.labels, minlength=3)
    assert counts.max() - counts.min() <= 1
    positions = [examples.texts.index(text) for text in sample.texts]
    assert positions == sorted(positions)
    assert sample.labels == [examples.labels[i] for i in positions]


def test_a_smaller_sample_is_in_a_larger_one(examples: Examples) -> None:
    samples = [set(sample_examples(examples, n, seed=1).texts) for n in (6, 12, 60, 120)]
    for small, large in pairwise(samples):
        assert small < large
    assert set(sample_examples(examples, 12, seed=2).texts) != samples[1]


def test_there_are_not_more_than_all(examples: Examples) -> None:
    assert sample_examples(examples, 10_000, seed=1) == Examples(
        examples.texts, examples.labels, examples.label_names
    )


def test_a_sample_keeps_the_shares_of_rare_labels() -> None:
    labels = [0] * 900 + [1] * 100
    examples = Examples([str(i) for i in range(1000)], labels, ("common", "rare"))
    for n in (10, 20, 50, 500):
        assert sum(sample_examples(examples, n, seed=0).labels) == pytest.approx(n / 10, abs=1)


def test_the_picks_stay_the_same_from_version_to_version() -> None:
    """Results of earlier comparisons stay comparable."""
    examples = Examples([str(i) for i in range(20)], [0, 1] * 10, ("a", "b"))
    assert [sample_examples(examples, 4, seed).texts for seed in (0, 1)] == [
        ["3", "5", "8", "12"],
        ["3", "7", "8", "16"],
    ]
    assert sample_positions(1000, 5).tolist() == [269, 307, 510, 635, 847]


def test_positions() -> None:
    positions = sample_positions(120, 60)
    assert len(set(positions.tolist())) == 60
    assert (np.diff(positions) > 0).all()
    assert positions.max() < 120
    assert sample_positions(120, 60).tolist() == positions.tolist()
    assert sample_positions(120, 60, seed=1).tolist() != positions.tolist()
    assert sample_positions(3, 60).tolist() == [0, 1, 2]
