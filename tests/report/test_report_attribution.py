"""The tables of what the words give: behind the surest mistakes, and for each label."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pandas as pd
import pytest
from networks import NAMES, NUMBERS, TEXTS, random_network

from pipeline import report
from pipeline.classifier.ensemble import Classifier
from pipeline.data.examples import Examples
from pipeline.embedding.text import tokenize
from pipeline.insight.attribution import attribute, contributions
from pipeline.insight.evaluation import evaluate


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(random_network())


def tables(classifier: Classifier, examples: Examples) -> dict[str, pd.DataFrame]:
    evaluation = evaluate(classifier, examples)
    items = report.attribution_items(attribute(classifier, evaluation), evaluation)
    return {item.path: item.frame for item in items if isinstance(item, report.Table)}


def test_the_words_behind_mistakes_and_those_of_each_label(classifier: Classifier) -> None:
    texts = [*TEXTS, "", "Alps"]
    logged = tables(classifier, Examples(texts, [*NUMBERS, 0, 1], tuple(NAMES)))
    why = logged["tables/why_misclassified.csv"]
    assert len(why) == 20
    for row in why.to_dict("records"):
        (explained,) = contributions(classifier, [row["text"]])
        values = explained.word_values[:, NAMES.index(row["predicted"])]
        best = np.sort(values[values > 0])[::-1][:3]
        shown = [row[f"contribution_{n}"] for n in (1, 2, 3) if row[f"word_{n}"] in explained.words]
        np.testing.assert_allclose(shown, best, atol=1e-5)
        assert row["predicted"] != row["label"]

    words = logged["tables/words_by_label.csv"]
    assert set(words["label"]) == set(NAMES)
    assert words["count"].min() >= 3
    assert (words["mean_contribution"] > 0).all()
    first = words.iloc[0]
    assert list(chain(*tokenize(texts))).count(first["word"]) == first["count"]
    by_hand = [
        values[0]
        for explained in contributions(classifier, texts)
        for token, values in zip(explained.tokens, explained.values, strict=True)
        if token == first["word"]
    ]
    assert first["mean_contribution"] == pytest.approx(np.mean(by_hand), abs=1e-5)
    for _, values in words.groupby("label")["mean_contribution"]:
        assert values.is_monotonic_decreasing


def test_without_mistakes_and_frequent_words_the_tables_are_empty(classifier: Classifier) -> None:
    texts = TEXTS[:2]
    right = Examples(texts, classifier.predict_proba(texts).argmax(axis=1).tolist(), tuple(NAMES))
    for frame in tables(classifier, right).values():
        assert len(frame) == 0
        assert {"contribution_3", "mean_contribution"} & set(frame.columns)
