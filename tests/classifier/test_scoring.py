"""Texts are scored in batches by several threads: the same as one at a time."""

from __future__ import annotations

import numpy as np
import pytest
from builders import make_headlines
from networks import random_classifier

from pipeline.classifier.encoders import CnnOptions, MeanOptions
from pipeline.classifier.ensemble import Classifier

# More than one batch, of many lengths and in no order, some twice.
TEXTS = [
    f"{text}, {text}" if number % 3 == 0 else text[: number % 40]
    for number, text in enumerate(make_headlines(400)[0] * 2)
]


@pytest.fixture(scope="module", params=[MeanOptions(), CnnOptions(filters=8)], ids=["mean", "cnn"])
def classifier(request: pytest.FixtureRequest) -> Classifier:
    return random_classifier(request.param)


def test_rows_are_in_the_order_of_the_headlines(classifier: Classifier) -> None:
    together = classifier.predict_proba(TEXTS)
    alone = np.concatenate([classifier.predict_proba([text]) for text in TEXTS[:100]])
    np.testing.assert_allclose(together[:100], alone, rtol=1e-4, atol=1e-6)
    small = classifier.predict_proba(TEXTS[:100], batch_size=7)
    np.testing.assert_allclose(small, alone, rtol=1e-4, atol=1e-6)


def test_any_iterable_of_headlines(classifier: Classifier) -> None:
    expected = classifier.predict_proba(TEXTS[:9])
    for texts in (tuple(TEXTS[:9]), iter(TEXTS[:9]), np.array(TEXTS[:9], object)):
        assert classifier.predict_proba(texts).tobytes() == expected.tobytes()


def test_changed_weights_count_at_once(classifier: Classifier) -> None:
    before = classifier.predict_proba(TEXTS[:9])
    weights = classifier.network.get_weights()
    classifier.network.set_weights([0 * values for values in weights])
    assert np.abs(classifier.predict_proba(TEXTS[:9]) - before).max() > 1e-3
    classifier.network.set_weights(weights)
    assert classifier.predict_proba(TEXTS[:9]).tobytes() == before.tobytes()


def test_the_model_is_traced_once(classifier: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier.predict_proba(TEXTS[:1])

    def call(*_: object, **__: object) -> None:
        raise AssertionError("the model was called outside of its compiled function")

    monkeypatch.setattr(classifier.network.text, "call", call)
    assert classifier.predict_proba(TEXTS[:5]).shape == (5, 3)
