"""How long a training on many headlines takes, stage by stage, and how much memory.

    python -m bench.large --rows 10000 --rows 100000 --rows 1000000 --rows 5000000

The headlines are those of `bench.synthetic` with labels. They are made first, and not counted. Each
run is `pipeline train data=file model=mean`, with its audit and pictures, in a process of its own.
"""

from __future__ import annotations

import json
import resource
import tempfile
from pathlib import Path

import click

from bench.measure import run_module, table, versions

STAGES = {
    "reading": "data",
    "audit": "audit",
    "counting words": "vocabulary",
    "vectors and matrix": ("vectors", "matrix", "network"),
    "training": "training",
    "members": "ensemble",
    "saving": ("model_saving", "model_logging"),
    "evaluation": "evaluation",
    "embedding and words": ("embedding", "attribution"),
    "in all": "total",
}
"""The rows of the table: stages of a run, or several together."""


def train_once(path: str, store: str) -> dict[str, float]:
    """Train on a file. Gives the seconds of each stage, and `megabytes` at the peak."""
    from pipeline import load_config
    from pipeline.run import run

    values = ["data=file", f"data.path={path}", "model=mean", f"tracking.uri=sqlite:///{store}"]
    result = run(load_config(values))
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    accuracy = result.evaluation.accuracy
    return {**result.fitted.seconds, **result.seconds, "megabytes": megabytes, "accuracy": accuracy}


@click.command()
@click.option("--rows", multiple=True, type=int, default=(10_000, 100_000, 1_000_000))
@click.option("--folder", type=click.Path(path_type=Path), help="Where the files stay.")
@click.option("--file", "one_file", hidden=True)
def main(rows: tuple[int, ...], folder: Path | None, one_file: str | None) -> None:
    """Measure trainings on so many synthetic headlines."""
    if one_file:
        click.echo(json.dumps(train_once(one_file, "mlflow.db")))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = (folder or Path(temporary)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        measured = [_measure(folder, n) for n in rows]
    lines: list[list[object]] = []
    for name, stages in STAGES.items():
        several = (stages,) if isinstance(stages, str) else stages
        lines.append([name, *(f"{sum(m[s] for s in several):,.1f}" for m in measured)])
    lines.append(["memory, MB", *(f"{m['megabytes']:,.0f}" for m in measured)])
    lines.append(["test accuracy", *(f"{m['accuracy']:.4f}" for m in measured)])
    table(["seconds", *(f"{n:,}" for n in rows)], lines)
    click.echo(f"\n{versions('tensorflow', 'pyarrow', 'mlflow')}")


def _measure(folder: Path, rows: int) -> dict[str, float]:
    path = folder / f"headlines-{rows}.csv"
    if not path.exists():
        run_module(folder, "bench.synthetic", str(path), "--rows", str(rows), "--labels")
    measured: dict[str, float] = json.loads(
        run_module(folder, "bench.large", "--file", str(path)).splitlines()[-1]
    )
    click.echo(f"{rows:,} headlines: {measured['total']:,.0f} s, {measured['megabytes']:,.0f} MB")
    return measured


if __name__ == "__main__":
    main()
