"""The tokens of the portable tokeniser are those of the Keras text layer."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.embedding.text import TextLayer, character_table
from pipeline.portable.text import normalize
from pipeline.portable.tokens import DIGITS, Tokeniser

WORDS = ("a", "n't", "'s", "b-1", "'", "70", "é", "sn", "don't", "####", "0000", "<number>", "σας")
MAX_TOKENS = 1_000
# What the expressions look at, and letters whose lower case is special.
TRICKY = (
    "abntsreNTSRéÉ '’`\"“.,:;-–—&/_%$10²Ⅷſß\u212aİσΣς\u0307\u0345\u00ad\u00a0\u2028\t\x00\x1f\x85☃中😀"
    "\ud800\u200d\ufeff\uffff\U0010ffffǅʰ"
)
PIECES = [
    "The", "end.", "u.s.", "DON'T", "we'RE", "they’ll", "john's", "'best'", "1,000", "a,b", "...",
    "a..b", "AT&T", "b/a", "10:30", "--", "e-mail", "3.", "iPhone", "NATO", "3D", "ΑΣ", "Σ", "—", " ",
]  # fmt: skip
ANY = st.characters(codec=None, categories=None)
TEXTS = st.lists(
    st.text(TRICKY, max_size=14)
    | st.text(ANY, max_size=10)
    | st.lists(st.sampled_from(PIECES), max_size=6).map("".join)
    | st.integers(0, 3_000).map(lambda n: "x" * n + "'s"),
    max_size=20,
)  # fmt: skip
HOW = st.tuples(
    st.sampled_from(["split", "whole"]), st.sampled_from([None, *DIGITS]), st.booleans()
)


@cache
def both(contractions: Any, digits: str | None, letter_case: bool) -> tuple[Any, Tokeniser]:
    layer = TextLayer(
        WORDS,
        MAX_TOKENS,
        contractions=contractions,
        digits=DIGITS[digits] if digits else None,
        letter_case=letter_case,
        joined=True,
    )
    signature = [tf.TensorSpec([None], tf.string)]
    return (
        tf.function(layer, input_signature=signature),
        Tokeniser(WORDS, character_table(), MAX_TOKENS, contractions, digits, letter_case),
    )


def check(texts: list[str], how: tuple[str, str | None, bool]) -> None:
    layer, tokeniser = both(*how)
    texts = normalize(texts)
    batch = tokeniser.tokenise(texts)
    rows, *cases, joined = layer(tf.constant(texts, tf.string))
    tokens = [batch.tokens[place] for place in batch.places.tolist()]
    ends = np.cumsum(batch.counts).tolist()
    by_text = [tokens[start:end] for start, end in pairwise([0, *ends])]
    assert [" ".join(tokens) for tokens in by_text] == [text.decode() for text in joined.numpy()]
    present = rows.numpy() > 0
    assert present.sum(axis=1).tolist() == batch.counts.tolist()
    assert rows.numpy()[present].tolist() == batch.rows[batch.places].tolist()
    if cases:
        assert cases[0].numpy()[present].tolist() == batch.cases[batch.places].tolist()


@settings(max_examples=100, deadline=None)
@given(TEXTS, HOW)
@example([], ("split", None, False))
@example([""], ("split", None, True))
@example(["ΑΣ\u00a0B ΑΣ", "\u00a0", "É\x00Alps"], ("split", None, True))
def test_any_text_has_the_tokens_of_the_layer(
    texts: list[str], how: tuple[str, str | None, bool]
) -> None:
    check(texts, how)


def check_characters(letters: list[str], letter_case: bool) -> None:
    """By itself, in a word, and before a final sigma."""
    texts = [f"{c} aB{c}'s x{c}. Α{c}Σ" for c in letters]
    for start in range(0, len(texts), 50_000):
        check(texts[start : start + 50_000], ("split", None, letter_case))


@pytest.mark.parametrize("letter_case", [False, True])
def test_each_run_of_characters_has_the_tokens_of_the_layer(letter_case: bool) -> None:
    """Under any version of Unicode: the first and the last of each run of like characters."""
    starts = character_table().starts.tolist()
    codes = {0, *starts, *(start - 1 for start in starts[1:])}
    check_characters([chr(c) for c in codes if not 0xD800 <= c < 0xE000], letter_case)


@pytest.mark.slow
@pytest.mark.parametrize("letter_case", [False, True])
def test_every_character_has_the_tokens_of_the_layer(letter_case: bool) -> None:
    codes = range(0x110000)
    check_characters([chr(c) for c in codes if not 0xD800 <= c < 0xE000], letter_case)
