"""Shallow signals: a planted shortcut is high, and nothing else."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from audit_builders import overlap, plant, table

from pipeline.data.headlines import load_headlines
from pipeline.insight.audit import AuditBounds, audit

SHORTCUTS = ("letter_case", "leading_digit", "punctuation", "length", "best_word")


@pytest.mark.parametrize("shortcut", SHORTCUTS)
def test_a_planted_shortcut_is_high_alone(shortcut: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        audited = audit(plant(shortcut))
    with_it = {shortcut, "together"}
    if shortcut == "best_word":
        with_it.add("few_words")
    assert set(audited.high()) == with_it
    assert audited.signals.alone[shortcut].accuracy > 0.9
    assert audited.signals.alone[shortcut].macro_f1 > 0.9
    assert audited.closed(shortcut) > 0.8
    (line,) = [record.message for record in caplog.records]
    assert line.startswith("audit: high test accuracy from shallow signals alone: ")
    assert f"{shortcut} {audited.signals.alone[shortcut].accuracy:.3f}" in line
    rows = table(audited, "audit_signals").set_index("signal")
    assert rows.loc[shortcut, "remark"] == "high"


def test_the_table_says_what_a_signal_is() -> None:
    features = table(audit(plant("letter_case")), "audit_features").set_index("feature")
    assert features.loc["is in title case", "label 0"] == pytest.approx(0.95, abs=0.03)
    assert features.loc["is in title case", "label 1"] == 0
    assert features.loc["words with a capital", "label 0"] == pytest.approx(0.95, abs=0.03)
    assert features.loc["words", "label 1"] == pytest.approx(6.5, abs=0.3)
    words = table(audit(plant("best_word")), "audit_features").set_index("feature")
    assert words.loc["has the word 'shocking'", "signal"].tolist() == ["best_word", "few_words"]


def test_nothing_is_high_where_nothing_is_planted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        audited = audit(plant("none"))
    assert audited.high() == audited.near_duplicates.leaks() == []
    assert audited.warnings() == audited.samples() == []
    assert caplog.records == []


def test_one_of_five_labels_given_away_is_a_quarter_of_the_gap() -> None:
    audited = audit(plant("letter_case", topics=5, n=1500))
    assert audited.closed("letter_case") == pytest.approx(0.25, abs=0.06)
    assert audited.high() == []


def test_high_is_half_of_the_gap_to_the_model() -> None:
    audited = audit(plant("letter_case", topics=5, n=1500))
    signal, majority = (
        audited.signals.alone["letter_case"].accuracy,
        audited.signals.majority.accuracy,
    )
    model = majority + (signal - majority) / 0.51
    assert audited.closed("letter_case", model) == pytest.approx(0.51)
    assert "letter_case" in audited.high(model)
    assert "letter_case" not in audited.high(majority + (signal - majority) / 0.49)
    # (28 / 42 - 14 / 42) / (1 - 14 / 42) is less than a half in floating point.
    half = replace(audited.signals.alone["letter_case"], accuracy=28 / 42)
    signals = replace(
        audited.signals,
        majority=replace(audited.signals.majority, accuracy=14 / 42),
        alone={"letter_case": half},
    )
    assert signals.closed("letter_case") < 0.5
    assert "letter_case" in signals.high()
    # A model that is no better than the majority class leaves no gap: perfect stands in for it.
    assert audited.closed("letter_case", majority) == audited.closed("letter_case")


def test_a_signal_that_the_model_does_not_see() -> None:
    audited = audit(plant("letter_case"), letter_case=False)
    assert audited.signals.alone["letter_case"].accuracy > 0.9
    assert audited.high() == []
    assert audited.signals.alone["together"].accuracy < 0.7
    rows = table(audited, "audit_signals").set_index("signal")
    assert rows.loc["letter_case", "remark"] == "unseen"


def test_bbc_has_no_shortcut_and_no_leak() -> None:
    audited = audit(load_headlines("bbc"))
    assert audited.warnings() == []
    assert max(audited.closed(name) for name in audited.signals.alone) < 0.25


def test_same_seed_same_audit_and_samples_of_large_data() -> None:
    headlines = plant("letter_case")
    assert audit(headlines) == audit(headlines)
    audited = audit(headlines, bounds=AuditBounds(max_signal_headlines=100))
    assert audited.signals.headlines == {"train": 100, "validation": 60, "test": 100}
    assert audited.samples() == [
        "signals are those of a random 100 of 420 headlines in train",
        "signals are those of a random 100 of 120 headlines in test",
    ]
    assert "letter_case" in audited.high()


def test_words_that_tell_nothing_and_labels_that_a_sample_lacks() -> None:
    texts, labels = [f"Alps {i}" for i in range(300)], ["a"] * 150 + ["b"] * 147 + ["c"] * 3
    audited = audit(load_headlines(texts, labels), bounds=AuditBounds(max_signal_headlines=20))
    assert audited.closed("few_words") <= 0
    features = table(audited, "audit_features")
    assert features["feature"].tolist()[-1] == "has the word 'alps'"
    assert features.notna().all(axis=None)
    assert overlap(audited, "test", "train").same_letters == 60


def test_headlines_without_letters_or_spaces() -> None:
    texts = [*(f"{i}!" for i in range(60)), *(f"中文标题{chr(0x4E00 + i)}" for i in range(60))]
    audited = audit(load_headlines(texts, ["a"] * 60 + ["b"] * 60))
    assert audited.near_duplicates.matches == ()
    assert audited.closed("leading_digit") == 1
