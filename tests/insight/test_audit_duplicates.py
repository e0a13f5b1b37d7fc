"""Near-duplicates across splits: what is planted is audited, and nothing else."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import scipy.sparse
from audit_builders import (
    WORDS,
    headlines_in_splits,
    label_in_turns,
    overlap,
    random_texts,
    table,
)
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer

from pipeline.data.headlines import load_headlines
from pipeline.insight.audit import Audit, AuditBounds, AuditInputs, audit
from pipeline.insight.audit.duplicates import find_near_duplicates
from pipeline.insight.audit.words import extract_words, normal_form


def test_normal_form() -> None:
    assert normal_form("NATO: 3 ships – “lost”") == "nato ships lost"
    assert normal_form("ＦＵＬＬ ﬁle Straße") == "full file strasse"
    assert normal_form("हिन्दी में 5") == "हिन्दी में"
    assert normal_form("2016!") == "2016!"


@given(st.text(alphabet="Alps ko", min_size=1).filter(str.strip), st.text("0123456789.,:!?-' "))
def test_the_letters_alone_count(text: str, noise: str) -> None:
    half = len(text) // 2
    changed = text[:half].upper() + noise + text[half:]
    assert normal_form(changed).replace(" ", "") == normal_form(text).replace(" ", "")


def test_planted_near_duplicates_are_found_and_nothing_else() -> None:
    audited = audit(
        headlines_in_splits(
            train=[
                ("17 Alps peaks you must see", "a"),
                ("Glacier melts faster than scientists believed, study says", "b"),
                ("Old bridge collapses", "a"),
            ],
            validation=[("Old, bridge collapses!", "b")],
            test=[
                ("ALPS PEAKS: you must see 23!", "a"),
                ("Glacier melts faster than the scientists believed, study says", "b"),
                ("Glacier shares fall", "b"),
            ],
        )
    )
    in_train = overlap(audited, "test", "train")
    assert (in_train.same_letters, in_train.similar, in_train.other_label) == (1, 1, 0)
    assert (in_train.headlines, in_train.compared, in_train.sampled) == (23, 22, False)
    assert in_train.share == pytest.approx(2 / 23)
    noise = overlap(audited, "validation", "train")
    assert (noise.same_letters, noise.similar, noise.other_label) == (1, 0, 1)
    assert overlap(audited, "test", "validation").number == 0
    by_text = {match.text: match for match in audited.near_duplicates.matches}
    assert by_text["Old, bridge collapses!"].other_text == "Old bridge collapses"
    assert by_text["ALPS PEAKS: you must see 23!"].similarity == 1
    assert (
        0.8
        <= by_text["Glacier melts faster than the scientists believed, study says"].similarity
        < 1
    )
    # Label noise comes first.
    assert table(audited, "near_duplicates")["label"].tolist()[0] == "b"
    assert table(audited, "near_duplicates")["other_label"].tolist()[0] == "a"


def test_of_several_the_nearest_counts_and_then_the_same_label() -> None:
    audited = audit(
        headlines_in_splits(
            train=[("Alps lose 5 % of snow", "a"), ("Alps lose 7 % of snow", "b")],
            test=[("Alps lose 9 % of snow", "b")],
        )
    )
    (match,) = audited.near_duplicates.matches
    assert (match.other_text, match.other_label) == ("Alps lose 7 % of snow", "b")
    assert overlap(audited, "test", "train").other_label == 0


def test_leaks_are_what_could_move_the_accuracy() -> None:
    def leaking(number: int) -> Audit:
        texts = random_texts(1000, seed=9)
        rows = [(text, "ab"[i % 2]) for i, text in enumerate(texts)]
        again = [(f"{text}!", label) for text, label in rows[:number]]
        return audit(
            headlines_in_splits(
                train=rows, test=[*again, *label_in_turns(random_texts(380 - number, 8))]
            )
        )

    assert leaking(9).near_duplicates.leaks() == []  # of 400: one standard error is 0.025
    few = leaking(11)
    assert [(leak.split, leak.other_split) for leak in few.near_duplicates.leaks()] == [
        ("test", "train")
    ]
    assert few.warnings() == ["near-duplicates across splits: 2.8% of test in train"]


def test_label_noise_is_said(caplog: pytest.LogCaptureFixture) -> None:
    rows = label_in_turns(random_texts(20, seed=5))
    with caplog.at_level(logging.WARNING):
        audit(
            headlines_in_splits(
                train=rows, test=[(f"{t}?", "ba"["ab".index(label)]) for t, label in rows]
            )
        )
    (line,) = [record.message for record in caplog.records]
    assert line == (
        "audit: near-duplicates across splits: 50.0% of test in train; 20 of them have another "
        "label there (label noise)"
    )


def test_no_pair_is_missed() -> None:
    """Comparing only headlines with a rare word in common finds what comparing all finds."""
    headlines = load_headlines("bbc")
    words = extract_words(headlines)
    vectorizer = TfidfVectorizer(analyzer=str.split)
    vectorizer.fit([form for forms in words.forms.values() for form in forms])
    rows = {name: vectorizer.transform(forms) for name, forms in words.forms.items()}
    cosines = (rows["test"] @ rows["train"].T).toarray()
    expected = {words.texts["test"][i] for i in np.flatnonzero((cosines >= 0.8).any(axis=1))}
    assert len(expected) >= 4
    pairs = find_near_duplicates(AuditInputs(words)).matches
    in_train = {m.text: m for m in pairs if (m.split, m.other_split) == ("test", "train")}
    assert {text for text, m in in_train.items() if not m.same_letters} == {
        text for text in expected if text not in in_train or not in_train[text].same_letters
    }
    for text, match in in_train.items():
        if not match.same_letters:
            row = words.texts["test"].index(text)
            assert match.similarity == pytest.approx(cosines[row].max(), abs=1e-5)


def test_words_are_those_of_the_normal_forms() -> None:
    texts = [
        "17 Alps-like peaks, PEAKS!",
        "\u00c9t\u00e9 \u2013 l\u2019eau",
        "2016!",
        "\ufb01le 5",
        "snow",
        "\u0928\u0926\u0940 5",
    ]
    headlines = headlines_in_splits(train=label_in_turns(texts))
    words = extract_words(headlines)
    for split, forms in words.forms.items():
        assert forms == [normal_form(text) for text in headlines.texts(split)]
    vectorizer = CountVectorizer(analyzer=str.split, dtype=np.float32)
    expected = vectorizer.fit_transform([form for forms in words.forms.values() for form in forms])
    assert words.words.tolist() == vectorizer.get_feature_names_out().tolist()
    counts = scipy.sparse.vstack([*words.counts.values()]).toarray()
    np.testing.assert_array_equal(counts, expected.toarray())


def test_no_pair_is_missed_among_many() -> None:
    """A word with many comparisons is taken by itself."""
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(WORDS[:20], 4, replace=False)) for _ in range(5_000)]
    headlines = headlines_in_splits(
        train=label_in_turns(texts[:2_500]), test=label_in_turns(texts[2_500:])
    )
    words = extract_words(headlines)
    weighting = TfidfTransformer().fit(scipy.sparse.vstack([*words.counts.values()]))
    rows = {split: weighting.transform(counts) for split, counts in words.counts.items()}
    cosines = (rows["test"] @ rows["train"].T).toarray()
    same = {form.replace(" ", "") for form in words.forms["train"]}
    expected = [
        form.replace(" ", "") not in same and cosines[i].max() >= 0.8
        for i, form in enumerate(words.forms["test"])
    ]
    pairs = overlap(
        audit(headlines, checks={"near_duplicates": find_near_duplicates}), "test", "train"
    )
    assert pairs.similar == sum(expected) > 0


def test_no_row_is_left_out_where_many_can_be_compared() -> None:
    rows = label_in_turns(random_texts(200, seed=5))
    test = [(f"{text} {word}", label) for text, label in rows for word in WORDS[:25]]
    pairs = overlap(
        audit(
            headlines_in_splits(train=rows, test=test),
            checks={"near_duplicates": find_near_duplicates},
            bounds=AuditBounds(max_comparisons=10**8),
        ),
        "test",
        "train",
    )
    assert not pairs.sampled
    assert pairs.compared > 4_900
    assert pairs.similar > 4_500


def test_a_sample_is_compared_where_there_are_too_many() -> None:
    rows = label_in_turns(random_texts(200, seed=5))
    headlines = headlines_in_splits(
        train=rows, test=[(f"{text} again", label) for text, label in rows]
    )
    whole = overlap(audit(headlines), "test", "train")
    assert whole.similar >= 190
    sampled = audit(headlines, bounds=AuditBounds(max_comparisons=300))
    part = overlap(sampled, "test", "train")
    assert part.sampled
    assert 0 < part.compared < 200
    assert part.share == pytest.approx(whole.share, abs=0.15)
    assert (
        f"similar headlines were looked for among a random {part.compared} of 220 in test "
        "(against train)" in sampled.samples()
    )
    nothing = overlap(audit(headlines, bounds=AuditBounds(max_comparisons=0)), "test", "train")
    assert (nothing.compared, nothing.similar, nothing.share) == (0, 0, 0)


def test_headlines_with_several_labels_are_listed(caplog: pytest.LogCaptureFixture) -> None:
    texts = random_texts(60)
    labels = [label for _, label in label_in_turns(texts)]
    again = [texts[0], texts[0], texts[3]]
    headlines = load_headlines([*texts, *again], [*labels, "b", "b", "b"])
    audited = audit(headlines)
    assert audited.metrics()["contradictions"] == 1
    assert table(audited, "contradictions").to_dict("records") == [
        {"label": "a", "other_labels": "b", "dropped": 2, "text": texts[0]}
    ]
    assert "contradicting labels for 1 of 60 headlines (1.7%, label noise)" in caplog.text
    assert "contradictions" not in audit(load_headlines(texts, labels)).checks
