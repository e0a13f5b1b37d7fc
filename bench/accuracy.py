"""What the default recipe reaches: test accuracy with its spread, every run in MLflow.

    python -m bench.accuracy --vectors glove.6B.100d.txt --clickbait FOLDER

The options are the defaults everywhere. Only the data, the vectors and, in one task, the letter case
differ. Validation headlines choose the epoch, the phase and the weights of the ensemble. Test
headlines are only for the report.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold, train_test_split

from bench.measure import table, versions
from pipeline.config import load_config
from pipeline.data.examples import Examples
from pipeline.data.headlines import Headlines, load_headlines
from pipeline.insight.spread import Spread

GLOVE = "glove_6b_50d"
METHODS = ("frozen", "fine_tuned", "ensemble")


@dataclass(frozen=True)
class Task:
    """One row of the table.

    `clickbait`: the folder of Stop Clickbait; None for BBC News. `n`: the number of training
    headlines; None takes all. `few_validation`: take a quarter of `n` validation headlines, at least
    20, instead of all. `seed`: of the run, of the headlines that are taken, and of the fold.
    """

    name: str
    vectors: str
    clickbait: str | None = None
    n: int | None = None
    few_validation: bool = False
    options: tuple[str, ...] = ()
    seed: int = 0

    @property
    def n_validation(self) -> int | None:
        """The number of validation headlines; None takes all."""
        return None if self.n is None or not self.few_validation else max(self.n // 4, 20)

    @property
    def title(self) -> str:
        """The row's name in the table."""
        parts = ["Stop Clickbait" if self.clickbait else "BBC News"]
        parts += [f"{self.n:,} training"] if self.n else []
        parts += [f"{self.n_validation:,} validation"] if self.n_validation else []
        parts += ["letter case"] if "model.letter_case=true" in self.options else []
        return ", ".join([*parts, Path(self.vectors).name])


@dataclass(frozen=True)
class Outcome:
    """Accuracies on test and validation headlines by method, and the seconds of training."""

    test: dict[str, float]
    validation: dict[str, float]
    seconds: float


def outcome(task: Task) -> Outcome:
    """Run the pipeline on the task's headlines and log it."""
    logging.disable()
    warnings.filterwarnings("ignore")
    from pipeline.run import run

    with TemporaryDirectory() as folder:
        data = Path(folder) / task.name
        write_splits(task, data)
        vectors = [f"vectors={GLOVE}"]
        if task.vectors != GLOVE:
            vectors = ["vectors=file", f"vectors.path='{task.vectors}'"]
        config = load_config(
            [
                "data=file",
                f"data.path='{data}'",
                *vectors,
                f"seed={task.seed}",
                "tracking.experiment=accuracy",
                f"tracking.run_name={task.name}-{task.seed}",
                f"tracking.registered_model=accuracy-{task.name}",
                "tracking.promote=never",
                "insight=none",
                *task.options,
            ]
        )
        result = run(config)
    fitted = result.fitted
    validation = {phase.name: phase.best.val_accuracy for phase in fitted.history.phases}
    return Outcome(
        {method: evaluation.accuracy for method, evaluation in result.evaluations.items()},
        {**validation, "ensemble": fitted.ensemble.accuracy},
        fitted.seconds["training"] + fitted.seconds["ensemble"],
    )


def write_splits(task: Task, folder: Path) -> None:
    """Write the splits of a task as files, as a user has them."""
    folder.mkdir()
    for split, examples in split_headlines(task).items():
        labels = [examples.label_names[label] for label in examples.labels]
        frame = pd.DataFrame({"text": examples.texts, "label": labels})
        frame.to_csv(folder / f"{split}.csv", index=False)


def split_headlines(task: Task) -> dict[str, Examples]:
    """The headlines of a task: train, validation and test."""
    if task.clickbait:
        headlines = load_headlines("stop_clickbait", path=task.clickbait)
        splits = {name: headlines.examples(name) for name in headlines.splits}
    else:
        splits = _fold(load_headlines("bbc"), task.seed)
    for name, n in (("train", task.n), ("validation", task.n_validation)):
        if n is not None:
            splits[name] = _some(splits[name], n, task.seed)
    return splits


