"""`pipeline predict`: label headlines with a logged model."""

from __future__ import annotations

import click

from pipeline.cli.arguments import (
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


@click.command(cls=ModelCommand)
@HEADLINES
@HEADLINE_FILE
@TEXT_COLUMN
@MODEL
@TRACKING_URI
@TRUST
@click.option("--why", is_flag=True, help="Show what each word gives to the label.")
@JSON
def predict(
    headlines: tuple[str, ...],
    path: str | None,
    text: str | None,
    model: str | None,
    tracking_uri: str | None,
    trust: bool,
    why: bool,
    as_json: bool,
) -> None:
    """Label headlines with a trained model.

    \b
      pipeline predict "Alps may lose 70% of snow by end of the century"
      pipeline predict --why "Alps may lose 70% of snow by end of the century"
      pipeline predict --file new.csv --text headline --model headlines-bbc
      cat headlines.txt | pipeline predict --file - --json

    With --why each word has a number for the label. It says how much the word raises (+) or lowers
    (-) the log-probability against the mean of all labels. The numbers add up, with one that
    belongs to no word. --json prints an object for each headline.

    A model is arrays and JSON, checked by their digests: nothing of it is executed. A model that this
    package did not write is refused without --trust.
    """
    texts = collect_headlines(headlines, path, text)
    from pipeline.tracking.models import load_model

    loaded = load_model(model, tracking_uri, trust=trust)
    rows = loaded.predict(texts, why=True) if why else loaded.predict(texts)
    if as_json:
        for headline, row in zip(texts, rows, strict=True):
            answer = {"text": headline, **row, "model": loaded.address}
            print_json(answer)
        return
    if why:
        from pipeline.cli.why import print_why

        print_why(texts, rows)
    else:
        print_table(
            ["label", "probability", "headline"],
            [[row["label"], f"{row['probability']:.3f}", headline]
             for headline, row in zip(texts, rows, strict=True)],
        )  # fmt: skip
    click.echo()
    print_facts([("model", loaded.address)])
