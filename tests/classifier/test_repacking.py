"""An exported classifier is written again, smaller, without TensorFlow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from networks import TEXTS, random_classifier

from pipeline.base.errors import ModelError
from pipeline.classifier.encoders import CnnOptions
from pipeline.classifier.ensemble import Classifier
from pipeline.classifier.export import export_classifier
from pipeline.classifier.repacking import repack_classifier
from pipeline.portable import load_classifier
from pipeline.portable.tables import pack, share


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return random_classifier(CnnOptions(filters=8))


@pytest.fixture(scope="module")
def exported(classifier: Classifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "whole"
    return export_classifier(classifier, folder, dtype="float32", facts={"data": "bbc"})


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
@pytest.mark.parametrize("extra_words", [None, 0, 1])
def test_it_is_what_the_classifier_would_be_exported_to(
    dtype: str, extra_words: int | None, classifier: Classifier, exported: Path, tmp_path: Path
) -> None:
    """File by file, and byte by byte."""
    direct = export_classifier(
        classifier, tmp_path / "direct", dtype=dtype, extra_words=extra_words, facts={"data": "bbc"}
    )
    size = repack_classifier(exported, tmp_path / "again", dtype=dtype, extra_words=extra_words)
    contents = {path.name: path.read_bytes() for path in direct.iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()} == contents
    assert size == sum(map(len, contents.values())) - len(contents["README.md"])
    given = load_classifier(tmp_path / "again").predict_proba(TEXTS)
    assert given.shape == (len(TEXTS), 3)


def test_facts_are_added(exported: Path, tmp_path: Path) -> None:
    facts = {"model": "models:/headlines-bbc/3", "metrics": {"test/accuracy": 0.9}}
    repack_classifier(exported, tmp_path / "new", facts=facts)
    assert load_classifier(tmp_path / "new").facts == {"data": "bbc", **facts}
    assert "| test accuracy | 0.9000 |" in (tmp_path / "new" / "README.md").read_text("utf-8")


def test_nothing_is_overwritten_and_nothing_damaged_is_copied(
    exported: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(ModelError, match="expected a new or an empty folder"):
        repack_classifier(exported, tmp_path / "mine")
    with pytest.raises(ModelError, match="expected a dtype of float32, float16, int8, got 'int4'"):
        repack_classifier(exported, tmp_path / "new", dtype="int4")
    with pytest.raises(ModelError, match="expected a folder of `pipeline export`"):
        repack_classifier(tmp_path / "mine", tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_it_needs_no_tensorflow(exported: Path, tmp_path: Path) -> None:
    script = (
        "import sys; from pipeline.classifier.repacking import repack_classifier\n"
        "repack_classifier(*sys.argv[1:]); print([m for m in ('tensorflow', 'keras', 'mlflow')"
        " if m in sys.modules])"
    )
    arguments = [str(exported), str(tmp_path / "new")]
    shown = subprocess.check_output([sys.executable, "-c", script, *arguments], text=True)
    assert shown.strip() == "[]"
    assert np.isfinite(load_classifier(tmp_path / "new").predict_proba(["Alps"])).all()


def test_equal_rows_are_kept_once() -> None:
    rows = np.repeat(np.arange(6, dtype=np.float32).reshape(3, 2), 50, axis=0)[::-1]
    shared = share(pack(rows, "float16"))
    assert shared.values.shape == (3, 2)
    assert shared.n_rows == 150
    np.testing.assert_array_equal(shared.all(), rows)
    np.testing.assert_array_equal(shared.rows(np.array([149, 0])), rows[[149, 0]])
    different = pack(np.arange(12, dtype=np.float32).reshape(6, 2), "float32")
    assert share(different) is different
