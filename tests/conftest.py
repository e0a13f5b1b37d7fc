"""Small data, vectors and stores that the tests share; nothing here touches the network."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

# Before TensorFlow, MLflow and the hub client are imported anywhere.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ.pop("MLFLOW_TRACKING_URI", None)

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
    topic_of = {word: topic for topic, of in TOPICS.items() for word in of}
    rows = [centres.get(topic_of.get(word, ""), 0) + random.normal(0, 0.3, size) for word in words]
    return np.array(rows, np.float32)


def write_glove(path: Path, words: list[str], size: int = 8, seed: int = 0) -> None:
    values = topical_vectors(words, size, seed)
    lines = [
        f"{w} {' '.join(map(repr, row.tolist()))}" for w, row in zip(words, values, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n", "utf-8")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The user's cache is neither read nor written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADLINE_TRANSFER_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A CSV file of 3 x 40 headlines and a GloVe file with their words."""
    folder = tmp_path_factory.mktemp("small")
    texts, labels = make_headlines(40)
    write_csv(folder / "headlines.csv", texts, labels)
    write_glove(folder / "vectors.txt", all_words())
    return {"csv": folder / "headlines.csv", "vectors": folder / "vectors.txt", "folder": folder}


@pytest.fixture(scope="session")
def store_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty, migrated MLflow database: migrating takes seconds, copying does not."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("template") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments(max_results=1)
    return path


@pytest.fixture
def store(tmp_path: Path, store_template: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A tracking store of its own in a folder of its own, which is the current one."""
    import mlflow

    shutil.copy(store_template, tmp_path / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    yield f"sqlite:///{tmp_path / 'mlflow.db'}"
    while mlflow.active_run():
        mlflow.end_run()


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


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs leave out pictures and what looks at the model after training, half of the time of a
    small one: for tests of something else. Those are tested with runs that have them."""
    from mlflow import MlflowClient

    from pipeline import report

    for name in ("assess", "attribute"):
        monkeypatch.setattr(f"pipeline.run.{name}", lambda *_, **__: ())
    for name in ("of_knowledge", "of_attribution"):
        monkeypatch.setattr(report, name, lambda *_: [])
    monkeypatch.setattr(MlflowClient, "log_figure", lambda *_, **__: None)


def pipeline_command(*arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


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


@pytest.fixture
def file_server() -> Iterator[Callable[[dict[str, bytes]], tuple[str, list[str]]]]:
    """Serve bytes by path over HTTP on loopback; gives the address and the paths asked for."""
    started: list[ThreadingHTTPServer] = []

    def start(files: dict[str, bytes]) -> tuple[str, list[str]]:
        asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                content = files.get(self.path)
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, *_: object) -> None:
                pass

        http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        started.append(http)
        threading.Thread(target=http.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{http.server_port}/", asked

    yield start
    for http in started:
        http.shutdown()
        http.server_close()
