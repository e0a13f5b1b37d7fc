"""Small headlines, vectors and servers that the tests share; nothing here touches the network."""

from __future__ import annotations

import logging
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from pipeline.data.headlines import Headlines

ROOT = Path(__file__).resolve().parent.parent

TOPICS = {
    "nature": ["alps", "snow", "glacier", "himalaya", "river", "forest", "ice", "summit"],
    "money": ["bank", "shares", "profit", "rates", "market", "bond", "trade", "tax"],
    "sport": ["match", "goal", "coach", "team", "cup", "final", "striker", "league"],
}
FILLERS = [
    "may",
    "the",
    "of",
    "after",
    "wins",
    "loses",
    "new",
    "for",
    "and",
    "in",
    "record",
    "again",
]


def make_headlines(n: int, seed: int = 0, topics: int = 3) -> tuple[list[str], list[str]]:
    """`n` distinct headlines of each of `topics` topics, told apart by their words."""
    random = np.random.default_rng(seed)
    texts: dict[str, str] = {}
    for topic in list(TOPICS)[:topics]:
        count = 0
        while count < n:
            words = [*random.choice(TOPICS[topic], 2), *random.choice(FILLERS, 3)]
            random.shuffle(words)
            text = " ".join(words).capitalize()
            if text not in texts:
                texts[text] = topic
                count += 1
    order = random.permutation(len(texts))
    items = list(texts.items())
    return [items[i][0] for i in order], [items[i][1] for i in order]


def all_texts(headlines: Headlines) -> list[str]:
    """The headlines of every split, in the order of the splits."""
    return [text for split in headlines.splits for text in headlines.texts(split)]


def all_words() -> list[str]:
    return [*FILLERS, *(word for words in TOPICS.values() for word in words)]


def write_csv(path: Path, texts: list[str], labels: list[str], header: str = "text,label") -> Path:
    rows = [f'"{text}",{label}' for text, label in zip(texts, labels, strict=True)]
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


def topical_vectors(words: list[str], size: int = 8, seed: int = 0) -> np.ndarray[Any, Any]:
    """Vectors in which words of one topic are near each other, as in those that people use."""
    random = np.random.default_rng(seed)
    centres = {topic: random.normal(0, 0.6, size) for topic in TOPICS}
    topic_of = {word: topic for topic, members in TOPICS.items() for word in members}
    rows = [centres.get(topic_of.get(word, ""), 0) + random.normal(0, 0.3, size) for word in words]
    return np.array(rows, np.float32)


def write_glove(path: Path, words: list[str], size: int = 8, seed: int = 0) -> None:
    values = topical_vectors(words, size, seed)
    lines = [
        f"{w} {' '.join(map(repr, row.tolist()))}" for w, row in zip(words, values, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def small_overrides(small: dict[str, Path], uri: str, *more: str) -> list[str]:
    """The real configuration made small: a run takes a few seconds."""
    return [
        "data=file",
        f"data.path={small['csv']}",
        "vectors=file",
        f"vectors.path={small['vectors']}",
        "model=mean",
        "training.frozen.epochs=3",
        "training.fine_tuned.epochs=3",
        f"tracking.uri={uri}",
        *more,
    ]


def pipeline_command(
    *arguments: str, cwd: Path, timeout_seconds: int = 180, **env: str
) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "pipeline.cli", *arguments],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
        check=False,
    )


def finish(processes: list[subprocess.Popen[str]], timeout_seconds: int = 120) -> None:
    """Let processes that wait for their input begin at once, and end without an error."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    for process in processes:
        assert process.stderr is not None
        assert process.wait(timeout_seconds) == 0, process.stderr.read()


def read_terminal(parent: int) -> bytes:
    """All that a process writes to the other side of a pseudo-terminal, until it ends."""
    shown = b""
    while True:
        try:
            piece = os.read(parent, 65536)
        except OSError:  # Linux's way of saying that the other side has closed
            return shown
        if not piece:
            return shown
        shown += piece


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def unused_ports(n: int) -> list[int]:
    """Ports that nobody has, below those that Linux gives away by itself."""
    ports: list[int] = []
    while len(ports) < n:
        port = random.SystemRandom().randrange(10_000, 30_000)
        with socket.socket() as listener:
            try:
                listener.bind(("", port))
            except OSError:
                continue
        ports.append(port)
    return ports


@contextmanager
def server(command: list[str], url: str, folder: Path, **env: str) -> Iterator[None]:
    """A server process of the test's own, ready to answer `url`, and ended with its children."""
    import psutil
    import requests

    log = (folder / f"{command[1]}.log").open("w")
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env}, stdout=log, stderr=log)
    try:
        _wait(lambda: requests.get(url, timeout=2).ok, process, Path(log.name))
        yield
    finally:
        family = (
            [*psutil.Process(process.pid).children(recursive=True)]
            if process.poll() is None
            else []
        )
        process.terminate()
        process.wait(20)
        for child in family:
            if child.is_running():
                child.terminate()
        log.close()


def _wait(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    import requests

    for _ in range(240):
        if process.poll() is not None:
            raise AssertionError(f"the server ended: {log.read_text()[-2000:]}")
        try:
            if ready():
                return
        except requests.RequestException:
            pass
        time.sleep(0.25)
    raise AssertionError(f"the server did not answer: {log.read_text()[-2000:]}")


def main(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """The command line in this process: exit code, standard output, standard error."""
    from pipeline.cli import main as command_line

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        with pytest.raises(SystemExit) as ended:
            command_line(arguments)
    finally:  # the command line sets up the messages of the process
        root.handlers[:], root.level = handlers, level
    out, err = capfd.readouterr()
    return int(ended.value.code or 0), out, err
