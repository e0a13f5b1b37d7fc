"""The portable classifier gives what the Keras model gives."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import TEXTS, random_classifier
from test_tokens import TEXTS as ANY_TEXTS

from pipeline.classifier.encoders import ENCODERS
from pipeline.classifier.ensemble import Classifier
from pipeline.classifier.export import export_classifier
from pipeline.insight.attribution import contributions
from pipeline.portable import PortableClassifier, load_classifier, normalize
from pipeline.portable.hashing import fingerprint

# Tokens behind the last that counts, words that training did not see, odd pieces, no tokens.
ODD = [
    "",
    "—",
    "snow " * 40,
    "Avalanche! The ALPS' dividend isn't 3.5%, it's “new”…",
    "İstanbul ΑΣ 日本 e\u0301cole x\u00a0y " + "z" * 90,
]
SAMPLE = [*ODD, *TEXTS[::9]]
OPTIONS = {
    **{name: row.options(letter_case=name in ("cnn", "attention")) for name, row in ENCODERS.items()},
    "cnn without members": ENCODERS["cnn"].options(kernel_sizes=(5, 2), sif=False, ngrams=False),
    "mean with a low floor": ENCODERS["mean"].options(sif=False),
}  # fmt: skip


@cache
def classifier(name: str) -> Classifier:
    return random_classifier(OPTIONS[name], floor=-1.5 if "floor" in name else -15.0)


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], tuple[Classifier, PortableClassifier]]:
    """A classifier by the name of its options, and what was exported of it."""

    @cache
    def get(name: str) -> tuple[Classifier, PortableClassifier]:
        folder = tmp_path_factory.mktemp("exported") / "model"
        export_classifier(classifier(name), folder, dtype="float32")
        return classifier(name), load_classifier(folder)

    return get


@pytest.mark.parametrize("name", OPTIONS)
def test_probabilities_and_representations_are_equal(name: str, both: Any) -> None:
    keras, portable = both(name)
    expected = keras.predict_proba(SAMPLE)
    np.testing.assert_allclose(portable.predict_proba(SAMPLE), expected, atol=1e-5)
    assert portable.predict(SAMPLE).tolist() == keras.predict(SAMPLE).tolist()
    np.testing.assert_allclose(portable.embed(SAMPLE), keras.embed(SAMPLE), atol=2e-5)
    assert portable.predict_proba([]).shape == (0, 3)
    assert portable.embed([]).shape == keras.embed([]).shape


@pytest.mark.parametrize("name", OPTIONS)
def test_each_word_gives_the_same(name: str, both: Any) -> None:
    """Within 0.001 nats: gradients of a maximum that is at two places are the least exact."""
    keras, portable = both(name)
    texts = normalize(SAMPLE[:14])
    for row, expected in zip(portable.why(texts), contributions(keras, texts), strict=True):
        assert [word["word"] for word in row["words"]] == list(expected.words)
        assert [t for word in row["words"] for t in word["tokens"]] == list(expected.tokens)
        values = [list(word["contributions"].values()) for word in row["words"]]
        shape = expected.word_values.shape
        np.testing.assert_allclose(np.reshape(values, shape), expected.word_values, atol=1e-3)
        assert list(row["bias"]) == list(keras.label_names)
        np.testing.assert_allclose(list(row["bias"].values()), expected.bias, atol=1e-3)


@settings(max_examples=25, deadline=None)
@given(texts=ANY_TEXTS)
def test_any_text_has_equal_probabilities(texts: list[str], both: Any) -> None:
    keras, portable = both("cnn")
    expected = keras.predict_proba(texts)
    np.testing.assert_allclose(portable.predict_proba(texts), expected, atol=1e-5)


def test_many_texts_have_the_answers_of_each(both: Any) -> None:
    _, portable = both("cnn")
    texts = TEXTS * 30
    np.testing.assert_allclose(
        portable.predict_proba(texts)[::173],
        np.concatenate([portable.predict_proba([text]) for text in texts[::173]]),
        atol=1e-6,
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1))
def test_fingerprints_are_those_of_tensorflow(strings: list[bytes]) -> None:
    most = 2**63 - 1
    expected = tf.strings.to_hash_bucket_fast(strings, most).numpy().tolist()
    assert [fingerprint(string) % most for string in strings] == expected


@pytest.mark.parametrize(("dtype", "most"), [("float16", 0.005), ("int8", 0.1)])
def test_few_bytes_change_little(dtype: str, most: float, tmp_path: Path) -> None:
    keras = classifier("cnn")
    sizes = {}
    for kept in (dtype, "float32"):
        folder = export_classifier(keras, tmp_path / kept, dtype=kept)
        sizes[kept] = sum(path.stat().st_size for path in folder.iterdir())
    difference = load_classifier(tmp_path / dtype).predict_proba(TEXTS) - keras.predict_proba(TEXTS)
    assert 0 < abs(difference).max() < most
    assert sizes[dtype] < sizes["float32"]


def test_extra_words_that_are_left_out_are_unknown(tmp_path: Path) -> None:
    keras = classifier("cnn")
    export_classifier(keras, tmp_path / "model", dtype="float32", extra_words=0)
    portable = load_classifier(tmp_path / "model")
    known, unknown = ["snow", "profit"], ["avalanche"]
    np.testing.assert_allclose(portable.predict_proba(known), keras.predict_proba(known), atol=1e-5)
    assert abs(portable.embed(unknown) - keras.embed(unknown)).max() > 0.01
