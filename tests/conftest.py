"""Fixtures: a cache, data, vectors and a tracking store of the tests' own."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from builders import all_words, make_headlines, small_overrides, write_csv, write_glove
from hypothesis import settings

if TYPE_CHECKING:
    from pipeline.run import RunResult

# Before TensorFlow, MLflow and the hub client are imported anywhere.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ.pop("MLFLOW_TRACKING_URI", None)

# The same examples each time: what fails here fails everywhere. `bench.fuzz` looks for new ones.
settings.register_profile("same", derandomize=True)
settings.load_profile("same")


def pytest_configure(config: pytest.Config) -> None:
    """Use as many threads as the commands do, before a test module computes with TensorFlow.

    Then a training that a process began goes on in the test's process with the same bits.
    """
    if hasattr(config, "workerinput") or not config.getoption("numprocesses"):
        from pipeline.embedding.threads import set_threads

        set_threads()


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


@pytest.fixture(scope="session")
def logged(
    small: dict[str, Path], store_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> RunResult:
    """A finished run. The store is a file, and `result.tracking_uri` its address."""
    from pipeline.config import load_config
    from pipeline.run import run

    folder = tmp_path_factory.mktemp("logged")
    shutil.copy(store_template, folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        uri = f"sqlite:///{folder / 'mlflow.db'}"
        return run(load_config(small_overrides(small, uri, "insight=none")))


@pytest.fixture
def store(tmp_path: Path, store_template: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A tracking store of its own in a folder of its own, which is the current one."""
    import mlflow

    shutil.copy(store_template, tmp_path / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    yield f"sqlite:///{tmp_path / 'mlflow.db'}"
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(None)  # the tests run in any order


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
