"""A training that begins from an earlier classifier."""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import topical_vectors
from networks import (
    NAMES,
    TEST,
    TRAIN,
    VALIDATION,
    phase,
    random_network,
    small_matrix,
    small_vectors,
)
from portable_folder import WORDS, small_arrays, small_model, write_folder

from pipeline.base.errors import ConfigError, ModelError, VectorsError
from pipeline.classifier.encoders import (
    AttentionOptions,
    BiGruOptions,
    CnnOptions,
    MeanOptions,
    MetricOptions,
)
from pipeline.classifier.ensemble import Classifier
from pipeline.classifier.export import export_classifier
from pipeline.classifier.network import build_network
from pipeline.classifier.start import read_start
from pipeline.data.examples import Examples
from pipeline.embedding.options import VectorsOptions
from pipeline.embedding.vectors import WordVectors
from pipeline.training.fit import Fitted, fit
from pipeline.training.loop import train

MODEL = CnnOptions(filters=4, kernel_sizes=(1, 2), sif=False, ngrams=False)
MOVED = phase("fine_tuned", 2, 1e-2)
STILL = phase("fine_tuned", 1, 1e-9)  # so that what was passed on is seen after it
MONEY = NAMES.index("money")


def without(label: int, examples: Examples) -> Examples:
    """The examples of the other labels; the label is the last one, and its name goes too."""
    kept = [i for i, each in enumerate(examples.labels) if each != label]
    names = tuple(name for i, name in enumerate(NAMES) if i != label)
    labels = [names.index(NAMES[examples.labels[i]]) for i in kept]
    return Examples([examples.texts[i] for i in kept], labels, names)


@pytest.fixture(scope="module")
def earlier() -> Fitted:
    """Of two labels: it never saw the words of money."""
    two = without(MONEY, TRAIN), without(MONEY, VALIDATION)
    return fit(*two, small_vectors(), model=MODEL, schedule=MOVED)


def rows(fitted: Fitted) -> dict[str, np.ndarray[Any, Any]]:
    table = fitted.network.embedding.get_weights()[0]
    return dict(zip(fitted.matrix.words, table[2:], strict=True))


def test_equal_settings_give_what_training_on_gives() -> None:
    """The bits of a second `train` of the same network, in memory."""
    first = fit(TRAIN, VALIDATION, small_vectors(), model=MODEL, schedule=MOVED, seed=3)
    before = first.network.predict_proba(VALIDATION.texts)
    again = fit(
        TRAIN, VALIDATION, small_vectors(), model=MODEL, schedule=MOVED, seed=5,
        start=first.classifier,
    )  # fmt: skip
    assert (first.network.predict_proba(VALIDATION.texts) == before).all()  # it is left as it was
    history = train(first.network, TRAIN, VALIDATION, MOVED, seed=5)
    assert again.history.epochs == history.epochs
    after = first.network.predict_proba(TEST.texts)
    assert again.network.predict_proba(TEST.texts).tobytes() == after.tobytes()
    assert not np.allclose(first.network.predict_proba(VALIDATION.texts), before, atol=1e-3)


@pytest.mark.parametrize(
    "options",
    [
        AttentionOptions(heads=2),
        BiGruOptions(units=3),
        CnnOptions(filters=4),
        MeanOptions(letter_case=True),
        MetricOptions(filters=4, width=5),
    ],
    ids=lambda options: options.encoder,
)
def test_all_weights_of_every_encoder_go_on(options: Any, tmp_path: Path) -> None:
    network = random_network(replace(options, sif=False, ngrams=False))
    classifier = Classifier(network, label_names=tuple(NAMES))
    export_classifier(classifier, tmp_path / "whole", dtype="float32")
    expected = network.predict_proba(VALIDATION.texts)
    for source in (classifier, tmp_path / "whole"):
        start = read_start(source)
        start.check(network.options)
        fresh = build_network(start.scaled(small_matrix()), 3, network.options, seed=7)
        assert not np.allclose(fresh.predict_proba(VALIDATION.texts), expected, atol=1e-3)
        start.pass_on(fresh, NAMES)
        assert (fresh.predict_proba(VALIDATION.texts) == expected).all()


