"""What a search brings over the defaults, on test headlines that it has not looked at.

    python -m bench.search
    python -m bench.search --clickbait FOLDER

`pipeline sweep` searches with seed 0, on validation headlines. The defaults and the best trial are then
trained with other seeds on the same split. So neither the seed nor the test headlines chose the options.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from bench.accuracy import GLOVE, Task, write_splits
from bench.measure import table, versions
from pipeline.insight.spread import Spread

_FOUND = re.compile(
    r"pipeline train (sweep=[0-9a-f]+)"
)  # the last but one line of `pipeline sweep`


@dataclass(frozen=True)
class Accuracies:
    """Of the classifier that a training keeps, on both splits."""

    validation: float
    test: float


def search(options: Sequence[str], folder: Path) -> str:
    """Run `pipeline sweep` with these options, its messages shown. Gives `sweep=RUN_ID`."""
    ran = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "sweep", *options],
        check=False,
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    match = _FOUND.search(ran.stdout)
    if ran.returncode or not match:
        raise click.ClickException(f"pipeline sweep failed with {ran.returncode}")
    click.echo(ran.stdout, err=True)
    return match[1]


def train(options: Sequence[str]) -> Accuracies:
    """Train as `pipeline train` does, without insight. `options`: also `sweep=RUN_ID`."""
    from pipeline.cli.searched import best_overrides
    from pipeline.config import load_config
    from pipeline.run import run

    overrides, _ = best_overrides([*options, "insight=none", "tracking.promote=never"])
    result = run(load_config(overrides))
    return Accuracies(result.fitted.ensemble.accuracy, result.evaluation.accuracy)


def compare(
    options: Sequence[str], folder: Path, trials: int, seeds: int
) -> dict[str, list[Accuracies]]:
    """The accuracies of the defaults and of the best trial, each for the same seeds.

    `options`: of both, with the data. `folder`: of the runs.
    """
    given = [*options, f"tracking.uri=sqlite:///{folder / 'search.db'}"]
    best = search([*given, f"sweep.trials={trials}"], folder)
    same_split = [*given, "data.seed=0"]
    ways = {"defaults": same_split, "best trial": [*same_split, best]}
    tasks = [[*way, f"seed={seed + 1}"] for way in ways.values() for seed in range(seeds)]
    # A process each: TensorFlow keeps what it has compiled.
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
        outcomes = list(pool.map(train, tasks))
    return {way: outcomes[i * seeds : (i + 1) * seeds] for i, way in enumerate(ways)}


def gain_rows(name: str, ways: dict[str, list[Accuracies]]) -> list[list[str]]:
    """A row for each way. The gain is that of the same seed."""
    defaults = ways["defaults"]
    return [
        [
            name,
            way,
            Spread.over(each.validation for each in outcomes).format(),
            Spread.over(each.test for each in outcomes).format(),
            Spread.over(
                each.test - own.test for each, own in zip(outcomes, defaults, strict=True)
            ).format(),
        ]
        for way, outcomes in ways.items()
    ]


@click.command()
@click.option("--clickbait", type=click.Path(exists=True, resolve_path=True), help="A folder, as data.path of stop_clickbait  [default: BBC only]")  # fmt: skip
@click.option("--size", default=2_000, show_default=True, help="Training headlines of Stop Clickbait.")  # fmt: skip
@click.option("--trials", default=30, show_default=True)
@click.option("--seeds", default=5, show_default=True)
@click.option("--only", type=click.Choice(["bbc", "clickbait"]), help="One of both.")
def main(clickbait: str | None, size: int, trials: int, seeds: int, only: str | None) -> None:
    """Print the table of accuracies, mean and standard deviation over the seeds."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    rows: list[list[str]] = []
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        data = {"BBC News": ["data=bbc"]} if only != "clickbait" else {}
        if clickbait and only != "bbc":
            path = folder / "clickbait"
            write_splits(Task("clickbait", GLOVE, clickbait, n=size), path)
            data[f"Stop Clickbait, {size:,} training"] = ["data=file", f"data.path='{path}'"]
        for name, options in data.items():
            rows += gain_rows(name, compare(options, folder, trials, seeds))
    accuracies = [f"{split} accuracy" for split in ("validation", "test")]
    table(["headlines", "options", *accuracies, "test, minus the defaults"], rows)
    click.echo(f"\n{trials} trials, {seeds} seeds; {versions('tensorflow', 'keras', 'optuna')}")


if __name__ == "__main__":
    main()
