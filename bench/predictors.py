"""The ways to predict that are compared: strings in, labels out.

They predict in this process, and through MLflow's scoring server. Each function trains what it needs
and returns the call that is measured. That call returns its figures as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any

from bench.learners import Task, Timed, fit_fasttext, load, network_only
from pipeline.studies.baselines import fit_tfidf

MANY = 100_000
_CALLS = 200  # with one headline each
_REQUEST = 1_000  # headlines a request, of which there are ten


def ours(task: Task, encoder: str, members: bool, portable: bool = False) -> Timed:
    """A classifier after one epoch. `members`: with the linear members beside the network.
    `portable`: exported, and computed by NumPy."""
    from pipeline.classifier.encoders import ENCODERS
    from pipeline.classifier.export import export_classifier
    from pipeline.training.fit import fit
    from pipeline.training.options import PhaseOptions, TrainingOptions

    loaded = load(task)
    once = TrainingOptions(phases=("frozen",), frozen=PhaseOptions(epochs=1))
    options = ENCODERS[encoder].options() if members else network_only(encoder)
    fitted = fit(loaded.train, loaded.validation, loaded.vectors, model=options, schedule=once)
    predict_proba = fitted.classifier.predict_proba
    if portable:
        from pipeline.portable import load_classifier

        with tempfile.TemporaryDirectory() as folder:
            exported = export_classifier(fitted.classifier, Path(folder, "model"))
            predict_proba = load_classifier(exported).predict_proba
    return lambda: _speed(lambda texts: predict_proba(texts).argmax(axis=1), loaded.train.texts)


def fasttext(task: Task) -> Timed:
    """fastText with character 2-5-grams."""
    loaded = load(task)
    model = fit_fasttext(loaded.train, characters=True)
    return lambda: _speed(
        lambda texts: model.predict([text.lower() for text in texts]), loaded.train.texts
    )


def svc(task: Task) -> Timed:
    """TF-IDF and a linear support vector machine, as `compare` has them."""
    loaded = load(task)
    predict = fit_tfidf(loaded.train.in_lower_case(), loaded.validation.in_lower_case(), seed=0)
    return lambda: _speed(
        lambda texts: predict([text.lower() for text in texts]), loaded.train.texts
    )


def train_options(task: Task) -> list[str]:
    """The options of `pipeline train` for one epoch on the headlines of a task."""
    data, vectors = task["data"], task["vectors"]
    options = [f"data={data['source']}"]
    options += [f"data.{name}='{data[name]}'" for name in ("path", "text", "label") if name in data]
    is_file = Path(vectors).is_file()
    options += ["vectors=file", f"vectors.path='{vectors}'"] if is_file else [f"vectors={vectors}"]
    return [*options, "training=frozen", "training.frozen.epochs=1", "insight=none"]


def logged(task: Task, server: bool, at_once: int = _REQUEST) -> Timed:
    """The model that a run with one epoch has logged, as MLflow loads it. `at_once`: headlines a
    call."""
    import mlflow

    from pipeline.config import load_config
    from pipeline.run import run

    folder = tempfile.TemporaryDirectory()
    os.chdir(folder.name)
    uri = f"sqlite:///{folder.name}/mlflow.db"
    done = run(load_config([*train_options(task), f"tracking.uri={uri}"]))
    texts = load(task).train.texts
    model = f"models:/{done.registered.name}/{done.registered.version}"

    def call() -> str:
        with folder:
            if not server:
                mlflow.set_tracking_uri(uri)
                loaded = mlflow.pyfunc.load_model(model)
                return _speed(loaded.predict, texts, MANY, at_once)
            with _scoring_server(model, uri) as ask:
                return _speed(ask, texts, 10 * _REQUEST, _REQUEST)

    return call


@contextmanager
def _scoring_server(model: str, uri: str) -> Iterator[Callable[[list[str]], Any]]:
    """A function that asks a scoring server, which ends with its children."""
    import requests

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", model, "-w", "1",
               "--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)]  # fmt: skip
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "MLFLOW_TRACKING_URI": uri, "PATH": path}
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    session, address = requests.Session(), f"http://127.0.0.1:{port}"
    try:
        _wait(f"{address}/ping", process)

        def ask(texts: list[str]) -> Any:
            answer = session.post(f"{address}/invocations", json={"inputs": texts}, timeout=60)
            answer.raise_for_status()
            return answer.json()["predictions"]

        yield ask
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # the group of this server alone
        process.wait(20)


def _wait(address: str, process: subprocess.Popen[bytes], seconds: int = 120) -> None:
    import requests

    for _ in range(4 * seconds):
        if process.poll() is not None:
            raise RuntimeError(f"the scoring server ended with code {process.returncode}")
        try:
            if requests.get(address, timeout=2).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.25)
    raise RuntimeError(f"the scoring server did not answer within {seconds} seconds")


def _speed(
    predict: Callable[[list[str]], Any], texts: Sequence[str], n: int = MANY, at_once: int = MANY
) -> str:
    """The figures of a way to predict.

    `one`: milliseconds for one headline, the median of its calls. `per_second`: headlines a second
    with `at_once` in a call. Both are the best of three times, as other processes slow some of them.
    `n`: how many headlines that was.
    """
    source = list(islice(cycle(texts), n))
    predict(source[:at_once])
    rounds = [(_one(predict, source[:_CALLS]), _timed(predict, source, at_once)) for _ in range(3)]
    single, seconds = (min(times) for times in zip(*rounds, strict=True))
    return json.dumps({"one": 1000 * single, "per_second": n / seconds, "n": n})


def _one(predict: Callable[[list[str]], Any], texts: Sequence[str]) -> float:
    """The median of the seconds for one text."""
    seconds = []
    for text in texts:
        started = time.perf_counter()
        predict([text])
        seconds.append(time.perf_counter() - started)
    return median(seconds)


def _timed(predict: Callable[[list[str]], Any], texts: list[str], at_once: int) -> float:
    started = time.perf_counter()
    for i in range(0, len(texts), at_once):
        predict(texts[i : i + at_once])
    return time.perf_counter() - started
