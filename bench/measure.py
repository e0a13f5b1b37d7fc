"""Time and peak memory of one call, each in a process of its own."""

from __future__ import annotations

import importlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click


@dataclass(frozen=True)
class Measured:
    """What was measured.

    `seconds`: the best of the repeats. `megabytes`: the highest peak of memory above what the
    process had after its imports. `answer`: what the call returned, as text.
    """

    seconds: float
    megabytes: float
    answer: str


def measure(function: str, *arguments: Any, repeats: int = 3) -> Measured:
    """Call `module:function` with JSON arguments, each of the `repeats` in a process of its own.

    The function returns a function without arguments. Only that one is timed, so that imports do
    not count.
    """
    results = []
    for _ in range(repeats):
        ran = subprocess.run(
            [sys.executable, "-m", "bench.measure", function, json.dumps(arguments)],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        if ran.returncode:
            raise click.ClickException(f"{function} failed: {ran.stderr.strip()[-2000:]}")
        results.append(json.loads(ran.stdout.splitlines()[-1]))
    return Measured(
        min(r["seconds"] for r in results),
        max(r["megabytes"] for r in results),
        results[0]["answer"],
    )


def run_module(folder: Path, module: str, *arguments: str) -> str:
    """Run a module in `folder`, where its runs are logged; gives what it prints."""
    ran = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env=module_environment(),
    )
    if ran.returncode:
        raise click.ClickException(f"{module} failed: {ran.stderr.strip()[-2000:]}")
    return ran.stdout


def module_environment() -> dict[str, str]:
    """The environment of `run_module`: in another folder this package is found too."""
    places = [os.getcwd(), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(places), "TF_CPP_MIN_LOG_LEVEL": "3"}


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a Markdown table. Columns of numbers are aligned right."""
    right = [all(isinstance(row[i], int | float) or str(row[i])[:1].isdigit() for row in rows)
             for i in range(len(columns))]  # fmt: skip
    click.echo("\n| " + " | ".join(columns) + " |")
    click.echo("|" + "|".join("---:" if r else "---" for r in right) + "|")
    for row in rows:
        click.echo("| " + " | ".join(map(str, row)) + " |")


def versions(*packages: str) -> str:
    """A line with the number of cores and the versions."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    shown = [f"{package} {version(package)}" for package in packages]
    return f"{cores} cores, Python {platform.python_version()}, {', '.join(shown)}"


def _status(field: str) -> float:
    """VmRSS or VmHWM of this process in megabytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise click.ClickException(f"/proc/self/status has no {field}")


def _child() -> None:
    module, _, name = sys.argv[1].partition(":")
    call = getattr(importlib.import_module(module), name)(*json.loads(sys.argv[2]))
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = _status("VmRSS")
    started = time.perf_counter()
    answer = call()
    seconds = time.perf_counter() - started
    peak = _status("VmHWM") - before
    result = {"seconds": seconds, "megabytes": max(peak, 0), "answer": str(answer)}
    print(json.dumps(result))  # noqa: T201


if __name__ == "__main__":
    _child()
