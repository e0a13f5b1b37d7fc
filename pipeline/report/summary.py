"""The summary that ends a run on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import pandas as pd

from pipeline.base.addresses import masked
from pipeline.classifier.ensemble import Ensemble
from pipeline.data.headlines import Headlines
from pipeline.data.seen import note_texts
from pipeline.data.sources import SOURCES
from pipeline.embedding.loading import vectors_name
from pipeline.embedding.matrix import Coverage, EmbeddingMatrix
from pipeline.embedding.options import VectorsOptions
from pipeline.insight.evaluation import Evaluation
from pipeline.report.page_words import spaced
from pipeline.report.results import MAJORITY, majority_share, results_table
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
        decided = ensemble.decision
        words = "loss" if decided.name == "log_loss" else spaced(decided.name)
        by_weight = ", by the weights of the headlines" if decided.weighed else ""
        kept = (
            f"the ensemble: validation {words} {decided.ensemble:.4f}, that of the network alone "
            f"{decided.network:.4f}{by_weight}"
            if any(member.weight for name, member in ensemble.members.items() if name != "network")
            else f"the network alone: validation {words} {decided.network:.4f}{by_weight}, "
            "no ensemble was better"
        )
        facts += [("ensemble", f"weights {members}"), ("kept", kept)]
    facts.append(("seconds", ", ".join(f"{name} {value:.1f}" for name, value in seconds.items())))
    results = results_table(history, ensemble, evaluations, majority_share(headlines))
    return facts, _classifiers(results)


def model_facts(
    headlines: Headlines,
    source: str,
    vectors: VectorsOptions,
    accuracy: float,
    earlier: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What the README and the card of a model tell, before it was tested.

    `source`: of the headlines, a name in SOURCES. `accuracy`: on the validation headlines.
    `earlier`: the facts of the model from which the training began.
    """
    licences = {
        "data_licence": SOURCES[source].licence,
        "vectors_licence": (getattr(vectors, "provenance", None) or {}).get("licence"),
    }
    return {
        "data": f"{headlines.name} ({masked(headlines.address)})",
        "vectors": vectors_name(vectors),
        **{name: licence for name, licence in licences.items() if licence},
        "headlines": {split: len(rows) for split, rows in headlines.splits.items()},
        "test_sha256": headlines.sha256["test"],
        "seen": note_texts(
            chain.from_iterable(map(headlines.column, ("train", "validation"))),
            (earlier or {}).get("seen"),
        ),
        "majority": majority_share(headlines),
        "metrics": {"validation/accuracy": accuracy},
    }


def tested_facts(
    facts: Mapping[str, Any], test: Evaluation, warnings: Sequence[str]
) -> dict[str, Any]:
    """The facts of `model_facts`, with what the test and the audit say."""
    metrics = {"test/accuracy": test.accuracy, "test/macro_f1": test.macro_f1}
    return {**facts, "metrics": {**facts["metrics"], **metrics}, "warnings": list(warnings)}


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


def _classifiers(results: pd.DataFrame) -> pd.DataFrame:
    """The table of results as it is printed: numbers as texts, and no row for the commonest
    label."""
    shown = results[results["classifier"] != MAJORITY]
    names = shown["classifier"].where(~shown["kept"], shown["classifier"] + " (kept)")
    formats = {
        "validation accuracy": ("validation_accuracy", "{:.4f}"),
        "test accuracy": ("test_accuracy", "{:.4f}"),
        "test macro F1": ("test_macro_f1", "{:.4f}"),
        "seconds": ("seconds", "{:.1f}"),
    }
    return pd.DataFrame(
        {
            "classifier": names,
            "epochs": shown["epochs"],
            **{
                title: ["" if value != value else form.format(value) for value in shown[column]]
                for title, (column, form) in formats.items()
            },
        }
    )
