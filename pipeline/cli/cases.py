"""`pipeline cases`: a folder of labelled headlines that decide on new ones, without training."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.arguments import MODEL, headlines_of, model_address
from pipeline.cli.terminal import print_table, quiet_start

if TYPE_CHECKING:
    from pipeline.cases.casebase import CaseBase
    from pipeline.config import Config
    from pipeline.tracking.runs import LoggedRepresentation

FOLDER = click.option(
    "--cases",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default="cases",
    show_default=True,
    help="The folder that holds them.",
)


@click.group(invoke_without_command=True)
@click.pass_context
def cases(context: click.Context) -> None:
    """Keep labelled headlines that decide on new ones: the nearest five vote.

    \b
      pipeline train model=metric
      pipeline cases add --file my.csv --text headline --label topic
      pipeline cases add "Alps may lose 70% of snow" --label nature
      pipeline cases predict "Himalaya might miss half of its ice" --why

    Where a headline lies is what a logged model says; model=metric is trained for that. New cases
    and new labels count at once. A folder of cases belongs to the model that it was begun with.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@cases.command()
@click.argument("headlines", nargs=-1, metavar="[HEADLINE | NAME=VALUE]...")
@click.option("--file", "path", metavar="FILE", help="A file of labelled headlines, as data.path.")
@click.option("--text", metavar="COLUMN", help="Its column of headlines  [default: text]")
@click.option(
    "--label", help="The label of the headlines; with --file the column  [default: label]"
)
@FOLDER
@MODEL
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with the ids.")
def add(
    headlines: tuple[str, ...],
    path: str | None,
    text: str | None,
    label: str | None,
    folder: Path,
    model: str | None,
    as_json: bool,
) -> None:
    """Add cases, from arguments or a file.

    What is there already is not added again.
    """
    texts, config = headlines_of(headlines)
    if bool(texts) == bool(path):
        raise click.UsageError("expected headlines as arguments, or a file with --file")
    if texts and (label is None or text is not None):
        raise click.UsageError("expected one --label for the headlines, and no --text")
    labels = [label or ""] * len(texts)
    if path:
        from pipeline.data.headlines import read_labelled

        labelled = read_labelled(path, text or "text", label or "label")
        texts, labels = labelled.texts, labelled.labels
    logged = _model_of(folder, model, config, new=True)
    with _changing(folder, new=True):
        base = _opened(folder, logged)
        before = len(base)
        ids = base.add(texts, labels)
        base.save(folder)
    added = len(base) - before
    if as_json:
        click.echo(json.dumps({"cases": len(base), "added": added, "ids": ids}))
        return
    again = f", {len(ids) - added:,} there already" * (len(ids) > added)
    click.echo(f"{folder}: {_size(base)}, {added:,} of them added{again}")


@cases.command("list")
@click.option("--label", help="Only those of this label.")
@FOLDER
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each case.")
def list_cases(label: str | None, folder: Path, as_json: bool) -> None:
    """List the cases, and how many there are of each label."""
    from pipeline.base.errors import DataError, nearest
    from pipeline.cases.casebase import CaseBase

    base = CaseBase.load(folder)
    counts = Counter(case.label for case in base)
    if label is not None and label not in counts:
        raise DataError(
            f"{folder}: there is no case of the label {label!r}{nearest(label, counts)}"
        )
    chosen = [case for case in base if label in (None, case.label)]
    if as_json:
        for case in chosen:
            click.echo(json.dumps(vars(case), ensure_ascii=False))
        return
    click.echo(f"{folder}: {_size(base)}, made with {base.name or 'a model of their own'}\n")
    print_table(["label", "cases"], [[name, f"{counts[name]:,}"] for name in base.labels])
    click.echo()
    print_table(["id", "label", "headline"], [[c.id, c.label, c.text] for c in chosen])


@cases.command()
@click.argument("headlines", nargs=-1, metavar="[HEADLINE | NAME=VALUE]...")
@click.option("--file", "path", metavar="FILE", help="One headline a line; - reads standard input.")
@click.option("--why", is_flag=True, help="Show the cases that decided, and how far they lie.")
@FOLDER
@MODEL
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each headline.")
def predict(
    headlines: tuple[str, ...],
    path: str | None,
    why: bool,
    folder: Path,
    model: str | None,
    as_json: bool,
) -> None:
    """Label headlines by the nearest cases."""
    texts, config = headlines_of(headlines, path)
    if not texts:
        raise click.UsageError("expected headlines: as arguments, or with --file")
    answers = _opened(folder, _model_of(folder, model, config)).answer(texts)
    if as_json:
        for text, answer in zip(texts, answers, strict=True):
            row: dict[str, Any] = {"text": text, "label": answer.label, "votes": answer.votes}
            if why:
                row["cases"] = [vars(case) for case in answer.neighbours]
            click.echo(json.dumps(row, ensure_ascii=False))
        return
    rows = []
    for text, answer in zip(texts, answers, strict=True):
        votes = f"{answer.votes[answer.label]} of {len(answer.neighbours)}"
        rows.append([answer.label, votes, text])
        for case in answer.neighbours if why else ():
            rows.append([f"  {case.label}", f"  {case.distance:.3f}", f"  {case.id}: {case.text}"])
    print_table(["label", "votes", "headline"], rows)


@cases.command()
@click.argument("ids", nargs=-1, required=True, type=int, metavar="ID...")
@FOLDER
def remove(ids: Sequence[int], folder: Path) -> None:
    """Remove cases by the ids that `list` and `predict --why` show."""
    from pipeline.cases.casebase import CaseBase

    with _changing(folder):
        base = CaseBase.load(folder)
        before = len(base)
        base.remove(ids)
        base.save(folder)
    click.echo(f"{folder}: {_size(base)}, {before - len(base):,} removed")


def _model_of(
    folder: Path, model: str | None, config: Config, new: bool = False
) -> LoggedRepresentation | None:
    """The model that is asked for, else the one that the cases were made with, else (in a `new`
    folder) the champion; None where the cases hold theirs."""
    from pipeline.cases.storage import FILE, read

    if not new or (folder / FILE).exists():
        saved = read(folder)
        if saved.model.name and model is None:
            return None
        model = model or saved.name or None
    with quiet_start():
        from pipeline.tracking.runs import load_representation

    return load_representation(model_address(model, config), config.tracking)


def _opened(folder: Path, logged: LoggedRepresentation | None) -> CaseBase:
    from pipeline.cases.casebase import CaseBase
    from pipeline.cases.storage import FILE

    if logged is None:
        return CaseBase.load(folder)
    if not (folder / FILE).exists():
        return CaseBase(logged, name=logged.name)
    return CaseBase.load(folder, logged, name=logged.name)


def _size(base: CaseBase) -> str:
    return f"{len(base):,} case{'s' * (len(base) != 1)}"


@contextmanager
def _changing(folder: Path, new: bool = False) -> Iterator[None]:
    """Let no other process change the folder meanwhile; make it where it may be `new`."""
    from filelock import FileLock

    from pipeline.base.errors import DataError

    if not new and not folder.is_dir():
        raise DataError(f"expected a folder with a case base, there is none at {folder}")
    lock = FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise DataError(
            f"{folder}: expected a folder to keep cases in: {error.strerror}"
        ) from error
    try:
        yield
    finally:
        lock.release()