@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_a_folder_of_fewer_bytes_loses_little(dtype: str, tmp_path: Path) -> None:
    network = random_network(MeanOptions(sif=False, ngrams=False))
    export_classifier(Classifier(network, label_names=tuple(NAMES)), tmp_path / "m", dtype=dtype)
    start = read_start(tmp_path / "m")
    matrix = small_matrix()
    scaled = start.scaled(matrix)
    np.testing.assert_allclose(scaled.weights, matrix.weights, rtol=1e-2)
    fresh = build_network(scaled, 3, network.options)
    start.pass_on(fresh, NAMES)
    expected = network.predict_proba(VALIDATION.texts)
    np.testing.assert_allclose(fresh.predict_proba(VALIDATION.texts), expected, atol=0.02)


def test_new_labels_and_new_words(earlier: Fitted) -> None:
    going_on = fit(TRAIN, VALIDATION, small_vectors(), model=MODEL, schedule=STILL, start=earlier.classifier)  # fmt: skip
    afresh = fit(TRAIN, VALIDATION, small_vectors(), model=MODEL, schedule=STILL)
    old, new, untrained = rows(earlier), rows(going_on), rows(afresh)
    for word in ("alps", "goal", "record"):  # both have them: with a vector and without
        np.testing.assert_allclose(new[word], old[word], atol=1e-6)
        assert not np.allclose(new[word], untrained[word], atol=1e-3)
    # A new word has its vector, at the scale of the earlier words.
    assert "bank" not in old
    extra = dict(zip(earlier.matrix.extra_words, earlier.matrix.extra_weights, strict=True))
    np.testing.assert_allclose(new["bank"], extra["bank"], atol=1e-6)
    # Texts of the earlier labels are told apart as before; the new label starts as usual.
    kernel, bias = going_on.network.last_layer.get_weights()
    kernel_before, bias_before = earlier.network.last_layer.get_weights()
    places = [going_on.classifier.label_names.index(n) for n in earlier.classifier.label_names]
    np.testing.assert_allclose(kernel[:, places], kernel_before, atol=1e-6)
    np.testing.assert_allclose(bias[places], bias_before, atol=1e-6)
    assert abs(bias[MONEY]) < 1e-6
    fresh = afresh.network.last_layer.get_weights()[0]
    np.testing.assert_allclose(kernel[:, MONEY], fresh[:, MONEY], atol=1e-6)


