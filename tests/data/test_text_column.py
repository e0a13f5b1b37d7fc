"""Texts in a column of Arrow behave as a list of strings."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from builders import make_headlines

from pipeline.data.examples import Examples
from pipeline.data.headlines import load_headlines
from pipeline.data.sampling import take_texts
from pipeline.data.text_column import TextColumn

TEXTS = ["Alps", "snow", "été", "", "ice"]
COLUMN = TextColumn(pa.chunked_array([TEXTS[:2], [], TEXTS[2:]], pa.string()))


def test_as_a_list() -> None:
    assert len(COLUMN) == 5
    assert list(COLUMN) == TEXTS
    assert COLUMN == TEXTS
    assert TEXTS[:4] != COLUMN
    assert [COLUMN[i] for i in range(-5, 5)] == [*TEXTS, *TEXTS]
    for which in (
        slice(1, 4),
        slice(None, None, 2),
        slice(None, None, -1),
        slice(4, 9),
        slice(3, 1),
    ):
        assert COLUMN[which] == TEXTS[which]
    assert np.asarray(COLUMN).tolist() == TEXTS
    assert COLUMN.index("été") == 2
    with pytest.raises(IndexError):
        COLUMN[5]


def test_some_of_them_in_any_order() -> None:
    assert COLUMN.take([4, 0, 4]) == ["ice", "Alps", "ice"]
    for texts in (COLUMN, TEXTS):
        assert take_texts(texts, np.array([2, 1])) == ["été", "snow"]


def test_headlines_give_their_texts_as_one() -> None:
    texts, labels = make_headlines(30)
    headlines = load_headlines(texts, labels)
    examples = headlines.examples("test")
    assert isinstance(examples.texts, TextColumn)
    assert examples == Examples(
        headlines.texts("test"), headlines.labels("test"), headlines.label_names
    )


def test_other_texts_or_labels_have_another_digest() -> None:
    def digest(texts: list[str], labels: list[int]) -> str:
        return Examples(TextColumn(pa.chunked_array([texts])), labels, ("a", "b")).sha256

    same = digest(["alps", "snow"], [0, 1])
    assert digest(["alps", "snow"], [0, 1]) == same
    assert digest(["alps", "ice"], [0, 1]) != same
    assert digest(["alps", "snow"], [1, 1]) != same
