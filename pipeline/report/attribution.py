"""Which words made the labels: what a run logs of `attribution`."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.insight.attribution import Attribution
from pipeline.insight.evaluation import Evaluation
from pipeline.report.items import Item, Table

_WORDS_SHOWN = 3  # for each misclassified headline
_MIN_COUNT = 3  # the mean over fewer occurrences in the sample would be chance
_WORDS_OF_A_LABEL = 30


def attribution_items(attribution: Attribution, evaluation: Evaluation) -> list[Item]:
    """The words behind the surest mistakes, and the words that speak most for each label."""
    return [
        Table("tables/why_misclassified.csv", why_misclassified(attribution, evaluation)),
        Table("tables/words_by_label.csv", words_by_label(attribution, evaluation.label_names)),
    ]


def why_misclassified(attribution: Attribution, evaluation: Evaluation) -> pd.DataFrame:
    """One row for each mistake, the surest first, with the words that speak most for its label.

    There are up to three words, in the columns `word_1`, `contribution_1` and so on. They are empty
    where fewer words speak for the predicted label.
    """
    names = evaluation.label_names
    rows = []
    for position, mistake in attribution.mistakes.items():
        predicted = int(evaluation.predicted[position])
        scores = mistake.word_values[:, predicted]
        row = {
            "text": mistake.text,
            "label": names[evaluation.labels[position]],
            "predicted": names[predicted],
            "confidence": evaluation.confidence[position],
        }
        strongest = [i for i in np.argsort(-scores, kind="stable") if scores[i] > 0]
        for number, word in enumerate(strongest[:_WORDS_SHOWN], start=1):
            row[f"word_{number}"] = mistake.words[word]
            row[f"contribution_{number}"] = scores[word]
        rows.append(row)
    columns = ["text", "label", "predicted", "confidence"]
    for number in range(1, _WORDS_SHOWN + 1):
        columns += [f"word_{number}", f"contribution_{number}"]
    return pd.DataFrame(rows, columns=columns)


def words_by_label(attribution: Attribution, label_names: tuple[str, ...]) -> pd.DataFrame:
    """For each label the 30 tokens with the highest mean contribution to it, over the sample.

    Only tokens that occur at least three times count. The columns are label, word,
    mean_contribution and count.
    """
    sample = attribution.sample.values()
    tokens = pd.Index([token for text in sample for token in text.tokens], name="word")
    values = np.concatenate([text.values for text in sample])
    by_word = pd.DataFrame(values, tokens).groupby("word")
    counts = by_word.size()
    means = by_word.mean()[counts >= _MIN_COUNT]
    tables = []
    for label, name in enumerate(label_names):
        speaks_for = means[label] > 0
        best = means[label][speaks_for].nlargest(_WORDS_OF_A_LABEL)
        columns = {"label": name, "mean_contribution": best, "count": counts[best.index]}
        tables.append(pd.DataFrame(columns).reset_index())
    return pd.concat(tables)[["label", "word", "mean_contribution", "count"]]
