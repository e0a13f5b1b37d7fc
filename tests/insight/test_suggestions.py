"""What to label next: unsure texts that differ from each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from builders import TOPICS, make_headlines, write_csv

from pipeline.base.errors import ConfigError, DataError
from pipeline.data.headlines import Headlines, load_headlines
from pipeline.insight.suggestions import choose_diverse, suggest


@pytest.fixture(scope="module")
def headlines() -> Headlines:
    texts, labels = make_headlines(30)
    mixed = [
        f"{a.capitalize()} and {b} again"
        for first, second in (("nature", "money"), ("money", "sport"))
        for a, b in zip(TOPICS[first], TOPICS[second], strict=True)
    ]
    others = [text for text in make_headlines(60, seed=1)[0] if text not in texts]
    return replace(load_headlines(texts, labels), unlabelled=(*others, *mixed))


def test_unsure_headlines_are_preferred(headlines: Headlines) -> None:
    """Those with words of two topics; there are 16 among some 180."""
    result = suggest(headlines, 20)
    assert (result.looked_at, result.available) == (len(headlines.unlabelled),) * 2
    texts = [each.text for each in result.suggestions]
    assert len(set(texts)) == 20
    assert set(texts) <= set(headlines.unlabelled)
    is_mixed = [text.endswith(" again") and text.split()[1] == "and" for text in texts]
    assert np.mean(is_mixed) > 3 * 16 / len(headlines.unlabelled)
    first = result.suggestions[0]
    assert first.probability >= first.other_probability
    assert first.why.startswith(f"{first.label} {first.probability:.0%} or {first.other_label} ")


def test_the_same_seed_chooses_the_same(headlines: Headlines) -> None:
    assert suggest(headlines, 5, seed=3) == suggest(headlines, 5, seed=3)


def test_of_many_headlines_a_sample_is_looked_at(headlines: Headlines) -> None:
    result = suggest(headlines, 5, most_texts=40)
    assert (result.looked_at, result.available) == (40, len(headlines.unlabelled))


def test_all_are_chosen_where_there_are_no_more(headlines: Headlines) -> None:
    few = replace(headlines, unlabelled=headlines.unlabelled[:3])
    assert {each.text for each in suggest(few, 50).suggestions} == set(few.unlabelled)


def test_words_without_a_vector_are_not_asked_for(headlines: Headlines) -> None:
    odd = replace(headlines, unlabelled=("Xyzzyq plughq", "Zzyzxq", *headlines.unlabelled[:9]))
    texts = {each.text for each in suggest(odd, 50).suggestions}
    assert texts == set(headlines.unlabelled[:9])


def test_without_vectors_the_least_sure_come_first(headlines: Headlines, tmp_path: Path) -> None:
    path = tmp_path / "other.txt"
    path.write_text("qqqq 0.5 0.5\nwwww 0.1 0.2\n")
    result = suggest(replace(headlines, unlabelled=headlines.unlabelled[-20:]), 4, vectors=path)
    assert len(result.suggestions) == 4
    assert {each.stands_for for each in result.suggestions} == {0}


def test_a_text_of_each_cluster_and_unsure_clusters_first() -> None:
    random = np.random.default_rng(0)
    vectors = np.concatenate(
        [c + 0.01 * random.normal(size=(9, 2)) for c in ([0, 1], [1, 0], [1, 1])]
    )
    unsure = np.repeat([0.1, 0.9, 0.5], 9)
    chosen = choose_diverse(vectors, unsure, 3)
    assert [place // 9 for place, _ in chosen] == [1, 2, 0]
    assert [others for _, others in chosen] == [8, 8, 8]
    same = choose_diverse(np.ones((5, 2)), np.array([0.1, 0.5, 0.3, 0.2, 0.4]), 3)
    assert [place for place, _ in same] == [1, 4, 2]


def test_nothing_to_choose_from(headlines: Headlines) -> None:
    with pytest.raises(DataError, match="expected headlines without a label to choose from"):
        suggest(replace(headlines, unlabelled=()))


@pytest.mark.parametrize(
    ("option", "value", "limits"),
    [
        ("n", 0, "at least 1"),
        ("n", -1, "at least 1"),
        ("most_texts", 0, "at least 1"),
        ("seed", -1, "at least 0 and below 2147483648"),
        ("seed", 2**31, "at least 0 and below 2147483648"),
    ],
)
def test_a_number_out_of_range(headlines: Headlines, option: str, value: int, limits: str) -> None:
    with pytest.raises(ConfigError, match=rf"^suggest: expected {limits} as {option}, got {value}"):
        suggest(headlines, **{option: value})  # type: ignore[arg-type]


def test_headlines_that_were_labelled_are_not_suggested_again(tmp_path: Path) -> None:
    texts, labels = make_headlines(30)
    others = ["Alps and bank again", "Snow and shares again", "Ice and bond again"]
    (tmp_path / "more.txt").write_text("\n".join(others))
    added = write_csv(tmp_path / "a.csv", others[:2], ["nature", ""])
    loaded = load_headlines(texts, labels, unlabelled=tmp_path / "more.txt", added=added)
    assert {each.text for each in suggest(loaded).suggestions} == set(others[1:])
