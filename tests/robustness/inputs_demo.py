"""Bad requests to the page of `pipeline demo`, and requests that are not those of its page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from bad_input import BadInput, Trial

ADDRESS = "http://127.0.0.1:5002"


def _send(
    path: str,
    body: Any = None,
    *,
    method: str = "POST",
    kind: str | None = "application/json",
    **headers: str,
) -> Callable[[Trial], str]:
    """What a request gets: the status, and the line of an error or the keys of an answer.

    `body`: bytes, or what JSON writes. `headers`: with _ for -.
    """
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def act(trial: Trial) -> str:
        from portable_folder import write_folder
        from starlette.testclient import TestClient

        from pipeline.cli.demo.server import application
        from pipeline.cli.demo.session import Session
        from pipeline.tracking.models import load_model

        model = load_model(str(write_folder(trial.folder / "model")))
        session = Session(model, None, trial.folder / "cases")
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        types = {} if kind is None else {"Content-Type": kind}
        client = TestClient(application(session), ADDRESS, raise_server_exceptions=False)
        answer = client.request(method, path, content=content, headers=types | given)
        return f"{answer.status_code}: {_told(answer.json() if answer.content else {})}"

    return act


def _told(content: Any) -> str:
    if isinstance(content, Mapping) and "error" in content:
        assert "\n" not in content["error"]
        return str(content["error"])
    if isinstance(content, list):
        return f"{len(content)} answers"
    return f"label {content['label']!r}, {len(content['words'])} words"


def _headline(text: Any) -> Callable[[Trial], str]:
    return _send("/api/headline", {"text": text})


def _file(name: str, data: bytes, column: str = "") -> Callable[[Trial], str]:
    address = f"/api/file?name={name}&column={column}"
    return _send(address, data, kind="application/octet-stream")


ONE = {"text": "alps"}

ROWS = (
    BadInput(
        "another name of the host, as in DNS rebinding",
        _send("/api/headline", ONE, host="evil.example:5002"),
        "421: expected a request to 127.0.0.1 or localhost, got 'evil.example:5002'",
    ),
    BadInput(
        "a host that begins like ours",
        _send("/api/headline", ONE, host="127.0.0.1.evil.example"),
        "421: expected a request to 127.0.0.1 or localhost, got '127.0.0.1.evil.example'",
    ),
    BadInput(
        "the host in large letters",
        _send("/api/headline", ONE, host="LOCALHOST:5002"),
        "200: label 'nature', 1 words",
    ),
    BadInput(
        "a page of another origin asks",
        _send("/api/headline", ONE, origin="https://evil.example"),
        "403: expected a request of this page, got one of 'https://evil.example'",
    ),
    BadInput(
        "a page of another port asks",
        _send("/api/headline", ONE, origin="http://127.0.0.1:8888"),
        "403: expected a request of this page, got one of 'http://127.0.0.1:PORT'",
    ),
    BadInput(
        "a file of the machine asks, whose origin is null",
        _send("/api/headline", ONE, origin="null"),
        "403: expected a request of this page, got one of 'null'",
    ),
    BadInput(
        "another site asks without an origin",
        _send("/api/headline", ONE, sec_fetch_site="cross-site"),
        "403: expected a request of this page, got one of 'cross-site'",
    ),
    BadInput(
        "a form of another page, whose type is text/plain",
        _send("/api/correct", {"text": "alps", "label": "x"}, kind="text/plain"),
        "415: expected a Content-Type of application/json, got 'text/plain'",
    ),
    BadInput(
        "no type",
        _send("/api/headline", ONE, kind=None),
        "415: expected a Content-Type of application/json, got ''",
    ),
    BadInput(
        "a preflight request of another page",
        _send("/api/headline", b"", method="OPTIONS", origin="https://evil.example"),
        "403: expected a request of this page, got one of 'https://evil.example'",
    ),
    BadInput(
        "another method",
        _send("/api/headline", b"", method="GET"),
        "405: there is no GET /api/headline: open / instead",
    ),
    BadInput(
        "another address",
        _send("/../../etc/passwd", b"", method="GET"),
        "404: there is no GET /etc/passwd: open / instead",
    ),
    BadInput(
        "no JSON",
        _send("/api/headline", b"{"),
        "400: expected JSON in UTF-8: Expecting property name enclosed in double quotes: line 1 "
        "column 2 (char 1)",
    ),
    BadInput(
        "lists in lists to a great depth",
        _send("/api/headline", b"[" * 100_000),
        "400: expected JSON of texts, got lists in lists to a great depth",
    ),
    BadInput(
        "a body that is compressed",
        _send("/api/headline", b"x", content_encoding="gzip"),
        "415: expected a body that is not compressed",
    ),
    BadInput(
        "a body of more than 8 MB",
        _send("/api/headline", {"text": "x" * 9_000_000}),
        "413: expected a body of at most 8,388,608 bytes, got more",
    ),
    BadInput(
        "a list instead of an object",
        _send("/api/headline", ["alps"]),
        "400: expected an object with text, got ['alps']",
    ),
    BadInput(
        "another key",
        _send("/api/headline", {"headline": "alps"}),
        "400: expected an object with text, got {'headline': 'alps'}",
    ),
    BadInput(
        "a number as a headline",
        _headline(5),
        "400: text: expected a text, got 5",
    ),
    BadInput(
        "an empty headline",
        _headline(" \n"),
        "400: expected a headline, got an empty one",
    ),
    BadInput(
        "half of a character (a lone surrogate)",
        _headline("alps \ud83d snow"),
        "200: label 'nature', 3 words",
    ),
    BadInput(
        "a headline of 1,000,000 characters, of which 10,000 are read",
        _headline("alps " * 200_000),
        "200: label 'nature', 2000 words",
    ),
    BadInput(
        "more than 10,000 headlines in one request",
        _send("/api/labels", {"texts": ["alps"] * 10_001}),
        "413: expected at most 10,000 texts, got 10,001",
    ),
    BadInput(
        "a null among the headlines",
        _send("/api/labels", {"texts": ["alps", None]}),
        "400: texts: expected a list of texts, got ['alps', None]",
    ),
    BadInput(
        "a correction without a label",
        _send("/api/correct", {"text": "alps", "label": " "}),
        "400: expected a label, got ' ' at position 0",
    ),
    BadInput(
        "a label of 300 characters",
        _send("/api/correct", {"text": "alps", "label": "x" * 300}),
        "400: expected a label of at most 200 characters, got 300",
    ),
    BadInput(
        "a correction is undone where there is none",
        _send("/api/undo", {}),
        "400: expected a correction to undo, there is none since the demo was started",
    ),
    BadInput(
        "a file without a byte is given to the page",
        _file("my.csv", b""),
        "400: my.csv: expected a file of headlines, it is empty",
    ),
    BadInput(
        "a file with columns of other names",
        _file("my.csv", b"id,words\n1,alps\n"),
        "400: my.csv: expected a column named text, texts, headline, headlines, title, titles, it "
        "has 'id', 'words': write the name of the column of headlines",
    ),
    BadInput(
        "a column that the file has not",
        _file("my.csv", b"id,words\n1,alps\n", "word"),
        "400: my.csv: expected a column named word, it has 'id', 'words': write the name of the "
        "column of headlines",
    ),
    BadInput(
        "a picture as a file of headlines",
        _file("my.csv", b"\x89PNG\r\n\x1a\n\0\0"),
        "400: my.csv: expected text, got a picture",
    ),
    BadInput(
        "a file that is sent as JSON",
        _send("/api/file?name=my.csv", b"text\nalps\n"),
        "415: expected a Content-Type of application/octet-stream, got 'application/json'",
    ),
    BadInput(
        "a path as the name of a file",
        _file("../../etc/passwd.csv", b"\xff\xfe\xff"),
        "400: passwd.csv, line 1: expected UTF-16-LE, as the first bytes say, got other bytes: the file "
        "is damaged or cut off",
    ),
)
