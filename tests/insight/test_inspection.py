from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from builders import all_words, write_glove

from pipeline.base.errors import VectorsError
from pipeline.embedding.vectors import WordVectors
from pipeline.insight.inspection import inspect


def test_a_file(tmp_path: Path) -> None:
    write_glove(tmp_path / "v.txt", all_words(), size=8)
    seen = inspect(tmp_path / "v.txt", words=["alps", "nowhere"], k=3)
    assert (seen.format, seen.vector_size, seen.total) == ("GloVe text", 8, len(all_words()))
    assert seen.rows == len(all_words())
    assert seen.first_words == tuple(all_words()[:20])
    assert seen.norms[0] <= seen.norms[1] <= seen.norms[2]
    assert seen.conventions.casing == "lower"
    assert "subwords" not in seen.fallbacks
    assert [len(near) for near in seen.neighbours.values()] == [3, 0]
    assert seen.licence is None


def test_norms_and_conventions_are_those_of_the_rows() -> None:
    vectors = WordVectors.from_rows(
        ["The", "####", "Alps"], np.array([[3, 4], [0, 1], [6, 8]], np.float32)
    )
    seen = inspect(vectors)
    assert seen.norms == pytest.approx((1, 16 / 3, 10))
    assert seen.std == pytest.approx(vectors.vectors.std())
    assert (seen.conventions.casing, seen.conventions.digits) == ("cased", "#")
    assert seen.format == "in memory"


def test_a_set_of_the_catalogue() -> None:
    seen = inspect("glove_6b_50d", words=["alps"])
    assert (seen.format, seen.total, seen.rows) == ("NumPy matrix", 400_000, 100_000)
    assert seen.licence == "PDDL-1.0"
    assert "alpine" in [word for word, _ in seen.neighbours["alps"]]


def test_nothing_in_it() -> None:
    with pytest.raises(VectorsError, match="expected word vectors, there is no word in it"):
        inspect(WordVectors.from_rows([], np.empty((0, 3), np.float32)))
