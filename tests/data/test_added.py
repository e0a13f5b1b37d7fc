"""Labelled headlines that are added to train, such as those that `pipeline suggest` asked for."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from builders import make_headlines, write_csv

from pipeline.base.errors import DataError
from pipeline.data.headlines import load_headlines

TEXTS, LABELS = make_headlines(20)
MORE = ["Rates rise again", "Alps lose snow", "A new cup final"]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "own.csv", TEXTS, LABELS)


def test_they_are_at_the_end_of_train_and_nowhere_else(own: Path, tmp_path: Path) -> None:
    before = load_headlines("file", path=own)
    file = write_csv(tmp_path / "more.csv", MORE, ["money", "nature", "sport"])
    after = load_headlines("file", path=own, added=file)
    assert after.texts("train") == [*before.texts("train"), *MORE]
    names = [after.label_names[label] for label in after.labels("train")[-3:]]
    assert names == ["money", "nature", "sport"]
    for split in ("validation", "test"):
        assert after.sha256[split] == before.sha256[split]
    assert after.sha256["train"] != before.sha256["train"]


def test_several_files_a_row_without_a_label_and_a_new_label(
    own: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    first = write_csv(tmp_path / "a.csv", MORE, ["money", "", "sport"])
    second = write_csv(tmp_path / "b.csv", ["Moon landing"], ["space"])
    headlines = load_headlines("file", path=own, added=[first, second])
    assert caplog.messages == [
        f"data: only added headlines have the label 'space' (1 in {second}): is it new?"
    ]
    assert headlines.unlabelled == (MORE[1],)
    assert headlines.label_names == ("money", "nature", "space", "sport")
    assert headlines.texts("train")[-3:] == [MORE[0], MORE[2], "Moon landing"]


def test_a_headline_of_another_split_stays_there(own: Path, tmp_path: Path) -> None:
    before = load_headlines("file", path=own)
    tested = before.texts("test")[0]
    label = before.label_names[before.labels("test")[0]]
    file = write_csv(tmp_path / "more.csv", [tested, MORE[0]], [label, "money"])
    after = load_headlines("file", path=own, added=str(file))
    assert after.texts("test") == before.texts("test")
    assert after.texts("train") == [*before.texts("train"), MORE[0]]
    assert after.dropped["duplicates"] == 1


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_splits_stay_where_an_added_headline_has_another_label(
    split: str, own: Path, tmp_path: Path
) -> None:
    before = load_headlines("file", path=own, contradictions="drop")
    text, label = before.texts(split)[0], before.label_names[before.labels(split)[0] - 1]
    file = write_csv(tmp_path / "more.csv", [text, MORE[0]], [label, "money"])
    after = load_headlines("file", path=own, contradictions="drop", added=file)
    assert after.texts("train") == [*before.texts("train"), MORE[0]]
    assert after.sha256["test"] == before.sha256["test"]


def _with_two_labels(path: Path, rule: str, labels: list[str]) -> tuple[list[str], dict[str, int]]:
    """What train ends with, and what was dropped, where own data have MORE[0] with two labels and
    an added file has it with these."""
    own = write_csv(path / "two.csv", [*TEXTS, MORE[0], MORE[0]], [*LABELS, "money", "sport"])
    file = write_csv(path / "more.csv", [MORE[0]] * len(labels), labels)
    after = load_headlines("file", path=own, contradictions=rule, added=file)
    examples = after.examples("train")
    pairs = zip(examples.texts, examples.labels, strict=True)
    kept = [examples.label_names[label] for text, label in pairs if text == MORE[0]]
    return kept, after.dropped


def test_an_added_label_decides_where_all_others_are_dropped(tmp_path: Path) -> None:
    """It is the answer to a question of `pipeline suggest`."""
    for label in ("money", "sport", "nature"):
        kept, dropped = _with_two_labels(tmp_path, "drop", [label, label])
        assert kept == [label]
        assert (dropped["contradictions"], dropped["duplicates"]) == (2, 1)
    kept, dropped = _with_two_labels(tmp_path, "drop", ["money", "sport"])
    assert kept == []
    assert dropped["contradictions"] + dropped["duplicates"] == 4


def test_added_headlines_that_contradict_only_each_other_are_dropped(tmp_path: Path) -> None:
    own = write_csv(tmp_path / "own.csv", TEXTS, LABELS)
    file = write_csv(tmp_path / "more.csv", [*MORE[:1] * 2, MORE[1]], ["money", "sport", "nature"])
    after = load_headlines("file", path=own, contradictions="drop", added=file)
    assert MORE[0] not in after.texts("train")
    assert after.texts("train")[-1] == MORE[1]


def test_an_added_file_of_your_own_keeps_its_quotes(own: Path, tmp_path: Path) -> None:
    texts = ["'@POTUS account' to be handed over", "'=sum' is a word"]
    file = write_csv(tmp_path / "more.csv", texts, ["money", "nature"])
    assert load_headlines("file", path=own, added=file).texts("train")[-2:] == texts


@pytest.mark.parametrize("option", ["group", "weight"])
def test_a_column_that_only_added_headlines_have(option: str, tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text("text,label,w\nSnow again,nature,2\n")
    with pytest.raises(DataError, match=r"the source 'lists' has no column 'w'"):
        load_headlines(TEXTS, LABELS, added=tmp_path / "more.csv", **{option: "w"})  # type: ignore[arg-type]


def test_a_warning_comes_once(own: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    file = write_csv(tmp_path / "more.csv", ["snow " * 3000], ["nature"])
    load_headlines("file", path=own, added=file)
    assert caplog.messages == [
        "data: more than 10,000 characters in 1 of 1 headlines: their rest is not read"
    ]


def test_a_file_that_was_not_filled_in(own: Path, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "more.csv", MORE, ["", "", ""])
    message = r"more\.csv: expected labels in the column 'label', none of 3 headlines has one"
    with pytest.raises(DataError, match=message):
        load_headlines("file", path=own, added=file)


def test_the_groups_of_added_headlines_are_empty(tmp_path: Path) -> None:
    lines = [f"{t},{n},{i % 3}" for i, (t, n) in enumerate(zip(TEXTS, LABELS, strict=True))]
    own = tmp_path / "own.csv"
    own.write_text("\n".join(["text,label,paper", *lines]))
    file = write_csv(tmp_path / "more.csv", MORE, ["money", "nature", "sport"])
    groups = load_headlines("file", path=own, group="paper", added=file).groups("train")
    assert groups is not None
    assert groups[-4:] == [groups[-4], "", "", ""]
    assert groups[-4] in "012"
