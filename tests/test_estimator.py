"""`EmbeddingClassifier`, as someone who knows scikit-learn uses it."""

from __future__ import annotations

import inspect
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from builders import ROOT, make_headlines, topical_vectors, write_glove
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks

from pipeline import EmbeddingClassifier, WordVectors
from pipeline.base.errors import ConfigError, DataError, VectorsError
from pipeline.config import load_config

TEXTS, LABELS = make_headlines(30)


def small_estimator(small: dict[str, Path], **options: object) -> EmbeddingClassifier:
    return EmbeddingClassifier(
        vectors=str(small["vectors"]), encoder="mean", frozen_epochs=8, fine_tuned_epochs=4,
        frozen_learning_rate=5e-2, fine_tuned_learning_rate=2e-2, batch_size=16, **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def fitted(small: dict[str, Path]) -> EmbeddingClassifier:
    return small_estimator(small).fit(TEXTS, LABELS)


def test_defaults_are_those_of_a_run() -> None:
    config, parameters = load_config(), EmbeddingClassifier().get_params()
    places = {
        "vectors": config.vectors.source,
        "validation": config.data.validation,
        "random_state": config.seed,
        "warm_start": False,
        **{
            f"{phase}_{name}": getattr(getattr(config.training, phase), name)
            for phase in ("frozen", "fine_tuned")
            for name in ("epochs", "learning_rate")
        },
    }
    for room in (config.vectors, config.model, config.training):
        names = parameters.keys() - places.keys()
        places |= {name: getattr(room, name) for name in names if hasattr(room, name)}
    assert places == parameters


def test_every_parameter_is_explained() -> None:
    explained = re.findall(r"^    (\w[\w, ]*):", inspect.getdoc(EmbeddingClassifier) or "", re.M)
    names = {name for line in explained for name in line.split(", ")}
    assert names == set(EmbeddingClassifier().get_params())


def test_fit_and_predict_with_strings(fitted: EmbeddingClassifier) -> None:
    assert fitted.classes_.tolist() == ["money", "nature", "sport"]
    probabilities = fitted.predict_proba(TEXTS)
    assert probabilities.shape == (90, 3)
    assert fitted.predict(TEXTS).tolist() == [
        fitted.classes_[i] for i in probabilities.argmax(axis=1)
    ]
    assert fitted.score(TEXTS, LABELS) > 0.9


def test_what_was_learned_on_the_way(fitted: EmbeddingClassifier) -> None:
    assert fitted.fitted_.kept == "ensemble"
    assert fitted.fitted_.matrix.coverage.tokens == 1
    assert [phase.name for phase in fitted.fitted_.history.phases] == ["frozen", "fine_tuned"]
    assert fitted.fitted_.classifier.label_names == ("money", "nature", "sport")


def test_integer_labels(small: dict[str, Path]) -> None:
    numbers = [{"money": 3, "nature": 7, "sport": 11}[label] for label in LABELS]
    quick = small_estimator(small, sif=False, ngrams=False).set_params(fine_tuned_epochs=0)
    estimator = quick.fit(np.array(TEXTS, dtype=object), np.array(numbers))
    assert estimator.classes_.tolist() == [3, 7, 11]
    assert set(estimator.predict(pd.Series(TEXTS[:9]))) <= {3, 7, 11}
    assert estimator.fitted_.kept == "frozen"


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ([False, True, True], [False, True]),
        ([2.0, 1.0, 3.0], [1.0, 2.0, 3.0]),
        (pd.Series([5, 3, 3], dtype="Int64"), [3, 5]),
        (pd.Categorical(["b", "a", "a"], categories=["c", "b", "a"], ordered=True), ["a", "b"]),
        (np.array(["b", "a", "bb"]), ["a", "b", "bb"]),
        (np.array([7, 5, 5], np.uint8), [5, 7]),
    ],
)
def test_labels_of_any_kind(small: dict[str, Path], values: Any, classes: list[Any]) -> None:
    """They come back as they were given, from a column too."""
    quick = small_estimator(small, sif=False, ngrams=False, adversarial_epsilon=0)
    quick.set_params(fine_tuned_epochs=0, frozen_epochs=1)
    labels = [values[["money", "nature", "sport"].index(label)] for label in LABELS]
    estimator = quick.fit(pd.DataFrame({"headline": TEXTS}), pd.DataFrame({"y": labels}))
    assert estimator.classes_.tolist() == classes
    predicted = estimator.predict(np.array(TEXTS, object)[:, None])
    assert predicted.dtype == estimator.classes_.dtype
    given = np.asarray(values).dtype
    assert estimator.classes_.dtype == (given if given.kind in "biuf" else object)
    assert {type(label) for label in predicted.tolist()} == {type(label) for label in classes}
    assert set(predicted.tolist()) <= set(classes)
    again = clone(quick).fit(TEXTS, [[label] for label in labels])
    assert again.predict(TEXTS).tolist() == predicted.tolist()


