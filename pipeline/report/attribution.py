"""Which words made the labels: what a run logs of `attribution`."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.insight.attribution import Attribution
from pipeline.insight.evaluation import Evaluation
from pipeline.report.items import Item, Table

WORDS_SHOWN = 3  # of each misclassified headline
MIN_COUNT = 3  # a word with fewer occurrences in the sample is chance
WORDS_OF_A_LABEL = 30


def attribution_items(attribution: Attribution, evaluation: Evaluation) -> list[Item]:
    """The words behind the surest mistakes, and the words that give most to each label."""
    return [
        Table("tables/why_misclassified.csv", why_misclassified(attribution, evaluation)),
        Table("tables/words_by_label.csv", words_by_label(attribution, evaluation.label_names)),
    ]


def why_misclassified(attribution: Attribution, evaluation: Evaluation) -> pd.DataFrame:
    """A row a headline, the surest mistake first: the three words that give most to the label that
    it got, as `word_1` and `contribution_1` and so on, empty where fewer speak for it."""
    names = evaluation.label_names
    rows = []
    for place, given in attribution.mistakes.items():
        predicted = int(evaluation.predicted[place])
        scores = given.word_values[:, predicted]
        row = {
            "text": given.text,
            "label": names[evaluation.labels[place]],
            "predicted": names[predicted],
            "confidence": evaluation.confidence[place],
        }
        strongest = [i for i in np.argsort(-scores, kind="stable") if scores[i] > 0]
        for number, word in enumerate(strongest[:WORDS_SHOWN], start=1):
            row |= {f"word_{number}": given.words[word], f"contribution_{number}": scores[word]}
        rows.append(row)
    numbered = [
        f"{name}_{n}" for n in range(1, WORDS_SHOWN + 1) for name in ("word", "contribution")
    ]
    return pd.DataFrame(rows, columns=["text", "label", "predicted", "confidence", *numbered])


def words_by_label(attribution: Attribution, label_names: tuple[str, ...]) -> pd.DataFrame:
    """For each label the 30 tokens with the highest mean contribution to it over the sample, of
    those that occur at least three times: label, word, mean_contribution, count."""
    given = attribution.sample.values()
    tokens = pd.Index([token for one in given for token in one.tokens], name="word")
    by_word = pd.DataFrame(np.concatenate([one.values for one in given]), tokens).groupby("word")
    counts = by_word.size()
    means = by_word.mean()[counts >= MIN_COUNT]
    tables = []
    for label, name in enumerate(label_names):
        best = means[label].nlargest(WORDS_OF_A_LABEL)
        columns = {"label": name, "mean_contribution": best, "count": counts[best.index]}
        tables.append(pd.DataFrame(columns).reset_index())
    return pd.concat(tables)[["label", "word", "mean_contribution", "count"]]
