"""`pipeline predict`: label headlines with a logged model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from pipeline.cli.arguments import (
    COVERAGE,
    HEADLINE_FILE,
    HEADLINES,
    JSON,
    MODEL,
    TEXT_COLUMN,
    TRACKING_URI,
    TRUST,
    ModelCommand,
    collect_headlines,
)
from pipeline.cli.terminal import print_facts, print_json, print_table

NONE = "(none)"
"""In the place of a label, where none is probable enough."""


@click.command(cls=ModelCommand)
@HEADLINES
@HEADLINE_FILE
@TEXT_COLUMN
@MODEL
@TRACKING_URI
@TRUST
@click.option("--why", is_flag=True, help="Show what each word gives to the label.")
@click.option(
    "--threshold",
    type=float,
    default=0.0,
    metavar="SHARE",
    help="Answer none where no label is as probable, as 0.7.",
)
@COVERAGE
@JSON
def predict(
    headlines: tuple[str, ...],
    path: str | None,
    text: str | None,
    model: str | None,
    tracking_uri: str | None,
    trust: bool,
    why: bool,
    threshold: float,
    coverage: float,
    as_json: bool,
) -> None:
    """Label headlines with a trained model.

    \b
      pipeline predict "Alps may lose 70% of snow by end of the century"
      pipeline predict --why "Alps may lose 70% of snow by end of the century"
      pipeline predict --file new.csv --text headline --model headlines-bbc
      pipeline predict --threshold 0.7 --coverage 0.9 --file new.csv
      cat headlines.txt | pipeline predict --file - --json

    With --why each word has a number for the label. It says how much the word raises (+) or lowers
    (-) the log-probability against the mean of all labels. The numbers add up, with one that
    belongs to no word. --json prints an object for each headline.

    A model is arrays and JSON, checked by their digests: nothing of it is executed. A model that
    this package did not write is refused without --trust.
    """
    texts = collect_headlines(headlines, path, text)
    from pipeline.tracking.models import load_model

    loaded = load_model(model, tracking_uri, trust=trust)
    asked = {"why": why, "threshold": threshold, "coverage": coverage}
    rows = loaded.predict(texts, **{name: value for name, value in asked.items() if value})
    if as_json:
        for headline, row in zip(texts, rows, strict=True):
            answer = {"text": headline, **row, "model": loaded.address}
            print_json(answer)
        return
    if why:
        from pipeline.cli.why import print_why

        print_why(texts, rows)
    else:
        print_answers(texts, rows)
    click.echo()
    print_facts([("model", loaded.address)])


def print_answers(texts: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Print a line for each headline, with what was asked for and the marks, if there are any."""
    columns = {
        "label": [shown_label(row) for row in rows],
        "probability": [f"{row['probability']:.3f}" for row in rows],
    }
    if any("labels" in row for row in rows):
        columns["labels"] = [", ".join(row["labels"]) or NONE for row in rows]
    if any(row.get("mark") for row in rows):
        columns["mark"] = [str(row.get("mark") or "").replace("_", " ") for row in rows]
    columns["headline"] = [*texts]
    print_table([*columns], [*zip(*columns.values(), strict=True)])


def shown_label(row: Mapping[str, Any]) -> str:
    """The label of an answer. Where none is probable enough, it says which one is the nearest.

    >>> shown_label({"label": None, "probabilities": {"money": 0.4, "nature": 0.6}})
    '(none) nearest: nature'
    """
    if row["label"] is not None:
        return str(row["label"])
    nearest = max(row["probabilities"], key=row["probabilities"].__getitem__)
    return f"{NONE} nearest: {nearest}"
