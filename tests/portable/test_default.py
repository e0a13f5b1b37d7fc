"""The default classifier, trained on BBC News, is the same without TensorFlow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from builders import all_texts

from pipeline import fit, load_classifier, load_headlines
from pipeline.classifier.export import export_classifier


@pytest.mark.slow
def test_the_default_gives_the_same_labels_on_all_headlines(tmp_path: Path) -> None:
    headlines = load_headlines("bbc")
    fitted = fit(
        headlines.examples("train"), headlines.examples("validation"), vectors="glove_6b_50d"
    )
    keras, texts = fitted.classifier, all_texts(headlines)
    expected = keras.predict_proba(texts)
    for dtype, most_difference, most_bytes in (
        ("float32", 1e-5, 25e6),
        ("float16", 1e-3, 12e6),
        ("int8", 0.05, 6e6),
    ):
        folder = export_classifier(keras, tmp_path / dtype, dtype=dtype)
        portable = load_classifier(folder)
        given = portable.predict_proba(texts)
        np.testing.assert_allclose(given, expected, atol=most_difference)
        other_labels = (given.argmax(axis=1) != expected.argmax(axis=1)).sum()
        assert other_labels <= (0 if dtype != "int8" else len(texts) / 500)
        assert sum(file.stat().st_size for file in folder.iterdir()) <= most_bytes
        tokens = portable.tokeniser.tokenise(texts)
        expected_tokens = b" ".join(keras.network.joined_tokens(texts)).decode().split()
        assert [tokens.tokens[place] for place in tokens.places.tolist()] == expected_tokens
