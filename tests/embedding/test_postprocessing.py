"""Post-processing of vectors: against the formulas of their papers, written another way."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from pipeline.base.errors import VectorsError
from pipeline.embedding.joining import join_vectors
from pipeline.embedding.loading import load_vectors
from pipeline.embedding.postprocessing import METHODS, NONE, change_rows
from pipeline.embedding.vectors import WordVectors

SIZE = 200  # two directions are taken away
WORDS = [f"w{i}" for i in range(600)]
MIXED = np.random.default_rng(0).normal(0, 1, (SIZE, SIZE))
ROWS = (np.random.default_rng(1).normal(0, 1, (len(WORDS), SIZE)) @ MIXED + 3).astype(np.float32)


def halves(words: Sequence[str]) -> NDArray[np.float32]:
    return np.full((len(words), SIZE), 0.5, np.float32)


def vectors(**options: Any) -> WordVectors:
    return WordVectors.from_rows(WORDS, ROWS, **options)


def test_all_but_the_top_is_what_pca_leaves() -> None:
    changed = change_rows(vectors(), "all_but_the_top").vectors
    pca = PCA(2, svd_solver="full").fit(ROWS.astype(np.float64))
    left = ROWS - pca.inverse_transform(pca.transform(ROWS.astype(np.float64)))
    np.testing.assert_allclose(changed, left, atol=1e-3)


def test_at_least_one_direction_is_taken_away() -> None:
    changed = change_rows(WordVectors.from_rows(WORDS, ROWS[:, :50]), "all_but_the_top").vectors
    variances = np.linalg.eigvalsh(np.cov(changed, rowvar=False))
    assert variances[0] < 1e-6 < 1 < variances[1]


def test_whitened_rows_have_the_identity_as_covariance_and_stay_near() -> None:
    changed = change_rows(vectors(), "whitening").vectors
    np.testing.assert_allclose(np.cov(changed, rowvar=False), np.eye(SIZE), atol=1e-3)
    # Each dimension is still the one that it was.
    crossed = np.corrcoef(changed, ROWS, rowvar=False)[:SIZE, SIZE:]
    assert (crossed.diagonal() > 0).all()


def test_unit_length_keeps_directions() -> None:
    changed = change_rows(vectors(), "unit_length").vectors
    np.testing.assert_allclose(np.linalg.norm(changed, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(
        changed * np.linalg.norm(ROWS, axis=1, keepdims=True), ROWS, rtol=1e-4, atol=1e-4
    )


def test_none_gives_the_same_object() -> None:
    given = vectors()
    assert load_vectors(given, postprocess=NONE) is given


@pytest.mark.parametrize("method", [method for method in METHODS if method != NONE])
def test_a_word_has_the_same_row_whatever_is_asked_for(method: str) -> None:
    everything = load_vectors(vectors(), postprocess=method)
    some = load_vectors(vectors(), words=["w500", "w3"], most_frequent=2, postprocess=method)
    assert some.index_to_key == ("w500", "w3", "w0", "w1")
    assert some["w500"].tobytes() == everything["w500"].tobytes()
    again = load_vectors(some, postprocess=method)  # once is enough
    assert again.vectors.tobytes() == some.vectors.tobytes()


def test_a_set_of_the_catalogue_is_changed_by_its_first_words() -> None:
    few, more = (
        load_vectors("glove_6b_50d", words=["alps"], most_frequent=n, postprocess="whitening")
        for n in (0, 12_000)
    )
    assert len(few) == 1
    assert few["alps"].tobytes() == more["alps"].tobytes()


def test_rows_of_zeros_and_subwords() -> None:
    rows = np.vstack([ROWS, np.zeros((1, SIZE), np.float32)])
    given = WordVectors.from_rows([*WORDS, "<pad>"], rows, subwords=halves)
    changed = pickle.loads(pickle.dumps(load_vectors(given, postprocess="whitening")))
    assert not changed["<pad>"].any()
    listed = load_vectors(
        WordVectors.from_rows([*WORDS, "new"], np.vstack([ROWS, halves(["new"])]),
                              first_words=WORDS),
        postprocess="whitening",
    )  # fmt: skip
    np.testing.assert_allclose(changed["new"], listed["new"], atol=1e-2)


def test_what_has_no_words_or_was_changed_already() -> None:
    random = load_vectors("random", vector_size=5, postprocess="whitening")
    assert random.is_random
    changed = load_vectors(vectors(), postprocess="unit_length")
    with pytest.raises(VectorsError, match="unit_length has changed them already"):
        load_vectors(changed, postprocess="whitening")
    with pytest.raises(VectorsError, match=r"out of none, all_but_the_top, .* got 'whitened'"):
        load_vectors(vectors(), postprocess="whitened")
    joined = load_vectors(join_vectors([vectors(), vectors()]), postprocess="whitening")
    assert joined.vector_size == 2 * SIZE
    with pytest.raises(VectorsError, match=r"more frequent words than the 200 dimensions, got 150"):
        load_vectors(WordVectors.from_rows(WORDS[:150], ROWS[:150]), postprocess="whitening")


def test_whitening_of_one_dimension() -> None:
    rows = np.array([[1], [2], [4]], np.float32)
    changed = change_rows(WordVectors.from_rows(["a", "b", "c"], rows), "whitening").vectors
    np.testing.assert_allclose(changed, (rows - rows.mean()) / rows.std(ddof=1), rtol=1e-6)