def test_validation_data_chooses_as_the_held_out_part_does(small: dict[str, Path]) -> None:
    quick = small_estimator(small, ngrams=False, adversarial_epsilon=0.0)
    quick.set_params(fine_tuned_epochs=0, frozen_epochs=2)
    split = train_test_split(TEXTS, LABELS, test_size=9, stratify=LABELS, random_state=0)
    texts, held_out, labels, held_out_labels = split
    held_out_data = (np.array(held_out, object), pd.Categorical(held_out_labels))
    given = clone(quick).fit(texts, labels, validation_data=held_out_data)
    own = clone(quick).fit(TEXTS, LABELS)  # validation=0.1 draws the same texts
    assert given.predict_proba(TEXTS).tobytes() == own.predict_proba(TEXTS).tobytes()


def test_calibrated_and_by_cross_validation(small: dict[str, Path]) -> None:
    """`ensemble=False` calibrates what `cross_val_predict` gives."""
    quick = small_estimator(small, sif=False, ngrams=False, adversarial_epsilon=0.0)
    quick.set_params(fine_tuned_epochs=0)
    calibrated = CalibratedClassifierCV(quick, cv=2, ensemble=False).fit(TEXTS, LABELS)
    assert calibrated.classes_.tolist() == ["money", "nature", "sport"]
    assert calibrated.score(TEXTS, LABELS) > 0.8


@pytest.mark.slow
def test_in_other_processes(
    small: dict[str, Path], fitted: EmbeddingClassifier, tmp_path: Path
) -> None:
    quick = small_estimator(small, sif=False, ngrams=False, adversarial_epsilon=0.0)
    quick.set_params(fine_tuned_epochs=0)
    one_split = [(range(60), range(60, 90))]
    search = GridSearchCV(quick, {"dropout": [0.0, 0.9]}, cv=one_split, n_jobs=2, error_score="raise")  # fmt: skip
    assert search.fit(TEXTS, LABELS).score(TEXTS, LABELS) > 0.8
    joblib.dump(fitted, tmp_path / "fitted.joblib")
    code = (
        "import joblib, sys; fitted = joblib.load(sys.argv[1])\n"
        "print(fitted.predict_proba(sys.argv[2:]).tobytes().hex())"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "fitted.joblib"), *TEXTS[:3]]
    printed = subprocess.check_output(command, text=True)
    assert printed.split()[-1] == fitted.predict_proba(TEXTS[:3]).tobytes().hex()


class AsIfOfNumbers(EmbeddingClassifier):
    """scikit-learn leaves out almost all of its checks for an estimator of texts: this one gets all."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        return tags


def test_scikit_learns_own_checks() -> None:
    """Those that the page lists cannot pass; all others do."""
    page = (ROOT / "docs" / "estimator.md").read_text("utf-8")
    listed = set(re.findall(r"`(check_\w+)`", page))
    results = estimator_checks.check_estimator(AsIfOfNumbers(), on_fail=None, on_skip=None)
    failed = {each["check_name"] for each in results if each["status"] == "failed"}
    assert failed == listed
    passed = {each["check_name"] for each in results if each["status"] == "passed"}
    assert {"check_estimator_cloneable", "check_set_params", "check_estimators_unfitted"} <= passed


def test_in_a_pipeline(small: dict[str, Path]) -> None:
    """String labels, whole numbers and truth values, with scikit-learn's own scores."""
    quick = small_estimator(small, sif=False, ngrams=False, adversarial_epsilon=0)
    quick.set_params(fine_tuned_epochs=0)
    lower = FunctionTransformer(lambda texts: [text.lower() for text in texts])
    chain = make_pipeline(lower, quick)
    for labels in (LABELS, [label == "sport" for label in LABELS]):
        assert cross_val_score(chain, TEXTS, labels, cv=2).mean() > 0.8


def test_a_warm_start_goes_on_from_the_last_fit(small: dict[str, Path]) -> None:
    quick = small_estimator(small, sif=False, ngrams=False, adversarial_epsilon=0)
    quick.set_params(fine_tuned_epochs=0, frozen_epochs=2)

    def first_loss() -> float:
        return quick.fit(TEXTS, LABELS).fitted_.history.epochs[0].loss

    afresh = first_loss()
    assert first_loss() == afresh
    quick.set_params(warm_start=True)
    assert first_loss() < 0.9 * afresh
    with pytest.raises(ConfigError, match="start: expected model=mean"):
        quick.set_params(encoder="cnn").fit(TEXTS, LABELS)


