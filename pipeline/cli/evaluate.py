"""`pipeline evaluate`: how well a logged model does on labelled headlines."""

from __future__ import annotations

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
from pipeline.cli.terminal import print_facts, print_json, print_table


@click.command(cls=ModelCommand)
@click.option(
    "--file", "path", metavar="FILE", required=True, help="A table (CSV, TSV, JSON, Parquet)."
)
@TEXT_COLUMN
@LABEL_COLUMN
@MODEL
@TRACKING_URI
@TRUST
@JSON
def evaluate(
    path: str,
    text: str | None,
    label: str | None,
    model: str | None,
    tracking_uri: str | None,
    trust: bool,
    as_json: bool,
) -> None:
    """Evaluate a logged model on a file of labelled headlines.

    \b
      pipeline evaluate --file new.csv
      pipeline evaluate --file new.csv --text headline --label topic --model headlines-bbc

    Repeated headlines count each time.
    """
    from pipeline.data.headlines import read_labelled

    labelled = read_labelled(path, text or "text", label or "label")
    from pipeline.insight.evaluation import evaluate_probabilities, name_labels
    from pipeline.tracking.models import load_model

    loaded = load_model(model, tracking_uri, trust=trust)
    predictions = loaded.predict(labelled.texts)
    names = list(predictions[0]["probabilities"])
    evaluation = evaluate_probabilities(
        [[row["probabilities"][name] for name in names] for row in predictions],
        name_labels(labelled.texts, labelled.labels, names, path),
    )
    metrics = evaluation.metrics()
    if as_json:
        counts = {"headlines": len(labelled.texts), "model": loaded.address}
        print_json({**counts, **metrics})
        return
    low, high = evaluation.accuracy_interval
    click.echo(f"{len(labelled.texts):,} headlines of {path}")
    click.echo(f"accuracy {evaluation.accuracy:.4f} (95% interval {low:.4f} to {high:.4f})")
    click.echo("  ".join(f"{name} {metrics[name]:.4f}" for name in ("macro_f1", "log_loss", "ece")))
    table = evaluation.per_class()
    print_table(
        list(table),
        [
            [f"{value:.4f}" if isinstance(value, float) else value for value in row]
            for row in zip(*table.values(), strict=True)
        ],
    )
    click.echo()
    print_facts([("model", loaded.address)])
