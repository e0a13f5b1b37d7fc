"""Several processes that train together: who they are, and whether all are there.

TensorFlow waits for a missing worker for ever, and no signal ends that. So the workers meet first.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

from pipeline.base.errors import ConfigError, TrainingError

logger = logging.getLogger(__name__)

WAIT_SECONDS = 45.0  # for the other workers, from the moment when this one is ready
_READ_SECONDS = 5.0  # for the line of a worker that has connected
_TRY_SECONDS = 0.5  # between two tries to reach the first worker
_LONGEST_LINE = 100_000  # bytes
_VARIABLE = "TF_CONFIG"
_EXAMPLE = (
    '{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


@dataclass(frozen=True)
class Cluster:
    """The workers of a training. `addresses`: HOST:PORT of each. `index`: which this process is.

    The first worker is the chief: it logs, evaluates and saves.
    """

    addresses: tuple[str, ...]
    index: int

    @property
    def is_chief(self) -> bool:
        return self.index == 0

    def name(self, index: int) -> str:
        """A worker in a message."""
        return f"worker {index} ({self.addresses[index]})"


ALONE = Cluster(("",), 0)


def read_cluster(n_workers: int) -> Cluster:
    """The workers in the environment variable TF_CONFIG, as TensorFlow defines it.

    `n_workers`: how many there have to be; with 1 the variable is not used. A `chief` of TF_CONFIG
    is the first worker.

    Raises ConfigError: there is no TF_CONFIG, it is damaged, or it has another number of workers.
    """
    text = os.environ.get(_VARIABLE)
    if n_workers == 1:
        if text and '"worker"' in text:
            logger.warning(
                "training.workers=1: this process trains alone, and %s is not used", _VARIABLE
            )
        return ALONE
    if not text:
        raise ConfigError(
            f"training.workers={n_workers}: expected the addresses of the workers in the "
            f"environment variable {_VARIABLE}, there is none: set it, as in "
            f"{_VARIABLE}='{_EXAMPLE}'"
        )
    try:
        content = json.loads(text)
    except ValueError as error:
        raise _wrong(f"JSON such as {_EXAMPLE}", text) from error
    named, task = (_mapping(content, name) for name in ("cluster", "task"))
    if unused := sorted(named.keys() - {"chief", "worker"}):
        raise _wrong('"cluster" with "worker", and maybe "chief"', f"{unused[0]!r}")
    chief, others = (_addresses(named, job) for job in ("chief", "worker"))
    addresses = (*chief, *others)
    if len(addresses) != n_workers:
        raise ConfigError(
            f"training.workers={n_workers}: expected {n_workers} addresses in {_VARIABLE}, got "
            f"{len(addresses)}: give both the same number"
        )
    if len(set(addresses)) < n_workers:
        raise _wrong("another address for each worker", ", ".join(addresses))
    if len(chief) > 1:
        raise _wrong("one chief", ", ".join(chief))
    kind, index = task.get("type"), task.get("index")
    jobs = {"chief": chief, "worker": others}
    if kind not in jobs:
        raise _wrong('"type" of "task" to be "worker" or "chief"', repr(kind))
    index = int(index) if isinstance(index, str) and index.isdecimal() else index
    if type(index) is not int or not 0 <= index < len(jobs[kind]):
        raise _wrong(
            f'"index" of "task" to be the place of this process among the {len(jobs[kind])} of '
            f'"{kind}", counted from 0',
            repr(index),
        )
    return Cluster(addresses, index + (len(chief) if kind == "worker" else 0))


def _mapping(content: Any, name: str) -> Mapping[str, Any]:
    value = content.get(name) if isinstance(content, dict) else None
    if not isinstance(value, dict):
        raise _wrong(f'an object with "{name}", such as {_EXAMPLE}', json.dumps(content))
    return value


def _addresses(named: Mapping[str, Any], job: str) -> Sequence[str]:
    listed = named.get(job, [])
    if not isinstance(listed, list):
        raise _wrong(f'a list of addresses as "{job}"', repr(listed))
    for address in listed:
        host, _, port = str(address).rpartition(":")
        if ":" in host:  # IPv6
            raise _wrong("a name or an IPv4 address such as 10.0.0.1:2222", repr(address))
        if not (host and port.isdecimal() and 0 < int(port) < 65536):
            raise _wrong("addresses such as 10.0.0.1:2222", repr(address))
    return listed


def _wrong(expected: str, got: str) -> ConfigError:
    return ConfigError(f"{_VARIABLE}: expected {expected}, got {got[:200]}")


def meet(cluster: Cluster, identity: Mapping[str, str], wait_seconds: float = WAIT_SECONDS) -> None:
    """Wait until all workers are there, and have the same.

    `identity`: what has to be the same on all, such as a digest of the headlines, by its name.

    Raises TrainingError: a worker is missing after `wait_seconds`, has ended, or has something
    else; the port of this worker is taken.
    """
    port = cluster.addresses[cluster.index].rpartition(":")[2]
    with socket.socket() as own:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            own.bind(("", int(port)))
            own.listen(len(cluster.addresses))
        except OSError as error:
            raise TrainingError(
                f"{cluster.name(cluster.index)}: expected a free port, {error.strerror}: is this "
                f"worker running already? Name another port in {_VARIABLE} of all workers"
            ) from error
        if cluster.is_chief:
            _receive(own, cluster, dict(identity), wait_seconds)
        else:
            _report(cluster, dict(identity), wait_seconds)


def _receive(
    own: socket.socket, cluster: Cluster, identity: dict[str, str], wait_seconds: float
) -> None:
    """The chief's part: hear all others, compare, and answer."""
    met: dict[int, socket.socket] = {}
    deadline = time.monotonic() + wait_seconds
    problem = ""
    with ExitStack() as stack:
        # Also after a problem: each worker that comes is to hear of it.
        while len(met) < len(cluster.addresses) - 1:
            own.settimeout(max(deadline - time.monotonic(), 0.01))
            try:
                connection = stack.enter_context(own.accept()[0])
            except TimeoutError:
                missing = set(range(1, len(cluster.addresses))) - met.keys()
                names = ", ".join(map(cluster.name, sorted(missing)))
                late = f"not there after {wait_seconds:g} s: {names}: start all workers together"
                problem = problem or late
                break
            message = _read(connection)
            index = message.get("worker")
            if type(index) is int and 0 < index < len(cluster.addresses):  # else it is no worker
                problem = problem or _difference(cluster, identity, message)
                if index in met:
                    twice = f"{cluster.name(index)} is there twice: give each its own index"
                    problem, index = problem or twice, -index
                met[index] = connection
        for index, connection in met.items():
            if not problem and _has_ended(connection):
                problem = f"{cluster.name(index)} ended while the others were waited for"
        for connection in met.values():
            with suppress(OSError):
                connection.sendall(_line({"problem": problem}))
    if problem:
        raise TrainingError(f"several workers: {problem}")


