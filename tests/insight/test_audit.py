"""Shortcuts and leaks: what is planted is found, and nothing else."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import main, make_headlines, small_overrides
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from hypothesis import given
from hypothesis import strategies as st
from mlflow import MlflowClient
from sklearn.feature_extraction.text import TfidfVectorizer

from pipeline import report
from pipeline.base.errors import ConfigError, DataError
from pipeline.config import load_config
from pipeline.data.headlines import Headlines, load_headlines
from pipeline.insight import audit as auditing
from pipeline.insight.audit import Audit, audit
from pipeline.insight.audit.duplicates import Overlap, near_duplicates
from pipeline.insight.audit.groups import hold_groups_out
from pipeline.insight.audit.words import normal_form, words_of
from pipeline.report import audit_tables as tables

WORDS = [
    f"{a}{b}{c}{d}"
    for a in "bdfgklm"
    for b in "aeiou"
    for c in "nrst"
    for d in ("", "ak", "ilo", "ubeda")
]


def random_texts(n: int, seed: int = 0) -> list[str]:
    """Headlines of random words that no two of share more than by chance."""
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, random.integers(5, 9))) for _ in range(n)]


def split(**rows: Sequence[tuple[str, str]]) -> Headlines:
    """Headlines in given splits; those that are not given have some of their own."""
    for number, name in enumerate(("train", "validation", "test")):
        own = random_texts(20, seed=number)
        rows[name] = [*rows.get(name, ()), *((text, "ab"[i % 2]) for i, text in enumerate(own))]
    return load_headlines(
        DatasetDict(
            {
                name: Dataset.from_dict(
                    {"text": [t for t, _ in of], "label": [label for _, label in of]}
                )
                for name, of in rows.items()
            }
        )
    )


def overlap(found: Audit, of: str, other: str) -> Overlap:
    (one,) = [o for o in found.near_duplicates.overlaps if (o.split, o.other_split) == (of, other)]
    return one


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
        split(
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
    assert overlap(found, "test", "validation").found == 0
    by_text = {match.text: match for match in found.near_duplicates.matches}
    assert by_text["Old, bridge collapses!"].other_text == "Old bridge collapses"
    assert by_text["ALPS PEAKS: you must see 23!"].similarity == 1
    assert (
        0.8
        <= by_text["Glacier melts faster than the scientists believed, study says"].similarity
        < 1
    )
    # Label noise comes first.
    assert tables.near_duplicates_table(found)["label"].tolist()[0] == "b"
    assert tables.near_duplicates_table(found)["other_label"].tolist()[0] == "a"


def test_of_several_the_nearest_counts_and_then_the_same_label() -> None:
    found = audit(
        split(
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
        return audit(split(train=rows, test=[*again, *_labelled(random_texts(380 - number, 8))]))

    assert leaking(9).leaks() == []  # of 400: one standard error is 0.025
    few = leaking(11)
    assert [(leak.split, leak.other_split) for leak in few.leaks()] == [("test", "train")]
    assert few.warnings() == ["near-duplicates across splits: 2.8% of test in train"]


def _labelled(texts: Sequence[str]) -> list[tuple[str, str]]:
    return [(text, "ab"[i % 2]) for i, text in enumerate(texts)]


def test_label_noise_is_said(caplog: pytest.LogCaptureFixture) -> None:
    rows = _labelled(random_texts(20, seed=5))
    with caplog.at_level(logging.WARNING):
        audit(split(train=rows, test=[(f"{t}?", "ba"["ab".index(label)]) for t, label in rows]))
    (line,) = [record.message for record in caplog.records]
    assert line == (
        "audit: near-duplicates across splits: 50.0% of test in train; 20 of them have another "
        "label there (label noise)"
    )


def test_no_pair_is_missed() -> None:
    """Comparing only headlines with a rare word in common finds what comparing all finds."""
    headlines = load_headlines("bbc")
    words = words_of(headlines)
    vectorizer = TfidfVectorizer(analyzer=str.split)
    vectorizer.fit([form for of in words.forms.values() for form in of])
    rows = {name: vectorizer.transform(of) for name, of in words.forms.items()}
    cosines = (rows["test"] @ rows["train"].T).toarray()
    expected = {words.texts["test"][i] for i in np.flatnonzero((cosines >= 0.8).any(axis=1))}
    assert len(expected) >= 4
    found = near_duplicates(words).matches
    in_train = {m.text: m for m in found if (m.split, m.other_split) == ("test", "train")}
    assert {text for text, m in in_train.items() if not m.same_letters} == {
        text for text in expected if text not in in_train or not in_train[text].same_letters
    }
    for text, match in in_train.items():
        if not match.same_letters:
            row = words.texts["test"].index(text)
            assert match.similarity == pytest.approx(cosines[row].max(), abs=1e-5)


def test_a_sample_is_compared_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = _labelled(random_texts(200, seed=5))
    headlines = split(train=rows, test=[(f"{text} again", label) for text, label in rows])
    whole = overlap(audit(headlines), "test", "train")
    assert whole.similar >= 190
    monkeypatch.setattr("pipeline.insight.audit.duplicates._MOST_COMPARISONS", 300)
    sampled = audit(headlines)
    part = overlap(sampled, "test", "train")
    assert part.sampled
    assert 0 < part.compared < 200
    assert part.share == pytest.approx(whole.share, abs=0.15)
    assert (
        f"similar headlines were looked for among a random {part.compared} of 220 in test "
        "(against train)" in sampled.samples()
    )
    monkeypatch.setattr("pipeline.insight.audit.duplicates._MOST_COMPARISONS", 0)
    nothing = overlap(audit(headlines), "test", "train")
    assert (nothing.compared, nothing.similar, nothing.share) == (0, 0, 0)


# ------------------------------------------------------------------------------------ signals


def planted(shortcut: str, topics: int = 2, n: int = 600) -> Headlines:
    """Random words and labels, but for a shortcut that shows 95 % of the first label."""
    random = np.random.default_rng(1)
    change = {
        "letter_case": str.title,
        "leading_digit": lambda text: f"{random.integers(2, 30)} {text}",
        "punctuation": lambda text: f"{text}?",
        "length": lambda text: f"{text} {' '.join(random.choice(WORDS, 8))}",
        "best_word": lambda text: f"{text} shocking",
        "none": lambda text: text,
    }[shortcut]
    texts, labels = random_texts(n, seed=2), random.integers(0, topics, n)
    shown = (labels == 0) & (random.random(n) < 0.95)
    return load_headlines(
        [change(text) if show else text for text, show in zip(texts, shown, strict=True)],
        [f"label {label}" for label in labels],
    )


SHORTCUTS = ("letter_case", "leading_digit", "punctuation", "length", "best_word")


@pytest.mark.parametrize("shortcut", SHORTCUTS)
def test_a_planted_shortcut_is_high_alone(shortcut: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = audit(planted(shortcut))
    with_it = {shortcut, "together"}
    if shortcut == "best_word":
        with_it.add("few_words")
    assert set(found.high()) == with_it
    assert found.alone[shortcut].accuracy > 0.9
    assert found.alone[shortcut].macro_f1 > 0.9
    assert found.closed(shortcut) > 0.8
    (line,) = [record.message for record in caplog.records]
    assert line.startswith("audit: high test accuracy from shallow signals alone: ")
    assert f"{shortcut} {found.alone[shortcut].accuracy:.3f}" in line
    rows = tables.signals_table(found).set_index("signal")
    assert rows.loc[shortcut, "remark"] == "high"


def test_the_table_says_what_a_signal_is() -> None:
    features = tables.features_table(audit(planted("letter_case"))).set_index("feature")
    assert features.loc["is in title case", "label 0"] == pytest.approx(0.95, abs=0.03)
    assert features.loc["is in title case", "label 1"] == 0
    assert features.loc["words with a capital", "label 0"] == pytest.approx(0.95, abs=0.03)
    assert features.loc["words", "label 1"] == pytest.approx(6.5, abs=0.3)
    words = tables.features_table(audit(planted("best_word"))).set_index("feature")
    assert words.loc["has the word 'shocking'", "signal"].tolist() == ["best_word", "few_words"]


def test_nothing_is_high_where_nothing_is_planted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = audit(planted("none"))
    assert (found.high(), found.leaks(), found.warnings(), found.samples()) == ([], [], [], [])
    assert caplog.records == []


def test_one_of_five_labels_given_away_is_a_quarter_of_the_gap() -> None:
    found = audit(planted("letter_case", topics=5, n=1500))
    assert found.closed("letter_case") == pytest.approx(0.25, abs=0.06)
    assert found.high() == []


def test_high_is_half_of_the_gap_to_the_model() -> None:
    found = audit(planted("letter_case", topics=5, n=1500))
    signal, majority = found.alone["letter_case"].accuracy, found.signals.majority.accuracy
    model = majority + (signal - majority) / 0.51
    assert found.closed("letter_case", model) == pytest.approx(0.51)
    assert "letter_case" in found.high(model)
    assert "letter_case" not in found.high(majority + (signal - majority) / 0.49)
    # (28 / 42 - 14 / 42) / (1 - 14 / 42) is less than a half in floating point.
    half = replace(found.alone["letter_case"], accuracy=28 / 42)
    signals = replace(
        found.signals,
        majority=replace(found.signals.majority, accuracy=14 / 42),
        alone={"letter_case": half},
    )
    alone = replace(found, signals=signals)
    assert alone.closed("letter_case") < 0.5
    assert "letter_case" in alone.high()
    # A model that is no better than the majority class leaves no gap: perfect stands in for it.
    assert found.closed("letter_case", majority) == found.closed("letter_case")


def test_a_signal_that_the_model_does_not_see() -> None:
    found = audit(planted("letter_case"), letter_case=False)
    assert found.alone["letter_case"].accuracy > 0.9
    assert found.high() == []
    assert found.signals.together.accuracy < 0.7
    assert tables.signals_table(found).set_index("signal").loc["letter_case", "remark"] == "unseen"


def test_bbc_has_no_shortcut_and_no_leak() -> None:
    found = audit(load_headlines("bbc"))
    assert found.warnings() == []
    assert max(found.closed(name) for name in found.alone) < 0.25


def test_same_seed_same_audit_and_samples_of_large_data(monkeypatch: pytest.MonkeyPatch) -> None:
    headlines = planted("letter_case")
    assert audit(headlines) == audit(headlines)
    monkeypatch.setattr("pipeline.insight.audit.signals._MOST_HEADLINES", 100)
    found = audit(headlines)
    assert found.signals.headlines == {"train": 100, "validation": 60, "test": 100}
    assert found.samples() == [
        "signals are those of a random 100 of 420 headlines in train",
        "signals are those of a random 100 of 120 headlines in test",
    ]
    assert "letter_case" in found.high()


def test_words_that_tell_nothing_and_labels_that_a_sample_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts, labels = [f"Alps {i}" for i in range(300)], ["a"] * 150 + ["b"] * 147 + ["c"] * 3
    monkeypatch.setattr("pipeline.insight.audit.signals._MOST_HEADLINES", 20)
    found = audit(load_headlines(texts, labels))
    assert found.closed("few_words") <= 0
    features = tables.features_table(found)
    assert features["feature"].tolist()[-1] == "has the word 'alps'"
    assert features.notna().all(axis=None)
    assert overlap(found, "test", "train").same_letters == 60


def test_headlines_without_letters_or_spaces() -> None:
    texts = [*(f"{i}!" for i in range(60)), *(f"中文标题{chr(0x4E00 + i)}" for i in range(60))]
    found = audit(load_headlines(texts, ["a"] * 60 + ["b"] * 60))
    assert found.near_duplicates.matches == ()
    assert found.closed("leading_digit") == 1


# ------------------------------------------------------------------------------------- groups


def with_groups(groups: Sequence[str], texts: Sequence[str], labels: Sequence[object]) -> Headlines:
    frame = pd.DataFrame({"text": texts, "label": labels, "source": groups})
    return load_headlines(frame, group="source")


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
    of = found.groups
    assert of is not None
    assert of.number == len(of.folds) == 3
    assert of.same_labels > 0.95
    assert of.stratified > 0.95
    assert of.held_out < 0.65
    assert of.alone.accuracy < 0.6
    assert found.source_matters()
    assert f"accuracy is {of.held_out:.3f} on sources held out" in caplog.records[0].message
    table = tables.groups_table(found)
    assert table["groups"].tolist() == ["paper 0", "paper 1", "paper 2"]
    assert table["headlines"].sum() == 600
    assert (table["same_labels"] > table["accuracy"] + 0.2).all()
    assert (table["unlearnable"] == 0).all()


@pytest.mark.parametrize("number", [2, 30])
def test_random_groups_do_not_matter(number: int) -> None:
    bbc = load_headlines("bbc")
    texts = [text for of in bbc.splits for text in bbc.texts(of)]
    labels = [bbc.label_names[label] for of in bbc.splits for label in bbc.labels(of)]
    groups = [f"paper {g}" for g in np.random.default_rng(0).integers(0, number, len(texts))]
    found = audit(with_groups(groups, texts, labels))
    of = found.groups
    assert of is not None
    assert (of.number, len(of.folds)) == (number, min(number, 10))
    assert sum(fold.headlines for fold in of.folds) == of.headlines == len(texts)
    assert sorted(group for fold in of.folds for group in fold.groups) == sorted(set(groups))
    assert abs(of.same_labels - of.held_out) < auditing.LOST * (1 - of.majority) / 2
    assert abs(of.stratified - of.held_out) < 0.05
    assert not found.source_matters()
    assert found.warnings() == []


def test_sources_that_have_one_label_each() -> None:
    texts, labels = make_headlines(60, topics=2)
    found = audit(with_groups([f"paper of {label}" for label in labels], texts, labels))
    of = found.groups
    assert of is not None
    assert of.alone.accuracy == 1
    assert "group" in found.high()
    # With one of the two gone there is one label left, in either comparison.
    assert (of.held_out, of.same_labels) == (0, 0)
    assert [fold.unlearnable for fold in of.folds] == [1, 1]
    assert of.stratified > 0.9


def test_drawn_parts_have_the_sizes_and_labels_of_the_groups() -> None:
    from pipeline.insight.audit.groups import _at_random, _stratified

    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 900)
    folds = np.where(labels == 0, 0, random.integers(0, 4, 900))
    drawn = _at_random(folds, labels, random)
    assert (drawn != folds).any()
    for label in range(3):
        assert np.array_equal(
            np.bincount(drawn[labels == label]), np.bincount(folds[labels == label])
        )
    even = _stratified(folds, labels, random)
    sizes = np.bincount(folds)
    assert np.array_equal(np.bincount(even), sizes)
    for label in range(3):
        expected = sizes * (labels == label).mean()
        assert np.abs(np.bincount(even[labels == label]) - expected).max() < 3


def test_many_headlines_with_groups_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.insight.audit.groups._MOST_HEADLINES", 200)
    found = audit(by_house_style())
    assert found.groups is not None
    assert found.groups.headlines == 200
    assert found.samples() == ["groups are those of a random 200 headlines"]


def test_long_lists_of_groups_are_cut() -> None:
    texts, labels = make_headlines(60)
    groups = [f"author {i}" for i in range(len(texts))]
    words = words_of(load_headlines(texts, labels))
    with_many = audit(with_groups(groups, texts, labels))
    assert tables.groups_table(with_many)["groups"][0].endswith(" and 13 more")
    assert hold_groups_out(
        words, {"train": ["x"] * 126, "validation": ["y"] * 18, "test": [""] * 36}
    )


# ---------------------------------------------------------------------- the column of groups


def test_groups_stay_with_their_headlines(tmp_path: Path) -> None:
    texts, labels = make_headlines(20)
    frame = pd.DataFrame({"text": texts, "label": labels, "by": [f" by {t}  x" for t in texts]})
    frame.loc[3, "by"] = None
    frame = pd.concat([frame, frame.assign(by="somebody else")])  # all of them once more
    frame.to_csv(tmp_path / "h.csv", index=False)
    frame.to_json(tmp_path / "h.jsonl", orient="records", lines=True)
    for name in ("h.csv", "h.jsonl"):
        headlines = load_headlines("file", path=tmp_path / name, group="by")
        assert headlines.dropped["duplicates"] == 60
        for of in headlines.splits:
            groups = headlines.groups(of)
            assert groups is not None
            for text, group in zip(headlines.texts(of), groups, strict=True):
                assert group == ("" if text == texts[3] else f"by {text} x")
    without = load_headlines("file", path=tmp_path / "h.csv")
    assert without.groups("train") is None
    assert without.splits["train"].column_names == ["text", "label"]
    assert without.sha256 == headlines.sha256


def test_groups_of_a_data_set_have_their_names() -> None:
    texts, labels = make_headlines(20)
    features = Features(
        {
            "text": Value("string"),
            "label": ClassLabel(names=sorted(set(labels))),
            "paper": ClassLabel(names=["Times", "Post"]),
        }
    )
    rows = {"text": texts, "label": labels, "paper": [i % 2 for i in range(60)]}
    headlines = load_headlines(Dataset.from_dict(rows, features=features), group="paper")
    assert set(headlines.groups("train") or []) == {"Times", "Post"}
    assert headlines.label_names == ("money", "nature", "sport")


def test_bad_columns_of_groups(tmp_path: Path) -> None:
    texts, labels = make_headlines(20)
    pd.DataFrame({"text": texts, "label": labels, "one": 1}).to_csv(tmp_path / "h.csv", index=False)
    with pytest.raises(
        DataError, match=r"no column 'by', it has 'text', 'label', 'one': set data\.group$"
    ):
        load_headlines("file", path=tmp_path / "h.csv", group="by")
    with pytest.raises(DataError, match="at least two different values in the column 'one'"):
        load_headlines("file", path=tmp_path / "h.csv", group="one")
    with pytest.raises(DataError, match="the source 'bbc' has no column 'by'"):
        load_headlines("bbc", group="by")
    with pytest.raises(DataError, match="the source 'lists' has no column 'by'"):
        load_headlines(texts, labels, group="by")
    with pytest.raises(ConfigError, match=r"data\.group belongs to data=file or hub, which is not"):
        load_config(["data.group=by"])


# ------------------------------------------------------------------------ command and report


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    """A file with a shortcut, a leak, and a column of sources."""
    headlines = planted("letter_case", n=300)
    rows = [
        {"headline": text, "topic": headlines.label_names[label]}
        for of in headlines.splits
        for text, label in zip(headlines.texts(of), headlines.labels(of), strict=True)
    ]
    rows += [{**row, "headline": f"{row['headline']} 5"} for row in rows[:150]]
    papers = np.random.default_rng(0).choice(["P", "Q"], len(rows))
    pd.DataFrame(rows).assign(paper=papers).to_csv(tmp_path / "papers.csv", index=False)
    return tmp_path / "papers.csv"


def options(path: Path) -> list[str]:
    return ["data=file", f"data.path={path}", "data.text=headline", "data.label=topic"]


def test_the_command(papers: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = main(capfd, "audit", *options(papers), "data.group=paper")
    assert code == 0
    row = next(line.split() for line in out.splitlines() if line.startswith("letter_case"))
    assert row[-1] == "high"
    assert "is in title case" in out
    assert any(line.split()[-1] == "leak" for line in out.splitlines() if line.startswith("test "))
    assert "all held out 0." in out
    assert "audit: high test accuracy from shallow signals alone: letter_case 0.9" in err
    assert "audit      high test accuracy from shallow signals alone: letter_case 0.9" in out
    assert "near-duplicates across splits" in out


def test_the_command_with_json(papers: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = main(capfd, "audit", "--json", *options(papers), "data.group=paper")
    assert code == 0
    values = json.loads(out)
    assert values["data"] == "papers"
    assert values["headlines"] == {"train": 315, "validation": 45, "test": 90}
    assert values["high"] == ["letter_case", "together"]
    assert values["gap_closed"]["letter_case"] > 0.8
    assert values["signals"]["alone"]["letter_case"]["accuracy"] > 0.9
    assert values["near_duplicates"]["overlaps"][1]["other_split"] == "train"
    assert values["near_duplicates"]["matches"][0]["same_letters"] is True
    assert values["groups"]["number"] == 2
    assert len(values["warnings"]) == 2

    unseen = json.loads(
        main(capfd, "audit", "--json", *options(papers), "model.letter_case=false")[1]
    )
    assert (unseen["high"], unseen["groups"]) == ([], None)


def test_the_command_with_many_labels_and_nothing_found(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    texts = random_texts(400, seed=3)
    labels = [f"label {i % 8}" for i in range(400)]
    pd.DataFrame({"headline": texts, "topic": labels}).to_csv(tmp_path / "h.csv", index=False)
    code, out, err = main(capfd, "audit", *options(tmp_path / "h.csv"))
    assert code == 0
    assert out.rstrip().endswith("audit      nothing is high, nothing leaks")
    assert "lowest" in out
    assert "audit:" not in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data.group=paper"], "data.group belongs to data="),
        (["data=file"], "data=file needs a file or folder: add data.path="),
        (["data=file", "data.path=nowhere.csv"], "there is none at nowhere.csv"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = main(capfd, "audit", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_it_needs_no_tensorflow(papers: Path) -> None:
    script = (
        "import sys; from pipeline.cli import main\n"
        f"try: main(['audit', *{options(papers)!r}])\n"
        "except SystemExit as ended: print(ended.code, 'tensorflow' in sys.modules, 'mlflow' in sys.modules)"
    )
    out = subprocess.check_output([sys.executable, "-c", script], text=True)
    assert out.splitlines()[-1] == "0 False False"


def test_a_run_logs_it_and_says_it_at_the_end(
    papers: Path, small: dict[str, Path], store: str, capfd: pytest.CaptureFixture[str]
) -> None:
    overrides = small_overrides(small, store, *options(papers)[1:], "data.group=paper")
    overrides = [*overrides, "model.letter_case=true", "vectors.min_coverage=0"]
    code, out, err = main(capfd, "train", *overrides)
    assert code == 0
    (line,) = [line for line in out.splitlines() if line.startswith("audit ")]
    assert "letter_case 0.9" in line
    assert "near-duplicates across splits" in line
    assert len([line for line in err.splitlines() if line.startswith("audit: ")]) == 1
    client = MlflowClient(store)
    (record,) = client.search_runs(["1"])
    metrics = record.data.metrics
    assert metrics["audit/letter_case_accuracy"] > 0.9
    assert metrics["audit/majority_accuracy"] < 0.6
    assert metrics["audit/near_duplicates_test_in_train"] > 9
    assert metrics["audit/near_duplicates_test_in_train_other_label"] == 0
    assert 0 < metrics["audit/groups_held_out_accuracy"] < 1
    assert metrics["seconds/audit"] > 0
    assert record.data.params["data.group"] == "paper"
    assert "letter_case" in record.data.tags["audit.warning"]
    for name in (
        "audit_signals",
        "audit_features",
        "audit_overlaps",
        "near_duplicates",
        "audit_groups",
    ):
        path = client.download_artifacts(record.info.run_id, f"tables/{name}.csv")
        assert len(pd.read_csv(path)) > 0, name
    assert client.download_artifacts(record.info.run_id, "figures/audit_signals.png")


def test_the_report_needs_no_server() -> None:
    clean = report.audit_items(audit(planted("none")))
    assert not [item for item in clean if isinstance(item, report.Tag)]
    paths = {item.path for item in clean if isinstance(item, report.Table)}
    assert "tables/audit_groups.csv" not in paths
    found = audit(planted("letter_case"))
    names = {
        item.name: item.value
        for item in report.audit_items(found)
        if isinstance(item, report.Metric)
    }
    assert names["audit/letter_case_accuracy"] == found.alone["letter_case"].accuracy
    (picture,) = report.signals_items(found, 0.99)
    (axes,) = picture.figure.axes
    assert axes.get_yticklabels()[0].get_text().startswith("together ")
    assert "the model 0.990" in [line.get_label() for line in axes.lines]
