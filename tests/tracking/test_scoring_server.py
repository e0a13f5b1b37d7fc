"""The server of `pipeline serve`, over HTTP. What bad requests get is in tests/robustness."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import requests
import uvicorn
from builders import free_port
from numpy.typing import NDArray

from pipeline.base.errors import TrackingError
from pipeline.tracking.scoring import MAX_BYTES, application, listen


class Endings:
    """The probability of `one` is the number at the end of a text."""

    label_names = ("one", "two", "three")
    calibration = None

    def predict_proba(self, texts: Iterable[str]) -> NDArray[np.float32]:
        first = np.array([float(text.split()[-1]) for text in texts], np.float32)
        return np.stack([first, (1 - first) * 0.75, (1 - first) * 0.25], axis=1)

    def predict_marked(
        self, texts: Iterable[str]
    ) -> tuple[NDArray[np.float32], NDArray[np.object_]]:
        probabilities = self.predict_proba(texts)
        return probabilities, np.full(len(probabilities), None, object)

    def why(self, texts: Iterable[str]) -> list[dict[str, Any]]:
        return [{"words": [{"word": text}], "bias": {}} for text in texts]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    number = free_port()
    config = uvicorn.Config(
        application(Endings(), "models:/m/3"), port=number, log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield number
    server.should_exit = True
    thread.join(10)


def post(port: int, **options: Any) -> requests.Response:
    return requests.post(f"http://127.0.0.1:{port}/invocations", timeout=30, **options)


def test_payloads_of_the_protocol_get_the_same_answers(port: int) -> None:
    texts = ["Alps 0.9", "snow 0.1"]
    bodies: list[dict[str, Any]] = [
        {"inputs": texts},
        {"inputs": {"any": texts}},
        {"instances": texts},
        {"instances": [{"any": text} for text in texts]},
        {"dataframe_split": {"columns": ["any"], "index": [7, 3], "data": [[t] for t in texts]}},
        {"dataframe_records": [{"any": text} for text in texts]},
    ]
    answers = [post(port, json=body) for body in bodies]
    csv = {"Content-Type": "text/csv"}
    answers.append(post(port, data="headline\nAlps 0.9\nsnow 0.1\n", headers=csv))
    expected = {
        "predictions": [
            {"label": label, "probability": max(row), "probabilities": dict(zip(names, row, strict=True)), "mark": None}
            for names in [Endings.label_names]
            for label, row in zip(
                ("one", "two"), Endings().predict_proba(texts).tolist(), strict=True
            )
        ],
        "model": "models:/m/3",
    }  # fmt: skip
    for answer in answers:
        assert (answer.status_code, answer.json()) == (200, expected)
    (row,) = post(port, json={"inputs": texts[0]}).json()["predictions"]
    assert row == expected["predictions"][0]


def test_parameters(port: int) -> None:
    def ask(**params: Any) -> dict[str, Any]:
        return post(port, json={"inputs": ["x 0.1"], "params": params}).json()["predictions"][0]

    assert list(ask(top_k=2)["probabilities"]) == ["two", "three"]
    assert list(ask(top_k=9)["probabilities"]) == ["two", "three", "one"]
    assert ask(threshold=0.5)["label"] == "two"
    assert ask(threshold=0.7)["label"] is None
    assert ask(why=True)["why"] == {"words": [{"word": "x 0.1"}], "bias": {}}
    assert "why" not in ask(why=False)


def test_other_addresses_and_methods(port: int) -> None:
    address = f"http://127.0.0.1:{port}"
    for name in ("ping", "health", "version"):
        assert requests.get(f"{address}/{name}", timeout=5).status_code == 200
    for answer in (
        requests.get(f"{address}/invocations", timeout=5),
        requests.post(f"{address}/ping", timeout=5),
        requests.get(f"{address}/docs", timeout=5),
    ):
        assert answer.status_code in (404, 405)
        assert "expected POST /invocations or GET /ping" in answer.json()["message"]
    packed = post(port, data=b"x", headers={"Content-Encoding": "gzip"})
    assert packed.status_code == 415


def test_a_body_that_is_too_large_is_refused_before_its_end(port: int) -> None:
    """Its length is not known before."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest("POST", "/invocations")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    piece = b"x" * 2**20
    try:
        for _ in range(MAX_BYTES // len(piece) + 2):
            connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
    except (BrokenPipeError, ConnectionResetError):
        pass  # the server has answered and closed
    else:
        answer = connection.getresponse()
        assert answer.status == 413
        assert "at most 67,108,864 bytes" in json.loads(answer.read())["message"]
    finally:
        connection.close()


def test_many_clients_get_their_own_answers_in_order(port: int) -> None:
    def ask(number: int) -> list[float]:
        texts = [f"{number} {i} {(i * 7 + number) % 100 / 100}" for i in range(50)]
        rows = post(port, json={"inputs": texts}).json()["predictions"]
        return [round(row["probabilities"]["one"], 2) for row in rows]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(40)))
    for number, answer in enumerate(answers):
        assert answer == [(i * 7 + number) % 100 / 100 for i in range(50)]


def test_a_port_that_is_taken(port: int) -> None:
    with pytest.raises(TrackingError, match=rf"could not listen on 127.0.0.1:{port} .*: choose"):
        listen("127.0.0.1", port)