def _fold(headlines: Headlines, seed: int, folds: int = 5) -> dict[str, Examples]:
    """Fold `seed` (modulo 5) of all headlines is for the test, a tenth for validation."""
    parts = [headlines.examples(name) for name in headlines.splits]
    texts = list(chain.from_iterable(part.texts for part in parts))
    labels = np.concatenate([part.labels for part in parts])
    splitter = StratifiedKFold(folds, shuffle=True, random_state=0)
    rest, test = list(splitter.split(texts, labels))[seed % folds]
    train, validation = train_test_split(
        rest, test_size=0.125, stratify=labels[rest], random_state=seed
    )
    chosen = {"train": train, "validation": validation, "test": test}
    return {
        name: Examples([texts[i] for i in rows], labels[rows].tolist(), headlines.label_names)
        for name, rows in chosen.items()
    }


def _some(examples: Examples, n: int, seed: int) -> Examples:
    if n >= len(examples):
        return examples
    texts, _, labels, _ = train_test_split(
        examples.texts, examples.labels, train_size=n, stratify=examples.labels, random_state=seed
    )
    return Examples(texts, labels, examples.label_names)


def tasks(vectors: str, clickbait: str | None) -> list[Task]:
    """All that is measured, each later once for each seed."""
    bbc = [Task("bbc", GLOVE), *([Task("bbc-large", vectors)] if vectors else [])]
    best = vectors or GLOVE
    few = [(few_validation, name) for few_validation, name in ((False, ""), (True, "-few"))]
    bbc += [Task(f"bbc-100{name}", best, n=100, few_validation=f) for f, name in few]
    if clickbait is None:
        return bbc
    clicks = partial(Task, vectors=best, clickbait=clickbait)
    return [
        *bbc,
        *(
            clicks(f"clickbait-{n}{name}", n=n, few_validation=f)
            for n in (50, 200, 2000)
            for f, name in few
        ),
        clicks("clickbait"),
        clicks("clickbait-cased", options=("model.letter_case=true",)),
    ]


@click.command()
@click.option("--vectors", default="", help="A larger set, such as glove.6B.100d.txt, beside GloVe 50d.")  # fmt: skip
@click.option("--clickbait", type=click.Path(exists=True), help="A folder, as data.path of stop_clickbait  [default: BBC only]")  # fmt: skip
@click.option("--only", default="", help="Names of tasks, with commas between.")
@click.option("--seeds", default=5, show_default=True)
@click.option("--jobs", default=1, show_default=True, help="Processes at a time.")
def main(vectors: str, clickbait: str | None, only: str, seeds: int, jobs: int) -> None:
    """Print the table of accuracies, mean and standard deviation over the seeds."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    paths = [os.path.abspath(path) if path else path for path in (vectors, clickbait)]
    available = tasks(paths[0] or "", paths[1])
    chosen = only.split(",") if only else [task.name for task in available]
    unknown = sorted(set(chosen) - {task.name for task in available})
    if unknown:
        raise click.UsageError(f"expected tasks out of {', '.join(t.name for t in available)}, got {unknown[0]}")  # fmt: skip
    selected = [task for task in available if task.name in chosen]
    trials = [replace(task, seed=seed) for task in selected for seed in range(seeds)]
    # A process each: TensorFlow keeps what it has compiled.
    with ProcessPoolExecutor(jobs, get_context("spawn"), max_tasks_per_child=1) as pool:
        outcomes = list(pool.map(outcome, trials))
    rows = [
        [task.title, *outcome_cells(outcomes[i * seeds : (i + 1) * seeds])]
        for i, task in enumerate(selected)
    ]
    names = [method.replace("_", "-") for method in METHODS]
    columns = [f"{split} accuracy, {name}" for split in ("test", "validation") for name in names]
    table(
        ["headlines and vectors", *columns, "runs with fine-tuned below frozen on test", "seconds"],
        rows,
    )
    click.echo(f"\n{seeds} seeds; {versions('tensorflow', 'keras', 'scikit-learn')}")


def outcome_cells(outcomes: Sequence[Outcome]) -> list[str]:
    """The cells of a row, from the outcomes of its seeds."""
    worse = sum(o.test["fine_tuned"] < o.test["frozen"] for o in outcomes)
    return [
        *(Spread.over(o.test[name] for o in outcomes).format() for name in METHODS),
        *(Spread.over(o.validation[name] for o in outcomes).format() for name in METHODS),
        f"{worse} of {len(outcomes)}",
        f"{Spread.over(o.seconds for o in outcomes).mean:.0f}",
    ]


if __name__ == "__main__":
    main()
