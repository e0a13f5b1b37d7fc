"""Tables of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import pandas as pd

from pipeline.classifier.ensemble import Ensemble, MemberResult
from pipeline.data.headlines import Headlines
from pipeline.embedding.matrix import Coverage, EmbeddingMatrix
from pipeline.insight.evaluation import Evaluation
from pipeline.training.history import History


def coverage_by_fallback(coverage: Coverage) -> pd.DataFrame:
    """Different words (types) and running words (tokens) found at each fallback: counts and shares."""
    frame = pd.DataFrame(
        [asdict(fallback) for fallback in coverage.by_fallback],
        columns=["fallback", "types", "tokens"],
    )
    for name in ("types", "tokens"):
        frame[f"{name}_share"] = frame[name] / max(int(frame[name].sum()), 1)
    return frame


def missing_words(coverage: Coverage) -> pd.DataFrame:
    """Words without a vector and how often they were seen, most frequent first."""
    return pd.DataFrame(list(coverage.missing), columns=["word", "count"])


def per_class(evaluation: Evaluation) -> pd.DataFrame:
    """Precision, recall, F1 and number of headlines for each label."""
    from sklearn.metrics import precision_recall_fscore_support

    names = evaluation.label_names
    precision, recall, f1, support = precision_recall_fscore_support(
        evaluation.labels, evaluation.predicted, labels=range(len(names)), zero_division=0
    )
    return pd.DataFrame(
        {"label": names, "precision": precision, "recall": recall, "f1": f1, "headlines": support}
    )


def predictions_table(evaluation: Evaluation) -> pd.DataFrame:
    """A row a headline: text, label, predicted label, confidence, probability of each label."""
    names = np.array(evaluation.label_names, dtype=object)
    frame = pd.DataFrame(
        {
            "text": evaluation.texts,
            "label": names[evaluation.labels],
            "predicted": names[evaluation.predicted],
            "confidence": evaluation.confidence,
        }
    )
    probabilities = pd.DataFrame(
        evaluation.probabilities, columns=[f"p_{name}" for name in evaluation.label_names]
    )
    return pd.concat([frame, probabilities], axis=1)


def summary(
    headlines: Headlines,
    matrix: EmbeddingMatrix,
    history: History,
    ensemble: Ensemble,
    evaluations: Mapping[str, Evaluation],
    seconds: Mapping[str, float],
) -> tuple[list[tuple[str, str]], pd.DataFrame]:
    """The short table that ends a run: facts by name, and a row for the network after each phase
    and for the ensemble."""
    sizes = " / ".join(f"{len(headlines.splits[s]):,}" for s in headlines.splits)
    dropped = ", ".join(f"{count:,} {why}" for why, count in headlines.dropped.items() if count)
    coverage = matrix.coverage
    found = ", ".join(
        f"{fallback.fallback} {fallback.types:,}"
        for fallback in coverage.by_fallback
        if fallback.types
    )
    facts = [
        ("data", f"{headlines.name}, {len(headlines.label_names)} labels"),
        (
            "headlines",
            f"{sizes} (train / validation / test){'; dropped ' * bool(dropped)}{dropped}",
        ),
        ("vectors", f"{matrix.weights.shape[1]} dimensions, {len(matrix.words):,} training words"),
        (
            "coverage",
            f"{coverage.types:.1%} of the words, {coverage.tokens:.1%} of the tokens"
            f"{'; words by ' * bool(found)}{found}",
        ),
        ("seconds", ", ".join(f"{name} {value:.1f}" for name, value in seconds.items())),
    ]
    rows = [
        {
            "classifier": phase.name
            + (" (kept)" if phase is history.best and ensemble.network_only else ""),
            "epochs": f"{phase.best.number} of {len(phase.epochs)}",
            "validation accuracy": f"{phase.best.val_accuracy:.4f}",
            "test accuracy": f"{evaluations[phase.name].accuracy:.4f}",
            "test macro F1": f"{evaluations[phase.name].macro_f1:.4f}",
            "seconds": f"{phase.seconds:.1f}",
        }
        for phase in history.phases
    ]
    if "cases" in evaluations:
        rows.append(
            {
                "classifier": "nearest cases",
                "epochs": "",
                "validation accuracy": "",
                "test accuracy": f"{evaluations['cases'].accuracy:.4f}",
                "test macro F1": f"{evaluations['cases'].macro_f1:.4f}",
                "seconds": "",
            }
        )
    if not ensemble.network_only:
        facts.insert(
            -1, ("ensemble", ", ".join(_member(name, m) for name, m in ensemble.members.items()))
        )
        rows.append(
            {
                "classifier": "ensemble (kept)",
                "epochs": "",
                "validation accuracy": f"{ensemble.accuracy:.4f}",
                "test accuracy": f"{evaluations['ensemble'].accuracy:.4f}",
                "test macro F1": f"{evaluations['ensemble'].macro_f1:.4f}",
                "seconds": f"{ensemble.seconds:.1f}",
            }
        )
    return facts, pd.DataFrame(rows)


def _member(name: str, member: MemberResult) -> str:
    return f"{name} {member.weight:.2f} (validation {member.accuracy:.4f})"
