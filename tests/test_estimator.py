from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from builders import make_headlines
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score

from pipeline import EmbeddingClassifier
from pipeline.base.errors import ConfigError, DataError
from pipeline.config import load_config

TEXTS, LABELS = make_headlines(30)


def small_estimator(small: dict[str, Path], **options: object) -> EmbeddingClassifier:
    return EmbeddingClassifier(
        vectors=str(small["vectors"]), encoder="mean", frozen_epochs=8, fine_tuned_epochs=4,
        frozen_learning_rate=5e-2, fine_tuned_learning_rate=2e-2, batch_size=16, **options,
    )  # fmt: skip


def test_defaults_are_those_of_a_run() -> None:
    assert EmbeddingClassifier()._config() == load_config()


def test_fit_and_predict_with_strings(small: dict[str, Path]) -> None:
    estimator = small_estimator(small).fit(TEXTS, LABELS)
    assert estimator.classes_.tolist() == ["money", "nature", "sport"]
    probabilities = estimator.predict_proba(TEXTS)
    assert probabilities.shape == (90, 3)
    assert estimator.predict(TEXTS).tolist() == [
        estimator.classes_[i] for i in probabilities.argmax(axis=1)
    ]
    assert estimator.score(TEXTS, LABELS) > 0.9


def test_integer_labels(small: dict[str, Path]) -> None:
    numbers = [{"money": 3, "nature": 7, "sport": 11}[label] for label in LABELS]
    estimator = small_estimator(small).fit(np.array(TEXTS, dtype=object), np.array(numbers))
    assert estimator.classes_.tolist() == [3, 7, 11]
    assert set(estimator.predict(TEXTS[:9])) <= {3, 7, 11}


def test_clone_and_pickle(small: dict[str, Path]) -> None:
    estimator = small_estimator(small)
    assert clone(estimator).get_params() == estimator.get_params()
    fitted = estimator.fit(TEXTS, LABELS)
    loaded = pickle.loads(pickle.dumps(fitted))
    assert loaded.predict_proba(TEXTS[:5]).tobytes() == fitted.predict_proba(TEXTS[:5]).tobytes()


def test_cross_validation_and_grid_search(small: dict[str, Path]) -> None:
    assert cross_val_score(small_estimator(small), TEXTS, LABELS, cv=2).mean() > 0.8
    search = GridSearchCV(small_estimator(small), {"dropout": [0.0, 0.9]}, cv=2, refit=False)
    search.fit(TEXTS, LABELS)
    assert search.best_params_["dropout"] in (0.0, 0.9)


def test_bad_input(small: dict[str, Path]) -> None:
    estimator = small_estimator(small)
    with pytest.raises(DataError, match="one label a text"):
        estimator.fit(["a", "b"], ["x"])
    with pytest.raises(DataError, match="at least two labels"):
        estimator.fit(["a", "b"], ["x", "x"])
    with pytest.raises(DataError, match="got 5 at position 1"):
        estimator.fit(["a", 5], ["x", "y"])  # type: ignore[list-item]
    with pytest.raises(DataError, match="put it in a list"):
        estimator.fit("a", ["x"])
    for option in (
        {"batch_size": 0},
        {"validation": 5},
        {"frozen_epochs": 0, "fine_tuned_epochs": 0},
    ):
        with pytest.raises(ConfigError):
            EmbeddingClassifier(str(small["vectors"]), **option).fit(TEXTS, LABELS)
