"""`pipeline suggest`: which headlines to label next."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.arguments import (
    OVERRIDES,
    RunCommand,
    load_command_config,
    load_command_headlines,
)
from pipeline.cli.terminal import print_facts, print_table

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.insight.suggestions import Suggestions

_SHOWN = 10  # headlines
_MOST = 1_000  # headlines at a time


@click.command(cls=RunCommand)
@click.option(
    "--n",
    "n",
    type=click.IntRange(1, _MOST),
    default=50,
    show_default=True,
    help="How many headlines.",
)
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    default="to_label.csv",
    show_default=True,
    help="The table to fill in. A file that is there is not overwritten.",
)
@OVERRIDES
def suggest(n: int, out: Path, overrides: tuple[str, ...]) -> None:
    """Choose the headlines whose labels would teach most.

    \b
      pipeline suggest data=file data.path=my.csv data.unlabelled=my.txt --n 50
      pipeline train data=file data.path=my.csv data.unlabelled=my.txt data.added=to_label.csv

    It looks at the headlines without a label: those of data.unlabelled, and rows of the data
    without one. It chooses unsure ones that differ from each other, and writes a table. Fill in its
    column of labels, some rows or all, and train with data.added.
    """
    from pipeline.base.errors import DataError

    if out.suffix != ".csv":
        raise DataError(f"--out {out}: expected a name that ends in .csv")
    if not out.parent.is_dir():
        raise DataError(
            f"--out {out}: there is no folder {out.parent}: make it first, or name another"
        )
    if out.exists():
        raise DataError(
            f"{out} is there already, and may hold labels: name another file with --out, or remove "
            "it"
        )
    config = load_command_config("suggest", overrides)
    headlines = load_command_headlines(config)
    from pipeline.insight.suggestions import suggest

    suggestions = suggest(headlines, n, vectors=config.vectors, seed=config.seed)
    _write(out, suggestions, config)
    shown = suggestions.suggestions[:_SHOWN]
    print_table(
        ["headline", "suggested", "why"], [(each.text, each.label, each.why) for each in shown]
    )
    click.echo()
    n_chosen = len(suggestions.suggestions)
    of_all = f"{n_chosen:,} of {suggestions.available:,} headlines without a label"
    sample = (
        ""
        if suggestions.looked_at == suggestions.available
        else f"; a random {suggestions.looked_at:,} were looked at"
    )
    print_facts(
        [
            ("written", f"{out}: {of_all}{sample}"),
            ("next", f"fill in its column {config.data.label!r}, then"),
            ("", _train_command(overrides, config.data.added, out)),
        ]
    )


def _write(path: Path, suggestions: Suggestions, config: Config) -> None:
    import pandas as pd

    from pipeline.base.cells import escape_cell
    from pipeline.base.files import atomic_write
    from pipeline.data.added import SUGGESTED

    data = config.data
    # Each headline counts as one, until somebody writes another weight.
    weight = {data.weight: 1} if data.weight else {}
    rows = [
        {
            **weight,
            SUGGESTED: escape_cell(each.label),
            "why": each.why,
            data.text: escape_cell(each.text),
            data.label: "",
        }
        for each in suggestions.suggestions
    ]
    columns = [data.text, data.label, *weight, SUGGESTED, "why"]
    with atomic_write(path) as part:
        # With a mark of the encoding, which spreadsheets need.
        pd.DataFrame(rows)[list(dict.fromkeys(columns))].to_csv(
            part, index=False, encoding="utf-8-sig"
        )


def _train_command(overrides: Sequence[str], added: Sequence[str], out: Path) -> str:
    """The command that learns from the table."""
    from pipeline.config import in_quotes

    names = [
        name if re.fullmatch(r"[\w./-]+", name, re.ASCII) else in_quotes(name)
        for name in [*added, str(out)]
    ]
    files = ",".join(names)
    given = [text for text in overrides if not text.lstrip("+").startswith("data.added=")]
    last = f"data.added=[{files}]" if added else f"data.added={files}"
    return shlex.join(["pipeline", "train", *given, last])
