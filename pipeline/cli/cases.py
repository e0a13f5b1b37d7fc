"""`pipeline cases`: a folder of labelled headlines that decide on new ones, without training."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.arguments import (
    HEADLINE_FILE,
    HEADLINES,
    JSON,
    LABEL_COLUMN,
    MODEL_OF_CASES,
    TEXT_COLUMN,
    TRACKING_URI,
    ModelCommand,
    collect_headlines,
    readable,
)
from pipeline.cli.terminal import print_facts, print_json, print_table

if TYPE_CHECKING:
    from pipeline.cases.casebase import CaseBase
    from pipeline.tracking.models import LoadedModel

FOLDER = click.option(
    "--cases",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default="cases",
    show_default=True,
    help="The folder of the cases.",
)
TRUST_CASES = click.option(
    "--trust",
    is_flag=True,
    help="Load the network that a folder of cases may hold. A file of Keras may be code.",
)
# A folder may come from anywhere. It names a model of one's own store, and no address.
_LOGGED = re.compile("models:/m-[0-9a-f]+")
_EXPORTED = "models:/c-"  # begins the name of a folder of `pipeline export`, which is found nowhere


@click.group(invoke_without_command=True)
@click.pass_context
def cases(context: click.Context) -> None:
    """Keep labelled headlines that vote on new ones.

    \b
      pipeline train model=metric
      pipeline cases add --file my.csv --text headline --label topic
      pipeline cases add "Alps may lose 70% of snow" --as nature
      pipeline cases predict "Himalaya might miss half of its ice" --why

    The five nearest cases vote. A logged model says how near headlines are; model=metric is trained
    for that. New cases and new labels count at once. A folder of cases belongs to the model that
    it was begun with.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@cases.command(cls=ModelCommand)
@HEADLINES
@click.option("--as", "given", metavar="LABEL", help="The label of the headlines.")
@click.option("--file", "path", metavar="FILE", help="A table of headlines and labels instead.")
@TEXT_COLUMN
@LABEL_COLUMN
@FOLDER
@MODEL_OF_CASES
@TRACKING_URI
@TRUST_CASES
@JSON
def add(
    headlines: tuple[str, ...],
    given: str | None,
    path: str | None,
    text: str | None,
    label: str | None,
    folder: Path,
    model: str | None,
    tracking_uri: str | None,
    trust: bool,
    as_json: bool,
) -> None:
    """Add cases, from arguments or a file.

    A case that is there already is not added again.
    """
    if bool(headlines) == bool(path):
        raise click.UsageError("expected headlines as arguments, or a file with --file")
    if path:
        if given is not None:
            raise click.UsageError(
                "--as is the label of headlines that are arguments: the column of labels of a "
                "file is --label"
            )
        from pipeline.data.reading import read_labelled

        labelled = read_labelled(path, text or "text", label or "label")
        texts, labels = labelled.texts, labelled.labels
    else:
        if text is not None or label is not None:
            raise click.UsageError("--text and --label name columns of --file, which is missing")
        texts = collect_headlines(headlines)
        if given is None:
            raise click.UsageError("expected the label of the headlines: --as LABEL")
        labels = [readable(given)] * len(texts)
    from pipeline.cases.storage import changing

    loaded = _load_model(folder, model, tracking_uri, trust, new=True)
    with changing(folder, new=True):
        base = _open(folder, loaded)
        before = len(base)
        ids = base.add(texts, labels)
        base.save(folder)
    added = len(base) - before
    if as_json:
        print_json({"cases": len(base), "added": added, "ids": ids})
        return
    again = f", {len(ids) - added:,} were there already" if len(ids) > added else ""
    click.echo(f"{folder}: {_size(base)}, {added:,} of them added{again}")


@cases.command("list", cls=ModelCommand)
@click.option("--only", metavar="LABEL", help="List the cases of this label.")
@FOLDER
@JSON
def list_cases(only: str | None, folder: Path, as_json: bool) -> None:
    """List the cases, and how many each label has."""
    from pipeline.base.errors import DataError, nearest
    from pipeline.cases.casebase import CaseBase

    base = CaseBase.load(folder)
    counts = Counter(case.label for case in base)
    if only is not None and only not in counts:
        raise DataError(f"{folder}: there is no case of the label {only!r}{nearest(only, counts)}")
    chosen = [case for case in base if only in (None, case.label)]
    if as_json:
        for case in chosen:
            print_json(vars(case))
        return
    click.echo(f"{folder}: {_size(base)}, made with {base.address or 'a model of their own'}\n")
    print_table(["label", "cases"], [[name, f"{counts[name]:,}"] for name in base.labels])
    click.echo()
    print_table(["id", "label", "headline"], [[c.id, c.label, c.text] for c in chosen])


