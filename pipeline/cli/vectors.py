"""`pipeline vectors`: list and fetch sets of word vectors, look at one, compare several."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.arguments import (
    JSON,
    RunCommand,
    is_override,
    load_command_config,
    load_command_headlines,
)
from pipeline.cli.progress import trial_display
from pipeline.cli.signals import Interrupts
from pipeline.cli.terminal import print_json, print_table, quiet_start

if TYPE_CHECKING:
    from pipeline.embedding.catalogue import InstalledSet, PublishedSet


@click.group(invoke_without_command=True)
@click.pass_context
def vectors(context: click.Context) -> None:
    """List, fetch, inspect and compare sets of word vectors.

    \b
      pipeline vectors list
      pipeline vectors fetch glove-wiki-gigaword-100
      pipeline train vectors=glove-wiki-gigaword-100

    The sets are kept in the user's cache folder; HEADLINE_TRANSFER_CACHE names another.
    HEADLINE_TRANSFER_MIRROR names an address with the same files. HEADLINE_TRANSFER_OFFLINE=1
    forbids fetching.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@vectors.command("list")
@JSON
def list_sets(as_json: bool) -> None:
    """List the sets that have a name, and which of them are on this machine."""
    from pipeline.embedding.catalogue import CATALOGUE, LANGUAGE_SETS, LANGUAGES

    languages = [sets.in_language(code) for sets in LANGUAGE_SETS.values() for code in LANGUAGES]
    entries = [*CATALOGUE.values(), *languages]
    if as_json:
        for entry in entries:
            where = str(entry.where) if entry.where else None
            print_json({"name": entry.name, **entry.provenance, "where": where})
        return
    # Of the languages, those that are here and one for the others.
    shown = [*CATALOGUE.values(), *(entry for entry in languages if entry.where)]
    shown += [sets.in_language("LANGUAGE") for sets in LANGUAGE_SETS.values()]
    columns = ["name", "dimension", "words", "MB", "casing", "licence", "digest", "here"]
    print_table(columns, [_row(entry) for entry in shown])


@vectors.command("fetch")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def fetch_sets(names: tuple[str, ...]) -> None:
    """Fetch sets by name, and print their files.

    A set that is there already is checked against its digest, and fetched again if it is damaged.
    """
    from pipeline.embedding.catalogue import named_set

    for entry in [named_set(name) for name in names]:
        click.echo(str(entry.fetch()))


@vectors.command("inspect")
@click.argument("source", metavar="NAME_OR_PATH")
@click.option(
    "--words", metavar="WORD,WORD", default="", help="Show the neighbours of these words."
)
@click.option("--vector-size", type=int, help="The member of a zip file with this dimension.")
@click.option("--member", help="The member of a zip file with this name.")
@JSON
def inspect_set(
    source: str, words: str, vector_size: int | None, member: str | None, as_json: bool
) -> None:
    """Show the format of a set of vectors, how it writes words, and what it knows.

    \b
      pipeline vectors inspect glove_6b_50d --words alps,minister
      pipeline vectors inspect glove.6B.zip --vector-size 100

    Norms and neighbours are of the 100,000 most frequent words.
    """

    from pipeline.insight.inspection import inspect

    wanted = _split_words(words)
    seen = inspect(source, words=wanted, vector_size=vector_size, member=member)
    if as_json:
        print_json(asdict(seen))
        return
    conventions = seen.conventions
    low, mean, high = seen.norms
    repeated = f", {seen.duplicates:,} rows repeated" if seen.duplicates else ""
    parts = "pieces" if "pieces" in seen.fallbacks else "n-grams"
    subwords = f", and others from their {parts}" if seen.subwords else ""
    facts = {
        "format": seen.format,
        "words": f"{seen.total:,}{repeated}{subwords}",
        "dimension": str(seen.vector_size),
        "norms": f"{low:.2f} to {high:.2f}, mean {mean:.2f}; standard deviation {seen.std:.3f}",
        "casing": conventions.casing,
        "digits": conventions.digits,
        "contractions": conventions.contractions,
        "matched by": ", ".join(seen.fallbacks),
        "licence": seen.licence or "not known",
        "first words": " ".join(repr(w) if " " in w else w for w in seen.first_words),
    }
    for name, value in facts.items():
        click.echo(f"{name:<13} {value}")
    for word, near in seen.neighbours.items():
        shown = ", ".join(f"{neighbour} {cosine:.2f}" for neighbour, cosine in near)
        click.echo(f"{'near ' + word:<13} {shown or 'the set has no vector for it'}")