def _difference(cluster: Cluster, identity: dict[str, str], message: dict[str, Any]) -> str:
    """What a worker has other than the chief; nothing: it has the same."""
    name, theirs = cluster.name(message["worker"]), message.get("identity")
    if message.get("addresses") != list(cluster.addresses):
        return f"{name} has other addresses in {_VARIABLE} than worker 0"
    theirs = theirs if isinstance(theirs, dict) else {}
    different = [what for what in identity if theirs.get(what) != identity[what]]
    if not different:
        return ""
    return (
        f"{name} has other {' and other '.join(different)} than worker 0: start all workers with "
        "the same command, on the same data"
    )


def _has_ended(connection: socket.socket) -> bool:
    """Whether the other side is closed. It has nothing more to say."""
    connection.setblocking(False)
    try:
        return not connection.recv(1)
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        connection.setblocking(True)


def _report(cluster: Cluster, identity: dict[str, str], wait_seconds: float) -> None:
    """What the others do: say to the chief what they have, and wait for its answer."""
    host, _, port = cluster.addresses[0].rpartition(":")
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            connection = socket.create_connection((host, int(port)), _READ_SECONDS)
            # Linux can connect a socket to itself, where nobody listens yet.
            if connection.getsockname() != connection.getpeername():
                break
            connection.close()
        except OSError as error:
            if time.monotonic() > deadline:
                raise TrainingError(
                    f"several workers: not there after {wait_seconds:g} s: {cluster.name(0)}: "
                    f"{error.strerror or error}: start all workers together"
                ) from error
            time.sleep(_TRY_SECONDS)
    with connection:
        message = {"worker": cluster.index, "addresses": cluster.addresses, "identity": identity}
        answer = {}
        with suppress(OSError):
            connection.sendall(_line(message))
            answer = _read(connection, wait_seconds + _READ_SECONDS)
    problem = answer.get("problem", f"{cluster.name(0)} ended while the others were waited for")
    if problem:
        raise TrainingError(f"several workers: {problem}")


def _line(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def _read(connection: socket.socket, wait_seconds: float = _READ_SECONDS) -> dict[str, Any]:
    """A line of JSON; an empty one where none comes."""
    connection.settimeout(wait_seconds)
    try:
        with connection.makefile("rb") as file:
            message = json.loads(file.readline(_LONGEST_LINE))
    except (OSError, ValueError):
        return {}
    return message if isinstance(message, dict) else {}
