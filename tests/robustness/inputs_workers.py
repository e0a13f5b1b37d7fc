"""Bad inputs of several workers: TF_CONFIG, and workers that do not fit each other."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from threading import Thread
from unittest.mock import patch

from bad_input import BadInput, Trial
from builders import unused_ports


def _command(text: str | None, *arguments: str) -> Callable[[Trial], str]:
    """A command with `text` as TF_CONFIG."""

    def act(trial: Trial) -> str:
        with _environment(text):
            return trial.command(*arguments)

    return act


def _read(text: str | None) -> Callable[[Trial], object]:
    """What `pipeline train training.workers=2` asks first."""

    def act(_: Trial) -> object:
        from pipeline.training.cluster import read_cluster

        with _environment(text):
            return read_cluster(2)

    return act


@contextmanager
def _environment(text: str | None) -> Iterator[None]:
    with patch.dict(os.environ):
        os.environ.pop("TF_CONFIG", None)
        if text is not None:
            os.environ["TF_CONFIG"] = text
        yield


def _config(workers: object = ("a:1", "b:2"), index: object = 0, kind: object = "worker") -> str:
    return json.dumps({"cluster": {"worker": workers}, "task": {"type": kind, "index": index}})


def _meet(message: dict[str, object] | None = None, index: int = 0) -> Callable[[Trial], str]:
    """A worker waits for the other one, which sends `message` as worker 1, or is missing."""

    def act(_: Trial) -> str:
        from pipeline.training.cluster import Cluster, meet

        ports = unused_ports(2)
        names = [f"127.0.0.1:{port}" for port in ports]
        if message is not None:
            sent = {"worker": 1, "addresses": names, "identity": {}, **message}
            Thread(target=_send, args=(ports[0], sent), daemon=True).start()
        seconds = 0.2 if message is None else 100
        meet(Cluster(tuple(names), index), {"headlines": "1", "options": "1"}, seconds)
        return "they meet"

    return act


def _send(port: int, message: dict[str, object]) -> None:
    for _ in range(1000):
        try:
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(json.dumps(message).encode() + b"\n")
                connection.recv(1000)
                return
        except OSError:
            time.sleep(0.05)


def _taken(_: Trial) -> str:
    from pipeline.training.cluster import Cluster, meet

    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        meet(Cluster((f"127.0.0.1:{taken.getsockname()[1]}", "127.0.0.1:1"), 0), {})
    return "they meet"


ROWS = (
    BadInput(
        "several workers, and no TF_CONFIG",
        _command(None, "train", "training.workers=2"),
        'error: training.workers=2: expected the addresses of the workers in the environment variable TF_CONFIG, there is none: set it, as in TF_CONFIG=\'{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}\'',
    ),
    BadInput(
        "a TF_CONFIG that is empty",
        _read(""),
        'error: training.workers=2: expected the addresses of the workers in the environment variable TF_CONFIG, there is none: set it, as in TF_CONFIG=\'{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}\'',
    ),
    BadInput(
        "a TF_CONFIG that is no JSON",
        _read("{'cluster': {}}"),
        'error: TF_CONFIG: expected JSON such as {"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}, got {\'cluster\': {}}',
    ),
    BadInput(
        "a TF_CONFIG that is a list",
        _read("[1]"),
        'error: TF_CONFIG: expected an object with "cluster", such as {"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}, got [1]',
    ),
    BadInput(
        "a TF_CONFIG without a task",
        _read('{"cluster": {"worker": ["a:1", "b:2"]}}'),
        'error: TF_CONFIG: expected an object with "task", such as {"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}, got {"cluster": {"worker": ["a:1", "b:2"]}}',
    ),
    BadInput(
        "a TF_CONFIG without a cluster",
        _read('{"task": {"index": 0}}'),
        'error: TF_CONFIG: expected an object with "cluster", such as {"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}, got {"task": {"index": 0}}',
    ),
    BadInput(
        "a TF_CONFIG with one worker of two",
        _read(_config(["a:1"])),
        "error: training.workers=2: expected 2 addresses in TF_CONFIG, got 1: give both the same number",
    ),
    BadInput(
        "a TF_CONFIG with three workers of two",
        _read(_config(["a:1", "b:2", "c:3"])),
        "error: training.workers=2: expected 2 addresses in TF_CONFIG, got 3: give both the same number",
    ),
    BadInput(
        "a TF_CONFIG in which the workers are a text",
        _read(_config("a:1,b:2")),
        "error: TF_CONFIG: expected a list of addresses as \"worker\", got 'a:1,b:2'",
    ),
    BadInput(
        "a TF_CONFIG with an address without a port",
        _read(_config(["a", "b:2"])),
        "error: TF_CONFIG: expected addresses such as 10.0.0.1:2222, got 'a'",
    ),
    BadInput(
        "a TF_CONFIG with a port that does not exist",
        _read(_config(["a:1", "b:99999"])),
        "error: TF_CONFIG: expected addresses such as 10.0.0.1:2222, got 'b:99999'",
    ),
    BadInput(
        "a TF_CONFIG with an IPv6 address",
        _read(_config(["[::1]:1", "b:2"])),
        "error: TF_CONFIG: expected a name or an IPv4 address such as 10.0.0.1:2222, got '[::1]:1'",
    ),
    BadInput(
        "a TF_CONFIG with the same address twice",
        _read(_config(["a:1", "a:1"])),
        "error: TF_CONFIG: expected another address for each worker, got a:1, a:1",
    ),
    BadInput(
        "a TF_CONFIG without an index",
        _read(_config(index=None)),
        'error: TF_CONFIG: expected "index" of "task" to be the place of this process among the 2 of "worker", counted from 0, got None',
    ),
    BadInput(
        "a TF_CONFIG with an index that is no worker's",
        _read(_config(index=2)),
        'error: TF_CONFIG: expected "index" of "task" to be the place of this process among the 2 of "worker", counted from 0, got 2',
    ),
    BadInput(
        "a TF_CONFIG with an index below 0",
        _read(_config(index=-1)),
        'error: TF_CONFIG: expected "index" of "task" to be the place of this process among the 2 of "worker", counted from 0, got -1',
    ),
    BadInput(
        "a TF_CONFIG with a task of another type",
        _read(_config(kind="evaluator")),
        'error: TF_CONFIG: expected "type" of "task" to be "worker" or "chief", got \'evaluator\'',
    ),
    BadInput(
        "a TF_CONFIG with parameter servers",
        _read(
            '{"cluster": {"ps": ["c:3"], "worker": ["a:1", "b:2"]}, "task": {"type": "ps", "index": 0}}'
        ),
        'error: TF_CONFIG: expected "cluster" with "worker", and maybe "chief", got \'ps\'',
    ),
    BadInput(
        "no worker at all",
        _command(None, "train", "training.workers=0"),
        "error: training.workers=0: expected greater than or equal to 1, got 0",
    ),
    BadInput(
        "several workers for a study",
        _command(_config(), "compare", "training.workers=2"),
        "error: training.workers is not used by `pipeline compare`: leave it out",
    ),
    BadInput(
        "workers: the second one is missing",
        _meet(),
        "error: several workers: not there after 0.2 s: worker 1 (127.0.0.1:PORT): start all workers together",
    ),
    BadInput(
        "workers: the first one is missing",
        _meet(index=1),
        "error: several workers: not there after 0.2 s: worker 0 (127.0.0.1:PORT): Connection refused: start all workers together",
    ),
    BadInput(
        "workers: the port is taken",
        _taken,
        "error: worker 0 (127.0.0.1:PORT): expected a free port, Address already in use: is this worker running already? Name another port in TF_CONFIG of all workers",
    ),
    BadInput(
        "workers with other headlines",
        _meet({"identity": {"headlines": "2", "options": "1"}}),
        "error: several workers: worker 1 (127.0.0.1:PORT) has other headlines than worker 0: start all workers with the same command, on the same data",
    ),
    BadInput(
        "workers with other headlines and options",
        _meet({"identity": {}}),
        "error: several workers: worker 1 (127.0.0.1:PORT) has other headlines and other options than worker 0: start all workers with the same command, on the same data",
    ),
    BadInput(
        "workers with another list of addresses",
        _meet({"addresses": ["a:1"]}),
        "error: several workers: worker 1 (127.0.0.1:PORT) has other addresses in TF_CONFIG than worker 0",
    ),
)
