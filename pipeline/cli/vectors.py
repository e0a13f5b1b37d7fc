"""`pipeline vectors`: list and fetch sets of word vectors, look at one, compare several."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.terminal import OVERRIDE, print_table, quiet_start, trial_display

if TYPE_CHECKING:
    from pipeline.embedding.catalogue import InstalledSet, PublishedSet


@click.group(invoke_without_command=True)
@click.pass_context
def vectors(context: click.Context) -> None:
    """List the sets of word vectors that have a name, and fetch them.

    \b
      pipeline vectors list
      pipeline vectors fetch glove-wiki-gigaword-100
      pipeline train vectors=glove-wiki-gigaword-100

    They are kept in HEADLINE_TRANSFER_CACHE, or in the user's cache folder.
    HEADLINE_TRANSFER_MIRROR names an address that has the same files, and
    HEADLINE_TRANSFER_OFFLINE=1 forbids fetching.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@vectors.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each set.")
def list_sets(as_json: bool) -> None:
    """List the sets, and whether they are here."""
    from pipeline.embedding.catalogue import CATALOGUE

    if as_json:
        for name, entry in CATALOGUE.items():
            where = str(entry.where) if entry.where else None
            click.echo(json.dumps({"name": name, **entry.provenance, "where": where}))
        return
    columns = ["name", "dimension", "words", "MB", "casing", "licence", "here"]
    print_table(columns, [_row(entry) for entry in CATALOGUE.values()])


@vectors.command("fetch")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def fetch_sets(names: tuple[str, ...]) -> None:
    """Fetch sets by name and print where they are.

    One that is there already is compared with its digest, and fetched again where it is damaged.
    """
    from pipeline.embedding.catalogue import named_set

    for entry in [named_set(name) for name in names]:
        click.echo(str(entry.fetch()))


@vectors.command("inspect")
@click.argument("source", metavar="NAME_OR_PATH")
@click.option("--words", metavar="WORD,WORD", default="", help="Show the neighbours of these.")
@click.option("--vector-size", type=int, help="Which member of a zip file, by its dimension.")
@click.option("--member", help="Which member of a zip file, by its name.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def inspect_set(
    source: str, words: str, vector_size: int | None, member: str | None, as_json: bool
) -> None:
    """Look at a set of vectors: its format, how it writes words, and what it knows.

    \b
      pipeline vectors inspect glove_6b_50d --words alps,minister
      pipeline vectors inspect glove.6B.zip --vector-size 100

    Norms and neighbours are those of the 100,000 most frequent words.
    """
    from dataclasses import asdict

    from pipeline.insight.inspection import inspect

    asked = [word.strip() for word in words.split(",") if word.strip()]
    seen = inspect(source, words=asked, vector_size=vector_size, member=member)
    if as_json:
        click.echo(json.dumps(asdict(seen), ensure_ascii=False))
        return
    of_set = seen.conventions
    low, mean, high = seen.norms
    facts = {
        "format": seen.format,
        "words": f"{seen.total:,}"
        + f", {seen.duplicates:,} rows repeated" * bool(seen.duplicates)
        + ", and others from their n-grams" * seen.subwords,
        "dimension": str(seen.vector_size),
        "norms": f"{low:.2f} to {high:.2f}, mean {mean:.2f}; standard deviation {seen.std:.3f}",
        "casing": of_set.casing,
        "digits": of_set.digits,
        "contractions": of_set.contractions,
        "matched by": ", ".join(seen.fallbacks),
        "licence": seen.licence or "not known",
        "first words": " ".join(seen.first_words),
    }
    for name, value in facts.items():
        click.echo(f"{name:<13} {value}")
    for word, near in seen.neighbours.items():
        shown = ", ".join(f"{other} {cosine:.2f}" for other, cosine in near)
        click.echo(f"{'near ' + word:<13} {shown or 'the set has no vector for it'}")


@vectors.command("compare")
@click.argument("sets", nargs=-1, metavar="SET... [NAME=VALUE]...")
@click.option("--text", metavar="FILE", help="What corpus sets are trained on: text, or a folder.")
@click.option("--words", metavar="WORD,WORD", default="", help="Show the neighbours of these.")
@click.option("--train", "with_runs", is_flag=True, help="Train with each set: frozen, fine-tuned.")
@click.option("--seeds", default=5, show_default=True, type=click.IntRange(1), help="Runs a set.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each set.")
def compare_sets(
    sets: tuple[str, ...],
    text: str | None,
    words: str,
    with_runs: bool,
    seeds: int,
    as_json: bool,
) -> None:
    """Put sets of word vectors side by side.

    \b
      pipeline vectors compare glove_6b_50d corpus:skipgram --words alps,minister
      pipeline vectors compare glove_6b_50d my.vec glove_6b_50d+corpus:cbow --train --seeds 3

    A SET is a name, a file, corpus:skipgram, corpus:cbow or corpus:fasttext (trained on --text or
    the BBC articles, without those of validation and test headlines), or several joined by +.
    Shown are Spearman's correlation with people's judgements of word pairs (in brackets, how many
    pairs the set knows), and with --train the accuracy on the data that NAME=VALUE choose: mean and
    standard deviation over the seeds from `seed` on. The runs are in MLflow.
    """
    from pipeline.config import load_config

    overrides = [name for name in sets if OVERRIDE.fullmatch(name)]
    names = [name for name in sets if not OVERRIDE.fullmatch(name)]
    if not names:
        raise click.UsageError("expected the sets to compare: names, files, corpus:skipgram, ...")
    configs = {name: load_config([*overrides, *set_overrides(name, text)]) for name in names}
    config = next(iter(configs.values()))
    from pipeline.data.headlines import load_headlines
    from pipeline.embedding.choice import choose_vectors
    from pipeline.embedding.options import CorpusOptions, JoinedOptions

    chosen = {name: config.vectors for name, config in configs.items()}
    own_text = any(isinstance(v, CorpusOptions | JoinedOptions) for v in chosen.values())
    headlines, held_out = None, []
    if with_runs or own_text:
        headlines = load_headlines(**asdict(config.data))
        held_out = [*headlines.texts("validation"), *headlines.texts("test")]
    with quiet_start():
        from pipeline import report
        from pipeline.insight.sets import describe_set

    asked = [word.strip() for word in words.split(",") if word.strip()]
    reports = [
        describe_set(name, choose_vectors(options, held_out=held_out), asked)
        for name, options in chosen.items()
    ]
    outcomes = []
    if with_runs and headlines:
        with quiet_start():
            from pipeline.studies.sets import compare_sets as run_comparison
        with trial_display("vectors") as on_trial:
            found = run_comparison(
                headlines,
                chosen,
                model=config.model,
                training=config.training,
                tracking=config.tracking,
                seeds=seeds,
                seed=config.seed,
                on_trial=on_trial,
            )
        outcomes = [*found.outcomes]
    if as_json:
        for each in reports:
            click.echo(json.dumps(report.set_values(each, outcomes), ensure_ascii=False))
        return
    print_table(*report.sets_table(reports, outcomes))
    if asked:
        click.echo()
        print_table(*report.set_neighbours_table(reports))


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
        f"{entry.n_words:,}",
        f"{entry.size / 1e6:,.0f}",
        entry.casing,
        entry.licence,
        entry.kept if entry.where else "no",
    ]
