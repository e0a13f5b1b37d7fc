"""The result of a run as a table and a sentence: one source for the terminal, MLflow and the
page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from pipeline.classifier.ensemble import Ensemble
from pipeline.data.headlines import Headlines
from pipeline.insight.evaluation import Evaluation
from pipeline.training.history import History

MAJORITY = "commonest label"
"""The row of a classifier that gives every headline the commonest training label."""

_NAMES = {"cases": "nearest cases"}  # of classifiers, where they are not those of the evaluations


def results_table(
    history: History,
    ensemble: Ensemble,
    evaluations: Mapping[str, Evaluation],
    majority: float,
) -> pd.DataFrame:
    """One row for the network after each phase, the nearest cases, the ensemble, and `MAJORITY`.

    The columns: `classifier`; `kept`: whether it is the one that the run keeps; `epochs`, as in
    "4 of 7"; `validation_accuracy`, `test_accuracy`, the ends `low` and `high` of its 95% interval,
    and `test_macro_f1`: fractions; `seconds`. What does not apply is missing
    (NaN, or an empty text).

    `evaluations`: on the test split, by method. `majority`: as `majority_share` gives it.
    """
    kept = "ensemble" if "ensemble" in evaluations else history.best.name
    results: dict[str, dict[str, Any]] = {
        phase.name: {
            "epochs": f"{phase.best.number} of {len(phase.epochs)}",
            "validation_accuracy": phase.best.val_accuracy,
            "seconds": phase.seconds,
        }
        for phase in history.phases
    }
    results["ensemble"] = {"validation_accuracy": ensemble.accuracy, "seconds": ensemble.seconds}
    rows = []
    for method in (*(phase.name for phase in history.phases), "cases", "ensemble"):
        if method in evaluations:
            evaluation = evaluations[method]
            low, high = evaluation.accuracy_interval
            rows.append(
                {
                    "classifier": _NAMES.get(method, method),
                    "kept": method == kept,
                    "test_accuracy": evaluation.accuracy,
                    "low": low,
                    "high": high,
                    "test_macro_f1": evaluation.macro_f1,
                    **results.get(method, {}),
                }
            )
    rows.append({"classifier": MAJORITY, "kept": False, "test_accuracy": majority})
    columns = [
        "classifier", "kept", "epochs", "validation_accuracy", "test_accuracy", "low", "high",
        "test_macro_f1", "seconds",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).fillna({"epochs": ""})


def result_sentence(evaluation: Evaluation, what: str = "test headlines") -> str:
    """The result in one sentence.

    `evaluation`: of the kept classifier on the test split, or on the headlines that `what` names.
    """
    low, high = evaluation.accuracy_interval
    return (
        f"Right on {evaluation.accuracy:.1%} of {len(evaluation.labels):,} {what} "
        f"(95% interval {low:.1%} to {high:.1%})."
    )


def majority_share(headlines: Headlines) -> float:
    """The fraction of the test headlines that have the commonest label of the training
    headlines."""
    commonest = pd.Series(headlines.labels("train")).value_counts().idxmax()
    test = headlines.labels("test")
    return sum(label == commonest for label in test) / len(test)
