"""`pipeline audit`: shortcuts and leaks in the data, without training anything large."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.arguments import (
    JSON,
    OVERRIDES,
    RunCommand,
    load_command_config,
    load_command_headlines,
)
from pipeline.cli.terminal import print_json, print_table, quiet_start

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.config import Config
    from pipeline.data.headlines import Headlines
    from pipeline.insight.audit import Audit


@click.command("audit", cls=RunCommand)
@click.option(
    "--report",
    "page",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the audit as an HTML page, with pictures.",
)
@JSON
@OVERRIDES
def audit_data(page: Path | None, as_json: bool, overrides: tuple[str, ...]) -> None:
    """Look for shortcuts and leaks in the data.

    \b
      pipeline audit data=file data.path=my.csv data.text=headline data.label=topic
      pipeline audit data=file data.path=my.csv data.group=publisher
      pipeline audit data=stop_clickbait model.letter_case=false
      pipeline audit --report audit.html

    It shows near-duplicates across splits. It shows the accuracy on the test headlines of length,
    letter case, digits, punctuation or a few words alone. It lists the labels that are probably
    wrong. data.group names a column that says
    where a headline is from; then a linear model is tested on each source that it has not seen.
    With model.letter_case=false there is no warning about letter case, as the model does not see
    it.
    """
    config = load_command_config("audit", overrides, fixed=["model.letter_case=true"])
    headlines = load_command_headlines(config)
    from pipeline.insight.audit import audit

    audited = audit(
        headlines,
        letter_case=config.model.letter_case,
        seed=config.seed,
        vectors=config.vectors,
    )
    if page:
        _write_page(page, config, headlines, audited)
        click.echo(f"audit: the page is {page}", err=True)
    if as_json:
        values = {
            "data": headlines.name,
            "label_names": audited.label_names,
            "headlines": audited.headlines,
            **{name: result.values() for name, result in audited.checks.items()},
            "samples": audited.samples(),
            "warnings": audited.warnings(),
        }
        print_json(values)
        return
    _print(audited)


def _write_page(path: Path, config: Config, headlines: Headlines, audited: Audit) -> None:
    with quiet_start():
        from pipeline import report
        from pipeline.base.files import atomic_write

    letter_case = {"letter_case": config.model.letter_case}
    options = {
        "data": asdict(config.data),
        "vectors": asdict(config.vectors),
        "model": letter_case,
        "seed": config.seed,
    }
    written = report.audit_page(headlines, audited, report.config_items(options))
    with atomic_write(path) as part:
        part.write_text(written.content, "utf-8")


def _print(audited: Audit) -> None:
    for table in audited.tables().values():
        if len(table.frame):
            short = table.frame if table.short is None else table.short
            rest = " (all: --json)" if len(short) < len(table.frame) else ""
            click.echo(f"{table.title}{rest}:")
            _print_frame(short)
            click.echo(f"{table.note}\n" if table.note else "")
    for sample in audited.samples():
        click.echo(f"sample     {sample}")
    for warning in audited.warnings() or ["nothing is high, nothing leaks"]:
        click.echo(f"audit      {warning}")
    if "letter_case" in audited.high():
        click.echo(
            "note       a model sees letter case only with model.letter_case=true, which train "
            "does not set by itself: without it, see `pipeline audit model.letter_case=false`"
        )


def _print_frame(frame: pd.DataFrame) -> None:
    rows = [
        [f"{value:.4f}" if isinstance(value, float) else value for value in row]
        for row in frame.astype(object).to_numpy().tolist()
    ]
    print_table([str(column).replace("_", " ") for column in frame.columns], rows)
