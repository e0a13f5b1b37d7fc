from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.base.errors import ConfigError, VectorsError
from pipeline.config import load_config
from pipeline.embedding.matching import (
    FALLBACK_NAMES,
    FALLBACKS,
    Conventions,
    conventions,
    match_words,
    spellings,
    tokens_of,
)
from pipeline.embedding.vectors import WordVectors

GLOVE = ["the", ",", "of", "n't", "'s", "2004", "10", "1999", "3.5", "00", "well-known"]
NEWS = ["in", "The", "on", "##", "I", "####", "don't", "#.#", "U.S.", "Obama", "New_York", "2"]


def vectors_of(words: Sequence[str], **more: Any) -> WordVectors:
    values = np.random.default_rng(0).normal(0, 0.7, (len(words), 4)).astype(np.float32)
    return WordVectors.from_rows(words, values, **more)


def find(word: str, words: Sequence[str], **more: Any) -> tuple[str, tuple[str, ...]]:
    """The fallback and the keys of one word in a set that begins with `words`."""
    matches = match_words([word], vectors_of(words), **more)
    return matches.found_by[0], matches.keys[0]


# ------------------------------------------------------------------------------- the conventions


@pytest.mark.parametrize(
    ("first_words", "expected"),
    [
        (GLOVE, Conventions("lower", "kept", "split")),
        (NEWS, Conventions("cased", "#", "whole")),
        (["the", "000", "00", "5"], Conventions("lower", "0", "split")),
        (["<user>", "the", "<number>", "don't"], Conventions("lower", "<number>", "whole")),
        (["the", "#", "0", "7", "euro1"], Conventions()),  # one sign alone says nothing
        (["Don't", "n't"], Conventions("cased", "kept", "split")),  # `do n't` is found, too
        (["the"] * 99 + ["UNK"], Conventions()),
        ([], Conventions()),
    ],
)
def test_conventions_are_seen_in_the_first_words(
    first_words: list[str], expected: Conventions
) -> None:
    assert conventions(first_words) == expected


def test_rare_words_do_not_count_and_do_not_match() -> None:
    """GloVe 6B keeps digits, and has `###` among its last words."""
    words = [*GLOVE, "####", "French"]
    vectors = vectors_of(words, first_words=GLOVE)
    assert match_words(["2031", "french", "1999"], vectors).found_by == (
        "missing",
        "missing",
        "exact",
    )


# ------------------------------------------------------------------------------ the fallbacks


@pytest.mark.parametrize(
    ("word", "words", "fallback", "keys"),
    [
        ("alps", ["alps", "Alps"], "exact", ["alps"]),
        ("Alps", [*GLOVE, "alps"], "lower", ["alps"]),
        ("alps", [*NEWS, "ALPS", "Alps"], "capitalised", ["Alps"]),
        ("o'brien", [*NEWS, "O'Brien"], "capitalised", ["O'Brien"]),
        ("anglo-saxon", [*NEWS, "Anglo-Saxon"], "capitalised", ["Anglo-Saxon"]),
        ("nato", [*NEWS, "NATO"], "upper", ["NATO"]),
        ("iphone", [*NEWS, "iPhone"], "mixed", ["iPhone"]),
        ("2031", NEWS, "digits", ["####"]),
        ("4.7", NEWS, "digits", ["#.#"]),
        ("h1n1", [*NEWS, "H#N#"], "digits", ["H#N#"]),
        ("7", NEWS, "missing", []),  # Google News keeps single digits
        ("70", ["00", "0", "0000"], "digits", ["00"]),
        ("7", ["00", "0"], "digits", ["0"]),
        ("1,000.50", ["<number>", "the"], "digits", ["<number>"]),
        ("70s", ["<number>", "the"], "missing", []),
        ("zürich", [*GLOVE, "zurich"], "accents", ["zurich"]),
        ("zürich", [*NEWS, "Zurich"], "accents", ["Zurich"]),
        ("fußball", [*GLOVE, "fussball"], "accents", ["fussball"]),
        ("wałęsa", [*GLOVE, "walesa"], "accents", ["walesa"]),
        ("o'brien", [*GLOVE, "obrien"], "punctuation", ["obrien"]),
        ("'80s", [*GLOVE, "80s"], "punctuation", ["80s"]),
        ("don't", ["the", "dont"], "punctuation", ["dont"]),
        ("e-mail", [*GLOVE, "email"], "punctuation", ["email"]),
        ("e-mail", [*NEWS, "e_mail", "email"], "punctuation", ["e_mail"]),
        ("n.h.l.", [*GLOVE, "nhl"], "punctuation", ["nhl"]),
        ("n't", ["the", "nt"], "missing", []),  # another word
        ("no.", [*GLOVE, "no"], "missing", []),
        ("19-33", [*GLOVE, "1933"], "missing", []),
        ("5'5", [*GLOVE, "55"], "missing", []),
        ("vote-rig", [*GLOVE, "rig", "vote"], "parts", ["vote", "rig"]),
        ("ex-blair", [*NEWS, "ex", "Blair"], "parts", ["ex", "Blair"]),
        ("99-year", [*NEWS, "year"], "parts", ["##", "year"]),
        ("vote-xyz", [*GLOVE, "vote"], "missing", []),
        ("-", GLOVE, "missing", []),
    ],
)  # fmt: skip
def test_fallbacks(word: str, words: list[str], fallback: str, keys: list[str]) -> None:
    assert find(word, words) == (fallback, tuple(keys))


