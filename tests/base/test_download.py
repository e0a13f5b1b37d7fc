"""Downloads from real servers on loopback that fail as servers and networks do."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pty
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from builders import ROOT, read_terminal

from pipeline.base.download import Download, address_download, fetch
from pipeline.base.errors import FetchError
from pipeline.base.receiving import Patience

BODY = os.urandom(1_000_000)
HALF = 500_000


@dataclass(frozen=True)
class Answer:
    """What a server does with one request.

    `thinks`: seconds before it answers. `sends`: bytes of the body after which it cuts the
    connection, and `stalls`: seconds before it cuts. `length`: the Content-Length that it sends, -1
    for none. `total`: the total in its Content-Range. `shift`: bytes by which it misses the range.
    """

    body: bytes = BODY
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    thinks: float = 0
    sends: int | None = None
    stalls: float = 0
    ranges: bool = True
    shift: int = 0
    length: int | None = None
    total: int | None = None

    def give(self, handler: BaseHTTPRequestHandler) -> None:
        if self.thinks:
            time.sleep(self.thinks)
        wanted = handler.headers.get("Range", "")
        start, status = 0, self.status
        if wanted and self.ranges and status == 200:
            start, status = int(wanted.removeprefix("bytes=").rstrip("-")) + self.shift, 206
        body = self.body[start:] if status in (200, 206) else b""
        handler.send_response(status)
        for name, value in self.headers:
            handler.send_header(name, value)
        if status == 206:
            total = len(self.body) if self.total is None else self.total
            handler.send_header("Content-Range", f"bytes {start}-{len(self.body) - 1}/{total}")
        if self.length != -1:
            length = len(body) if self.length is None else self.length
            handler.send_header("Content-Length", str(length))
        handler.end_headers()
        handler.wfile.write(body[: self.sends])
        handler.wfile.flush()
        if self.stalls:
            time.sleep(self.stalls)


@dataclass
class Server:
    """The n-th request gets the n-th answer, and later requests get the last answer."""

    answers: list[Answer]
    requests: list[tuple[str, str]] = field(default_factory=list)  # path and Range
    url: str = ""

    @property
    def ranges(self) -> list[str]:
        return [wanted for _, wanted in self.requests]


Serve = Callable[..., tuple[Server, Download]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server with answers. Gives the server, and the Download of BODY from it."""
    started: list[ThreadingHTTPServer] = []

    def start(*answers: Answer) -> tuple[Server, Download]:
        server = Server(list(answers))

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                number = len(server.requests)
                server.requests.append((self.path, self.headers.get("Range", "")))
                with contextlib.suppress(OSError):  # the client has gone
                    server.answers[min(number, len(server.answers) - 1)].give(self)

            def log_message(self, *_: object) -> None:
                pass

        http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        http.daemon_threads = True
        started.append(http)
        threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
        server.url = f"http://127.0.0.1:{http.server_port}"
        return server, make_download(server.url)

    yield start
    for http in started:
        http.shutdown()
        http.socket.close()


