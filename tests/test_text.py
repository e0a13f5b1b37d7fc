from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline.text import Vocabulary, build_vocabulary, text_layer, tokenize


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


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=5))
def test_any_text_can_be_tokenised(texts: list[str]) -> None:
    assert all(token and not token.isspace() for tokens in tokenize(texts) for token in tokens)
    assert len(tokenize(texts)) == len(texts)


def test_vocabulary_is_ordered_by_frequency_and_then_by_letters() -> None:
    vocabulary = build_vocabulary(["b a", "b c", "B d a"])
    assert vocabulary == Vocabulary(("b", "a", "c", "d"), (3, 2, 1, 1))
    assert build_vocabulary(["b a", "b c"], min_count=2) == Vocabulary(("b",), (2,))
    assert build_vocabulary(["b a", "b c"], max_tokens=1) == Vocabulary(("b",), (2,))
    assert len(build_vocabulary([])) == 0


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text("abc '.,-1é", max_size=20), min_size=1, max_size=8))
def test_the_layer_and_the_vocabulary_agree(texts: list[str]) -> None:
    """The layer numbers exactly the tokens that the vocabulary was counted from."""
    words = build_vocabulary(texts).words
    assume(words)
    rows = text_layer(words, 16)(tf.constant(texts)).numpy()
    for row, tokens in zip(rows, tokenize(texts), strict=True):
        expected = [2 + words.index(token) for token in tokens[:16]]
        np.testing.assert_array_equal(row, expected + [0] * (16 - len(expected)))


def test_unknown_words_share_row_one() -> None:
    rows = text_layer(["alps"], 4)(tf.constant(["Alps himalaya"])).numpy()
    assert rows.tolist() == [[2, 1, 0, 0]]