@vectors.command("compare", cls=RunCommand)
@click.argument("sets", nargs=-1, metavar="SET... [NAME=VALUE]...")
@click.option(
    "--text", metavar="FILE", help="The text, or a folder, that corpus sets are trained on."
)
@click.option(
    "--words", metavar="WORD,WORD", default="", help="Show the neighbours of these words."
)
@click.option("--train", "with_runs", is_flag=True, help="Train a classifier with each set.")
@click.option(
    "--seeds", default=5, show_default=True, type=click.IntRange(1), help="Trainings for each set."
)
@JSON
@click.pass_obj
def compare_sets(
    interrupts: Interrupts,
    sets: tuple[str, ...],
    text: str | None,
    words: str,
    with_runs: bool,
    seeds: int,
    as_json: bool,
) -> None:
    """Compare sets of word vectors.

    \b
      pipeline vectors compare glove_6b_50d corpus:skipgram --words alps,minister
      pipeline vectors compare glove_6b_50d my.vec glove_6b_50d+corpus:cbow --train --seeds 3

    A SET is a name, a file, corpus:skipgram, corpus:cbow or corpus:fasttext, or several joined by
    +. A corpus set is trained on --text or the BBC articles, without the articles of validation
    and test headlines.

    The table has Spearman's correlation with people's judgements of word pairs, and in brackets
    how many of the pairs the set knows. With --train it also has the accuracy of classifiers: mean
    and standard deviation over the seeds, counted from the option seed. Each training is a run in
    MLflow.
    """
    overrides = [argument for argument in sets if is_override(argument)]
    names = [argument for argument in sets if not is_override(argument)]
    if not names:
        raise click.UsageError("expected sets to compare: names, files, corpus:skipgram, ...")
    command = "vectors compare --train" if with_runs else "vectors compare"
    configs = {
        name: load_command_config(command, overrides, set_overrides(name, text)) for name in names
    }
    config = next(iter(configs.values()))
    from pipeline.embedding.loading import choose_vectors
    from pipeline.embedding.options import CorpusOptions, JoinedOptions

    chosen = {name: config.vectors for name, config in configs.items()}
    own_text = any(isinstance(v, CorpusOptions | JoinedOptions) for v in chosen.values())
    headlines, held_out = None, []
    if with_runs or own_text:
        headlines = load_command_headlines(config)
        held_out = [*headlines.texts("validation"), *headlines.texts("test")]
    with quiet_start():
        from pipeline import report
        from pipeline.insight.sets import describe_set

    wanted = _split_words(words)
    reports = [
        describe_set(name, choose_vectors(options, held_out=held_out), wanted)
        for name, options in chosen.items()
    ]
    outcomes = []
    if with_runs and headlines:
        with quiet_start():
            from pipeline.studies.sets import compare_sets as run_comparison
        with trial_display("vectors") as on_trial:
            comparison = run_comparison(
                headlines,
                chosen,
                model=config.model,
                training=config.training,
                tracking=config.tracking,
                seeds=seeds,
                seed=config.seed,
                on_trial=interrupts.checked(on_trial),
            )
        outcomes = [*comparison.outcomes]
    if as_json:
        for each in reports:
            print_json(report.set_values(each, outcomes))
        return
    print_table(*report.sets_table(reports, outcomes))
    if wanted:
        click.echo()
        print_table(*report.set_neighbours_table(reports))


def _split_words(words: str) -> list[str]:
    return [word.strip() for word in words.split(",") if word.strip()]


def set_overrides(name: str, text: str | None = None) -> list[str]:
    """The overrides that choose a set by the name that a user gives it.

    `text`: the file or folder that vectors of one's own are trained on.

    >>> set_overrides("corpus:cbow")
    ['vectors=corpus', "vectors.algorithm='cbow'", 'vectors.path=null']
    >>> set_overrides("glove_6b_50d+corpus")[1]
    "vectors.sets=['glove_6b_50d','corpus']"
    """
    source, _, algorithm = name.partition(":")
    path = "null" if text is None else _quoted(text)
    if Path(name).is_file():
        return ["vectors=file", f"vectors.path={_quoted(name)}"]
    if "+" in name:
        sets = ",".join(map(_quoted, name.split("+")))
        return ["vectors=joined", f"vectors.sets=[{sets}]", f"vectors.corpus.path={path}"]
    if source == "corpus":
        chosen = _quoted(algorithm or "skipgram")
        return ["vectors=corpus", f"vectors.algorithm={chosen}", f"vectors.path={path}"]
    return [f"vectors={_quoted(name)}"]


def _quoted(value: str) -> str:
    """As Hydra reads it back, whatever is in it."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _row(entry: PublishedSet | InstalledSet) -> list[str]:
    return [
        entry.name,
        str(entry.vector_size),
        f"{entry.n_words:,}" if entry.n_words else "?",
        _megabytes(entry),
        entry.casing,
        entry.licence,
        _digest(entry),
        entry.kept if entry.where else "no",
    ]


def _megabytes(entry: PublishedSet | InstalledSet) -> str:
    """`about`: as the publisher rounds it."""
    if entry.size is not None:
        return f"{entry.size / 1e6:,.0f}"
    stated = entry.provenance.get("stated_mb")
    return f"about {stated:,}" if stated else "?"


def _digest(entry: PublishedSet | InstalledSet) -> str:
    """Which digest the file must have, where the publisher states one."""
    if entry.kept == "installed":
        return "-"
    return (entry.provenance["digest"] or "not stated").partition(":")[0]