def make_download(url: str, body: bytes = BODY) -> Download:
    digest = "sha256:" + hashlib.sha256(body).hexdigest()
    return Download(f"{url}/folder/vectors.gz", digest, len(body))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("OFFLINE", "MIRROR"):
        monkeypatch.delenv(f"HEADLINE_TRANSFER_{name}", raising=False)
    monkeypatch.setenv("HEADLINE_TRANSFER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def quick(download: Download, timeout: float = 30) -> Path:
    return fetch(download, patience=Patience(timeout, backoff=0.01))


def kept_files(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir() if path.suffix != ".lock"}


def test_a_file_is_fetched_once(serve: Serve, cache: Path) -> None:
    server, download = serve(Answer())
    assert not download.is_cached()
    assert fetch(download) == cache / "vectors.gz"
    assert fetch(download).read_bytes() == BODY
    assert server.requests == [("/folder/vectors.gz", "")]
    assert kept_files(cache) == {"vectors.gz"}


def test_md5_will_do(serve: Serve) -> None:
    _, download = serve(Answer())
    md5 = replace(download, digest="md5:" + hashlib.md5(BODY).hexdigest())
    assert fetch(md5).read_bytes() == BODY


CUT = Answer(sends=HALF)
FROM_HALF = f"bytes={HALF}-"
RECOVERED = {
    "cut in the middle": ([CUT, Answer()], ["", FROM_HALF]),
    "cut before the first byte": ([Answer(sends=0), Answer()], ["", ""]),
    "cut more often than is tried without progress": (
        [*(Answer(sends=100_000) for _ in range(9)), Answer()],
        ["", *(f"bytes={n}00000-" for n in range(1, 10))],
    ),
    "no length, ends too early": ([Answer(sends=HALF, length=-1), Answer()], ["", FROM_HALF]),
    "no ranges": ([CUT, Answer(ranges=False)], ["", FROM_HALF]),
    "another range": ([CUT, Answer(shift=7), Answer()], ["", FROM_HALF, ""]),
    "a range refused": ([CUT, Answer(status=416), Answer()], ["", FROM_HALF, ""]),
    "busy": ([Answer(status=503), Answer(status=429), Answer()], ["", "", ""]),
    "busy when resuming": ([CUT, Answer(status=502), Answer()], ["", FROM_HALF, FROM_HALF]),
    "another file meanwhile": (
        [Answer(bytes(1_000_000), sends=HALF), Answer(), Answer()],
        ["", FROM_HALF, ""],
    ),
    "a claim of gzip that is the file's own": (
        [Answer(headers=(("Content-Encoding", "gzip"),))],
        [""],
    ),
}


@pytest.mark.parametrize("case", RECOVERED)
def test_a_failure_that_passes_is_survived(case: str, serve: Serve, cache: Path) -> None:
    answers, ranges = RECOVERED[case]
    server, download = serve(*answers)
    assert quick(download).read_bytes() == BODY
    assert server.ranges == ranges
    assert kept_files(cache) == {"vectors.gz"}


FAILED = {
    "gone": ([Answer(status=404)], r"the server answered 404 Not Found: check the address", 1),
    "forbidden": ([Answer(status=403)], r"the server answered 403 Forbidden", 1),
    "busy for ever": ([Answer(status=503)], r"the server answered 503 .*check the connection", 6),
    "never whole": (
        [Answer(sends=HALF, ranges=False)],
        r"\(the connection broke after [\d,]+ of 1,000,000 bytes\): check the connection",
        6,
    ),
    "a length that is too long": (
        [Answer(length=1_000_100)],
        r"expected 1,000,000 bytes, the server has 1,000,100: the file there is damaged",
        1,
    ),
    "a length that is too short": ([Answer(length=900_000)], r"the server has 900,000", 1),
    "a range of another file": ([CUT, Answer(total=2_000_000)], r"the server has 2,000,000", 2),
    "no length and too much": ([Answer(BODY + b"more", length=-1)], r"the server has more", 1),
    "no length and too little": ([Answer(BODY[:9], length=-1)], r"the server has 9:", 2),
    "another digest": (
        [Answer(bytes(1_000_000))],
        r"expected the digest sha256:.*was removed: the file there is damaged or not the same",
        1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FAILED)
def test_a_failure_that_stays_is_a_message_of_one_line(
    case: str, serve: Serve, cache: Path
) -> None:
    answers, message, requests = FAILED[case]
    server, download = serve(*answers)
    with pytest.raises(FetchError, match=message) as raised:
        quick(download)
    assert "\n" not in str(raised.value)
    assert server.url in str(raised.value)
    assert len(server.requests) == requests
    assert kept_files(cache) <= {"vectors.gz.part"}


def test_pieces_that_never_fit_end(serve: Serve, cache: Path) -> None:
    wrong = Answer(bytes(1_000_000), sends=HALF)
    server, download = serve(wrong, Answer(), wrong, Answer())
    with pytest.raises(FetchError, match="another and was removed"):
        quick(download)
    assert server.ranges == ["", FROM_HALF, "", FROM_HALF]
    assert kept_files(cache) == set()


def test_a_stall_is_a_broken_connection(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    server, download = serve(Answer(sends=HALF, stalls=5), Answer())
    started = time.perf_counter()
    assert quick(download, timeout=0.3).read_bytes() == BODY
    assert time.perf_counter() - started < 3
    assert "vectors.gz: nothing came for 0.3 s after " in caplog.text
    # What was read of the last piece when the time was over may be lost.
    assert HALF - 2**16 <= int(server.ranges[1].removeprefix("bytes=").rstrip("-")) <= HALF


def test_waits_grow_and_follow_the_server(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    busy = Answer(status=503)
    _, download = serve(busy, busy, busy, replace(busy, headers=(("Retry-After", "7"),)), Answer())
    fetch(download)
    assert waits == [0.5, 1, 2, 7]
    assert "vectors.gz: the server answered 503 Service Unavailable, again in 7.0 s" in caplog.text


def test_nobody_answers(cache: Path) -> None:
    with pytest.raises(FetchError, match=r"could not fetch http://127\.0\.0\.1:9/.*refused\)"):
        quick(make_download("http://127.0.0.1:9"))
    assert kept_files(cache) == set()


def test_what_an_earlier_process_left(serve: Serve, cache: Path) -> None:
    cache.mkdir()
    part = cache / "vectors.gz.part"
    cases = {
        "a half": (BODY[:HALF], [FROM_HALF]),
        "all": (BODY, []),
        "another half": (bytes(HALF), [FROM_HALF, ""]),
        "another file of that size": (bytes(len(BODY)), [""]),
        "too much": (BODY + b"more", [""]),
    }
    for name, (content, ranges) in cases.items():
        server, download = serve(Answer())
        part.write_bytes(content)
        assert quick(download).read_bytes() == BODY, name
        assert server.ranges == ranges, name
        assert kept_files(cache) == {"vectors.gz"}
        download.path.unlink()


def test_a_damaged_file_is_noticed_where_the_digest_is_checked(serve: Serve) -> None:
    server, download = serve(Answer())
    fetch(download).write_bytes(bytes(len(BODY)))
    assert fetch(download).read_bytes() == bytes(len(BODY))  # by its size it is right
    assert fetch(download, check_digest=True).read_bytes() == BODY
    download.path.write_bytes(BODY[:-1])
    assert fetch(download).read_bytes() == BODY
    assert len(server.requests) == 3


SCRIPT = """
import logging, sys
from pipeline.base.download import Download, fetch
logging.basicConfig(level=logging.INFO, format="%(message)s")
print(fetch(Download(sys.argv[1], sys.argv[2], int(sys.argv[3]))), flush=True)
"""


def in_a_process(download: Download, **how: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, download.url, download.digest, str(download.size)],
        cwd=ROOT,
        text=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how},  # type: ignore[call-overload]
    )


def wait_for(what: Callable[[], bool]) -> None:
    for _ in range(1000):
        if what():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen within 10 seconds")


def test_two_processes_at_once(serve: Serve) -> None:
    server, download = serve(Answer(thinks=1.5))  # long enough for both to have begun
    first = in_a_process(download)
    wait_for(lambda: len(server.requests) == 1)
    second = in_a_process(download)
    results = [process.communicate(timeout=30) for process in (first, second)]
    assert [out.strip() for out, _ in results] == [str(download.path)] * 2, results
    assert "another process is fetching vectors.gz, waiting for it" in results[1][1]
    assert len(server.requests) == 1
    assert download.path.read_bytes() == BODY


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_process_that_was_killed_half_way(
    number: signal.Signals, serve: Serve, cache: Path
) -> None:
    server, download = serve(Answer(sends=HALF, stalls=30), Answer())
    # A shell's background job, which a test run may be, would pass on that it ignores SIGINT.
    process = in_a_process(
        download, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler)
    )
    part = cache / "vectors.gz.part"
    wait_for(lambda: part.exists() and part.stat().st_size > 400_000)
    process.send_signal(number)
    process.communicate(timeout=10)
    assert kept_files(cache) == {"vectors.gz.part"}
    held = part.stat().st_size
    assert BODY.startswith(part.read_bytes())
    assert fetch(download).read_bytes() == BODY
    assert server.ranges == ["", f"bytes={held}-"]


def test_a_mirror(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server, _ = serve(Answer())
    monkeypatch.setenv("HEADLINE_TRANSFER_MIRROR", f"{server.url}/mirror/")
    assert fetch(make_download("http://127.0.0.1:9")).read_bytes() == BODY
    assert server.requests == [("/mirror/vectors.gz", "")]


@pytest.mark.parametrize("mirror", ["mirror", "ftp://mirror"])
def test_a_mirror_that_is_no_address(mirror: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADLINE_TRANSFER_MIRROR", mirror)
    with pytest.raises(FetchError, match=rf"could not fetch {mirror}/vectors.gz: .*{mirror}"):
        fetch(make_download("http://127.0.0.1:9"))


def test_offline_fails_at_once(serve: Serve, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server, download = serve(Answer())
    monkeypatch.setenv("HEADLINE_TRANSFER_OFFLINE", "1")
    with pytest.raises(FetchError, match=r"vectors\.gz is not in .*cache and .*OFFLINE is set"):
        fetch(download)
    assert server.requests == []
    cache.mkdir()
    (cache / "vectors.gz").write_bytes(BODY)
    assert fetch(download, check_digest=True) == cache / "vectors.gz"


def test_a_folder_that_cannot_be_made(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HEADLINE_TRANSFER_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(FetchError, match=r"could not keep vectors\.gz in .*\(Not a directory\)"):
        fetch(serve(Answer())[1])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(serve: Serve, cache: Path) -> None:
    cache.mkdir(0o555)
    with pytest.raises(FetchError, match=r"\(Permission denied\): set HEADLINE_TRANSFER_CACHE"):
        fetch(serve(Answer())[1])


def test_a_disk_that_takes_no_more(serve: Serve, cache: Path) -> None:
    _, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (HALF, hard))
    try:
        with pytest.raises(FetchError, match=r"\(File too large\).*has room for 1\.0 MB"):
            quick(serve(Answer())[1])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert quick(serve(Answer())[1]).read_bytes() == BODY  # it goes on when there is room again


def by_symlink(part: Path, target: Path) -> None:
    part.symlink_to(target)


def by_hard_link(part: Path, target: Path) -> None:
    part.hardlink_to(target)


def by_pipe(part: Path, _: Path) -> None:
    os.mkfifo(part)


@pytest.mark.parametrize("put", [by_symlink, by_hard_link, by_pipe])
def test_what_others_put_in_the_cache_is_neither_followed_nor_written(
    put: Callable[[Path, Path], None], serve: Serve, cache: Path, tmp_path: Path
) -> None:
    cache.mkdir()
    target = tmp_path / "other"
    target.write_bytes(b"not ours")
    put(cache / "vectors.gz.part", target)
    assert quick(serve(Answer())[1]).read_bytes() == BODY
    assert target.read_bytes() == b"not ours"
    assert not (cache / "vectors.gz").is_symlink()
    (cache / "vectors.gz").unlink()
    (cache / "vectors.gz.lock").unlink(missing_ok=True)
    (cache / "vectors.gz.lock").symlink_to(target)
    with pytest.raises(FetchError, match=r"could not keep vectors\.gz"):
        quick(serve(Answer())[1])
    assert target.read_bytes() == b"not ours"


def test_a_folder_where_the_received_bytes_go(serve: Serve, cache: Path) -> None:
    (cache / "vectors.gz.part").mkdir(parents=True)
    with pytest.raises(FetchError, match=r"could not keep vectors\.gz"):
        quick(serve(Answer())[1])


def test_a_disk_with_too_little_room(serve: Serve) -> None:
    server, download = serve(Answer())
    with pytest.raises(FetchError, match=r"expected room for 1,000,000,000\.0 MB in .*there are"):
        fetch(replace(download, size=10**15))
    assert server.requests == []


def test_a_bar_on_a_terminal(serve: Serve) -> None:
    server, download = serve(CUT, Answer())
    parent, child = pty.openpty()
    process = in_a_process(
        download, stderr=child, env={**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    )
    os.close(child)
    shown = read_terminal(parent)
    assert process.wait(30) == 0
    assert server.ranges == ["", FROM_HALF]
    assert "━" in shown.decode()
    assert b"1.0/1.0 MB" in shown
    assert b"0:00:0" in shown  # time left
    assert b"MB of" not in shown  # no lines beside the bar


# ------------------------------------------------------ where nobody states the digest or the size

SHA256 = hashlib.sha256(BODY).hexdigest()
ETAG = (("ETag", '"v1"'),)


@pytest.fixture
def unstated(serve: Serve) -> Callable[..., tuple[Server, Download]]:
    """As `serve`, but the download has neither a digest nor a size."""

    def start(*answers: Answer) -> tuple[Server, Download]:
        server, download = serve(*answers)
        return server, address_download(download.url)

    return start


Unstated = Callable[..., tuple[Server, Download]]


@pytest.mark.parametrize("length", [None, -1])
def test_the_digest_of_the_first_fetch_is_kept(length: int | None, unstated: Unstated) -> None:
    server, download = unstated(Answer(length=length))
    assert quick(download).read_bytes() == BODY
    assert download.record.read_text() == f"{SHA256}  vectors.gz\n"
    subprocess.run(["sha256sum", "--check", download.record.name], check=True, cwd=download.path.parent)  # fmt: skip
    assert fetch(download, check_digest=True) == download.path
    assert len(server.requests) == 1
    download.path.write_bytes(b"damaged")
    assert fetch(download, check_digest=True).read_bytes() == BODY


def test_another_file_than_at_the_first_fetch_is_refused(unstated: Unstated) -> None:
    _, download = unstated(Answer(), Answer(b"another file"))
    quick(download)
    download.path.unlink()
    with pytest.raises(FetchError) as raised:
        quick(download)
    new = hashlib.sha256(b"another file").hexdigest()
    assert str(raised.value) == (
        f"{download.url}: the file has changed: expected the digest of the first fetch, "
        f"sha256:{SHA256}, got sha256:{new}: remove {download.record} to take the new file"
    )
    assert not download.path.exists()
    # A digest that is given counts, and is the one from then on.
    quick(address_download(download.url, new.upper()))
    assert download.record.read_text()[:64] == new
    assert fetch(download, check_digest=True).read_bytes() == b"another file"


def test_addresses_whose_files_have_the_same_name(serve: Serve, cache: Path) -> None:
    paths = []
    for body in (b"one", b"two"):
        server, _ = serve(Answer(body))
        paths.append(quick(address_download(f"{server.url}/v.txt?token=secret#part")))
    assert [path.name for path in paths] == ["v.txt", "v.txt"]
    assert [path.read_bytes() for path in paths] == [b"one", b"two"]
    assert kept_files(cache) == {"addresses"}
    assert address_download("https://a.org/").path.name == "file"


@pytest.mark.parametrize(
    ("answers", "ranges"),
    {
        "the same version": ([replace(CUT, headers=ETAG), Answer(headers=ETAG)], ["", FROM_HALF]),
        "a version without a name": ([CUT, Answer()], ["", FROM_HALF]),
        "no length": ([Answer(length=-1, headers=ETAG)], [""]),
    }.values(),
)
def test_an_unstated_file_is_resumed(
    answers: list[Answer], ranges: list[str], unstated: Unstated
) -> None:
    server, download = unstated(*answers)
    assert quick(download).read_bytes() == BODY
    assert server.ranges == ranges
    assert not list(download.path.parent.glob("*.part*"))


@pytest.mark.parametrize("tag", ['"v1"', None, 'W/"v1"'])
def test_what_an_earlier_process_left_of_an_unstated_file(
    tag: str | None, unstated: Unstated
) -> None:
    """It is gone on with where the server names the version, and otherwise fetched anew."""
    headers = (("ETag", tag),) if tag else ()
    server, download = unstated(Answer(sends=HALF, headers=headers), Answer(headers=headers))
    with pytest.raises(FetchError):
        fetch(download, patience=Patience(30, retries=0))
    assert fetch(download).read_bytes() == BODY
    assert server.ranges == ["", FROM_HALF if tag == '"v1"' else ""]
