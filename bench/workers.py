"""From which size of batches on several workers pay, at best.

    python -m bench.workers

Fine-tuning with the default recipe, on two cores of this machine: one process on one core, one process
on both, and two workers with one core each. Between the workers is no real network. So two machines
gain at most what two workers gain over one process on one core.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import click

from bench.learning import Task, figures
from bench.measure import table, versions

BATCHES = (32, 512, 4096)
_LEAST_STEPS, _LEAST_HEADLINES = 12, 12_000  # of an epoch


def train_on_cores(
    task: Task, encoder: str, batch_size: int, n: int, cores: Sequence[int], config: str | None
) -> object:
    """`bench.learners.train_ours` on these cores. `config`: TF_CONFIG of a worker; None: it is alone.

    `n`: headlines an epoch.
    """
    os.sched_setaffinity(0, cores)  # threads that begin later have the same
    from bench.learners import train_ours
    from pipeline.training.workers import join_workers

    workers = None
    if config is not None:
        os.environ["TF_CONFIG"] = config
        workers = join_workers(len(json.loads(config)["cluster"]["worker"]))
    return train_ours(task, encoder, batch_size, None, None, n, workers)


def per_second(
    task: Task, encoder: str, batch_size: int, processes: Sequence[Sequence[int]]
) -> float:
    """Headlines a second that all processes together learn from. `processes`: the cores of each."""
    n = max(_LEAST_HEADLINES, _LEAST_STEPS * batch_size)
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in processes]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]

    def run(index: int) -> float:
        where = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        config = json.dumps(where) if len(processes) > 1 else None
        task_of_core = (task, encoder, batch_size, n, processes[index], config)
        measured = figures("bench.workers:train_on_cores", *task_of_core)
        assert measured is not None  # it needs no package that may be missing
        return float(measured["per_second"])

    with ThreadPoolExecutor(len(processes)) as threads:
        return min(threads.map(run, range(len(processes))))


def row(batch_size: int, one_core: float, two_cores: float, workers: float) -> list[str]:
    """A row of the table, from headlines a second."""
    return [
        f"{batch_size:,}",
        *(f"{speed:,.0f}" for speed in (one_core, two_cores, workers)),
        f"{workers / one_core:.2f} x",
        f"{workers / two_cores:.2f} x",
    ]


@click.command()
@click.option("--encoder", default="cnn", show_default=True)
@click.option("--batches", default=",".join(map(str, BATCHES)), show_default=True)
def main(encoder: str, batches: str) -> None:
    """Print the table of headlines a second."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        raise click.ClickException("expected two cores, there is one")
    task = {"data": {"source": "bbc"}, "vectors": "glove_6b_50d"}
    ways = ([cores[:1]], [cores], [cores[:1], cores[1:]])
    rows = []
    for batch_size in map(int, batches.split(",")):
        speeds = [per_second(task, encoder, batch_size, way) for way in ways]
        rows.append(row(batch_size, *speeds))
        click.echo(" | ".join(rows[-1]), err=True)
    table(
        [
            "headlines a step",
            "one process, 1 core",
            "one process, 2 cores",
            "two workers, 1 core each",
            "two workers over 1 core",
            "two workers over 2 cores",
        ],
        rows,
    )
    click.echo(f"\n{encoder}, headlines a second; {versions('tensorflow', 'keras')}")


if __name__ == "__main__":
    main()
