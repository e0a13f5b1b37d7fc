from __future__ import annotations

import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.embedding.matching import Contractions
from pipeline.embedding.text import (
    TOKENISER,
    TextLayer,
    standardize,
    tokenize,
)
from pipeline.portable.text import normalize
from pipeline.portable.tokens import DIGITS, Digits


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


# The tokens of each version of the tokeniser. Whoever changes the tokens of a text raises TOKENISER,
# because vectors that were trained on other tokens would be taken from the cache, and adds a row.
TOKENS_OF_VERSION = {
    1: {
        "Alps may lose 70% of snow, don't they?":
            "alps may lose 70 % of snow , do n't they ?",
        "DON’T ‘quote’ “me” – I'll say U.S. AT&T’s 1,000.50...":
            "do n't ' quote ' \" me \" -- i 'll say u.s. at & t 's 1,000.50 ...",
        "École Ñandú İzmir ΣΑΣ 日本, e-mail: a/b_c 10:30 <tag> #1 x² ½ 😀":
            "école ñandú i̇zmir σας 日本 , e-mail : a / b_c 10:30 < tag > # 1 x² ½ 😀",
        "The end.  'Tis\tover\u2028now\x00, rock'n'roll players' (2004-5) $5m £3":
            "the end . ' tis over now , rock'n'roll players ' ( 2004-5 ) $ 5m £ 3",
    },
    2: {
        "Alps may lose 70% of snow, don't they?":
            "alps may lose 70 % of snow , do n't they ?",
        "L'e\u0301conomie eco\u00adno\u00admy caf\udce9": "l'économie economy caf \ufffd",
    },
}  # fmt: skip


def test_whoever_changes_tokens_raises_the_version() -> None:
    texts = TOKENS_OF_VERSION[TOKENISER]
    assert {text: " ".join(*tokenize([text])) for text in texts} == texts
    assert max(TOKENS_OF_VERSION) == TOKENISER


# What the patterns look at, and letters whose lower case is special.
TRICKY = (
    "abntsreNTSRé É'’`\"“.,:;-–—&/_%$10²Ⅷſß\u212aİσΣ\u0307\u00ad\u00a0\u2028\t\x00\x1f\x85☃中😀"
)
PIECES = [
    "The",
    "end.",
    "u.s.",
    "DON'T",
    "we'RE",
    "they’ll",
    "john's",
    "'best'",
    "1,000",
    "a,b",
    "...",
    "a..b",
    "AT&T",
    "b/a",
    "10:30",
    "--",
    "e-mail",
    "3.",
]
HEADLINES = st.lists(
    st.text(TRICKY, max_size=14)
    | st.text(max_size=10)
    | st.lists(st.sampled_from([*PIECES, " "]), max_size=6).map("".join),
    min_size=1,
    max_size=20,
).map(normalize)
HOW = st.sampled_from(["split", "whole"])


def plainly(texts: list[str], contractions: Contractions) -> list[list[str]]:
    """The tokens by the regular expressions alone, on whole texts."""
    split = tf.strings.split(standardize(tf.constant(texts), contractions))
    return [[token.decode() for token in tokens] for tokens in split.to_list()]


@settings(max_examples=150, deadline=None)
@given(HEADLINES, HOW)
def test_the_tokens_of_a_text_are_those_of_its_pieces(
    texts: list[str], contractions: Contractions
) -> None:
    assert tokenize(texts, contractions) == plainly(texts, contractions)


