"""Shortcuts and leaks: what is planted is found, and nothing else."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from audit_builders import (
    headlines_in_splits,
    label_in_turns,
    plant,
    random_texts,
    with_groups,
)
from builders import make_headlines
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from pipeline import report
from pipeline.data.headlines import Headlines, load_headlines
from pipeline.insight.audit import CHECKS, Audit, AuditBounds, AuditInputs, CheckResult, audit
from pipeline.insight.audit.duplicates import Overlap, find_near_duplicates
from pipeline.insight.audit.groups import LOST, shuffle_within_labels, stratify_folds
from pipeline.insight.audit.words import extract_words, normal_form


def overlap(audited: Audit, split: str, other: str) -> Overlap:
    (overlap,) = [
        overlap
        for overlap in audited.near_duplicates.overlaps
        if (overlap.split, overlap.other_split) == (split, other)
    ]
    return overlap


def table(audited: Audit, name: str) -> pd.DataFrame:
    return audited.tables()[name].frame


# ---------------------------------------------------------------------------- near-duplicates


def test_normal_form() -> None:
    assert normal_form("NATO: 3 ships – “lost”") == "nato ships lost"
    assert normal_form("ＦＵＬＬ ﬁle Straße") == "full file strasse"
    assert normal_form("हिन्दी में 5") == "हिन्दी में"
    assert normal_form("2016!") == "2016!"


@given(st.text(alphabet="Alps ko", min_size=1).filter(str.strip), st.text("0123456789.,:!?-' "))
def test_the_letters_alone_count(text: str, noise: str) -> None:
    half = len(text) // 2
    changed = text[:half].upper() + noise + text[half:]
    assert normal_form(changed).replace(" ", "") == normal_form(text).replace(" ", "")


def test_planted_near_duplicates_are_found_and_nothing_else() -> None:
    found = audit(
        headlines_in_splits(
            train=[
                ("17 Alps peaks you must see", "a"),
                ("Glacier melts faster than scientists believed, study says", "b"),
                ("Old bridge collapses", "a"),
            ],
            validation=[("Old, bridge collapses!", "b")],
            test=[
                ("ALPS PEAKS: you must see 23!", "a"),
                ("Glacier melts faster than the scientists believed, study says", "b"),
                ("Glacier shares fall", "b"),
            ],
        )
    )
    in_train = overlap(found, "test", "train")
    assert (in_train.same_letters, in_train.similar, in_train.other_label) == (1, 1, 0)
    assert (in_train.headlines, in_train.compared, in_train.sampled) == (23, 22, False)
    assert in_train.share == pytest.approx(2 / 23)
    noise = overlap(found, "validation", "train")
    assert (noise.same_letters, noise.similar, noise.other_label) == (1, 0, 1)
    assert overlap(found, "test", "validation").number == 0
    by_text = {match.text: match for match in found.near_duplicates.matches}
    assert by_text["Old, bridge collapses!"].other_text == "Old bridge collapses"
    assert by_text["ALPS PEAKS: you must see 23!"].similarity == 1
    assert (
        0.8
        <= by_text["Glacier melts faster than the scientists believed, study says"].similarity
        < 1
    )
    # Label noise comes first.
    assert table(found, "near_duplicates")["label"].tolist()[0] == "b"
    assert table(found, "near_duplicates")["other_label"].tolist()[0] == "a"


def test_of_several_the_nearest_counts_and_then_the_same_label() -> None:
    found = audit(
        headlines_in_splits(
            train=[("Alps lose 5 % of snow", "a"), ("Alps lose 7 % of snow", "b")],
            test=[("Alps lose 9 % of snow", "b")],
        )
    )
    (match,) = found.near_duplicates.matches
    assert (match.other_text, match.other_label) == ("Alps lose 7 % of snow", "b")
    assert overlap(found, "test", "train").other_label == 0


def test_leaks_are_what_could_move_the_accuracy() -> None:
    def leaking(number: int) -> Audit:
        texts = random_texts(1000, seed=9)
        rows = [(text, "ab"[i % 2]) for i, text in enumerate(texts)]
        again = [(f"{text}!", label) for text, label in rows[:number]]
        return audit(
            headlines_in_splits(
                train=rows, test=[*again, *label_in_turns(random_texts(380 - number, 8))]
            )
        )

    assert leaking(9).near_duplicates.leaks() == []  # of 400: one standard error is 0.025
    few = leaking(11)
    assert [(leak.split, leak.other_split) for leak in few.near_duplicates.leaks()] == [
        ("test", "train")
    ]
    assert few.warnings() == ["near-duplicates across splits: 2.8% of test in train"]


def test_label_noise_is_said(caplog: pytest.LogCaptureFixture) -> None:
    rows = label_in_turns(random_texts(20, seed=5))
    with caplog.at_level(logging.WARNING):
        audit(
            headlines_in_splits(
                train=rows, test=[(f"{t}?", "ba"["ab".index(label)]) for t, label in rows]
            )
        )
    (line,) = [record.message for record in caplog.records]
    assert line == (
        "audit: near-duplicates across splits: 50.0% of test in train; 20 of them have another "
        "label there (label noise)"
    )


def test_no_pair_is_missed() -> None:
    """Comparing only headlines with a rare word in common finds what comparing all finds."""
    headlines = load_headlines("bbc")
    words = extract_words(headlines)
    vectorizer = TfidfVectorizer(analyzer=str.split)
    vectorizer.fit([form for of in words.forms.values() for form in of])
    rows = {name: vectorizer.transform(of) for name, of in words.forms.items()}
    cosines = (rows["test"] @ rows["train"].T).toarray()
    expected = {words.texts["test"][i] for i in np.flatnonzero((cosines >= 0.8).any(axis=1))}
    assert len(expected) >= 4
    found = find_near_duplicates(AuditInputs(words)).matches
    in_train = {m.text: m for m in found if (m.split, m.other_split) == ("test", "train")}
    assert {text for text, m in in_train.items() if not m.same_letters} == {
        text for text in expected if text not in in_train or not in_train[text].same_letters
    }
    for text, match in in_train.items():
        if not match.same_letters:
            row = words.texts["test"].index(text)
            assert match.similarity == pytest.approx(cosines[row].max(), abs=1e-5)


def test_a_sample_is_compared_where_there_are_too_many() -> None:
    rows = label_in_turns(random_texts(200, seed=5))
    headlines = headlines_in_splits(
        train=rows, test=[(f"{text} again", label) for text, label in rows]
    )
    whole = overlap(audit(headlines), "test", "train")
    assert whole.similar >= 190
    sampled = audit(headlines, bounds=AuditBounds(max_comparisons=300))
    part = overlap(sampled, "test", "train")
    assert part.sampled
    assert 0 < part.compared < 200
    assert part.share == pytest.approx(whole.share, abs=0.15)
    assert (
        f"similar headlines were looked for among a random {part.compared} of 220 in test "
        "(against train)" in sampled.samples()
    )
    nothing = overlap(audit(headlines, bounds=AuditBounds(max_comparisons=0)), "test", "train")
    assert (nothing.compared, nothing.similar, nothing.share) == (0, 0, 0)


# ------------------------------------------------------------------------------------ signals

SHORTCUTS = ("letter_case", "leading_digit", "punctuation", "length", "best_word")


@pytest.mark.parametrize("shortcut", SHORTCUTS)
def test_a_planted_shortcut_is_high_alone(shortcut: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = audit(plant(shortcut))
    with_it = {shortcut, "together"}
    if shortcut == "best_word":
        with_it.add("few_words")
    assert set(found.high()) == with_it
    assert found.signals.alone[shortcut].accuracy > 0.9
    assert found.signals.alone[shortcut].macro_f1 > 0.9
    assert found.closed(shortcut) > 0.8
    (line,) = [record.message for record in caplog.records]
    assert line.startswith("audit: high test accuracy from shallow signals alone: ")
    assert f"{shortcut} {found.signals.alone[shortcut].accuracy:.3f}" in line
    rows = table(found, "audit_signals").set_index("signal")
    assert rows.loc[shortcut, "remark"] == "high"


def test_the_table_says_what_a_signal_is() -> None:
    features = table(audit(plant("letter_case")), "audit_features").set_index("feature")
    assert features.loc["is in title case", "label 0"] == pytest.approx(0.95, abs=0.03)
    assert features.loc["is in title case", "label 1"] == 0
    assert features.loc["words with a capital", "label 0"] == pytest.approx(0.95, abs=0.03)
    assert features.loc["words", "label 1"] == pytest.approx(6.5, abs=0.3)
    words = table(audit(plant("best_word")), "audit_features").set_index("feature")
    assert words.loc["has the word 'shocking'", "signal"].tolist() == ["best_word", "few_words"]


def test_nothing_is_high_where_nothing_is_plant(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = audit(plant("none"))
    assert found.high() == found.near_duplicates.leaks() == []
    assert found.warnings() == found.samples() == []
    assert caplog.records == []


def test_one_of_five_labels_given_away_is_a_quarter_of_the_gap() -> None:
    found = audit(plant("letter_case", topics=5, n=1500))
    assert found.closed("letter_case") == pytest.approx(0.25, abs=0.06)
    assert found.high() == []


def test_high_is_half_of_the_gap_to_the_model() -> None:
    found = audit(plant("letter_case", topics=5, n=1500))
    signal, majority = found.signals.alone["letter_case"].accuracy, found.signals.majority.accuracy
    model = majority + (signal - majority) / 0.51
    assert found.closed("letter_case", model) == pytest.approx(0.51)
    assert "letter_case" in found.high(model)
    assert "letter_case" not in found.high(majority + (signal - majority) / 0.49)
    # (28 / 42 - 14 / 42) / (1 - 14 / 42) is less than a half in floating point.
    half = replace(found.signals.alone["letter_case"], accuracy=28 / 42)
    signals = replace(
        found.signals,
        majority=replace(found.signals.majority, accuracy=14 / 42),
        alone={"letter_case": half},
    )
    assert signals.closed("letter_case") < 0.5
    assert "letter_case" in signals.high()
    # A model that is no better than the majority class leaves no gap: perfect stands in for it.
    assert found.closed("letter_case", majority) == found.closed("letter_case")


def test_a_signal_that_the_model_does_not_see() -> None:
    found = audit(plant("letter_case"), letter_case=False)
    assert found.signals.alone["letter_case"].accuracy > 0.9
    assert found.high() == []
    assert found.signals.alone["together"].accuracy < 0.7
    rows = table(found, "audit_signals").set_index("signal")
    assert rows.loc["letter_case", "remark"] == "unseen"


def test_bbc_has_no_shortcut_and_no_leak() -> None:
    found = audit(load_headlines("bbc"))
    assert found.warnings() == []
    assert max(found.closed(name) for name in found.signals.alone) < 0.25


def test_same_seed_same_audit_and_samples_of_large_data() -> None:
    headlines = plant("letter_case")
    assert audit(headlines) == audit(headlines)
    found = audit(headlines, bounds=AuditBounds(max_signal_headlines=100))
    assert found.signals.headlines == {"train": 100, "validation": 60, "test": 100}
    assert found.samples() == [
        "signals are those of a random 100 of 420 headlines in train",
        "signals are those of a random 100 of 120 headlines in test",
    ]
    assert "letter_case" in found.high()


def test_words_that_tell_nothing_and_labels_that_a_sample_lacks() -> None:
    texts, labels = [f"Alps {i}" for i in range(300)], ["a"] * 150 + ["b"] * 147 + ["c"] * 3
    found = audit(load_headlines(texts, labels), bounds=AuditBounds(max_signal_headlines=20))
    assert found.closed("few_words") <= 0
    features = table(found, "audit_features")
    assert features["feature"].tolist()[-1] == "has the word 'alps'"
    assert features.notna().all(axis=None)
    assert overlap(found, "test", "train").same_letters == 60


def test_headlines_without_letters_or_spaces() -> None:
    texts = [*(f"{i}!" for i in range(60)), *(f"中文标题{chr(0x4E00 + i)}" for i in range(60))]
    found = audit(load_headlines(texts, ["a"] * 60 + ["b"] * 60))
    assert found.near_duplicates.matches == ()
    assert found.closed("leading_digit") == 1


# ------------------------------------------------------------------------------------- groups


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
        found = audit(by_house_style())
    groups = found.groups
    assert groups is not None
    assert groups.number == len(groups.folds) == 3
    assert groups.same_labels > 0.95
    assert groups.stratified > 0.95
    assert groups.held_out < 0.65
    assert found.signals.alone["group"].accuracy < 0.6
    assert groups.matters()
    assert f"accuracy is {groups.held_out:.3f} on sources held out" in caplog.records[0].message
    parts = table(found, "audit_groups")
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
    found = audit(with_groups(papers, texts, labels))
    groups = found.groups
    assert groups is not None
    assert (groups.number, len(groups.folds)) == (number, min(number, 10))
    assert sum(fold.headlines for fold in groups.folds) == groups.headlines == len(texts)
    assert sorted(group for fold in groups.folds for group in fold.groups) == sorted(set(papers))
    assert abs(groups.same_labels - groups.held_out) < LOST * (1 - groups.majority) / 2
    assert abs(groups.stratified - groups.held_out) < 0.05
    assert not groups.matters()
    assert found.warnings() == []


def test_sources_that_have_one_label_each() -> None:
    texts, labels = make_headlines(60, topics=2)
    found = audit(with_groups([f"paper of {label}" for label in labels], texts, labels))
    groups = found.groups
    assert groups is not None
    assert found.signals.alone["group"].accuracy == 1
    assert "group" in found.high()
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
    found = audit(by_house_style(), bounds=AuditBounds(max_group_headlines=200))
    assert found.groups is not None
    assert found.groups.headlines == 200
    assert found.samples() == ["groups are those of a random 200 headlines"]


def test_long_lists_of_groups_are_cut() -> None:
    texts, labels = make_headlines(60)
    groups = [f"author {i}" for i in range(len(texts))]
    with_many = audit(with_groups(groups, texts, labels))
    assert table(with_many, "audit_groups")["groups"][0].endswith(" and 13 more")


# --------------------------------------------------------------------- a check from outside


@dataclass(frozen=True)
class Shouting(CheckResult):
    headlines: int

    def warnings(self, best: float = 1.0) -> list[str]:
        return [f"{self.headlines} headlines shout"] if self.headlines else []

    def metrics(self) -> dict[str, float]:
        return {"shouting": self.headlines}


def count_shouting(inputs: AuditInputs) -> Shouting:
    texts = [text for texts in inputs.words.texts.values() for text in texts]
    return Shouting(sum(text.isupper() for text in texts))


def test_a_check_is_a_function_and_a_row(caplog: pytest.LogCaptureFixture) -> None:
    headlines = headlines_in_splits(train=[("ALPS LOSE SNOW", "a")])
    with caplog.at_level(logging.WARNING):
        audited = audit(headlines, checks={**CHECKS, "shouting": count_shouting})
    assert audited.warnings() == ["1 headlines shout"]
    assert caplog.messages == ["audit: 1 headlines shout"]
    items = report.audit_items(audited)
    assert report.Metric("audit/shouting", 1) in items
    assert report.Tag("audit.warning", "1 headlines shout") in items
    assert [*audited.checks] == ["signals", "near_duplicates", "shouting"]


def test_some_checks_may_be_made_alone() -> None:
    audited = audit(headlines_in_splits(), checks={"shouting": count_shouting})
    assert report.audit_items(audited) == [report.Metric("audit/shouting", 0)]
    assert report.signals_items(audited, 0.9) == []
    assert audited.groups is None
    with pytest.raises(KeyError):
        audited.high()
