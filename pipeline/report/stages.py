"""What each stage of a run logs: data, matrix, training, ensemble, evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.base.options import flatten
from pipeline.classifier.ensemble import Ensemble
from pipeline.data.headlines import Headlines
from pipeline.embedding.matrix import EmbeddingMatrix
from pipeline.insight.evaluation import Evaluation
from pipeline.report.figures import (
    confusion_matrix,
    coverage_figure,
    learning_curves,
    reliability_diagram,
)
from pipeline.report.items import Input, Item, Metric, Param, Picture, Table, Tag, Text
from pipeline.report.lettering import warn_of_missing_fonts
from pipeline.report.tables import (
    coverage_by_fallback,
    missing_words,
    per_class,
    predictions_table,
    thresholds_table,
)
from pipeline.training.history import Epoch, History


def config_items(values: Mapping[str, Any]) -> list[Item]:
    """Every option as a parameter, and all of them as YAML. `values`: nested mappings."""
    from omegaconf import OmegaConf

    items: list[Item] = [Param(name, value) for name, value in flatten(values).items()]
    return [*items, Text("config.yaml", OmegaConf.to_yaml(OmegaConf.create(values)))]


def headlines_items(headlines: Headlines) -> list[Item]:
    """The splits as inputs, their sizes, and how many rows were dropped and why."""
    items: list[Item] = []
    for split, rows in headlines.splits.items():
        context = "training" if split == "train" else split
        digest = headlines.sha256[split]
        items += [
            Input(f"{headlines.name}-{split}", context, rows, headlines.address, digest),
            Metric(f"data/{split}", len(rows)),
            Tag(f"data.sha256.{split}", digest),
        ]
    return items + [Metric(f"data/dropped_{why}", n) for why, n in headlines.dropped.items()]


def matrix_items(matrix: EmbeddingMatrix, *, figures: bool = True) -> list[Item]:
    """How many words each fallback matched, as a fraction of the tokens, and the missing words."""
    coverage = matrix.coverage
    by_fallback = coverage_by_fallback(coverage)
    items: list[Item] = [
        Metric("coverage/types", coverage.types),
        Metric("coverage/tokens", coverage.tokens),
        *(
            Metric(f"coverage/{fallback}", share)
            for fallback, share in zip(
                by_fallback["fallback"], by_fallback["tokens_share"], strict=True
            )
        ),
        Metric("vocabulary/words", len(matrix.words)),
        Metric("vocabulary/extra_words", len(matrix.extra_words)),
        Table("tables/coverage.csv", by_fallback),
        Table("tables/missing_words.csv", missing_words(coverage)),
    ]
    if figures:
        items.append(Picture("figures/coverage.png", coverage_figure(coverage)))
    return items


def epoch_items(epoch: Epoch, step: int) -> list[Item]:
    """The metrics of one epoch. `step`: the number of the epoch, counted through all phases."""
    names = ("loss", "accuracy", "val_loss", "val_accuracy")
    return [Metric(f"{epoch.phase}/{name}", getattr(epoch, name), step) for name in names]


def history_items(history: History, *, figures: bool = True) -> list[Item]:
    """The network's validation accuracy after every phase, and the learning curves."""
    items: list[Item] = [Tag("best_phase", history.best.name)]
    if figures:
        items.append(Picture("figures/learning_curves.png", learning_curves(history)))
    for phase in history.phases:
        items += [
            Metric(f"validation/{phase.name}_accuracy", phase.best.val_accuracy),
            Metric(f"seconds/{phase.name}", phase.seconds),
        ]
    return items


def ensemble_items(ensemble: Ensemble) -> list[Item]:
    """The validation result of the kept classifier, and the weight and result of each member."""
    items: list[Item] = [
        Metric("validation/accuracy", ensemble.accuracy),
        Metric("validation/loss", ensemble.loss),
    ]
    for name, member in ensemble.members.items():
        items += [
            Metric(f"ensemble/{name}_weight", member.weight),
            Metric(f"ensemble/{name}_val_accuracy", member.accuracy),
            Metric(f"ensemble/{name}_val_loss", member.loss),
        ]
    return items


def evaluations_items(
    evaluations: Mapping[str, Evaluation], kept_name: str, *, figures: bool = True
) -> list[Item]:
    """The test results: everything about the kept classifier, accuracy and macro F1 of every other.

    `evaluations`: by method. `kept_name`: the method that was kept.
    """
    kept = evaluations[kept_name]
    low, high = kept.accuracy_interval
    items: list[Item] = [Metric(f"test/{name}", value) for name, value in kept.metrics().items()]
    items += [Metric("test/accuracy_low", low), Metric("test/accuracy_high", high)]
    for method, evaluation in evaluations.items():
        items += [
            Metric(f"test/{method}_accuracy", evaluation.accuracy),
            Metric(f"test/{method}_macro_f1", evaluation.macro_f1),
        ]
    predictions = predictions_table(kept)
    wrong = predictions[predictions["label"] != predictions["predicted"]]
    items += [
        Table("tables/per_class.csv", per_class(kept)),
        Table("tables/thresholds.csv", thresholds_table(kept)),
        Table("tables/test_predictions.csv", predictions),
        Table("tables/misclassified.csv", wrong.sort_values("confidence", ascending=False)),
    ]
    if figures:
        warn_of_missing_fonts(kept.label_names)
        items += [
            Picture("figures/confusion_matrix.png", confusion_matrix(kept)),
            Picture("figures/reliability.png", reliability_diagram(kept)),
        ]
    return items


def seconds_items(seconds: Mapping[str, float]) -> list[Item]:
    """The seconds of each stage."""
    return [Metric(f"seconds/{stage}", value) for stage, value in seconds.items()]
