"""Which texts a classifier learned from."""

from __future__ import annotations

import pytest

from pipeline.data.seen import note_texts, seen_fraction

TEXTS = [f"headline {i}" for i in range(2_000)]


def test_few_texts_are_told_exactly() -> None:
    noted = note_texts(TEXTS[:300])
    assert seen_fraction(TEXTS[:300], noted) == 1
    assert seen_fraction(TEXTS[300:], noted) == 0
    assert seen_fraction(TEXTS[200:400], noted) == 0.5
    assert seen_fraction(["HEADLINE 7"], noted) == 1  # letter case aside
    assert seen_fraction([], noted) == 0


def test_of_many_texts_a_sample_is_kept() -> None:
    noted = note_texts(TEXTS[:1_000], most=400)
    assert len(noted) == 400 * 6 * 4 / 3
    assert seen_fraction(TEXTS[:1_000], noted, most=400) == 1
    assert seen_fraction(TEXTS[1_000:], noted, most=400) == 0
    assert seen_fraction(TEXTS, noted, most=400) == pytest.approx(0.5, abs=0.1)


def test_a_few_texts_are_too_few_for_an_estimate() -> None:
    noted = note_texts(TEXTS, most=100)
    assert seen_fraction(TEXTS[:60], noted, most=100) is None
    assert seen_fraction(TEXTS[:60], note_texts(TEXTS[:60]), most=100) == 1


def test_what_was_learned_before_counts_too() -> None:
    together = note_texts(TEXTS[:1_000], most=400)
    assert note_texts(TEXTS[500:1_000], note_texts(TEXTS[:500], most=400), most=400) == together


@pytest.mark.parametrize("noted", [None, "", 7, "no base64!", "AAAA", ["x"]])
def test_nothing_is_told_where_nothing_was_noted(noted: object) -> None:
    assert seen_fraction(TEXTS, noted) is None
    assert note_texts(TEXTS, noted) == note_texts(TEXTS)
