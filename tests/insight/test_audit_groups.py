"""Groups held out: a source that matters is said, a random one is not."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from audit_builders import random_texts, table, with_groups
from builders import make_headlines

from pipeline.data.headlines import Headlines, load_headlines
from pipeline.insight.audit import AuditBounds, audit
from pipeline.insight.audit.groups import LOST, shuffle_within_labels, stratify_folds


def by_house_style(n: int = 600) -> Headlines:
    """Each publisher marks one of its two labels by a word of its own."""
    random = np.random.default_rng(0)
    groups, labels = random.integers(0, 3, n), random.integers(0, 2, n)
    texts = [
        f"{text} house{'xyz'[group]}" if label else text
        for text, group, label in zip(random_texts(n), groups, labels, strict=True)
    ]
    return with_groups([f"paper {g}" for g in groups], texts, labels.tolist())


def test_a_source_that_matters_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        audited = audit(by_house_style())
    groups = audited.groups
    assert groups is not None
    assert groups.number == len(groups.folds) == 3
    assert groups.same_labels > 0.95
    assert groups.stratified > 0.95
    assert groups.held_out < 0.65
    assert audited.signals.alone["group"].accuracy < 0.6
    assert groups.matters()
    assert f"accuracy is {groups.held_out:.3f} on sources held out" in caplog.records[0].message
    parts = table(audited, "audit_groups")
    assert parts["groups"].tolist() == ["paper 0", "paper 1", "paper 2"]
    assert parts["headlines"].sum() == 600
    assert (parts["same_labels"] > parts["accuracy"] + 0.2).all()
    assert (parts["unlearnable"] == 0).all()


@pytest.mark.parametrize("number", [2, 30])
def test_random_groups_do_not_matter(number: int) -> None:
    bbc = load_headlines("bbc")
    texts = [text for split in bbc.splits for text in bbc.texts(split)]
    labels = [bbc.label_names[label] for split in bbc.splits for label in bbc.labels(split)]
    papers = [f"paper {g}" for g in np.random.default_rng(0).integers(0, number, len(texts))]
    audited = audit(with_groups(papers, texts, labels))
    groups = audited.groups
    assert groups is not None
    assert (groups.number, len(groups.folds)) == (number, min(number, 10))
    assert sum(fold.headlines for fold in groups.folds) == groups.headlines == len(texts)
    assert sorted(group for fold in groups.folds for group in fold.groups) == sorted(set(papers))
    assert abs(groups.same_labels - groups.held_out) < LOST * (1 - groups.majority) / 2
    assert abs(groups.stratified - groups.held_out) < 0.05
    assert not groups.matters()
    assert audited.warnings() == []


def test_sources_that_have_one_label_each() -> None:
    texts, labels = make_headlines(60, topics=2)
    audited = audit(with_groups([f"paper of {label}" for label in labels], texts, labels))
    groups = audited.groups
    assert groups is not None
    assert audited.signals.alone["group"].accuracy == 1
    assert "group" in audited.high()
    # With one of the two gone there is one label left, in either comparison.
    assert (groups.held_out, groups.same_labels) == (0, 0)
    assert [fold.unlearnable for fold in groups.folds] == [1, 1]
    assert groups.stratified > 0.9


def test_drawn_parts_have_the_sizes_and_labels_of_the_groups() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 900)
    folds = np.where(labels == 0, 0, random.integers(0, 4, 900))
    drawn = shuffle_within_labels(folds, labels, random)
    assert (drawn != folds).any()
    for label in range(3):
        assert np.array_equal(
            np.bincount(drawn[labels == label]), np.bincount(folds[labels == label])
        )
    even = stratify_folds(folds, labels, random)
    sizes = np.bincount(folds)
    assert np.array_equal(np.bincount(even), sizes)
    for label in range(3):
        expected = sizes * (labels == label).mean()
        assert np.abs(np.bincount(even[labels == label]) - expected).max() < 3


def test_many_headlines_with_groups_are_sampled() -> None:
    audited = audit(by_house_style(), bounds=AuditBounds(max_group_headlines=200))
    assert audited.groups is not None
    assert audited.groups.headlines == 200
    assert audited.samples() == ["groups are those of a random 200 headlines"]


def test_long_lists_of_groups_are_cut() -> None:
    texts, labels = make_headlines(60)
    groups = [f"author {i}" for i in range(len(texts))]
    with_many = audit(with_groups(groups, texts, labels))
    assert table(with_many, "audit_groups")["groups"][0].endswith(" and 13 more")
