from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from builders import all_words, pipeline_command, write_glove

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
    vectors = WordVectors.of(
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
        inspect(WordVectors.of([], np.empty((0, 3), np.float32)))


def test_the_command(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "v.zip", "w") as archive:
        for size in (4, 8):
            write_glove(tmp_path / f"v.{size}d.txt", all_words(), size=size)
            archive.write(tmp_path / f"v.{size}d.txt", f"v.{size}d.txt")
    shown = pipeline_command("vectors", "inspect", "v.zip", "--vector-size", "8", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "format        GloVe text" in shown.stdout
    asked = ("vectors", "inspect", "v.zip", "--member", "v.4d.txt", "--words", "alps,xx", "--json")
    values = json.loads(pipeline_command(*asked, cwd=tmp_path).stdout)
    assert values["vector_size"] == 4
    assert values["neighbours"]["xx"] == []
    assert len(values["neighbours"]["alps"]) == 8
    failed = pipeline_command("vectors", "inspect", "v.zip", cwd=tmp_path)
    assert failed.returncode == 2
    assert failed.stderr.startswith("error: v.zip: expected one member, it holds v.4d.txt (4),")
    assert failed.stderr.count("\n") == 1
