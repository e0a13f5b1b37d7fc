"""What `compare` logs and prints, without a server."""

from __future__ import annotations

from io import StringIO
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from builders import make_headlines

from pipeline import report
from pipeline.data.headlines import Headlines, load_headlines
from pipeline.insight.outcomes import METHODS, Outcome
from pipeline.report import style


@pytest.fixture(scope="module")
def headlines() -> Headlines:
    return load_headlines(*make_headlines(40))


def make_curve(method: str, accuracies: dict[int, float]) -> list[Outcome]:
    return [
        Outcome(method, size, 0, value, value, 1.0, np.zeros(1, int))
        for size, value in accuracies.items()
    ]


def make_pair(headlines: Headlines) -> list[Outcome]:
    """Two seeds of a method that is always right, and of one that never is."""
    truth = np.array(headlines.labels("test"))
    right = [Outcome("fine_tuned", 10, seed, 1.0, 1.0, 1.0, truth) for seed in (0, 1)]
    wrong = [Outcome("tfidf", 10, seed, 0.0, 0.0, 1.0, (truth + 1) % 3) for seed in (0, 1)]
    return right + wrong


@pytest.mark.parametrize(
    ("tfidf", "sentence"),
    [
        (
            {100: 0.7, 1600: 0.8},
            "reaches 80.0% with 100 labels, for which TF-IDF needs about 1,600",
        ),
        (
            {100: 0.7, 84: 0.75},
            "reaches 80.0% with 100 labels, which TF-IDF does not with 100 (70.0%)",
        ),
        ({100: 0.9, 84: 0.9}, "reaches 80.0% with 100 labels; TF-IDF needs no more for that"),
    ],
)
def test_the_sentence(headlines: Headlines, tfidf: dict[int, float], sentence: str) -> None:
    outcomes = [*make_curve("fine_tuned", {10: 0.5, 100: 0.8}), *make_curve("tfidf", tfidf)]
    summary = report.comparison_sentence(outcomes, headlines, "glove")
    assert summary.startswith("With 100 labels, ")
    assert summary.endswith(f" Fine-tuned glove {sentence}.")


def test_the_sentence_about_a_method_that_learned_nothing(headlines: Headlines) -> None:
    outcomes = [*make_curve("fine_tuned", {100: 0.3}), *make_curve("tfidf", {100: 0.9})]
    outcomes += make_curve("majority", {100: 0.4})
    assert report.comparison_sentence(outcomes, headlines, "glove") == (
        "With 100 labels, TF-IDF is the most accurate (90.0%). Its lead over fine-tuned, commonest "
        "label may be chance. Fine-tuned glove reaches 30.0% with 100 labels, no more than the "
        "commonest label (40.0%)."
    )


def test_the_sentence_names_the_winner_whoever_it_is(headlines: Headlines) -> None:
    """With about 100 labels, and with the most; and those from which it cannot be told apart."""
    truth = np.array(headlines.labels("test"))
    wrong = (truth + 1) % 3

    def outcome(method: str, size: int, right: int) -> Outcome:
        predicted = np.where(np.arange(len(truth)) < right, truth, wrong)
        return Outcome(method, size, 0, right / len(truth), 0.5, 1.0, predicted)

    n = len(truth)
    few = [outcome("fine_tuned", 90, n - 1), outcome("tfidf", 90, 3), outcome("mine", 90, n)]
    many = [outcome("fine_tuned", 800, 2), outcome("tfidf", 800, n), outcome("mine", 800, 3)]
    summary = report.comparison_sentence([*few, *many], headlines, "glove")
    assert summary.startswith(
        "With 90 labels, mine is the most accurate (100.0%). Its lead over fine-tuned may be chance. "
        "With 800 labels, TF-IDF is the most accurate (100.0%). All others are measurably behind. "
    )
    alone = report.comparison_sentence([outcome("mine", 90, n)], headlines, "glove")
    assert alone.startswith("With 90 labels, mine is the most accurate (100.0%). Fine-tuned ")


def test_other_methods_have_looks_of_their_own() -> None:
    methods = ["fine_tuned", "mine", "yours"]
    looks = [style.method_look(method, methods) for method in methods]
    assert looks[0] == style.METHODS["fine_tuned"]
    assert len({*style.METHODS.values(), *looks}) == len(style.METHODS) + 2


def test_an_outcome_is_read_back_as_it_was_logged() -> None:
    outcome = Outcome("tfidf", 25, 3, 0.5, 0.25, 1.5, np.array([0, 2, 1, 1]))
    names = ("=1+1", "@b", "c")
    items = report.outcome_items(outcome, names)
    assert report.Text(report.PREDICTIONS, "'=1+1\nc\n'@b\n'@b\n") in items
    run = SimpleNamespace(
        params={i.name: str(i.value) for i in items if isinstance(i, report.Param)},
        metrics={i.name: i.value for i in items if isinstance(i, report.Metric)},
        content=next(i.content.encode() for i in items if isinstance(i, report.Text)),
    )
    again = report.read_outcome(run, names)
    assert again.predicted.tolist() == outcome.predicted.tolist()
    assert {**vars(again), "predicted": 0} == {**vars(outcome), "predicted": 0}


def test_tables_for_the_terminal(headlines: Headlines) -> None:
    outcomes = make_pair(headlines)
    columns, rows = report.means_by_size(outcomes)
    assert columns == ["test accuracy in %", "10"]
    assert rows == [["fine-tuned", "100.0 ± 0.0"], ["TF-IDF", "0.0 ± 0.0"]]
    assert report.seconds_by_size(outcomes) == (
        ["seconds to learn", "10"],
        [["fine-tuned", "1.0"], ["TF-IDF", "1.0"]],
    )
    _, rows = report.significance_by_size(outcomes, headlines)
    assert rows == [["fine-tuned against TF-IDF", "+100.0 (p < .001)"]]


def test_the_items(headlines: Headlines) -> None:
    outcomes = make_pair(headlines)
    items = report.comparison_items(outcomes, headlines, "glove")
    tables = {item.path: item.frame for item in items if isinstance(item, report.Table)}
    frame = tables["compare.csv"]
    assert list(frame)[:3] == ["method", "size", "seed"]
    assert pd.read_csv(StringIO(frame.to_csv(index=False))).equals(frame)
    (picture,) = [item for item in items if isinstance(item, report.Picture)]
    (axes,) = picture.figure.axes
    colours = {line.get_label(): line.get_color() for line in axes.lines}
    assert colours["fine-tuned"] == style.METHODS["fine_tuned"][0]
    without = report.comparison_items(outcomes, headlines, "glove", figures=False)
    assert not [item for item in without if isinstance(item, report.Picture)]
    assert len(without) == len(items) - 1


def test_every_method_has_a_colour() -> None:
    assert set(style.METHODS) == set(METHODS)
