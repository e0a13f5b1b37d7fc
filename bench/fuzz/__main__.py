"""Damage many files, read them, and count the results (`frame.py` says what they mean).

    make fuzz ARGS="--only tables --files 20000"

The same seed and number of files give the same trials.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import click

from bench.fuzz import tables, vectors
from bench.fuzz.frame import MISTAKES, RESULTS, Trial
from pipeline.base.progress import ShowStep, step_progress

TRIALS: Mapping[str, Trial] = {"tables": tables.trial, "vectors": vectors.trial}


@click.command()
@click.option("--files", default=60_000, show_default=True, help="Files of each kind.")
@click.option("--seed", default=0, show_default=True, help="The seed of the first file.")
@click.option("--only", type=click.Choice(list(TRIALS)), help="One kind of files.")
@click.option("--show", default=3, show_default=True, help="Mistakes to show, of each kind.")
def main(files: int, seed: int, only: str | None, show: int) -> None:
    """Damage files and count the results. The exit code is 1 where there is a mistake."""
    lines = logging.getLogger("bench.fuzz")
    lines.addHandler(logging.StreamHandler())
    lines.setLevel(logging.INFO)
    logging.getLogger("pipeline").addHandler(logging.NullHandler())
    logging.getLogger("pipeline").propagate = False  # the trials show the warnings that matter
    mistakes = 0
    for name in [only] if only else TRIALS:
        with tempfile.TemporaryDirectory() as cache, step_progress(lines=20, log=lines) as step:
            os.environ["HEADLINE_TRANSFER_CACHE"] = cache
            counts = _count(name, range(seed, seed + files), show, step)
        mistakes += sum(counts[kind, result] for kind, result in counts if result in MISTAKES)
        _print(name, counts)
    sys.exit(mistakes > 0)


def _count(name: str, seeds: range, show: int, step: ShowStep) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    wrong = 0
    for done, seed in enumerate(seeds, 1):
        with tempfile.TemporaryDirectory() as folder:
            outcome = TRIALS[name](seed, Path(folder))
        counts[outcome.kind, outcome.result] += 1
        if outcome.result in MISTAKES:
            wrong += 1
            if wrong <= show:
                click.echo(
                    f"{outcome.result}: --only {name} --seed {seed} --files 1: {outcome.kind}: "
                    f"{outcome.detail}",
                    err=True,
                )
        step(f"{name}: file", done, len(seeds), f"{wrong} mistakes")
    return counts


def _print(name: str, counts: Counter[tuple[str, str]]) -> None:
    click.echo(f"| {name} | files | {' | '.join(RESULTS)} |")
    click.echo("|---|" + "---:|" * (len(RESULTS) + 1))
    for row in [*sorted({kind for kind, _ in counts}), "all"]:
        cells = [
            sum(n for (kind, result), n in counts.items() if result == wanted and row in (kind, "all"))
            for wanted in RESULTS
        ]  # fmt: skip
        click.echo(f"| {row} | {sum(cells):,} | {' | '.join(f'{n:,}' for n in cells)} |")
    click.echo()


if __name__ == "__main__":
    main()
