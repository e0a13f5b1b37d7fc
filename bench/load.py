"""A server under load: mixed requests, good and bad, large and small, from several clients at once.

    python -m bench.load --model FOLDER --seconds 60

It starts `pipeline serve` on this machine, and counts the answers, the time they take, and the
memory of the server before and after. Answers are counted as wrong where they are no 200 or 4xx, are
not in one line, or have another number of rows than texts.
"""

from __future__ import annotations

import http.client
import json
import random
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import click
import numpy as np
import psutil

from bench.measure import table, versions

JSON, CSV = "application/json", "text/csv"
HOST = "127.0.0.1"
WORDS = [
    "bank",
    "rates",
    "rise",
    "again",
    "alps",
    "snow",
    "minister",
    "resigns",
    "striker",
    "scores",
    "goal",
    "économie",
    "雪",
    "2021-03-04",
]


@dataclass(frozen=True)
class Query:
    """A request. `rows`: how many answers it has; None: it has to be refused."""

    kind: str
    content_type: str | None
    body: bytes
    rows: int | None


@dataclass
class Load:
    """What became of the requests. `seconds`: by kind, what each took. `memory`: of the server in
    bytes: `before`, `highest`, `after`."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    memory: dict[str, int] = field(default_factory=dict)

    def add(self, query: Query, status: int, body: bytes, seconds: float) -> None:
        """Count one answer."""
        self.seconds.setdefault(query.kind, []).append(seconds)
        self.statuses[status] += 1
        if problem := _problem(query, status, body):
            self.wrong.append(f"{query.kind}: {problem}")


def _problem(query: Query, status: int, body: bytes) -> str:
    if query.rows is None:
        whole = 400 <= status < 500 and body.count(b"\n") == 0 and b"Traceback" not in body
        return "" if whole else f"{status} {body[:200]!r}"
    if status != 200 or len(json.loads(body)["predictions"]) != query.rows:
        return f"{status} {body[:200]!r}"
    return ""


def queries(seed: int) -> Iterator[Query]:
    """Requests without end: half of them one text, the rest of all kinds."""
    chance = random.Random(seed)
    while True:
        kind = chance.choices([*KINDS], [weight for weight, _ in KINDS.values()])[0]
        yield KINDS[kind][1](kind, chance)


def _texts(chance: random.Random, count: int) -> list[str]:
    return [" ".join(chance.choices(WORDS, k=chance.randint(1, 12))) for _ in range(count)]


def _json(kind: str, content: object, rows: int | None) -> Query:
    return Query(kind, JSON, json.dumps(content).encode(), rows)


KINDS = {
    "one text": (50, lambda kind, c: _json(kind, {"inputs": _texts(c, 1)}, 1)),
    "100 texts": (20, lambda kind, c: _json(kind, {"instances": _texts(c, 100)}, 100)),
    "1,000 texts": (4, lambda kind, c: _json(kind, {"inputs": _texts(c, 1000)}, 1000)),
    "50 texts as CSV": (
        8,
        lambda kind, c: Query(kind, CSV, "\n".join(["text", *_texts(c, 50)]).encode(), 50),
    ),
    "why of one text": (
        5,
        lambda kind, c: _json(kind, {"inputs": _texts(c, 1), "params": {"why": True}}, 1),
    ),
    "no texts": (1, lambda kind, _: _json(kind, {"inputs": []}, 0)),
    "a text of 10 MB": (0.3, lambda kind, _: _json(kind, {"inputs": ["snow " * 2_000_000]}, 1)),
    "a lone surrogate": (2, lambda kind, _: Query(kind, JSON, b'{"inputs": ["\\ud83d x"]}', 1)),
    "numbers": (2, lambda kind, _: _json(kind, {"inputs": [1, 2]}, None)),
    "two columns": (2, lambda kind, _: Query(kind, CSV, b"id,text\n1,Alps\n", None)),
    "no JSON": (2, lambda kind, _: Query(kind, JSON, b'{"inputs": ["Alps"', None)),
    "lists in lists": (1, lambda kind, _: Query(kind, JSON, b"[" * 50_000, None)),
    "a huge number": (1, lambda kind, _: Query(kind, JSON, b"9" * 10_000, None)),
    "no content type": (2, lambda kind, _: Query(kind, None, b"Alps", None)),
}


def ask(connection: http.client.HTTPConnection, query: Query) -> tuple[int, bytes]:
    """The status and the body of the answer."""
    headers = {"Content-Type": query.content_type} if query.content_type else {}
    connection.request("POST", "/invocations", query.body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def measure_load(port: int, process: psutil.Process, seconds: float, clients: int = 8) -> Load:
    """Send requests to a server of this machine for some seconds."""
    load = Load()
    end = time.perf_counter() + seconds

    def client(seed: int) -> None:
        connection = http.client.HTTPConnection(HOST, port, timeout=60)
        for query in queries(seed):
            started = time.perf_counter()
            if started > end:
                break
            status, body = ask(connection, query)
            load.add(query, status, body, time.perf_counter() - started)
            load.memory["highest"] = max(load.memory["highest"], process.memory_info().rss)
        connection.close()

    load.memory["before"] = load.memory["highest"] = process.memory_info().rss
    with ThreadPoolExecutor(clients) as threads:
        list(threads.map(client, range(clients)))
    load.memory["after"] = process.memory_info().rss
    return load


@contextmanager
def serving(model: str, *options: str) -> Iterator[tuple[int, psutil.Process, float]]:
    """`pipeline serve`: its port, its process, and the seconds until it answered."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "pipeline.cli", "serve", "--model", model, *options]
    command += ["--port", str(port)]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while True:
            try:
                socket.create_connection((HOST, port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None:
                    raise RuntimeError("the server ended") from None
                time.sleep(0.02)
        yield port, psutil.Process(process.pid), time.perf_counter() - started
    finally:
        process.terminate()
        process.wait(20)


def rows(load: Load) -> list[Sequence[str]]:
    """A row for each kind of request, and one for all: how many, and milliseconds."""
    everything = [s for seconds in load.seconds.values() for s in seconds]
    return [
        [kind, f"{len(seconds):,}", *(f"{1000 * np.percentile(seconds, p):.0f}" for p in (50, 99))]
        for kind, seconds in [*sorted(load.seconds.items()), ("all", everything)]
    ]


@click.command()
@click.option("--model", required=True, help="As for `pipeline serve`.")
@click.option("--seconds", default=60.0, show_default=True, help="How long requests are sent.")
@click.option("--clients", default=8, show_default=True, help="How many ask at once.")
def main(model: str, seconds: float, clients: int) -> None:
    """Measure a server under load."""
    click.echo(versions("numpy", "uvicorn", "starlette"))
    with serving(model) as (port, process, start):
        load = measure_load(port, process, seconds, clients)
    click.echo(f"the server answered after {start:.2f} s\n")
    table(["request", "count", "p50 ms", "p99 ms"], rows(load))
    statuses = ", ".join(f"{status}: {count:,}" for status, count in sorted(load.statuses.items()))
    memory = ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in load.memory.items())
    click.echo(f"\nanswers by status: {statuses}; wrong: {len(load.wrong)}\nmemory: {memory}")
    for problem in load.wrong[:10]:
        click.echo(problem)


if __name__ == "__main__":
    main()