@cases.command(cls=ModelCommand)
@HEADLINES
@HEADLINE_FILE
@TEXT_COLUMN
@FOLDER
@MODEL_OF_CASES
@TRACKING_URI
@TRUST_CASES
@click.option("--why", is_flag=True, help="Show the cases that voted, and their distances.")
@JSON
def predict(
    headlines: tuple[str, ...],
    path: str | None,
    text: str | None,
    folder: Path,
    model: str | None,
    tracking_uri: str | None,
    trust: bool,
    why: bool,
    as_json: bool,
) -> None:
    """Label headlines by the nearest cases."""
    texts = collect_headlines(headlines, path, text)
    base = _open(folder, _load_model(folder, model, tracking_uri, trust))
    answers = base.answer(texts)
    if as_json:
        for headline, answer in zip(texts, answers, strict=True):
            row: dict[str, Any] = {
                "text": headline,
                "label": answer.label,
                "votes": answer.votes,
                "model": base.address,
            }
            if why:
                row["cases"] = [vars(case) for case in answer.neighbours]
            print_json(row)
        return
    rows = []
    for headline, answer in zip(texts, answers, strict=True):
        votes = f"{answer.votes[answer.label]} of {len(answer.neighbours)}"
        rows.append([answer.label, votes, headline])
        for case in answer.neighbours if why else ():
            rows.append([f"  {case.label}", f"  {case.distance:.3f}", f"  {case.id}: {case.text}"])
    print_table(["label", "votes", "headline"], rows)
    click.echo()
    print_facts([("cases", str(folder)), ("model", base.address or "in the folder of the cases")])


@cases.command()
@click.argument("ids", nargs=-1, required=True, type=int, metavar="ID...")
@FOLDER
def remove(ids: Sequence[int], folder: Path) -> None:
    """Remove cases by the ids that `list` and `predict --why` show."""
    from pipeline.cases.casebase import CaseBase
    from pipeline.cases.storage import changing

    with changing(folder):
        base = CaseBase.load(folder)
        before = len(base)
        base.remove(ids)
        base.save(folder)
    click.echo(f"{folder}: {_size(base)}, {before - len(base):,} removed")


def _load_model(
    folder: Path, model: str | None, tracking_uri: str | None, trust: bool, new: bool = False
) -> LoadedModel | None:
    """The model that is asked for, else the one that the cases were made with. None: the folder
    holds the model itself.

    `new`: the folder need not exist; then the model is the only registered one.
    """
    from pipeline.base.errors import ModelError
    from pipeline.cases.storage import FILE, read_cases

    if not new or (folder / FILE).exists():
        saved = read_cases(folder)
        if saved.network and model is None:
            if not trust:
                raise ModelError(
                    f"{folder}: the cases hold a network of their own, in a file of Keras, which "
                    "may be code: if you trust whoever made the folder, add --trust"
                )
            return None
        if model is None and saved.name and not _LOGGED.fullmatch(saved.name):
            if saved.name.startswith(_EXPORTED):
                raise ModelError(
                    f"{folder}: the cases were made with a folder of `pipeline export`: name it with "
                    "--model"
                )
            raise ModelError(
                f"{folder}: expected cases that name a logged model, as in models:/ID, they name "
                f"{saved.name[:200]!r}, which is not loaded: name their model with --model"
            )
        model = model or saved.name or None
    from pipeline.tracking.models import load_model

    return load_model(model, tracking_uri)


def _open(folder: Path, model: LoadedModel | None) -> CaseBase:
    from pipeline.cases.casebase import CaseBase
    from pipeline.cases.storage import FILE

    if model is None:
        return CaseBase.load(folder)
    name = f"models:/{model.id}"  # the same however the model was named
    if not (folder / FILE).exists():
        return CaseBase(model, name=name, address=model.address)
    return CaseBase.load(folder, model, name=name, address=model.address)


def _size(base: CaseBase) -> str:
    return f"{len(base):,} case{'s' if len(base) != 1 else ''}"
