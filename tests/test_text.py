from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline.matching import DIGITS, Digits
from pipeline.text import (
    Contractions,
    TextLayer,
    Vocabulary,
    build_vocabularies,
    build_vocabulary,
    tokenize,
)


@pytest.mark.parametrize(
    ("headline", "tokens"),
    [
        ("Alps may lose 70% of snow", "alps may lose 70 % of snow"),
        ("Don't stop: it's John's", "do n't stop : it 's john 's"),
        ("DON’T STOP", "do n't stop"),
        ("We'll say they've won, I'm sure", "we 'll say they 've won , i 'm sure"),
        ("'Best' film", "' best ' film"),
        ("Players' union", "players ' union"),
        ("U.S. growth up 3.5 to $1,000.50", "u.s. growth up 3.5 to $ 1,000.50"),
        ("The end.", "the end ."),
        ("Wait... what?!", "wait ... what ? !"),
        ("e-mail at 10:30 in 2004-5", "e-mail at 10:30 in 2004-5"),
        ("Blair – “no” to war", 'blair -- " no " to war'),
        ("AT&T and Q&A/FAQ", "at & t and q & a / faq"),
        ("École über Ñandú", "école über ñandú"),
        ("", ""),
        (" \t ", ""),
    ],
)
def test_tokens_are_those_of_glove(headline: str, tokens: str) -> None:
    assert tokenize([headline]) == [tokens.split()]


@pytest.mark.parametrize(
    ("headline", "tokens"),
    [
        ("Don't stop: it's John's", "don't stop : it 's john 's"),
        ("DON’T, can't!", "don't , can't !"),
        ("We'll say they've won, I'm sure he'd", "we'll say they've won , i'm sure he'd"),
        ("'Best' players' film", "' best ' players ' film"),
    ],
)
def test_whole_contractions(headline: str, tokens: str) -> None:
    assert tokenize([headline], "whole") == [tokens.split()]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=5), st.sampled_from(["split", "whole"]))
def test_any_text_can_be_tokenised(texts: list[str], contractions: Contractions) -> None:
    tokenised = tokenize(texts, contractions)
    assert all(token and not token.isspace() for tokens in tokenised for token in tokens)
    assert len(tokenised) == len(texts)


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


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.text("abcnt '.,-1é", max_size=20), min_size=1, max_size=8),
    st.sampled_from(["split", "whole"]),
    st.sampled_from([None, *DIGITS.values()]),
)
def test_the_layer_and_the_vocabulary_agree(
    texts: list[str], contractions: Contractions, digits: Digits | None
) -> None:
    """The layer numbers exactly the tokens that the vocabulary was counted from."""
    words = build_vocabulary(texts, contractions=contractions).words
    assume(words)
    layer = TextLayer(words, 16, contractions=contractions, digits=digits)
    rows = layer(tf.constant(texts)).numpy()
    for row, tokens in zip(rows, tokenize(texts, contractions), strict=True):
        expected = [2 + words.index(token) for token in tokens[:16]]
        np.testing.assert_array_equal(row, expected + [0] * (16 - len(expected)))


def test_unknown_words_share_row_one() -> None:
    rows = TextLayer(["alps"], 4)(tf.constant(["Alps himalaya", "[UNK] not known a b"])).numpy()
    assert rows.tolist() == [[2, 1, 0, 0], [1, 1, 1, 1]]


@pytest.mark.parametrize(
    ("digits", "words", "expected"),
    [
        (None, ["####", "1999"], [1, 3, 1, 1, 1]),
        ("#", ["####", "1999", "#.#"], [2, 3, 1, 4, 1]),
        ("0", ["0000", "1999", "0"], [2, 3, 4, 1, 1]),
        ("<number>", ["<number>", "1999"], [2, 3, 2, 2, 1]),
    ],
)
def test_unknown_numbers_take_the_row_of_such_numbers(
    digits: str | None, words: list[str], expected: list[int]
) -> None:
    """A number of the training headlines keeps its own row."""
    layer = TextLayer(words, 5, digits=DIGITS[digits] if digits else None)
    assert layer(tf.constant(["2031 1999 7 3.5 b2b"])).numpy().tolist() == [expected]
