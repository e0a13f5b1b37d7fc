"""Headlines: cleaned, split, and checked."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from builders import all_texts, make_headlines, write_csv
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.base.errors import DataError
from pipeline.data.headlines import load_headlines
from pipeline.data.reading import read_labelled


def test_bbc_is_deduplicated_before_it_is_split() -> None:
    headlines = load_headlines("bbc")
    texts = all_texts(headlines)
    assert len(texts) == len(set(texts)) == 2096
    assert headlines.dropped["duplicates"] == 129
    assert headlines.label_names == ("business", "entertainment", "politics", "sports", "tech")
    assert {s: len(headlines.splits[s]) for s in headlines.splits} == {
        "train": 1466,
        "validation": 210,
        "test": 420,
    }


def test_split_is_stratified_and_follows_the_seed() -> None:
    texts, labels = make_headlines(50)
    first, same, different = (load_headlines(texts, labels, seed=seed) for seed in (1, 1, 2))
    assert first.sha256 == same.sha256
    assert first.sha256["test"] != different.sha256["test"]
    assert sorted(all_texts(first)) == sorted(all_texts(different)) == sorted(texts)
    for split in first.splits:
        counts = [first.labels(split).count(i) for i in range(3)]
        assert max(counts) - min(counts) <= 1


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.text(max_size=8), st.sampled_from(["a", "b"])), min_size=0, max_size=60)
)
def test_no_headline_is_in_two_splits(rows: list[tuple[str, str]]) -> None:
    rows = [*rows, *((f"headline {i}", "ab"[i % 2]) for i in range(40))]
    headlines = load_headlines([text for text, _ in rows], [label for _, label in rows])
    texts = all_texts(headlines)
    assert len(texts) == len(set(texts))
    assert all(text == " ".join(text.split()) != "" for text in texts)
    assert len(texts) + sum(headlines.dropped.values()) == len(rows)


def test_white_space_empty_and_unlabelled_rows() -> None:
    texts, labels = make_headlines(20)
    headlines = load_headlines(
        [*texts, "  Two \t words \n", "", " \n", "no label", "Two words", "Two words"],
        [*labels, "money", "money", "money", None, "money", "sport"],
    )
    assert "Two words" in all_texts(headlines)
    assert headlines.dropped == {
        "empty": 2,
        "unlabelled": 1,
        "duplicates": 1,
        "contradictions": 1,
    }


def test_integer_labels_keep_their_order() -> None:
    texts, _ = make_headlines(40)
    headlines = load_headlines(texts, [i % 12 for i in range(len(texts))], validation=0.2, test=0.2)
    assert headlines.label_names == tuple(str(i) for i in range(12))


def test_a_repeated_headline_stays_in_the_test_split(tmp_path: Path) -> None:
    texts, labels = make_headlines(30)
    write_csv(tmp_path / "train.csv", texts[:80], labels[:80])
    write_csv(tmp_path / "test.csv", texts[70:], labels[70:])
    headlines = load_headlines("file", path=tmp_path)
    assert headlines.texts("test") == texts[70:]
    assert headlines.dropped["duplicates"] == 10


def test_data_sets_in_memory_keep_the_names_of_their_labels() -> None:
    texts, labels = make_headlines(20)
    names = ["sport", "nature", "money"]
    rows = Dataset.from_dict(
        {"text": texts, "label": [names.index(label) for label in labels]},
        features=Features({"text": Value("string"), "label": ClassLabel(names=names)}),
    )
    for source in (rows, DatasetDict({"train": rows})):
        headlines = load_headlines(source)
        assert headlines.label_names == ("money", "nature", "sport")
        by_text = dict(zip(texts, labels, strict=True))
        for text, label in zip(headlines.texts("test"), headlines.labels("test"), strict=True):
            assert headlines.label_names[label] == by_text[text]


def test_rows_without_a_label_on_the_hub_are_unlabelled() -> None:
    texts, _ = make_headlines(20)
    codes = [0, 1, -1] * 19 + [None, 0, 1]
    rows = Dataset.from_dict(
        {"text": texts, "label": codes},
        features=Features({"text": Value("string"), "label": ClassLabel(names=["a", "b"])}),
    )
    headlines = load_headlines(rows)
    assert headlines.label_names == ("a", "b")
    assert headlines.dropped["unlabelled"] == 20


def test_labels_that_look_like_numbers() -> None:
    texts, _ = make_headlines(20)
    assert load_headlines(texts, ["--1", "1"] * 30).label_names == ("--1", "1")
    assert load_headlines(texts, [True, False] * 30).label_names == ("False", "True")


def test_data_frames_and_generators() -> None:
    texts, labels = make_headlines(20)
    frame = pd.DataFrame({"headline": texts, "topic": labels})
    from_frame = load_headlines(frame, text="headline", label="topic")
    from_generators = load_headlines((text for text in texts), iter(labels))
    assert from_frame.sha256 == from_generators.sha256


def test_read_labelled(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_csv(tmp_path / "x.csv", ["One  two", "One two", ""], ["a", "b", "c"])
    rows = read_labelled(path)
    assert rows.texts == ["One two", "One two"]
    assert rows.labels == ["a", "b"]
    assert "left out 1 empty and 0 unlabelled headlines" in caplog.text


def test_bad_lists() -> None:
    with pytest.raises(DataError, match="needs labels"):
        load_headlines(["a"])
    with pytest.raises(DataError, match="got 1 and 2"):
        load_headlines(["a"], [1, 2])
    with pytest.raises(DataError, match="got 7 in row 2"):
        load_headlines(["a", 7], [1, 2])  # type: ignore[list-item]


def test_options_out_of_range() -> None:
    for options, message in (
        ({"validation": 5}, "validation=5: expected less than 1, got 5"),
        ({"test": 0}, "test=0: expected greater than 0, got 0"),
        ({"validation": 0.5, "test": 0.6}, r"must stay below 1, got 0\.5 \+ 0\.6"),
        ({"seed": -1}, "seed=-1: expected greater than or equal to 0, got -1"),
        ({"seed": 2**31}, "seed=2147483648: expected less than 2147483648"),
        ({"text": 0}, "text=0: expected a valid string, got 0"),
    ):
        with pytest.raises(DataError, match=message):
            load_headlines(["a"], ["b"], **options)
    with pytest.raises(
        DataError, match=r"data=file needs a file or folder: .* Python: path=\.\.\."
    ):
        load_headlines("file")


def test_a_split_that_does_not_exist() -> None:
    headlines = load_headlines(*make_headlines(10))
    for read in (headlines.texts, headlines.labels, headlines.examples, headlines.groups):
        with pytest.raises(DataError, match=r"got 'tain'; did you mean train\?"):
            read("tain")


def test_headlines_and_labels_have_an_order() -> None:
    texts, labels = make_headlines(10)
    for pair in (
        (set(texts), labels),
        (texts, dict.fromkeys(labels)),
        (dict.fromkeys(texts), labels),
    ):
        with pytest.raises(DataError, match="has no order"):
            load_headlines(*pair)
    frame = pd.DataFrame({"text": texts, "label": labels})
    with pytest.raises(DataError, match="with the same index"):
        load_headlines(frame["text"], frame["label"].iloc[::-1])
    assert load_headlines(frame["text"], frame["label"]).name == "lists"
