"""`pipeline audit`: shortcuts and leaks in the data, without training anything large."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from pipeline.cli.arguments import JSON, OVERRIDES, config_of
from pipeline.cli.terminal import print_table

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.insight.audit import Audit

_EXAMPLES = 2  # near-duplicates that are shown of each kind and pair of splits
_LABELS = 6  # so many columns of labels fit beside each other


@click.command("audit")
@JSON
@OVERRIDES
def audit_data(as_json: bool, overrides: tuple[str, ...]) -> None:
    """Look for shortcuts and leaks in the data.

    \b
      pipeline audit data=file data.path=my.csv data.text=headline data.label=topic
      pipeline audit data=file data.path=my.csv data.group=publisher
      pipeline audit data=stop_clickbait model.letter_case=false

    It shows near-duplicates across splits. It shows the accuracy on the test headlines of length,
    letter case, digits, punctuation or a few words alone. data.group names a column that says
    where a headline is from; then a linear model is tested on each source that it has not seen.
    With model.letter_case=false there is no warning about letter case, as the model does not see
    it.
    """
    config = config_of("audit", overrides, fixed=["model.letter_case=true"])
    from pipeline.data.headlines import load_headlines
    from pipeline.insight.audit import audit

    headlines = load_headlines(**asdict(config.data))
    found = audit(headlines, letter_case=config.model.letter_case, seed=config.seed)
    if as_json:
        closed = {name: found.closed(name) for name in found.alone}
        more = {
            "gap_closed": closed,
            "high": found.high(),
            "samples": found.samples(),
            "warnings": found.warnings(),
        }
        click.echo(json.dumps({"data": headlines.name, **asdict(found), **more}))
        return
    _print(found)


def _print(found: Audit) -> None:
    from pipeline.report import audit_tables as tables

    click.echo("The label from one signal alone, test split:")
    _print_frame(tables.signals_table(found))
    click.echo("\nMeans of these signals over the training headlines of each label:")
    _print_frame(_few_labels(tables.features_table(found), found.label_names))
    click.echo("\nHeadlines that are almost the same in another split:")
    _print_frame(tables.overlaps_table(found))
    near = tables.near_duplicates_table(found)
    if len(near):
        some = near.groupby(["split", "other_split", "same_letters"]).head(_EXAMPLES)
        click.echo(f"\nExamples, {len(some)} of {len(near):,}:")
        columns = ["split", "label", "text", "other_split", "other_label", "other_text"]
        _print_frame(some[[*columns, "similarity"]])
    if found.groups:
        groups = found.groups
        click.echo(f"\nA linear model on sources that it has not seen, {groups.number:,} in all:")
        _print_frame(tables.groups_table(found))
        click.echo(
            f"all held out {groups.held_out:.4f}, same labels at random {groups.same_labels:.4f}, "
            f"stratified {groups.stratified:.4f}, majority class {groups.majority:.4f}"
        )
    click.echo()
    for sample in found.samples():
        click.echo(f"sample     {sample}")
    for warning in found.warnings() or ["nothing is high, nothing leaks"]:
        click.echo(f"audit      {warning}")


def _few_labels(features: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """With many labels, the two between which a feature differs most."""
    if len(names) <= _LABELS:
        return features
    means = features[[*names]]
    few = features[["signal", "feature"]].copy()
    for title, which, values in (
        ("lowest", means.idxmin(axis=1), means.min(axis=1)),
        ("highest", means.idxmax(axis=1), means.max(axis=1)),
    ):
        few[title] = [f"{v:.4f} {name}" for v, name in zip(values, which, strict=True)]
    return few


def _print_frame(frame: pd.DataFrame) -> None:
    rows = [
        [f"{value:.4f}" if isinstance(value, float) else value for value in row]
        for row in frame.astype(object).to_numpy().tolist()
    ]
    print_table([str(column).replace("_", " ") for column in frame.columns], rows)
