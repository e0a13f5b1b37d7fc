"""What `compare` holds against transfer."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest

from pipeline.data.examples import Examples
from pipeline.data.headlines import Headlines, load_headlines
from pipeline.data.sampling import sample_examples
from pipeline.studies.baselines import BASELINES, installed_baselines
from pipeline.studies.compare import run_trial
from pipeline.studies.trials import Shared, Trial

NEED_WORDS = sorted(BASELINES.keys() - {"majority"})


def _skip_without(name: str) -> None:
    if name not in installed_baselines():
        pytest.skip(f"{name} is not installed")


@pytest.mark.parametrize("name", sorted(BASELINES))
def test_a_baseline_learns_and_gives_the_same_again(name: str, headlines: Headlines) -> None:
    _skip_without(name)
    training = sample_examples(headlines.examples("train"), 60, seed=0)
    validation = sample_examples(headlines.examples("validation"), 12, seed=0)
    test = headlines.examples("test")
    first, second = (BASELINES[name](training, validation, 0)(test.texts) for _ in range(2))
    assert (first == second).all()
    assert (first == np.array(test.labels)).mean() > (0.3 if name == "majority" else 0.6)


def test_the_majority_is_the_commonest_label() -> None:
    examples = Examples(["a", "b", "c"], [0, 2, 2], ("x", "y", "z"))
    assert BASELINES["majority"](examples, examples, 0)(["d", "e"]).tolist() == [2, 2]


@pytest.mark.parametrize(("n_labels", "lines"), [(99, []), (100, ["4 x 100 machines"])])
def test_tfidf_says_how_much_it_does_with_many_labels(
    n_labels: int, lines: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    names = tuple(f"w{i}" for i in range(n_labels))
    examples = Examples(list(names), list(range(n_labels)), names)
    predict = BASELINES["tfidf"](examples, examples, 0)
    assert predict(["w7", "w70"]).tolist() == [7, 70]
    expected = [
        f"compare: tfidf fits {line}, one for each label, to 100 headlines" for line in lines
    ]
    assert caplog.messages == expected


def test_tfidf_of_headlines_with_one_label() -> None:
    alone = Examples(["alps lose snow", "ice melts"], [1, 1], ("x", "y"))
    assert BASELINES["tfidf"](alone, alone, 0)(["bank"]).tolist() == [1]


@pytest.mark.parametrize("letter_case", [False, True])
@pytest.mark.parametrize("name", NEED_WORDS)
def test_all_see_letter_case_or_none_does(shared: Shared, name: str, letter_case: bool) -> None:
    """The labels differ in nothing but capitals."""
    _skip_without(name)
    texts = shared.headlines.texts("train")
    labels = ["title"] * len(texts) + ["upper"] * len(texts)
    cased = load_headlines([t.title() for t in texts] + [t.upper() for t in texts], labels)
    model = replace(shared.model, letter_case=letter_case)
    trial = Trial(name, len(cased.splits["train"]), 0)
    (outcome,) = run_trial(trial, replace(shared, headlines=cased, model=model))
    assert (outcome.test_accuracy > 0.9) == letter_case
