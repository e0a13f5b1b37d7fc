"""The summary that ends a run on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from pipeline.classifier.ensemble import Ensemble
from pipeline.data.headlines import Headlines
from pipeline.embedding.loading import vectors_name
from pipeline.embedding.matrix import Coverage, EmbeddingMatrix
from pipeline.embedding.options import VectorsOptions
from pipeline.insight.evaluation import Evaluation
from pipeline.training.history import History


def summary(
    headlines: Headlines,
    matrix: EmbeddingMatrix,
    history: History,
    ensemble: Ensemble,
    evaluations: Mapping[str, Evaluation],
    seconds: Mapping[str, float],
) -> tuple[list[tuple[str, str]], pd.DataFrame]:
    """Sum up a run.

    Args:
        headlines: the data.
        matrix: the embedding before training.
        history: the phases of training.
        ensemble: the members and their weights.
        evaluations: on the test split, by method.
        seconds: by stage.

    Returns:
        Facts as pairs of a name and a text, and a table with one row for each classifier.
    """
    facts = [
        ("data", f"{headlines.name}, {len(headlines.label_names)} labels"),
        ("headlines", _sizes(headlines)),
        ("vectors", f"{matrix.weights.shape[1]} dimensions, {len(matrix.words):,} training words"),
        ("coverage", _coverage(matrix.coverage)),
    ]
    if "ensemble" in evaluations:
        members = ", ".join(
            f"{name} {member.weight:.2f} (validation {member.accuracy:.4f})"
            for name, member in ensemble.members.items()
        )
        facts += [
            ("ensemble", f"weights {members}"),
            (
                "kept",
                f"the ensemble: validation loss {ensemble.loss:.4f}, that of the network alone "
                f"{ensemble.members['network'].loss:.4f}",
            ),
        ]
    facts.append(("seconds", ", ".join(f"{name} {value:.1f}" for name, value in seconds.items())))
    return facts, _classifiers(history, ensemble, evaluations)


def model_facts(headlines: Headlines, vectors: VectorsOptions, accuracy: float) -> dict[str, Any]:
    """What the README of an exported model tells. `accuracy`: on the validation headlines."""
    licence = (getattr(vectors, "provenance", None) or {}).get("licence")
    return {
        "data": f"{headlines.name} ({headlines.address})",
        "vectors": vectors_name(vectors),
        **({"licence": f"of the vectors: {licence}"} if licence else {}),
        "metrics": {"validation/accuracy": accuracy},
    }


def _sizes(headlines: Headlines) -> str:
    sizes = " / ".join(f"{len(rows):,}" for rows in headlines.splits.values())
    dropped = ", ".join(f"{count:,} {why}" for why, count in headlines.dropped.items() if count)
    return f"{sizes} (train / validation / test)" + (f"; dropped {dropped}" if dropped else "")


def _coverage(coverage: Coverage) -> str:
    words = ", ".join(
        f"{fallback.fallback} {fallback.types:,}"
        for fallback in coverage.by_fallback
        if fallback.types
    )
    fractions = f"{coverage.types:.1%} of the words, {coverage.tokens:.1%} of the tokens"
    return fractions + (f"; different words by {words}" if words else "")


def _classifiers(
    history: History, ensemble: Ensemble, evaluations: Mapping[str, Evaluation]
) -> pd.DataFrame:
    """One row for the network after each phase, for the nearest cases, and for the ensemble."""
    rows = []
    for phase in history.phases:
        kept = "ensemble" not in evaluations and phase is history.best
        rows.append(
            _row(
                f"{phase.name} (kept)" if kept else phase.name,
                evaluations[phase.name],
                validation=phase.best.val_accuracy,
                seconds=phase.seconds,
                epochs=f"{phase.best.number} of {len(phase.epochs)}",
            )
        )
    if "cases" in evaluations:
        rows.append(_row("nearest cases", evaluations["cases"]))
    if "ensemble" in evaluations:
        rows.append(
            _row(
                "ensemble (kept)",
                evaluations["ensemble"],
                validation=ensemble.accuracy,
                seconds=ensemble.seconds,
            )
        )
    return pd.DataFrame(rows)


def _row(
    name: str,
    test: Evaluation,
    *,
    validation: float | None = None,
    seconds: float | None = None,
    epochs: str = "",
) -> dict[str, str]:
    return {
        "classifier": name,
        "epochs": epochs,
        "validation accuracy": "" if validation is None else f"{validation:.4f}",
        "test accuracy": f"{test.accuracy:.4f}",
        "test macro F1": f"{test.macro_f1:.4f}",
        "seconds": "" if seconds is None else f"{seconds:.1f}",
    }