# Some of these no text can have as a token: the layer must not find them in a piece either.
WORDS = (
    "a",
    "n't",
    "'s",
    "b-1",
    "'",
    "70",
    "é",
    "sn",
    "don't",
    "a,",
    "É",
    "b/a",
    "a\u00a0b",
    "N",
    "#",
)
LAYERS = {
    (contractions, digits, letter_case): tf.function(
        TextLayer(
            WORDS,
            6,
            contractions=contractions,
            digits=digits,
            letter_case=letter_case,
            joined=True,
        ),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    for contractions in ("split", "whole")
    for digits in (None, *DIGITS.values())
    for letter_case in (False, True)
}


@settings(max_examples=150, deadline=None)
@given(HEADLINES, st.sampled_from([key for key in LAYERS if not key[2]]))
def test_the_layer_has_the_same_tokens(
    texts: list[str], key: tuple[Contractions, Digits | None, bool]
) -> None:
    contractions, digits, _ = key
    rows, joined = LAYERS[key](tf.constant(texts))
    expected = plainly(texts, contractions)
    assert [text.decode() for text in joined.numpy()] == [" ".join(tokens) for tokens in expected]
    assert rows.shape[1] == min(6, max(1, *map(len, expected), 1))
    for row, tokens in zip(rows.numpy(), expected, strict=True):
        numbers = [_row(token, digits) for token in tokens[:6]]
        np.testing.assert_array_equal(row, numbers + [0] * (len(row) - len(numbers)))


def _row(token: str, digits: Digits | None) -> int:
    if token not in WORDS and digits is not None and re.fullmatch(digits.which, token, re.S):
        token = re.sub(digits.what, digits.by, token)
    return 2 + WORDS.index(token) if token in WORDS else 1


@settings(max_examples=150, deadline=None)
@given(HEADLINES, HOW)
def test_letter_case_does_not_change_the_tokens(
    texts: list[str], contractions: Contractions
) -> None:
    rows, lower = LAYERS[contractions, None, False](tf.constant(texts))
    same_rows, cases, joined = LAYERS[contractions, None, True](tf.constant(texts))
    np.testing.assert_array_equal(same_rows, rows)
    np.testing.assert_array_equal(cases.numpy() > 0, rows.numpy() > 0)
    kept = tf.strings.split(joined)
    assert tf.strings.lower(kept.values, encoding="utf-8").numpy().tolist() == (
        tf.strings.split(lower).values.numpy().tolist()
    )


@pytest.mark.parametrize(
    ("headline", "tokens", "cases"),
    [
        ("Alps lose 70% of snow", "Alps lose 70 % of snow", [2, 1, 1, 1, 1, 1]),
        ("NATO I iPhone U.S. McDonald", "NATO I iPhone U.S. McDonald", [3, 2, 4, 3, 4]),
        ("DON'T don't Can'T", "DO N'T do n't Ca n'T", [3, 3, 1, 1, 2, 4]),
        ("ÉCOLE École 'Best' 3D", "ÉCOLE École ' Best ' 3D", [3, 2, 1, 2, 1, 2]),
    ],
)
def test_letter_case(headline: str, tokens: str, cases: list[int]) -> None:
    _, written, joined = LAYERS["split", None, True](tf.constant([headline]))
    assert (joined.numpy()[0].decode(), written.numpy()[0].tolist()) == (tokens, cases)


def test_the_layer_is_as_wide_as_the_longest_headline() -> None:
    layer = TextLayer(["a"], 3)
    widths = [layer(tf.constant(texts)).shape for texts in ([""], ["a", "a b"], ["a b c d e"])]
    assert widths == [(1, 1), (2, 2), (1, 3)]
    assert layer(tf.constant([], tf.string)).shape == (0, 1)


def test_what_follows_a_character_of_code_0_is_not_lost() -> None:
    """TensorFlow's lower case of other than ASCII ends there."""
    assert tokenize(["É\x00Alps"]) == [["é", "alps"]]


def test_a_model_with_all_outputs_can_be_saved(tmp_path: Path) -> None:
    texts = keras.Input((), dtype="string")
    layer = TextLayer(WORDS, 6, letter_case=True, joined=True)
    model = keras.Model(texts, list(layer(texts)))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    headline = tf.constant(["Don't A, B", "a"])
    for before, after in zip(model(headline), loaded(headline), strict=True):
        np.testing.assert_array_equal(before, after)


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
