"""Weights in the training of the network, and what decides on validation."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from networks import NAMES, TRAIN, VALIDATION, built, phase

from pipeline.base.errors import ConfigError, DataError
from pipeline.base.options import check_options
from pipeline.classifier.encoders import MetricOptions
from pipeline.classifier.selection import count_labels, score
from pipeline.config import load_config
from pipeline.data.weighting import text_weights, weigh_labels
from pipeline.training.history import Epoch
from pipeline.training.loop import train
from pipeline.training.options import TrainingOptions


def test_only_the_ratio_of_weights_counts_in_the_network() -> None:
    plain, doubled = built(), built()
    train(plain, TRAIN, VALIDATION, phase("frozen", 1))
    train(doubled, replace(TRAIN, weights=[2.0] * len(TRAIN)), VALIDATION, phase("frozen", 1))
    for first, second in zip(plain.get_weights(), doubled.get_weights(), strict=True):
        np.testing.assert_allclose(first, second, atol=1e-6)


def test_the_metric_network_learns_from_texts_with_weights_alone() -> None:
    """Texts of weight 0 change nothing: their labels can be any."""
    options = MetricOptions(filters=4, width=4)
    half = [float(i % 2) for i in range(len(TRAIN))]
    wrong = [label if i % 2 else 0 for i, label in enumerate(TRAIN.labels)]
    first, second = built(options), built(options)
    right = replace(TRAIN, weights=half)
    train(first, right, VALIDATION, phase("frozen", 1))
    train(second, replace(right, labels=wrong), VALIDATION, phase("frozen", 1))
    for weighted, same in zip(first.get_weights(), second.get_weights(), strict=True):
        assert weighted.tobytes() == same.tobytes()


def test_a_label_with_a_large_weight_is_given_more_often_and_macro_f1_decides() -> None:
    network = built()
    options = replace(phase("frozen", 3, 0.05), class_weight={NAMES[2]: 50}, select="macro_f1")
    history = train(network, TRAIN, VALIDATION, options)
    predicted = network.predict_proba(VALIDATION.texts).argmax(axis=1)
    truth = np.array(VALIDATION.labels)
    assert (predicted == 2).sum() > (truth == 2).sum()
    _, validation = weigh_labels(TRAIN, VALIDATION, options.class_weight)
    weights = text_weights(validation)
    epochs = history.phases[0].epochs
    best = history.phases[0].best
    assert best.score == max(epoch.score or 0 for epoch in epochs)
    counts = count_labels(predicted, truth, weights)
    assert best.score == pytest.approx(score("macro_f1", counts, 0), rel=1e-5)
    assert best.val_accuracy == pytest.approx((predicted == truth).mean())  # each text once
    logs = np.log(network.predict_proba(VALIDATION.texts))[np.arange(len(truth)), truth]
    assert best.val_loss == pytest.approx(-np.average(logs, weights=weights), rel=1e-4)


def test_the_score_decides_between_epochs_where_there_is_one() -> None:
    def epoch(accuracy: float, score: float | None, loss: float = 1) -> Epoch:
        return Epoch("frozen", 1, 3, 0, 0, loss, accuracy, score=score)

    assert epoch(0.5, 0.6).better_than(epoch(0.9, 0.5))
    assert epoch(0.5, 0.6, 0.5).better_than(epoch(0.5, 0.6))
    assert epoch(0.6, None).better_than(epoch(0.5, None))


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ("balance", "expected balanced or the weight of each label.*did you mean balanced"),
        ({"money": -1}, "from 0 to 1e.09 as the weight of the label 'money', got -1"),
        ({"money": True}, "as the weight of the label 'money', got True"),
        ({"money": float("nan")}, "got nan"),
        ({}, "expected balanced or the weight of each label"),
    ],
)
def test_a_wrong_class_weight_is_named(class_weight: object, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"^class_weight: .*{message}"):
        check_options(TrainingOptions, {"class_weight": class_weight})


def test_labels_of_class_weight_may_be_numbers() -> None:
    for label, name in ((1, "1"), (0.0, "0"), (True, "True")):
        options = check_options(TrainingOptions, {"class_weight": {label: 2}})
        assert options.class_weight == {name: 2}
    options = check_options(TrainingOptions, {"class_weight": "{'R&D, sport': 2, rare: 3}"})
    assert options.class_weight == {"R&D, sport": 2, "rare": 3}


ODD = [
    "R&D: new", "a, b", "x=y", "it's", 'say "hi"', "[x]", "{y}", "1", "2.5", "True", "null", "-1", "a b",
    "\\", "ends in \\", '\\"', "#1", "*", "&a", "!b", "@c", "%", "`", "?", "|", "~", "é 雪", "😀", "a:b", "$x",
]  # fmt: skip


@pytest.mark.parametrize("ascii_only", [True, False])
def test_any_label_has_a_weight_as_json(ascii_only: bool) -> None:
    weights = {label: i + 0.5 for i, label in enumerate(ODD)}
    text = json.dumps({**weights, "${x}": 3}, ensure_ascii=ascii_only)
    text = text.replace("${", "\\u0024{")  # else it is looked up elsewhere, which no option allows
    config = load_config([f"training.class_weight={text}"])
    assert config.training.class_weight == {**weights, "${x}": 3}
    for label in ODD:
        options = check_options(TrainingOptions, {"class_weight": json.dumps({label: 2})})
        assert options.class_weight == {label: 2}


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("{sport: 2, new york: 0.5}", {"sport": 2, "new york": 0.5}),
        ("{sport:2,rare:1e3}", {"sport": 2, "rare": 1000}),
        ("{ 1.0 : 2 , true: 1, null: 3 }", {"1": 2, "True": 1, "null": 3}),
        ("{'a: b': 2, \"it's\": 3, c: 4,}", {"a: b": 2, "it's": 3, "c": 4}),
    ],
)
def test_plain_names_need_no_quotes(text: str, weights: dict[str, float]) -> None:
    options = check_options(TrainingOptions, {"class_weight": text})
    assert options.class_weight == weights


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ('{"sport": 2, "sport": 3}', "expected one weight for each label, 'sport' has two"),
        ("{1: 2, 1.0: 3}", "expected one weight for each label, '1' has two"),
        ({1: 2, "1": 3}, "expected one weight for each label, '1' has two"),
        ({None: 2}, "expected the name of a label, got None"),
        ('{"": 2}', "expected the name of a label, got ''"),
        ({("a", "b"): 2}, r"expected one text, number or truth value as a label, got \('a', 'b'\)"),
        ("{R&D: new: 2}", r'with double quotes around any other name, as in \{"R&D: new": 2\}'),
        ('{"a\\x": 2}', "with double quotes around any other name"),
        ('{"a": {"b": 2}}', "with double quotes around any other name"),
        ("{sport}", "with double quotes around any other name"),
        ('{"sport": "2"}', "as the weight of the label 'sport', got '\"2\"'"),
        ("{sport: nan}", "as the weight of the label 'sport', got nan"),
        ("{" * 5000, "with double quotes around any other name"),
        pytest.param(
            {"sport": 10**5000}, "the weight of the label 'sport', got a huge number", id="huge"
        ),
    ],
)
def test_weights_in_another_form_are_one_line(class_weight: object, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"^class_weight: .*{message}"):
        check_options(TrainingOptions, {"class_weight": class_weight})


def test_a_name_that_no_label_has_is_an_error_with_the_nearest_one() -> None:
    options = replace(phase("frozen", 1), class_weight={"spot": 2})
    with pytest.raises(DataError, match=r"class_weight: .*got 'spot'; did you mean sport\?"):
        train(built(), TRAIN, VALIDATION, options)
    with pytest.raises(DataError, match="a text of training with a weight above 0"):
        weigh_labels(TRAIN, VALIDATION, dict.fromkeys(NAMES, 0.0))
