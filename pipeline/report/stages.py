"""What each stage of a run logs: data, matrix, training, ensemble, evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from pipeline.base.options import flatten
from pipeline.classifier.ensemble import Ensemble
from pipeline.classifier.options import Select
from pipeline.classifier.unlabelled import SelfLabelled
from pipeline.data.examples import Examples
from pipeline.data.headlines import Headlines
from pipeline.embedding.matrix import EmbeddingMatrix
from pipeline.embedding.vocabulary import Length
from pipeline.insight.evaluation import Evaluation
from pipeline.report.figures import (
    confusion_matrix,
    coverage_figure,
    learning_curves,
    reliability_diagram,
    unsure_figure,
)
from pipeline.report.items import (
    ComparedTable,
    File,
    Input,
    Item,
    Metric,
    Param,
    Picture,
    Table,
    Tag,
    Text,
)
from pipeline.report.lettering import warn_of_missing_fonts
from pipeline.report.tables import (
    answered_table,
    coverage_by_fallback,
    data_table,
    epochs_table,
    label_sets_table,
    label_weights_table,
    length_table,
    marks_table,
    members_table,
    missing_words,
    per_class,
    predictions_table,
    thresholds_table,
    unlabelled_table,
    vectors_table,
)
from pipeline.training.history import Epoch, History

_CLASS_WEIGHT = "training.class_weight."
_MOST_COMPARED = 1000  # test headlines that MLflow's page loads, the first ones


def config_items(values: Mapping[str, Any]) -> list[Item]:
    """Every option as a parameter, and all of them as YAML. `values`: nested mappings."""
    from omegaconf import OmegaConf

    flat = flatten(values)
    # Labels can have names that MLflow takes for no parameter.
    weights = {
        name.removeprefix(_CLASS_WEIGHT): flat.pop(name)
        for name in [*flat]
        if name.startswith(_CLASS_WEIGHT)
    }
    if weights:
        flat[_CLASS_WEIGHT.rstrip(".")] = weights
    items: list[Item] = [Param(name, value) for name, value in flat.items()]
    return [*items, Text("config.yaml", OmegaConf.to_yaml(OmegaConf.create(values)))]


def headlines_items(headlines: Headlines) -> list[Item]:
    """The splits as inputs, and a table of their sizes, and of what was dropped and why."""
    items: list[Item] = [
        Input(
            f"{headlines.name}-{split}",
            "training" if split == "train" else split,
            rows,
            headlines.address,
            headlines.sha256[split],
        )
        for split, rows in headlines.splits.items()
    ]
    return [*items, Table("tables/data.csv", data_table(headlines))]


def matrix_items(matrix: EmbeddingMatrix, *, figures: bool = True) -> list[Item]:
    """Which words have a vector, how many words each fallback matched, and the missing words."""
    coverage = matrix.coverage
    items: list[Item] = [
        Metric("vectors/coverage", coverage.tokens),
        Table("tables/vectors.csv", vectors_table(matrix)),
        Table("tables/coverage.csv", coverage_by_fallback(coverage)),
        Table("tables/missing_words.csv", missing_words(coverage)),
    ]
    if figures:
        items.append(Picture("figures/coverage.png", coverage_figure(coverage)))
    return items


def length_items(length: Length) -> list[Item]:
    """How many tokens of a headline are read, also where the options leave that open."""
    return [Table("tables/length.csv", length_table(length))]


def label_weights_items(training: Examples, weights: Mapping[str, float]) -> list[Item]:
    """How much the training headlines of each label count. `weights`: by the name of the label."""
    return [Table("tables/label_weights.csv", label_weights_table(training, weights))]


def epoch_items(epoch: Epoch, step: int) -> list[Item]:
    """The metrics of one epoch. `step`: the number of the epoch, counted through all phases.

    All phases go on in the same curves, so that runs with other phases can be compared.
    """
    names = ("accuracy", "loss", "val_accuracy", "val_loss")
    return [Metric(f"epochs/{name}", getattr(epoch, name), step) for name in names]


def history_items(history: History, *, figures: bool = True) -> list[Item]:
    """The best phase, all epochs as a table, and the learning curves."""
    items: list[Item] = [
        Tag("best_phase", history.best.name),
        Table("tables/epochs.csv", epochs_table(history)),
    ]
    if figures:
        items.append(Picture("figures/learning_curves.png", learning_curves(history)))
    return items


def phases_items(files: Mapping[str, Mapping[str, bytes]], folder: str) -> list[Item]:
    """The networks of the phases that were not kept. `files`: of each phase, its files by name."""
    return [
        File(f"{folder}/{phase}/{name}", content)
        for phase, contents in files.items()
        for name, content in contents.items()
    ]


def ensemble_items(ensemble: Ensemble, select: Select = "accuracy") -> list[Item]:
    """The validation results of the kept classifier, and a table of its members.

    `select`: what decides (`training.select`); it is a metric beside the accuracy.
    """
    names = dict.fromkeys(("accuracy", select))
    return [
        *(Metric(f"validation/{name}", ensemble.validation[name]) for name in names),
        Table("tables/members.csv", members_table(ensemble)),
    ]


def unlabelled_items(unlabelled: SelfLabelled) -> list[Item]:
    """A table of what came of the texts without a label."""
    return [Table("tables/unlabelled.csv", unlabelled_table(unlabelled))]


def evaluations_items(
    evaluations: Mapping[str, Evaluation], kept_name: str, *, figures: bool = True
) -> list[Item]:
    """The test results: everything about the kept classifier, the accuracy of every one.

    `evaluations`: by method. `kept_name`: the method that was kept.
    """
    kept = evaluations[kept_name]
    items: list[Item] = [Metric(f"test/{name}", value) for name, value in kept.metrics().items()]
    items += [
        Metric(f"test/accuracy/{method}", evaluation.accuracy)
        for method, evaluation in evaluations.items()
    ]
    predictions = predictions_table(kept)
    wrong = predictions[predictions["label"] != predictions["predicted"]]
    items += [
        Table("tables/per_class.csv", per_class(kept)),
        Table("tables/thresholds.csv", thresholds_table(kept)),
        Table("tables/answered.csv", answered_table(kept)),
        Table("tables/label_sets.csv", label_sets_table(kept)),
        Table("tables/marks.csv", marks_table(kept)),
        Table("tables/test_predictions.csv", predictions),
        Table("tables/misclassified.csv", wrong.sort_values("confidence", ascending=False)),
    ]
    # MLflow's page groups by the first column and shows the second one of each run.
    compared = predictions[["text", "predicted", "label", "confidence"]].head(_MOST_COMPARED)
    items.append(ComparedTable("predictions.json", compared))
    if figures:
        warn_of_missing_fonts(kept.label_names)
        items += [
            Picture("figures/confusion_matrix.png", confusion_matrix(kept)),
            Picture("figures/reliability.png", reliability_diagram(kept)),
            Picture("figures/unsure.png", unsure_figure(kept)),
        ]
    return items


def seconds_items(seconds: Mapping[str, float], fit_seconds: Mapping[str, float]) -> list[Item]:
    """The seconds of each stage, as a table. `fit_seconds`: of the parts of the stage `fit`."""
    rows: list[tuple[str, float]] = []
    for stage, value in seconds.items():
        rows.append((stage, value))
        if stage == "fit":
            rows += [(f"fit: {part}", part_value) for part, part_value in fit_seconds.items()]
    return [Table("tables/seconds.csv", pd.DataFrame(rows, columns=["stage", "seconds"]))]
