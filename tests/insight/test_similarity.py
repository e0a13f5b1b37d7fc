"""Agreement with people's judgements, and nearest neighbours, against gensim."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from gensim.models import KeyedVectors
from gensim.test.utils import datapath

from pipeline import load_vectors, neighbours, word_similarity
from pipeline.base.errors import VectorsError
from pipeline.embedding.vectors import WordVectors
from pipeline.insight.similarity import DATASETS, neighbours_of


@pytest.fixture(scope="module")
def glove() -> WordVectors:
    return load_vectors("glove_6b_50d", words=[], most_frequent=60_000)


@pytest.fixture(scope="module")
def keyed(glove: WordVectors) -> KeyedVectors:
    keyed = KeyedVectors(glove.vector_size)
    keyed.add_vectors(list(glove.index_to_key), np.array(glove.vectors))
    return keyed


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("cased", [False, True])
def test_the_same_figures_as_gensim(dataset: str, cased: bool, glove: WordVectors) -> None:
    words = [
        w.capitalize() if cased and i % 3 == 0 else w for i, w in enumerate(glove.index_to_key)
    ]
    if cased:  # a rarer spelling of a word that is there already must not count
        words = [*words, *(word.upper() for word in words[:2_000] if word.upper() != word)]
    words = list(dict.fromkeys(words))
    random = np.random.default_rng(0)
    values = np.vstack([glove.vectors, random.normal(0, 1, (2_000, 50))])[: len(words)]
    values = values.astype(np.float32)
    keyed = KeyedVectors(50)
    keyed.add_vectors(words, values)
    _, theirs, missing = keyed.evaluate_word_pairs(datapath(DATASETS[dataset]))
    ours = word_similarity(WordVectors.from_rows(words, values), dataset)
    assert ours.spearman == pytest.approx(theirs.statistic, abs=1e-6)
    assert 100 * (1 - ours.pairs_known / ours.pairs) == pytest.approx(missing)
    assert 0 < ours.pairs_known < ours.pairs == {"wordsim353": 353, "simlex999": 999}[dataset]


def test_glove_agrees_with_people_as_published() -> None:
    glove = load_vectors("glove_6b_50d")
    assert word_similarity(glove, "wordsim353").spearman == pytest.approx(0.503, abs=5e-4)
    assert word_similarity(glove, "simlex999").spearman == pytest.approx(0.265, abs=5e-4)


def test_similarity_of_pairs_that_can_be_counted_by_hand() -> None:
    # tiger, cat 7.35; tiger, tiger 10.00; cup, coffee 6.58: the cosines 0.6, 1 and 0 are in order.
    words = ["tiger", "cat", "cup", "coffee"]
    values = np.array([[1, 0], [0.6, 0.8], [2, 0], [0, 3]], np.float32)
    similarity = word_similarity(WordVectors.from_rows(words, values), "wordsim353")
    assert (similarity.spearman, similarity.pairs_known) == (1, 3)
    values[1] = [-1, 0]
    assert word_similarity(WordVectors.from_rows(words, values), "wordsim353").spearman == 0.5


def test_too_few_pairs_and_no_such_data_set() -> None:
    empty = load_vectors("random", vector_size=5)
    similarity = word_similarity(empty, "simlex999")
    assert math.isnan(similarity.spearman)
    assert (similarity.pairs, similarity.pairs_known) == (999, 0)
    with pytest.raises(VectorsError, match="'men': expected one of wordsim353, simlex999"):
        word_similarity(empty, "men")


@pytest.mark.parametrize("word", ["alps", "himalaya", "minister", "the", "wow"])
def test_the_same_neighbours_as_gensim(word: str, glove: WordVectors, keyed: KeyedVectors) -> None:
    ours, theirs = neighbours(glove, word), keyed.most_similar(word, topn=10)
    assert [near for near, _ in ours] == [near for near, _ in theirs]
    np.testing.assert_allclose([c for _, c in ours], [c for _, c in theirs], atol=1e-6)


def test_neighbours_are_the_same_with_small_blocks(glove: WordVectors) -> None:
    few = glove.subset([], 1_000)
    whole = neighbours(few, "minister")
    in_parts = neighbours(few, "minister", block_rows=7)
    assert [near for near, _ in in_parts] == [near for near, _ in whole]


def test_neighbours_by_hand() -> None:
    values = np.array([[1, 0], [2, 2], [-3, 0], [0, 0], [5, 0]], np.float32)
    vectors = WordVectors.from_rows(["east", "north-east", "west", "nowhere", "far east"], values)
    assert neighbours(vectors, "east") == [
        ("far east", 1), ("north-east", pytest.approx(0.5**0.5)), ("nowhere", 0), ("west", -1)
    ]  # fmt: skip
    assert neighbours(vectors, "east", 1) == [("far east", 1)]
    assert neighbours(vectors, "east", 0) == []
    assert neighbours(WordVectors.from_rows(["east"], values[:1]), "east") == []
    for word in ("nowhere", "south"):
        with pytest.raises(VectorsError, match=f"has no vector for '{word}'"):
            neighbours(vectors, word)
    lists = neighbours_of(vectors, ["east", "south"], 1)
    assert lists == {"east": [("far east", 1)], "south": []}


def test_neighbours_do_not_copy_the_matrix(tmp_path: Path) -> None:
    import tracemalloc

    n = 200_000
    values = np.lib.format.open_memmap(tmp_path / "v.npy", "w+", np.float32, (n, 64))
    values[:] = np.random.default_rng(0).normal(0, 1, (n, 64))
    values.flush()
    vectors = WordVectors.from_rows(
        [f"w{i}" for i in range(n)], np.load(tmp_path / "v.npy", mmap_mode="r")
    )
    assert "w5" in vectors  # makes the index
    tracemalloc.start()
    neighbours(vectors, "w5")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < values.nbytes / 5