def test_words_that_only_the_earlier_classifier_saw_stay(
    earlier: Fitted, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where the set lacks them: `goal` has no vector. Labels that are gone are named."""
    nature, sport = NAMES.index("nature"), NAMES.index("sport")
    new = without(sport, TRAIN)
    with caplog.at_level(logging.INFO, "pipeline"):
        fitted = fit(new, without(sport, VALIDATION), small_vectors(), model=MODEL, schedule=STILL, start=earlier.classifier)  # fmt: skip
    assert not any("goal" in text.lower().split() for text in new.texts)
    np.testing.assert_allclose(rows(fitted)["goal"], rows(earlier)["goal"], atol=1e-6)
    assert fitted.vocabulary.counts[fitted.vocabulary.words.index("goal")] == 0
    assert fitted.classifier.label_names == ("money", "nature")
    assert f"{len(earlier.matrix.words)} of {len(fitted.matrix.words)} words and 1 of 2 labels" in caplog.text  # fmt: skip
    assert "no headline has 1 labels of the earlier classifier ('sport')" in caplog.text
    assert nature == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (MeanOptions(), "start: expected model=cnn, as the earlier classifier has, got model=mean: set model=cnn"),
        (replace(MODEL, filters=5), "start: expected model.filters=4, as .* got model.filters=5"),
        (replace(MODEL, kernel_sizes=(1,)), r"expected model.kernel_sizes=\[1,2\], as .* got model.kernel_sizes=\[1\]"),
        (replace(MODEL, letter_case=True), "expected model.letter_case=false, as .* got model.letter_case=true"),
    ],
)  # fmt: skip
def test_an_encoder_of_another_shape(options: Any, message: str, earlier: Fitted) -> None:
    with pytest.raises(ConfigError, match=message):
        fit(TRAIN, VALIDATION, small_vectors(), model=options, start=earlier.classifier)


def test_other_vectors(earlier: Fitted) -> None:
    words = small_vectors().index_to_key
    for size, seed, message in (
        (8, 1, "expected the vectors that the earlier classifier was trained with, got other rows"),
        (5, 0, "expected vectors of 8 dimensions, as the earlier classifier has, got 5"),
    ):
        others = WordVectors.from_rows(words, topical_vectors(list(words), size, seed))
        with pytest.raises(VectorsError, match=f"start: {message}"):
            fit(TRAIN, VALIDATION, others, model=MODEL, start=earlier.classifier)


def test_vectors_at_another_scale_are_brought_to_that_of_the_earlier_ones(earlier: Fitted) -> None:
    fitted = fit(
        TRAIN, VALIDATION, small_vectors(), model=MODEL, schedule=STILL, start=earlier.classifier,
        embedding=VectorsOptions(std=2.0),
    )  # fmt: skip
    extra = dict(zip(earlier.matrix.extra_words, earlier.matrix.extra_weights, strict=True))
    np.testing.assert_allclose(rows(fitted)["bank"], extra["bank"], rtol=1e-4, atol=1e-6)


def test_what_cannot_be_read(tmp_path: Path, earlier: Fitted) -> None:
    with pytest.raises(ModelError, match="nothing: expected a folder of `pipeline export`, there is none"):  # fmt: skip
        fit(TRAIN, VALIDATION, small_vectors(), start=tmp_path / "nothing")
    nameless = replace(earlier.classifier, label_names=())
    with pytest.raises(ModelError, match="expected a classifier with the names of its 2 labels"):
        fit(TRAIN, VALIDATION, small_vectors(), start=nameless)
    start = read_start(earlier.classifier)
    fewer = replace(start, arrays={n: a for n, a in start.arrays.items() if n != "head/bias"})
    with pytest.raises(ModelError, match=r"expected the array head/bias of shape \(3,\), got none"):
        fit(TRAIN, VALIDATION, small_vectors(), model=MODEL, start=fewer)


def _forged() -> Iterator[tuple[str, dict[str, Any]]]:
    """What `write_folder` writes for each, with right digests."""
    model, arrays = small_model(), small_arrays()
    for name in (
        "format",
        "version",
        "labels",
        "tokeniser",
        "encoder",
        "members",
        "weights",
        "floor",
        "facts",
    ):
        yield f"no {name}", {"model": {k: v for k, v in model.items() if k != name}}
        for value in (None, [], "x", [None], True):
            yield f"{name} {value!r}", {"model": {**model, name: value}}
    for room, name, value in (
        ("tokeniser", "max_tokens", 0), ("tokeniser", "letter_case", 1), ("tokeniser", "lower", ["a"]),
        ("tokeniser", "digits", "x"), ("encoder", "name", ["mean"]), ("encoder", "name", "lstm"),
        ("encoder", "kernel_sizes", ["1"]), ("encoder", "kernel_sizes", [0]), ("facts", "headlines", [1]),
        ("facts", "metrics", {"test/accuracy": 2}), ("facts", "warnings", [1]),
    ):  # fmt: skip
        yield f"{room}.{name} {value!r}", {"model": {**model, room: {**model[room], name: value}}}
    for words in ({}, "x", WORDS[:-1], [*WORDS, "x"], [1] * 5, None):
        yield f"words {words!r}", {"words": gzip.compress(json.dumps(words).encode())}
    embedding = arrays["network/embedding"]
    for name, array in arrays.items():
        yield f"no {name}", {"arrays": {k: v for k, v in arrays.items() if k != name}}
        for what, value in {
            "scalar": array.reshape(-1)[0], "3 dimensions": array[None, None], "no rows": array[:0],
            "rows twice": np.concatenate([array, array]), "float64": array.astype(np.float64) + 0.5,
        }.items():  # fmt: skip
            yield f"{name} {what}", {"arrays": {**arrays, name: np.asarray(value)}}
    few = {"network/embedding": embedding[:1], "network/extra": embedding[1:]}
    yield "too few rows of training", {"arrays": {**arrays, **few}}
    infinite = np.full_like(embedding, np.inf)
    yield "infinite", {"arrays": {**arrays, "network/embedding": infinite}}


def test_every_forged_folder_is_one_line(tmp_path: Path) -> None:
    read_start(write_folder(tmp_path / "right"))
    n = 0
    for n, (what, content) in enumerate(_forged(), 1):
        with pytest.raises(ModelError) as raised:
            read_start(write_folder(tmp_path / str(n), **content))
        assert "\n" not in str(raised.value), what
    assert n > 100
