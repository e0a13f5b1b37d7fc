"""Texts come in one form."""

from __future__ import annotations

import unicodedata

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.base.errors import DataError
from pipeline.portable import MAX_CHARACTERS, normalize

ANY = st.text(st.characters(codec=None, categories=None), max_size=40)  # surrogates too


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("Alps lose snow", "Alps lose snow"),
        ("e\u0301conomie", "économie"),
        ("\u1100\u1161\u11a8", "각"),  # Korean letters become one syllable
        ("eco\u00adnomy", "economy"),
        ("e\u00ad\u0301", "é"),
        ("caf\udce9", "caf\ufffd"),
        ("\ud83d x", "\ufffd x"),
        ("\U0001f600", "\U0001f600"),
    ],
)
def test_one_form(text: str, expected: str) -> None:
    assert normalize([text, "a"]) == [expected, "a"]


@given(st.lists(ANY, max_size=4))
def test_the_form_stays(texts: list[str]) -> None:
    once = normalize(texts)
    assert normalize(once) == once
    assert all(text.encode().decode() == text for text in once)
    assert all(unicodedata.is_normalized("NFC", text) for text in once)


@pytest.mark.parametrize("letter", ["a", "é", "e\u0301", "\u0958"])  # the last grows with NFC
def test_long_texts_are_cut(letter: str) -> None:
    (cut,) = normalize([letter * 3 * MAX_CHARACTERS])
    assert MAX_CHARACTERS / 2 <= len(cut) <= MAX_CHARACTERS


def test_any_iterable_is_taken_and_what_is_no_list_of_strings_is_refused() -> None:
    assert normalize(text for text in ("a", "b")) == ["a", "b"]
    assert normalize([]) == []
    with pytest.raises(DataError, match="got one text: put it in a list"):
        normalize("Alps")
    with pytest.raises(DataError, match="got float as text 2"):
        normalize(["Alps", float("nan")])  # type: ignore[list-item]


def test_a_table_or_what_has_no_order_is_refused() -> None:
    for texts in (pd.DataFrame({"text": ["a"]}), {"a": 1}, {"a"}):
        with pytest.raises(DataError, match="expected a list of texts, got"):
            normalize(texts)
    assert normalize(pd.Series(["a"], index=[7])) == ["a"]
    assert normalize(text for text in ("a", "b")) == ["a", "b"]
