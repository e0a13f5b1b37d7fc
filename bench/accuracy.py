"""What the default recipe reaches: test accuracy with its spread, every run in MLflow.

    python -m bench.accuracy --vectors glove.6B.100d.txt --clickbait FOLDER

The same defaults everywhere: only the data, the vectors and, where the task says so, the letter
case differ. Validation headlines choose (the epoch, the phase, the weights of the blend), test
headlines report.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import mean, stdev
from tempfile import TemporaryDirectory

import click
import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold, train_test_split

from bench.measure import table, versions
from pipeline.config import load_config
from pipeline.data.headlines import Headlines, load_headlines


@dataclass(frozen=True)
class Task:
    """`n`: how many training headlines are taken; None takes all. `seed` is that of the run, of
    the headlines taken and of the fold."""

    name: str
    vectors: str
    clickbait: str | None = None
    n: int | None = None
    few_validation: bool = False
    options: tuple[str, ...] = ()
    seed: int = 0


@dataclass(frozen=True)
class Outcome:
    """Test accuracy of every classifier of a run, the kept one last, and validation accuracy."""

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
        _write(task, data)
        glove = ["vectors=glove_6b_50d"]
        if task.vectors != "glove_6b_50d":
            glove = ["vectors=file", f"vectors.path='{task.vectors}'"]
        config = load_config(
            [
                "data=file",
                f"data.path='{data}'",
                *glove,
                f"seed={task.seed}",
                "tracking.experiment=accuracy",
                f"tracking.run_name={task.name}-{task.seed}",
                f"tracking.registered_model=accuracy-{task.name}",
                "tracking.promote=never",
                *task.options,
            ]
        )
        result = run(config)
    validation = {phase.name: phase.best.val_accuracy for phase in result.history.phases}
    return Outcome(
        {name: evaluation.accuracy for name, evaluation in result.evaluations.items()},
        {**validation, "blend": result.blend.accuracy},
        result.seconds["training"] + result.seconds["blending"],
    )


def _write(task: Task, folder: Path) -> None:
    """The splits of a task as files, as a user has them."""
    folder.mkdir()
    for split, (texts, labels) in _splits(task).items():
        pd.DataFrame({"text": texts, "label": labels}).to_csv(folder / f"{split}.csv", index=False)


Split = tuple[list[str], list[str]]


def _splits(task: Task) -> dict[str, Split]:
    if task.clickbait:
        headlines = load_headlines("stop_clickbait", path=task.clickbait)
        splits = {name: _named(headlines, name) for name in headlines.splits}
    else:
        splits = _fold(load_headlines("bbc"), task.seed)
    if task.n is not None:
        splits["train"] = _some(splits["train"], task.n, task.seed)
    if task.n is not None and task.few_validation:
        splits["validation"] = _some(splits["validation"], max(task.n // 4, 20), task.seed)
    return splits


def _fold(headlines: Headlines, seed: int, folds: int = 5) -> dict[str, Split]:
    """Fold `seed` (modulo 5) of all headlines is for the test, a tenth for validation."""
    parts = [_named(headlines, name) for name in headlines.splits]
    texts = np.array([text for part in parts for text in part[0]], object)
    labels = np.array([label for part in parts for label in part[1]], object)
    splitter = StratifiedKFold(folds, shuffle=True, random_state=0)
    rest, test = list(splitter.split(texts, labels))[seed % folds]
    train, validation = train_test_split(
        rest, test_size=0.125, stratify=labels[rest], random_state=seed
    )
    chosen = {"train": train, "validation": validation, "test": test}
    return {name: (texts[rows].tolist(), labels[rows].tolist()) for name, rows in chosen.items()}


def _named(headlines: Headlines, split: str) -> Split:
    names = headlines.label_names
    return headlines.texts(split), [names[label] for label in headlines.labels(split)]


def _some(split: Split, n: int, seed: int) -> Split:
    texts, labels = split
    if n >= len(texts):
        return split
    texts, _, labels, _ = train_test_split(
        texts, labels, train_size=n, stratify=labels, random_state=seed
    )
    return texts, labels


def tasks(vectors: str, clickbait: str | None) -> list[Task]:
    """All that is measured, once for each seed later."""
    bbc = [Task("bbc", "glove_6b_50d"), *([Task("bbc-large", vectors)] if vectors else [])]
    best = vectors or "glove_6b_50d"
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
    known = tasks(paths[0] or "", paths[1])
    chosen = only.split(",") if only else [task.name for task in known]
    unknown = sorted(set(chosen) - {task.name for task in known})
    if unknown:
        raise click.UsageError(f"expected tasks out of {', '.join(t.name for t in known)}, got {unknown[0]}")  # fmt: skip
    selected = [task for task in known if task.name in chosen]
    several = [Task(**{**vars(task), "seed": seed}) for task in selected for seed in range(seeds)]
    # A process each: TensorFlow keeps what it has compiled.
    with ProcessPoolExecutor(jobs, get_context("spawn"), max_tasks_per_child=1) as pool:
        found = list(pool.map(outcome, several))
    rows = []
    for i, task in enumerate(selected):
        rows.append([task.name, *_row(found[i * seeds : (i + 1) * seeds])])
    table(
        ["task", "frozen", "fine-tuned", "kept", "validation: frozen", "fine-tuned", "kept",
         "fine-tuned below frozen on test", "seconds"],
        rows,
    )  # fmt: skip
    click.echo(f"\n{seeds} seeds; {versions('tensorflow', 'keras', 'scikit-learn')}")


def _row(found: Sequence[Outcome]) -> list[str]:
    kept = [[*one.test.values()][-1] for one in found]
    worse = sum(one.test["fine_tuned"] < one.test["frozen"] for one in found)
    return [
        *(_mean([one.test[name] for one in found]) for name in ("frozen", "fine_tuned")),
        _mean(kept),
        *(
            _mean([one.validation[name] for one in found])
            for name in ("frozen", "fine_tuned", "blend")
        ),
        f"{worse} of {len(found)}",
        f"{mean(one.seconds for one in found):.0f}",
    ]


def _mean(values: Sequence[float]) -> str:
    spread = f" ± {stdev(values):.4f}" if len(values) > 1 else ""
    return f"{mean(values):.4f}{spread}"


if __name__ == "__main__":
    main()