def test_the_first_fallback_counts() -> None:
    """Each word that is added is found by an earlier fallback than those before it."""
    words = list(NEWS)
    for key, fallback in (
        ("caf", "missing"), ("Cafés", "missing"), ("cafe", "accents"), ("cAfÉ", "mixed"),
        ("CAFÉ", "upper"), ("Café", "capitalised"), ("café", "exact"),
    ):  # fmt: skip
        words.append(key)
        expected = (key,) if fallback != "missing" else ()
        assert find("café", words) == (fallback, expected)


def test_rows_are_the_vectors_of_the_keys() -> None:
    vectors = vectors_of([*NEWS, "vote", "rig", "Alps"])
    matches = match_words(["alps", "xyz", "vote-rig", "in"], vectors)
    rows = matches.rows(vectors)
    assert matches.has_row.tolist() == [True, False, True, True]
    assert rows[0].tobytes() == vectors["Alps"].tobytes()
    assert not rows[1].any()
    np.testing.assert_allclose(rows[2], (vectors["vote"] + vectors["rig"]) / 2, rtol=1e-6)
    assert rows[3].tobytes() == vectors["in"].tobytes()


def test_subwords_come_last() -> None:
    asked: list[str] = []

    def subwords(words: Sequence[str]) -> np.ndarray[Any, Any]:
        asked.extend(words)
        return np.array([[len(w)] * 4 if w.isalpha() else [0] * 4 for w in words], np.float32)

    vectors = vectors_of([*GLOVE, "vote", "rig"], subwords=subwords)
    matches = match_words(["vote-rig", "truanted", "the", "???"], vectors)
    assert matches.found_by == ("parts", "subwords", "exact", "missing")
    assert asked == ["truanted", "???"]
    assert matches.rows(vectors)[1].tolist() == [8] * 4
    without = match_words(["truanted"], vectors, ["exact", "parts"])
    assert without.found_by == ("missing",)


def test_the_fallbacks_can_be_named() -> None:
    words = [*GLOVE, "Alps", "email"]
    assert find("alps", words, fallbacks=["exact"]) == ("missing", ())
    assert find("alps", words, fallbacks=["capitalised"]) == ("capitalised", ("Alps",))
    assert find("e-mail", words, fallbacks=()) == ("missing", ())
    for wrong in (["exact", "stemming"], "exact"):
        with pytest.raises(
            VectorsError, match="a list of fallbacks out of exact, lower, capitalised"
        ):
            match_words(["alps"], vectors_of(words), wrong)


def test_the_configuration_takes_the_names_of_the_table() -> None:
    for name in FALLBACK_NAMES:
        options = load_config([f"vectors.fallbacks=[exact,{name}]"]).vectors
        assert options.fallbacks == ("exact", name)
    with pytest.raises(ConfigError, match=r"vectors\.fallbacks: expected one of exact.*'stemming'"):
        load_config(["vectors.fallbacks=[exact,stemming]"])


# --------------------------------------------------------------------------------- spellings

WORDS = st.lists(st.text("aBé1-'.", min_size=1, max_size=5), unique=True, max_size=10)


@settings(max_examples=200, deadline=None)
@given(words=WORDS, stored=WORDS)
def test_spellings_are_all_that_the_fallbacks_look_for(words: list[str], stored: list[str]) -> None:
    """What the whole set has is found among the spellings, except capitals such as iPhone's."""
    everything = vectors_of([*NEWS, *(word for word in stored if word not in NEWS)])
    fallbacks = [fallback.name for fallback in FALLBACKS if fallback.name != "mixed"]
    whole = match_words(words, everything, fallbacks)
    some = match_words(words, everything.subset(spellings(words)), fallbacks)
    plain = [i for i, keys in enumerate(whole.keys) if not _mixed(keys)]
    assert [some.found_by[i] for i in plain] == [whole.found_by[i] for i in plain]
    assert [some.keys[i] for i in plain] == [whole.keys[i] for i in plain]


def _mixed(keys: tuple[str, ...]) -> bool:
    return any(key not in (key.lower(), key.upper(), key.capitalize()) for key in keys)


def test_spellings_are_few() -> None:
    words = [f"w{chr(97 + i % 26)}{i}x" for i in range(10_000)] + ["e-mail", "zürich"]
    asked = spellings(words)
    assert len(asked) == len(set(asked)) < 5 * len(words)
    assert asked[: len(words)] == words
    assert spellings([]) == []


def test_a_hundred_thousand_words_take_well_under_a_second() -> None:
    words = [f"word{chr(97 + i % 26)}{i}" for i in range(100_000)]
    vectors = vectors_of([word.capitalize() for word in words[::2]])
    started = time.perf_counter()
    found_by = match_words(words, vectors).found_by
    seconds = time.perf_counter() - started
    assert found_by[:2] == ("capitalised", "missing")
    assert seconds < 3  # about 0.6; the bound leaves room for a busy machine


# ----------------------------------------------------------------------------- tokens of keys


def test_tokens_of_a_cased_set() -> None:
    keys = ["US", "The", "Alps", "iPhone", "the", "us", "ALPS", "IPHONE", "iphonE", "####"]
    expected = {"us": "us", "the": "the", "alps": "Alps", "iphone": "IPHONE", "####": "####"}
    assert tokens_of(keys, FALLBACKS) == expected
    assert list(tokens_of(keys, FALLBACKS)) == list(expected)  # in the order of the set
    assert tokens_of(["mcDonald", "McDonald"], FALLBACKS) == {"mcdonald": "mcDonald"}  # the first


def test_tokens_of_a_lower_cased_set_are_its_keys() -> None:
    fallbacks = [
        fallback for fallback in FALLBACKS if fallback.name in ("exact", "lower", "accents")
    ]
    assert tokens_of(["the", "French"], fallbacks) == {"the": "the", "French": "French"}
