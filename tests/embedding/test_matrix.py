from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.base.errors import VectorsError
from pipeline.embedding.joining import join_vectors
from pipeline.embedding.keys import LONGEST_WORD
from pipeline.embedding.loading import load_vectors
from pipeline.embedding.matching import FALLBACK_NAMES, MISSING, conventions
from pipeline.embedding.matrix import INITIAL, FallbackCoverage, build_embedding_matrix
from pipeline.embedding.vectors import WordVectors
from pipeline.portable.tokens import DIGITS


def vectors_of(words: list[str], size: int = 4, seed: int = 0) -> WordVectors:
    values = np.random.default_rng(seed).normal(0, 0.7, (len(words), size)).astype(np.float32)
    return WordVectors.from_rows(words, values)


WORDS = st.lists(st.text("abcdé", min_size=1, max_size=4), unique=True, min_size=1, max_size=20)


@settings(max_examples=50, deadline=None)
@given(words=WORDS, stored=WORDS)
def test_every_word_has_the_row_of_its_vector(words: list[str], stored: list[str]) -> None:
    vectors = vectors_of(stored)
    matrix = build_embedding_matrix(words, vectors, extra_words=stored)
    assert matrix.weights.shape == (2 + len(words), 4)
    assert not matrix.weights[:2].any()
    for row, word in zip(matrix.weights[2:], words, strict=True):
        if word in vectors:
            assert row.tobytes() == vectors[word].tobytes()
        else:
            assert row.any()
    assert set(matrix.extra_words) == set(stored) - set(words)
    for row, word in zip(matrix.extra_weights, matrix.extra_words, strict=True):
        assert row.tobytes() == vectors[word].tobytes()


def test_coverage_by_word_and_by_token() -> None:
    matrix = build_embedding_matrix(
        ["the", "alps", "xx", "yy"], vectors_of(["the", "alps"]), counts=[6, 1, 1, 2]
    )
    assert matrix.coverage.types == 0.5
    assert matrix.coverage.tokens == 0.7
    assert matrix.coverage.missing == (("yy", 2), ("xx", 1))


def test_coverage_by_fallback() -> None:
    matrix = build_embedding_matrix(
        ["the", "alps", "snow-alps", "xx"], vectors_of(["the", "Snow", "Alps"]), counts=[6, 2, 1, 1]
    )
    fallbacks = matrix.coverage.by_fallback
    assert [fallback.fallback for fallback in fallbacks] == [*FALLBACK_NAMES, MISSING]
    assert [fallback for fallback in fallbacks if fallback.types] == [
        FallbackCoverage("exact", 1, 6),
        FallbackCoverage("capitalised", 1, 2),
        FallbackCoverage("parts", 1, 1),
        FallbackCoverage("missing", 1, 1),
    ]


def test_std_scales_both_tables_alike() -> None:
    vectors = vectors_of([f"w{i}" for i in range(50)], 20)
    words = list(vectors.index_to_key[:25])
    matrix = build_embedding_matrix(words, vectors, extra_words=vectors.index_to_key, std=0.4)
    assert matrix.weights[2:].std() == pytest.approx(0.4, rel=1e-4)
    ratio = matrix.weights[2:] / vectors.vectors[:25]
    np.testing.assert_allclose(matrix.extra_weights / vectors.vectors[25:], ratio[0, 0], rtol=1e-5)


def test_missing_words_are_small_and_follow_the_seed() -> None:
    vectors = vectors_of(["a", "b"], 50)
    words = ["a", "b", *(f"x{i}" for i in range(200))]
    first, same, changed = (
        build_embedding_matrix(words, vectors, std=0.4, seed=s) for s in (1, 1, 2)
    )
    assert first.weights.tobytes() == same.weights.tobytes()
    assert first.weights.tobytes() != changed.weights.tobytes()
    assert first.weights[4:].std() == pytest.approx(0.1, rel=0.05)


def test_rules_for_missing_words() -> None:
    vectors = vectors_of(["a", "b"], 50)
    shifted = WordVectors.from_rows(["a", "b"], vectors.vectors + 3)
    words = ["a", "b", *(f"x{i}" for i in range(400))]
    rows = {
        rule: build_embedding_matrix(words, shifted, missing=rule).weights[4:] for rule in INITIAL
    }
    mean, std = shifted.vectors.mean(), shifted.vectors.std()
    assert rows["normal"].mean() == pytest.approx(mean, rel=0.02)
    assert rows["normal"].std() == pytest.approx(std, rel=0.02)
    assert rows["quarter"].mean() == pytest.approx(0, abs=0.01)
    assert rows["quarter"].std() == pytest.approx(std / 4, rel=0.02)
    assert rows["uniform"].std() == pytest.approx(std, rel=0.02)
    assert np.abs(rows["uniform"]).max() == pytest.approx(3**0.5 * std, rel=0.01)
    assert not rows["zeros"].any()
    with pytest.raises(VectorsError, match=r"out of quarter, normal.*got 'ones'"):
        build_embedding_matrix(words, vectors, missing="ones")


