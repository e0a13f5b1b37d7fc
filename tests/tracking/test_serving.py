"""The logged model, and the same prediction in process."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from builders import all_words, make_headlines, topical_vectors

from pipeline.classifier.encoders import CnnOptions, MeanOptions
from pipeline.classifier.ensemble import Classifier
from pipeline.classifier.export import export_saved_model
from pipeline.classifier.network import build_network
from pipeline.embedding.matrix import build_embedding_matrix
from pipeline.embedding.vectors import WordVectors
from pipeline.tracking.serving import BATCH_SIZE, HeadlineModel

LABELS = ["nature", "money", "sport"]
# More than one batch, of many lengths and in no order, some twice.
TEXTS = [
    f"{text}, {text}" if number % 3 == 0 else text[: number % 40]
    for number, text in enumerate(make_headlines(400)[0] * 2)
]


@pytest.fixture(scope="module", params=[MeanOptions(), CnnOptions(filters=8)], ids=["mean", "cnn"])
def classifier(request: pytest.FixtureRequest) -> Classifier:
    words = all_words()
    matrix = build_embedding_matrix(words, WordVectors.from_rows(words, topical_vectors(words)))
    network = build_network(matrix, len(LABELS), request.param)
    return Classifier(network, label_names=tuple(LABELS))


@pytest.fixture(scope="module")
def served(classifier: Classifier, tmp_path_factory: pytest.TempPathFactory) -> HeadlineModel:
    folder = tmp_path_factory.mktemp("served")
    export_saved_model(classifier, folder / "saved_model")
    (folder / "labels.json").write_text(json.dumps(LABELS), "utf-8")
    model = HeadlineModel()
    artifacts = {"saved_model": str(folder / "saved_model"), "labels": str(folder / "labels.json")}
    model.load_context(SimpleNamespace(artifacts=artifacts))
    return model


def test_rows_are_in_the_order_of_the_headlines(
    classifier: Classifier, served: HeadlineModel
) -> None:
    """Of several batches by several threads, as of one headline at a time."""
    assert len(TEXTS) > 2 * BATCH_SIZE
    rows = served.predict(TEXTS)
    assert len(rows) == len(TEXTS)
    together = classifier.predict_proba(TEXTS)
    found = np.array([[row["probabilities"][name] for name in LABELS] for row in rows], np.float32)
    assert found.tobytes() == together.tobytes()
    alone = np.concatenate([classifier.predict_proba([text]) for text in TEXTS[:100]])
    np.testing.assert_allclose(together[:100], alone, rtol=1e-4, atol=1e-6)
    small = classifier.predict_proba(TEXTS[:100], batch_size=7)
    np.testing.assert_allclose(small, alone, rtol=1e-4, atol=1e-6)


def test_the_label_is_the_most_probable(served: HeadlineModel) -> None:
    for row in served.predict(TEXTS[:50]):
        assert row["probability"] == max(row["probabilities"].values())
        assert row["probabilities"][row["label"]] == row["probability"]
    assert served.predict([]) == []


def test_any_iterable_of_headlines(classifier: Classifier) -> None:
    expected = classifier.predict_proba(TEXTS[:9])
    for texts in (tuple(TEXTS[:9]), iter(TEXTS[:9]), np.array(TEXTS[:9], object)):
        assert classifier.predict_proba(texts).tobytes() == expected.tobytes()


def test_changed_weights_count_at_once(classifier: Classifier) -> None:
    before = classifier.predict_proba(TEXTS[:9])
    weights = classifier.network.get_weights()
    classifier.network.set_weights([0 * values for values in weights])
    np.testing.assert_allclose(classifier.predict_proba(TEXTS[:9]), 1 / 3)
    classifier.network.set_weights(weights)
    assert classifier.predict_proba(TEXTS[:9]).tobytes() == before.tobytes()


def test_the_model_is_traced_once(classifier: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier.predict_proba(TEXTS[:1])

    def call(*_: object, **__: object) -> None:
        raise AssertionError("the model was called outside of its compiled function")

    monkeypatch.setattr(classifier.network.text, "call", call)
    assert classifier.predict_proba(TEXTS[:5]).shape == (5, 3)
