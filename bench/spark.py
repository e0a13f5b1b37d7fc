"""Scoring on Spark against one process: headlines a second, memory, and the start of a task.

    python -m bench.spark --rows 1000000

A default model is trained first, and synthetic headlines are made (`bench.synthetic`). Both are not
counted. Each engine is `pipeline score` with its start. Memory is the highest sum over all of its
processes, where pages that several share count once.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import psutil

from bench.measure import module_environment, run_module, table, versions

_SCORED = re.compile(r"scored +([\d,]+) headlines in ([\d.]+) s")
_LOOK_SECONDS = 0.5


def task_start(model: str) -> list[dict[str, Any]]:
    """Milliseconds inside of tasks of Spark, from the first row until the model is loaded.

    `model`: the folder of the logged one. Gives one item for a task in a new process, and one for a
    task in the same process; `tensorflow`: whether it was imported.
    """
    from pyspark.sql import SparkSession

    from pipeline.tracking.java import java_for_spark

    def start(batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa

        for _ in batches:
            began = time.perf_counter()
            import mlflow.pyfunc

            imported = time.perf_counter()
            mlflow.pyfunc.load_model(model)
            loaded = time.perf_counter()
            yield pa.record_batch(
                {
                    "import": [1000 * (imported - began)],
                    "load": [1000 * (loaded - imported)],
                    "tensorflow": ["tensorflow" in sys.modules],
                }
            )

    settings = dict.fromkeys(("spark.driver.host", "spark.driver.bindAddress"), "127.0.0.1")
    settings |= {"spark.ui.enabled": "false", "spark.log.level": "ERROR"}
    os.environ["PYSPARK_PYTHON"] = sys.executable
    columns = "import double, load double, tensorflow boolean"
    with java_for_spark():
        spark = SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()
        tasks = [spark.range(0, 1, 1, 1).mapInArrow(start, columns).collect() for _ in range(2)]
        spark.stop()
    return [row.asDict() for (row,) in tasks]


def score(arguments: Sequence[str], folder: Path) -> tuple[float, float, float]:
    """Seconds of the whole command, those that it says itself, and megabytes at the peak."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", "score", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=module_environment(),
    ) as process:
        most = 0
        while process.poll() is None:
            most = max(most, _bytes_of(psutil.Process(process.pid)))
            time.sleep(_LOOK_SECONDS)
        assert process.stdout is not None
        match = _SCORED.search(process.stdout.read())
    if process.returncode or not match:
        raise click.ClickException(f"pipeline score {' '.join(arguments)} failed")
    return time.perf_counter() - began, float(match[2]), most / 1e6


def _bytes_of(process: psutil.Process) -> int:
    """Of a process and all that it started."""
    total = 0
    with suppress(psutil.Error):
        for each in [process, *process.children(recursive=True)]:
            with suppress(psutil.Error):
                total += each.memory_full_info().pss
    return total


@click.command()
@click.option("--rows", default=1_000_000, show_default=True)
@click.option("--master", "masters", multiple=True, default=("local[2]",), show_default=True)
@click.option("--start", "started_model", hidden=True)
def main(rows: int, masters: tuple[str, ...], started_model: str | None) -> None:
    """Print the tables."""
    if started_model:
        click.echo(json.dumps(task_start(started_model)))
        return
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        run_module(folder, "bench.synthetic", "headlines.csv", "--rows", str(rows))
        run_module(folder, "pipeline.cli", "train", "insight=none")
        lines: list[list[object]] = []
        ways = {"one process": (), **{f"Spark, {m}": ("--spark", m) for m in masters}}
        for name, options in ways.items():
            output = folder / name
            whole, seconds, megabytes = score(["headlines.csv", str(output), *options], folder)
            same = _parts(output) == _parts(folder / "one process")
            speed = f"{rows / seconds:,.0f}"
            lines.append(
                [name, speed, f"{seconds:.1f}", f"{whole:.1f}", f"{megabytes:,.0f}", "yes" if same else "NO"]
            )  # fmt: skip
        model = next(folder.glob("mlruns/*/models/*/artifacts"))
        starts = json.loads(
            run_module(folder, "bench.spark", "--start", str(model)).splitlines()[-1]
        )
    table(["engine", "headlines a second", "seconds", "with the start", "MB", "same bytes"], lines)
    names = ("the first task of a process", "each later one")
    table(
        ["start of a task, ms", "import of MLflow", "the model loaded", "TensorFlow"],
        [
            [name, f"{s['import']:.0f}", f"{s['load']:.0f}", "yes" if s["tensorflow"] else "no"]
            for name, s in zip(names, starts, strict=True)
        ],
    )
    click.echo(f"\n{rows:,} headlines; {versions('pyspark', 'mlflow', 'numpy')}")


def _parts(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("part-*")}


if __name__ == "__main__":
    main()
