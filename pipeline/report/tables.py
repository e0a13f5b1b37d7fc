"""Tables of a run: data, vectors, epochs, members, results by label, predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import pandas as pd

from pipeline.classifier.ensemble import Ensemble
from pipeline.classifier.unlabelled import SelfLabelled
from pipeline.data.examples import Examples
from pipeline.data.headlines import Headlines
from pipeline.embedding.matrix import Coverage, EmbeddingMatrix
from pipeline.embedding.vocabulary import Length
from pipeline.insight.evaluation import Evaluation
from pipeline.training.history import History

_MAX_COLUMNS = 50  # labels that get a column each
_MOST_PROBABLE = 5  # labels of a headline that are listed where there are more
THRESHOLDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)  # of the confidence


def data_table(headlines: Headlines) -> pd.DataFrame:
    """One row for each split and for each reason to drop headlines: how many there are.

    `sha256`: the digest of a split; empty for what was dropped.
    """
    rows = [
        (name if name != "train" else "training", len(rows), headlines.sha256[name])
        for name, rows in headlines.splits.items()
    ]
    if headlines.unlabelled:
        rows.append(("without a label", len(headlines.unlabelled), ""))
    rows += [(f"dropped: {why}", number, "") for why, number in headlines.dropped.items()]
    return pd.DataFrame(rows, columns=["part", "headlines", "sha256"])


def _numbers(rows: Mapping[str, float]) -> pd.DataFrame:
    """A row for each number, under its name. Counts stay whole numbers beside fractions."""
    return pd.DataFrame(rows.items(), columns=["what", "value"], dtype=object)


def vectors_table(matrix: EmbeddingMatrix) -> pd.DataFrame:
    """The matrix in numbers: one row for each."""
    rows = {
        "dimensions": matrix.weights.shape[1],
        "training words": len(matrix.words),
        "extra words": len(matrix.extra_words),
        "fraction of the training words with a vector": matrix.coverage.types,
        "fraction of the running words with a vector": matrix.coverage.tokens,
    }
    return _numbers(rows)


def length_table(length: Length) -> pd.DataFrame:
    """How many tokens of a headline are read, and what that cuts off: one row for each number."""
    rows = {
        "tokens of a headline that are read": length.max_tokens,
        "tokens of the longest headline": length.longest,
        "training headlines looked at": length.n_texts,
        "headlines cut off": length.n_cut,
        "fraction of the tokens cut off": length.lost,
    }
    return _numbers(rows)


def epochs_table(history: History) -> pd.DataFrame:
    """One row for each epoch of each phase. `step`: counted through all phases, as in MLflow.

    `kept`: whether the phase keeps the weights of this epoch. `score`: what decided, where it was
    something else than the validation accuracy.
    """
    best = [phase.best for phase in history.phases]
    rows = [
        {"step": step, **asdict(epoch), "kept": epoch in best}
        for step, epoch in enumerate(history.epochs, start=1)
    ]
    frame = pd.DataFrame(rows).drop(columns="planned").rename(columns={"number": "epoch"})
    decided_as_always = all(each.score in (None, each.val_accuracy) for each in history.epochs)
    return frame.drop(columns="score") if decided_as_always else frame


def label_weights_table(training: Examples, weights: Mapping[str, float]) -> pd.DataFrame:
    """One row for each label: its training headlines, and how much each of them counts."""
    counts = np.bincount(training.labels, minlength=len(training.label_names))
    names = training.label_names
    rows = [
        (name, count, weights[name]) for name, count in zip(names, counts.tolist(), strict=True)
    ]
    return pd.DataFrame(rows, columns=["label", "training_headlines", "weight"])


def members_table(ensemble: Ensemble) -> pd.DataFrame:
    """One row for each member of the ensemble: its weight and its validation results."""
    rows = [
        (name, member.weight, member.accuracy, member.loss)
        for name, member in ensemble.members.items()
    ]
    columns = ["member", "weight", "validation_accuracy", "validation_loss"]
    return pd.DataFrame(rows, columns=columns)


def unlabelled_table(unlabelled: SelfLabelled) -> pd.DataFrame:
    """What came of the texts without a label: one row for each number."""
    rows = {
        "headlines that got a label": unlabelled.n_texts,
        "learned from": unlabelled.used,
        "validation accuracy of the two simple models": unlabelled.accuracy,
        "the same without these headlines": unlabelled.accuracy_without,
    }
    return _numbers(rows)


def coverage_by_fallback(coverage: Coverage) -> pd.DataFrame:
    """One row for each fallback: how many words it matched, and which fraction of the words.

    Types are different words, tokens are running words.
    """
    frame = pd.DataFrame(
        [asdict(fallback) for fallback in coverage.by_fallback],
        columns=["fallback", "types", "tokens"],
    )
    for name in ("types", "tokens"):
        frame[f"{name}_share"] = frame[name] / max(int(frame[name].sum()), 1)
    return frame


def missing_words(coverage: Coverage) -> pd.DataFrame:
    """One row for each word without a vector, the most frequent first."""
    return pd.DataFrame(list(coverage.missing), columns=["word", "count"])


def per_class(evaluation: Evaluation) -> pd.DataFrame:
    """One row for each label: precision, recall, F1 and number of headlines."""
    return pd.DataFrame(evaluation.per_class())


def predictions_table(evaluation: Evaluation) -> pd.DataFrame:
    """One row for each headline: label, predicted label, confidence, probability of each label.

    With more than 50 labels there are only the five most probable ones, in the columns `label_1`,
    `p_1` and so on.
    """
    names = np.array(evaluation.label_names, dtype=object)
    frame = pd.DataFrame(
        {
            "text": evaluation.texts,
            "label": names[evaluation.labels],
            "predicted": names[evaluation.predicted],
            "confidence": evaluation.confidence,
        }
    )
    if len(names) > _MAX_COLUMNS:
        best = np.argsort(-evaluation.probabilities, axis=1, kind="stable")[:, :_MOST_PROBABLE]
        for place, labels in enumerate(best.T, start=1):
            frame[f"label_{place}"] = names[labels]
            frame[f"p_{place}"] = evaluation.probabilities[np.arange(len(labels)), labels]
        return frame
    probabilities = pd.DataFrame(
        evaluation.probabilities, columns=[f"p_{name}" for name in evaluation.label_names]
    )
    return pd.concat([frame, probabilities], axis=1)


def label_sets_table(evaluation: Evaluation) -> pd.DataFrame:
    """One row for each coverage that is asked for: how often sets hold the right label, their
    sizes."""
    return pd.DataFrame(evaluation.label_sets())


def answered_table(evaluation: Evaluation) -> pd.DataFrame:
    """The accuracy by the share of headlines that is answered, the surest first."""
    return pd.DataFrame(evaluation.by_share())


def marks_table(evaluation: Evaluation) -> pd.DataFrame:
    """One row for each mark: how many headlines have it, and their accuracy."""
    return pd.DataFrame(evaluation.by_mark())


def thresholds_table(evaluation: Evaluation) -> pd.DataFrame:
    """What answering only from a confidence on gives: one row for each threshold.

    `share_answered`: the fraction of the headlines with that confidence. `accuracy`: of these; NaN
    where there are none.
    """
    right = evaluation.predicted == evaluation.labels
    rows = []
    for threshold in THRESHOLDS:
        sure = evaluation.confidence >= threshold
        accuracy = right[sure].mean() if sure.any() else np.nan
        rows.append({"threshold": threshold, "share_answered": sure.mean(), "accuracy": accuracy})
    return pd.DataFrame(rows)
