from __future__ import annotations

from collections import Counter

import pytest

from pipeline.embedding.keys import LONGEST_WORD
from pipeline.embedding.text import tokenize
from pipeline.embedding.vocabulary import (
    Length,
    Vocabulary,
    build_vocabularies,
    build_vocabulary,
    choose_length,
)


def test_vocabulary_is_ordered_by_frequency_and_then_by_letters() -> None:
    vocabulary = build_vocabulary(["b a", "b c", "B d a"])
    assert vocabulary == Vocabulary(("b", "a", "c", "d"), (3, 2, 1, 1))
    assert build_vocabulary(["b a", "b c"], min_count=2) == Vocabulary(("b",), (2,))
    assert build_vocabulary(["b a", "b c"], max_tokens=1) == Vocabulary(("b",), (2,))
    assert len(build_vocabulary([])) == 0


def test_a_vocabulary_for_each_way_to_write_contractions() -> None:
    both = build_vocabularies(["don't b", "b c"], min_count=1, max_tokens=2)
    assert both["split"] == Vocabulary(("b", "c", "do", "n't"), (1, 1, 1, 1), "split")
    assert both["whole"] == Vocabulary(("b", "c", "don't"), (2, 1, 1), "whole")


def test_many_headlines_are_counted_in_batches() -> None:
    vocabulary = build_vocabulary([f"w{i} again" for i in range(12_000)])
    assert len(vocabulary) == 12_001
    assert vocabulary.counts[:2] == (12_000, 1)


@pytest.mark.parametrize("max_tokens", [None, 1, 2, 5])
def test_counts_are_those_of_the_tokens(max_tokens: int | None) -> None:
    """Each different piece is tokenised once, which changes no count."""
    texts = [
        "Don't they? They DON'T!",
        "U.S.-led \u2013 they cannot...",
        " 70%\tof",
        "\u2026",
        "",
        "they",
    ]
    for contractions, vocabulary in build_vocabularies(texts, max_tokens=max_tokens).items():
        tokens = [t for text in tokenize(texts, contractions) for t in text[:max_tokens]]
        assert dict(zip(vocabulary.words, vocabulary.counts, strict=True)) == Counter(tokens)


def test_a_word_without_an_end_is_no_word_of_the_vocabulary() -> None:
    """The look-up of the network would take the memory of the longest word for each word."""
    longest = "x" * LONGEST_WORD
    vocabulary = build_vocabulary([f"alps {longest} {longest}x", f"{'y' * 9_000} alps"])
    assert vocabulary == Vocabulary(("alps", longest), (2, 1))


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("หิมะบนเทือกเขาแอลป์ลดลงมาก", True),
        ("阿尔卑斯山将失去大部分积雪", True),
        ("アルプスの雪が七割減る見込み", True),
        ("阿尔卑斯山 将 失去 大部分 积雪", False),
        ("Snow auf der Zugspitze, économie", False),
    ],
)
def test_texts_without_spaces_between_words_are_warned_of(
    text: str, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    build_vocabularies([text, "Alps lose snow"])
    assert ("1 of 2 headlines have no spaces between words" in caplog.text) == warned


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([5] * 300, 24),  # never less
        ([5] * 200 + [40], 24),  # one of two hundred may be longer
        ([5] * 150 + [40] * 50, 40),
        ([300] * 9, 128),  # nor more
        ([], 24),
    ],
)
def test_as_many_tokens_are_read_as_nearly_all_texts_have(
    lengths: list[int], expected: int
) -> None:
    length = choose_length(["snow " * n for n in lengths])
    assert length.max_tokens == expected
    assert length.n_cut == sum(n > expected for n in lengths)


def test_what_is_cut_off_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    texts = ["snow " * 30] * 10 + ["snow " * 4] * 90
    with caplog.at_level("INFO", "pipeline"):
        assert choose_length(texts, 20) == Length(20, 100, 10, 100 / 660, 30)
        assert choose_length(texts).n_cut == 0
    warned, counted = caplog.records
    assert (warned.levelname, counted.levelname) == ("WARNING", "INFO")
    assert warned.getMessage() == (
        "length: 20 tokens of a headline are read; 10 of 100 headlines are longer (up to 30), and "
        "15.2% of all tokens are cut off"
    )
    assert (
        counted.getMessage() == "length: the longest of 100 headlines has 30 tokens; all are read"
    )
    assert choose_length(["snow"] * 50_000).n_texts <= 20_000