def test_extra_words_of_a_cased_set_are_tokens() -> None:
    vectors = vectors_of(["The", "US", "Alps", "us", "ALPS", "iPhone", "####"])
    matrix = build_embedding_matrix(["the"], vectors, extra_words=vectors.index_to_key)
    keys = {"us": "us", "alps": "Alps", "iphone": "iPhone", "####": "####"}
    assert dict(zip(matrix.extra_words, matrix.extra_weights.tolist(), strict=True)) == {
        token: vectors[key].tolist() for token, key in keys.items()
    }
    assert matrix.digits == DIGITS["#"]
    kept = build_embedding_matrix(["the"], vectors, fallbacks=["exact"], extra_words=["US", "Alps"])
    assert kept.extra_words == ("US", "Alps")
    assert kept.digits is None


def test_random_vectors_start_every_row_from_random_numbers() -> None:
    words = [f"w{i}" for i in range(200)]
    matrix = build_embedding_matrix(words, load_vectors("random", vector_size=50), std=0.4)
    assert matrix.coverage.tokens == 0
    assert matrix.weights[2:].std() == pytest.approx(0.4, rel=0.05)


def test_an_emptied_set_is_random_vectors_with_the_conventions_of_the_set() -> None:
    words = [f"w{i}" for i in range(50)]
    full = vectors_of([*words, "####", "2####", "don't"], 20)
    emptied, random = full.emptied(), load_vectors("random", vector_size=20)
    assert conventions(emptied.first_words) == conventions(full.first_words)
    assert (emptied.name, emptied.total, len(emptied)) == ("random", 0, 0)
    counts = [*range(100, 50, -1)]
    assert build_embedding_matrix(words, full, counts=counts).word_probabilities.any()
    made, expected = (
        build_embedding_matrix(
            words, vectors, counts=counts, std=0.4, min_coverage=0.3, extra_words=words, seed=3
        )
        for vectors in (emptied, random)
    )
    assert made.weights.tobytes() == expected.weights.tobytes()
    assert made.word_probabilities.tobytes() == expected.word_probabilities.tobytes()
    assert (made.digits, made.extra_words) == (expected.digits, expected.extra_words) == (None, ())


def test_a_set_that_has_none_of_the_words_is_not_random() -> None:
    german = vectors_of(["der", "die"])
    for vectors in (german.subset(["alps"]), join_vectors([german.subset(["alps"])] * 2)):
        assert not vectors.is_random
        with pytest.raises(VectorsError, match="another language"):
            build_embedding_matrix(["alps"], vectors, min_coverage=0.5)


def test_too_little_coverage_names_the_casing() -> None:
    cased, words = vectors_of(["Alps", "Snow", "NATO", "the"]), ["alps", "snow", "nato", "the"]
    assert build_embedding_matrix(words, cased, min_coverage=0.5).coverage.tokens == 1
    message = (
        r"at least 50% of the tokens, got 25\.0%.*3 of the 3 .* capitals, and vectors\.fallbacks"
    )
    with pytest.raises(VectorsError, match=message):
        build_embedding_matrix(words, cased, fallbacks=["exact"], min_coverage=0.5)


def test_too_little_coverage_names_the_language() -> None:
    with pytest.raises(VectorsError, match=r"missing: 'alps', 'snow'.*another language"):
        build_embedding_matrix(["alps", "snow"], vectors_of(["der", "die"]), min_coverage=0.5)


def test_no_words_at_all() -> None:
    matrix = build_embedding_matrix([], vectors_of(["a"]), min_coverage=0.5)
    assert matrix.weights.shape == (2, 4)


def test_extra_words_have_a_longest_length() -> None:
    words = ["alps", "x" * LONGEST_WORD, "y" * (LONGEST_WORD + 1), "z" * 100_000]
    vectors = WordVectors.from_rows(words, np.ones((4, 2), np.float32))
    matrix = build_embedding_matrix(["alps"], vectors, extra_words=vectors.index_to_key)
    assert matrix.extra_words == (words[1],)
    assert matrix.extra_weights.shape == (1, 2)