def test_clone_and_pickle(small: dict[str, Path], fitted: EmbeddingClassifier) -> None:
    again = clone(fitted)
    assert again.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        again.predict(TEXTS)
    loaded = pickle.loads(pickle.dumps(fitted))
    assert loaded.predict_proba(TEXTS[:5]).tobytes() == fitted.predict_proba(TEXTS[:5]).tobytes()


def test_cross_validation_and_grid_search(small: dict[str, Path]) -> None:
    quick = small_estimator(small, sif=False, ngrams=False).set_params(fine_tuned_epochs=0)
    assert cross_val_score(quick, TEXTS, LABELS, cv=2).mean() > 0.8
    one_split = [(range(60), range(60, 90))]
    search = GridSearchCV(quick, {"dropout": [0.0, 0.9]}, cv=one_split, refit=False)
    search.fit(TEXTS, LABELS)
    assert search.best_params_["dropout"] in (0.0, 0.9)


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        (["a", "b"], ["x"], "expected one label a text, got 2 and 1"),
        (["a", "b"], ["x", "x"], "at least two labels, and one with two texts, got 'x': 2"),
        ([], [], "at least two labels, and one with two texts, got no text"),
        ([["a", "b"]], [["x", "y"]], r"expected texts, got \['a', 'b'\] at position 0"),
        (
            ["a", "b"],
            [[0, 1], [1, 1]],
            r"expected labels that are all .* got \[0, 1\] at position 0",
        ),
        (["a", "b"], [0.5, 1.5], "all whole numbers or all truth values, got 0.5 at position 0"),
        (["a", "b"], [1, "x"], "all whole numbers or all truth values, got 'x' at position 1"),
        (["a", "b"], [True, 2], "all whole numbers or all truth values, got 2 at position 1"),
    ],
)
def test_bad_input(texts: Any, labels: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        EmbeddingClassifier().fit(texts, labels)


def test_too_few_texts_for_the_validation(small: dict[str, Path]) -> None:
    with pytest.raises(DataError, match=r"validation=0\.9: .* leaves 1 of 12 texts"):
        small_estimator(small, validation=0.9).fit(TEXTS[:12], ["x", "y", "z"] * 4)


def test_weights_of_texts(small: dict[str, Path]) -> None:
    """Ones are no weights, to the bit, and a text of weight 0 is not there."""
    quick = small_estimator(small, adversarial_epsilon=0, ngrams=False)
    quick.set_params(fine_tuned_epochs=0, frozen_epochs=1)
    plain = clone(quick).fit(TEXTS, LABELS).predict_proba(TEXTS)
    more = [*TEXTS, "Ice in the bank", "A goal for the glacier"]
    weights = pd.Series([*[1] * len(TEXTS), 0, 0])
    left_out = clone(quick).fit(more, [*LABELS, "sport", "money"], sample_weight=weights)
    assert left_out.predict_proba(TEXTS).tobytes() == plain.tobytes()
    sport = [9.0 if label == "sport" else 1.0 for label in LABELS]
    column = left_out.classes_.tolist().index("sport")
    weighted = clone(quick).fit(TEXTS, LABELS, sport)
    assert weighted.predict_proba([""])[0, column] == pytest.approx(9 / 11)  # the prior


def test_class_weight_in_a_search_with_weights_and_validation_data(small: dict[str, Path]) -> None:
    """The search hands each fold its weights; labels of a dict may be of any kind."""
    quick = small_estimator(small, sif=False, ngrams=False, adversarial_epsilon=0)
    quick.set_params(fine_tuned_epochs=0, frozen_epochs=1, select="macro_f1")
    labels = [label == "sport" for label in LABELS]
    grid = {"class_weight": ["balanced", {True: 2.0}]}
    one_split = [(range(60), range(60, 90))]
    search = GridSearchCV(quick, grid, cv=one_split, error_score="raise")
    search.fit(TEXTS, labels, sample_weight=[1.0, 2.0, 0.5] * 30)
    assert search.best_params_["class_weight"] in grid["class_weight"]
    given = clone(quick).set_params(class_weight={True: 3})
    given.fit(TEXTS, labels, validation_data=(TEXTS[:9], labels[:9], [1] * 8 + [0]))
    assert given.fitted_.classifier.prior == pytest.approx((60 / 150, 90 / 150))
    with pytest.raises(DataError, match=r"^class_weight: expected names of labels, .*got 'Tru'"):
        clone(quick).set_params(class_weight={"Tru": 3}).fit(TEXTS, labels)


def test_a_label_with_one_text_and_texts_without_a_label(
    small: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    quick = small_estimator(small, sif=False, ngrams=False, adversarial_epsilon=0)
    quick.set_params(fine_tuned_epochs=0, frozen_epochs=1)
    texts, labels = [*TEXTS[:30], "Sun and rain"], [*LABELS[:30], "weather"]
    quick.fit(texts, labels, unlabelled=pd.Series(TEXTS[30:]))
    assert "a label has fewer than 2 headlines" in caplog.text
    assert quick.classes_.tolist() == ["money", "nature", "sport", "weather"]
    assert quick.fitted_.unlabelled is not None
    assert quick.fitted_.unlabelled.n_texts == 60


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample_weight": [1.0]}, "sample_weight: expected one weight a text, got 1 for 90 texts"),
        ({"sample_weight": [-1] * 90}, "sample_weight: .* got -1 at position 0"),
        ({"sample_weight": [float("nan")] * 90}, "sample_weight: .* got nan at position 0"),
        ({"sample_weight": ["1"] * 90}, "sample_weight: expected numbers, got '1' at position 0"),
        ({"sample_weight": [0] * 90}, "sample_weight: expected a weight above 0, all 90 are 0"),
        ({"sample_weight": 2}, "expected a list of weights, got 2"),
        ({"sample_weight": np.ones((90, 2))}, r"list of weights, got an array .* \(90, 2\)"),
        ({"validation_data": (TEXTS, LABELS, [1])}, "validation_data: sample_weight: expected one"),
        ({"unlabelled": "Ice"}, "expected a list of texts, got one string"),
        ({"unlabelled": ["Ice", None]}, "expected texts, got None at position 1"),
    ],
)
def test_bad_weights(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        EmbeddingClassifier().fit(TEXTS, LABELS, **options)


def test_large_whole_numbers_stay_different_labels(small: dict[str, Path]) -> None:
    """Beside a float or a negative number, NumPy would make floats of all."""
    for labels in ([2**53 + 1, 2**53, 1.0], [2**63 + 1, 2**63 + 2, -1]):
        with pytest.raises(DataError, match=f"got '{min(labels):.0f}': 1, '"):
            small_estimator(small).fit(TEXTS[:3], labels)


WRONG = {
    "encoder": ("cnnn", None), "max_tokens": (0, 10_001, "x", 2.5), "dropout": (1.0, -1),
    "letter_case": ("maybe",), "sif": ("x",), "ngrams": (None,), "frozen_epochs": (-1, "x", None),
    "frozen_learning_rate": (0, 100), "fine_tuned_epochs": (-1, 1.5),
    "fine_tuned_learning_rate": (0,), "batch_size": (0, "x"), "adversarial_epsilon": (-1,),
    "fallbacks": ("exactt", ["exact", "low"], 5, None), "std": (0, float("inf")),
    "extra_words": (-1,), "min_coverage": (2,), "validation": (0, 1), "vectors": (None,),
    "random_state": (-1, None), "warm_start": ("x", None), "select": ("f1", None),
    "class_weight": ("balance", {}, {"sport": -1}, {"sport": "2"}, 3, [1, 2]),
}  # fmt: skip


def test_a_wrong_value_is_named_by_its_parameter() -> None:
    assert WRONG.keys() == EmbeddingClassifier().get_params().keys()
    for name, values in WRONG.items():
        for value in values:
            with pytest.raises(ConfigError, match=f"^{name}[=:]"):
                EmbeddingClassifier(**{name: value}).fit(TEXTS, LABELS)
    with pytest.raises(ConfigError, match=r"^frozen_epochs, fine_tuned_epochs: at least one phase"):
        EmbeddingClassifier(frozen_epochs=0, fine_tuned_epochs=0).fit(TEXTS, LABELS)


def test_vectors_that_know_too_few_words_are_refused(tmp_path: Path) -> None:
    """As in a run."""
    write_glove(tmp_path / "other.txt", ["зима", "the", "снег"])
    estimator = EmbeddingClassifier(str(tmp_path / "other.txt"), encoder="mean", frozen_epochs=1)
    with pytest.raises(
        VectorsError, match=r"at least 30% of the tokens, got .* lower min_coverage"
    ):
        estimator.fit(TEXTS, LABELS)
    with pytest.raises(VectorsError, match="there is none"):
        EmbeddingClassifier("nowhere.txt").fit(TEXTS, LABELS)
    with pytest.raises(VectorsError, match="expected a name, a file, WordVectors or gensim"):
        EmbeddingClassifier(5).fit(TEXTS, LABELS)


def test_vectors_in_memory(fitted: EmbeddingClassifier, small: dict[str, Path]) -> None:
    words = [line.split()[0] for line in small["vectors"].read_text().splitlines()]
    vectors = WordVectors.from_rows(words, topical_vectors(words))
    same = clone(fitted).set_params(vectors=vectors).fit(TEXTS, LABELS)
    assert same.predict_proba(TEXTS).tobytes() == fitted.predict_proba(TEXTS).tobytes()
