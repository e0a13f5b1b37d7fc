"""Which columns of a table a page shows, under which words, and which tables it changes first."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd

from pipeline.report import page_words as words

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "tables/data.csv": {"part": "part", "headlines": "headlines"},
    "tables/results.csv": {
        "classifier": "classifier",
        "kept": "kept",
        "test_accuracy": "test accuracy",
        "low": "95%: from",
        "high": "to",
        "test_macro_f1": "test macro F1",
        "validation_accuracy": "validation accuracy",
        "epochs": "epochs",
        "seconds": "seconds",
    },
    "tables/worth.csv": {
        "size": "training headlines",
        "accuracy": "test accuracy of fine-tuned vectors",
        "needs": "headlines that TF-IDF needs",
    },
    "tables/coverage.csv": {
        "fallback": "matched by",
        "types": "different words",
        "types_share": "fraction of them",
        "tokens": "running words",
        "tokens_share": "fraction of them ",
    },
    "tables/epochs.csv": {
        "phase": "phase",
        "epoch": "epoch",
        "loss": "training loss",
        "accuracy": "training accuracy",
        "val_loss": "validation loss",
        "val_accuracy": "validation accuracy",
        "kept": "kept",
    },
    "tables/near_duplicates.csv": {
        "text": "headline",
        "other_text": "near-duplicate",
        "label": "label",
        "other_label": "its label",
        "split": "split",
        "other_split": "its split",
        "same_letters": "same letters",
        "similarity": "similarity",
    },
    "tables/wrong_labels.csv": {
        "text": "headline",
        "label": "label",
        "probable_label": "probable label",
        "probability": "probability of the label",
        "split": "split",
    },
    "tables/misclassified.csv": {
        "text": "headline",
        "label": "label",
        "predicted": "predicted",
        "confidence": "confidence",
    },
    "tables/probes.csv": {
        "method": "phase",
        "cos_ab": "cosine of a and b",
        "cos_ac": "of a and c",
        "cos_bc": "of b and c",
        "rank_bc": "closer to b than c is",
        "pairs_rank_median": "the same for other pairs, median",
        "pairs_unseen_rank_median": "for pairs with unseen words",
        "wordsim353": "agreement with people (WordSim-353)",
    },
    "tables/probe_pairs_by_label.csv": {
        "method": "phase",
        "label": "label",
        "unseen": "with unseen words",
        "pairs": "pairs",
        "rank_median": "closer to b than c is, median",
        "rank_mean": "mean",
    },
    "tables/neighbours.csv": {
        "method": "phase",
        "word": "word",
        "in_training": "in training",
        "before": "before",
        "after": "after",
    },
}
"""The columns that are shown, with their words. A table that is not here is shown whole."""

HARDEST_FIRST = {"tables/per_class.csv": "f1"}
"""Tables that are sorted by a column where not all of their rows are shown."""

INSTEAD = {"tables/misclassified.csv": "tables/why_misclassified.csv"}
"""Tables that are left out where a better one was logged."""

CHANGED: Mapping[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "tables/why_misclassified.csv": words.misled,
    "tables/words_by_label.csv": words.words_of_labels,
    "tables/coverage.csv": words.used_matches,
    "tables/worth.csv": words.worth,
}
"""Tables that are shown in another form."""
