"""`pipeline score`: label all headlines of large files."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import click

from pipeline.cli.arguments import MODEL, TEXT_COLUMN, TRACKING_URI, ModelCommand
from pipeline.cli.terminal import print_facts


@click.command(cls=ModelCommand)
@click.argument("inputs", nargs=-1, metavar="INPUT...")
@click.argument("output", metavar="OUTPUT")
@TEXT_COLUMN
@MODEL
@TRACKING_URI
@click.option("--probabilities", is_flag=True, help="Add a column for each label.")
@click.option(
    "--prefix", default="", metavar="TEXT", help="Put this before the names of the new columns."
)
@click.option(
    "--spark",
    "master",
    metavar="MASTER",
    help="Score on Spark: local[2], spark://HOST:PORT, yarn. The model has to be a logged one.",
)
def score(
    inputs: tuple[str, ...],
    output: str,
    text: str | None,
    model: str | None,
    tracking_uri: str | None,
    probabilities: bool,
    prefix: str,
    master: str | None,
) -> None:
    """Label the headlines of large files.

    \b
      pipeline score new.csv labelled --text headline --model headlines-bbc
      pipeline score 'news/2026-*.parquet' labelled --probabilities

    INPUT is CSV, TSV, JSON lines or Parquet: a file, a folder, or a pattern. OUTPUT is a folder: it
    gets parts of the same format, with all columns and the new ones label and probability. What
    cannot be read is listed in OUTPUT/_unreadable.csv. The same command goes on after an
    interruption. OUTPUT/_SUCCESS says that all is done.
    """
    if not inputs:
        raise click.UsageError("expected INPUT and OUTPUT, as in pipeline score new.csv labelled")
    from pipeline.cli.progress import rate_display
    from pipeline.data.scoring.loop import Scoring, score_files
    from pipeline.tracking.models import find_model, load_lean

    loaded = load_lean(model, tracking_uri)
    classifier = loaded.classifier
    scoring = Scoring(
        inputs,
        Path(output),
        text or "text",
        classifier.label_names,
        loaded.id,
        probabilities,
        prefix,
    )
    started = time.monotonic()
    with rate_display("score") as show, ExitStack() as stack:
        spread = None
        if master:
            from pipeline.tracking.spark import score_on_spark

            folder = stack.enter_context(find_model(model, tracking_uri)).path
            spread = partial(score_on_spark, model=folder, master=master)
        scored = score_files(scoring, classifier.predict_proba, show, spread)
    seconds = time.monotonic() - started
    speed = f" in {seconds:.1f} s ({scored.new_rows / seconds:,.0f}/s)" if scored.new_rows else ""
    earlier = scored.rows - scored.new_rows
    facts = [("scored", f"{scored.new_rows:,} headlines{speed}")]
    if earlier:
        facts.append(("before", f"{earlier:,} headlines were scored already"))
    if scored.blank:
        facts.append(
            (
                "blank",
                f"{scored.blank:,} rows have no headline: their answers are the label shares of "
                "training",
            )
        )
    if scored.unreadable:
        facts.append(
            ("left out", f"{scored.unreadable:,} rows cannot be read: {output}/_unreadable.csv")
        )
    parts = "1 part" if scored.parts == 1 else f"{scored.parts:,} parts"
    print_facts([*facts, ("output", f"{output}, {parts}"), ("model", loaded.address)])
