"""`pipeline evaluate`: how well a logged model does on labelled headlines."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.arguments import (
    JSON,
    LABEL_COLUMN,
    MODEL,
    TEXT_COLUMN,
    TRACKING_URI,
    TRUST,
    ModelCommand,
)
from pipeline.cli.terminal import print_facts, print_json, print_table, quiet_start

if TYPE_CHECKING:
    from pipeline.insight.evaluation import Evaluation

logger = logging.getLogger(__name__)

_FEW_SEEN = 0.01  # such a fraction of headlines from training changes no accuracy


@click.command(cls=ModelCommand)
@click.option(
    "--file", "path", metavar="FILE", required=True, help="A table (CSV, TSV, JSON, Parquet)."
)
@TEXT_COLUMN
@LABEL_COLUMN
@MODEL
@TRACKING_URI
@TRUST
@click.option(
    "--report",
    "page",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the evaluation as an HTML page, with pictures.",
)
@JSON
def evaluate(
    path: str,
    text: str | None,
    label: str | None,
    model: str | None,
    tracking_uri: str | None,
    trust: bool,
    page: Path | None,
    as_json: bool,
) -> None:
    """Evaluate a logged model on a file of labelled headlines.

    \b
      pipeline evaluate --file new.csv
      pipeline evaluate --file new.csv --text headline --label topic --model headlines-bbc
      pipeline evaluate --file new.csv --report evaluation.html

    It shows how often the label is right, by label, by the share of the headlines that is answered
    (the surest first), and how often sets of labels hold the right one. Repeated headlines count
    each time. It warns where headlines of the file were in training.
    """
    from pipeline.data.reading import read_labelled
    from pipeline.data.seen import seen_fraction

    labelled = read_labelled(path, text or "text", label or "label")
    import numpy as np

    from pipeline.insight.evaluation import evaluate_probabilities, name_labels
    from pipeline.tracking.models import LoadedModel, load_model

    loaded = load_model(model, tracking_uri, trust=trust)
    predictions = loaded.predict(labelled.texts)
    names = list(predictions[0]["probabilities"])
    evaluation = evaluate_probabilities(
        [[row["probabilities"][name] for name in names] for row in predictions],
        name_labels(labelled.texts, labelled.labels, names, path),
        calibration=loaded.classifier.calibration if isinstance(loaded, LoadedModel) else None,
        marks=np.array([row.get("mark") for row in predictions], object),
    )
    facts = loaded.classifier.facts if isinstance(loaded, LoadedModel) else {}
    seen = seen_fraction(labelled.texts, facts.get("seen"))
    warning = ""
    if seen and seen >= _FEW_SEEN:
        warning = (
            f"{seen:.0%} of the headlines of {path} were in training or validation: expect a lower "
            "accuracy on new headlines, and evaluate on those"
        )
        logger.warning("evaluate: %s", warning)
    if page:
        _write_page(page, evaluation, loaded.address, path, warning)
        click.echo(f"evaluate: the page is {page}", err=True)
    metrics = evaluation.metrics()
    if as_json:
        counts = {
            "headlines": len(labelled.texts),
            "seen_in_training": seen,
            "model": loaded.address,
        }
        tables = {"by_share": evaluation.by_share(), "label_sets": evaluation.label_sets()}
        print_json({**counts, **metrics, **tables, "marks": evaluation.by_mark()})
        return
    low, high = evaluation.accuracy_interval
    meanings = {
        "accuracy": f"share of right labels; 95% interval {low:.4f} to {high:.4f}",
        "macro_f1": "mean of the F1 of the labels",
        "balanced_accuracy": "mean of the recall of the labels: each label counts the same",
        "log_loss": f"0 is best; equal probabilities of all labels give {np.log(len(names)):.4f}",
        "ece": "calibration error: how far probabilities are from the accuracy; 0 is best",
    }
    click.echo(f"{len(labelled.texts):,} headlines of {path}\n")
    print_table(
        ["metric", "value", "meaning"],
        [[name, f"{metrics[name]:.4f}", meaning] for name, meaning in meanings.items()],
    )
    for title, table in {
        "By label. Precision: how often a headline with this answer has the label. Recall: how "
        "often a\n"
        "headline of the label gets it. F1: their harmonic mean": evaluation.per_class(),
        "Only the surest headlines answered, as by predict --threshold": evaluation.by_share(),
        "Sets of labels, as by predict --coverage. Coverage: how often a set holds the right "
        "label": evaluation.label_sets(),
        "Headlines with a mark: the model knows no word of them": evaluation.by_mark(),
    }.items():
        _print_columns(title, table)
    click.echo()
    print_facts([("model", loaded.address)])


def _print_columns(title: str, table: Mapping[str, Sequence[Any]]) -> None:
    """Print a table with its title above, or nothing where it has no rows."""
    rows = [
        [f"{value:.4f}" if isinstance(value, float) else value for value in row]
        for row in zip(*table.values(), strict=True)
    ]
    if rows:
        click.echo(f"\n{title}:")
        print_table(list(table), rows)


def _write_page(path: Path, evaluation: Evaluation, model: str, file: str, warning: str) -> None:
    with quiet_start():
        from pipeline import report
        from pipeline.base.files import atomic_write

    with atomic_write(path) as part:
        part.write_text(report.evaluation_page(evaluation, model, file, warning).content, "utf-8")
