"""Data sets of the hub: the real client downloads from a server on loopback."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from builders import make_headlines

TEXTS, LABELS = make_headlines(30)
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def csv(part: slice) -> bytes:
    rows = zip(TEXTS[part], LABELS[part], strict=True)
    return "\n".join(["title,topic", *(f"{t},{label}" for t, label in rows)]).encode()


FILES = {"train.csv": csv(slice(0, 60)), "test.csv": csv(slice(60, 90))}


class Hub(BaseHTTPRequestHandler):
    """The data set `somebody/news`, and nothing else."""

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        name = path.rsplit("/", 1)[1]
        if path.startswith(f"/api/datasets/somebody/news/tree/{COMMIT}"):
            is_root = name == COMMIT
            rows = [
                {"type": "file", "path": file, "size": len(content), "oid": self.tag(content)}
                for file, content in FILES.items()
            ]
            self.answer(json.dumps(rows).encode() if is_root else None)
        elif path.startswith("/api/datasets/somebody/news"):
            siblings = [{"rfilename": file} for file in FILES]
            info = {"id": "somebody/news", "sha": COMMIT, "siblings": siblings, "tags": [],
                    "private": False, "gated": False, "disabled": False, "downloads": 0}  # fmt: skip
            self.answer(json.dumps(info).encode())
        elif path.startswith("/datasets/somebody/news/resolve/"):
            self.answer(FILES.get(name))
        else:
            self.answer(None)

    do_HEAD = do_GET  # noqa: N815

    def answer(self, content: bytes | None) -> None:
        self.send_response(404 if content is None else 200)
        if content is None:
            mine = "/somebody/news" in self.path
            self.send_header("X-Error-Code", "EntryNotFound" if mine else "RepoNotFound")
        content = content or b""
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{self.tag(content)}"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    @staticmethod
    def tag(content: bytes) -> str:
        return hashlib.sha1(content).hexdigest()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Environment variables that make the test's own server the hub, with an empty cache."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield {
        **os.environ,
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_HOME": str(tmp_path / "cache"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_OFFLINE": "0",
    }
    server.shutdown()
    server.server_close()


def load(env: dict[str, str], **arguments: str) -> str:
    """Load from the hub in a new process, because the client reads its settings once."""
    code = (
        "from pipeline import load_headlines; from pipeline.base.errors import DataError\n"
        f"try: h = load_headlines('hub', text='title', **{arguments})\n"
        "except DataError as error: print('DataError:', error)\n"
        "else: print(h.name, {s: len(rows) for s, rows in h.splits.items()}, h.texts('test')[0])"
    )
    return subprocess.check_output([sys.executable, "-c", code], env=env, text=True)


def test_a_data_set_is_downloaded_and_then_comes_from_the_cache(hub: dict[str, str]) -> None:
    expected = f"somebody-news {{'train': 54, 'validation': 6, 'test': 30}} {TEXTS[60]}"
    assert load(hub, path="somebody/news", label="topic").strip() == expected
    offline = hub | {"HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:9"}
    assert load(offline, path="somebody/news", label="topic").strip() == expected


def test_what_is_not_there_is_named(hub: dict[str, str]) -> None:
    assert "could not load 'somebody/else' from the hub" in load(hub, path="somebody/else")
    wrong = load(hub, path="somebody/news", label="label")
    assert "there is no column 'label', it has 'title', 'topic'" in wrong
    offline = load(hub | {"HF_HUB_OFFLINE": "1"}, path="somebody/other", label="topic")
    assert "HF_HUB_OFFLINE is set: unset it, or use data=file" in offline
