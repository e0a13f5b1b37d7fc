"""Answers over HTTP, in the protocol of MLflow's scoring server, with nothing of MLflow loaded.

MLflow's own server reads CSV with pandas before a model sees it: blank lines vanish, `null` is
missing, the first headline is taken as a header. It also answers some bad requests with 500. So
`pipeline serve` has this application.
"""

from __future__ import annotations

import asyncio
import csv
import ctypes
import errno
import io
import json
import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Any

from pipeline.base.errors import DataError, ModelError, TrackingError
from pipeline.portable.answers import PARAMS, Answers, answer, read_payload, shorten

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

MAX_BYTES = 64 * 2**20
"""The longest body of a request."""
MAX_TEXTS = 100_000
"""The most texts of a request."""

_BATCH_ROWS = 1_000  # of Parquet, that are looked at together
_M_MMAP_THRESHOLD = -3  # in malloc.h of glibc

TEXT_COLUMNS = ("text", "texts", "headline", "headlines", "title", "titles")
"""What people call a column of headlines."""
HEADERS = (*TEXT_COLUMNS, "inputs", "instances", "0")
"""What a first row of CSV may be to count as the name of the column, where the type does not say
it."""


class RequestError(Exception):
    """A request that gets no predictions, for another reason than its texts. `status`: of HTTP."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def read_request(content_type: str | None, body: bytes) -> tuple[list[str], dict[str, Any]]:
    """The texts and the parameters of a request.

    `content_type`: that of MLflow's protocol: application/json, text/csv or
    application/vnd.apache.parquet. `text/csv; header=absent` (RFC 4180) says that the first row is
    a text, and `header=present` that it is the name of the column.

    Raises RequestError: another type; DataError: the body is not what the type says.
    """
    mime, _, rest = (content_type or "").partition(";")
    mime = mime.strip().lower()
    options = dict(_option(part) for part in rest.split(";") if part.strip())
    if mime not in _READERS:
        shown = f"got {shorten(content_type)}" if content_type else "the request has none"
        raise RequestError(
            415 if mime else 400, f"expected a Content-Type of {', '.join(_READERS)}, {shown}"
        )
    if (charset := options.pop("charset", "utf-8")) not in ("utf-8", "utf8", "us-ascii"):
        raise RequestError(415, f"expected text in UTF-8, got charset={shorten(charset)}")
    return _READERS[mime](body, options)


def _option(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return name.strip().lower(), value.strip().strip('"').lower()


def _read_json(body: bytes, _: Mapping[str, str]) -> tuple[list[str], dict[str, Any]]:
    content = parse_json(body)
    formats = ("inputs", "instances", "dataframe_split", "dataframe_records")
    names = list(content) if isinstance(content, dict) else []
    given = [name for name in names if name in formats]
    unused = [name for name in names if name not in (*formats, "params")]
    if len(given) != 1 or unused:
        shown = f"got the keys {shorten(names)}" if names else f"got {shorten(content)}"
        raise DataError(
            f"expected an object with one of {', '.join(formats)}, and perhaps params, {shown}"
        )
    params = content.get("params")
    if params is None:
        params = {}
    unknown = [name for name in params if name not in PARAMS] if isinstance(params, dict) else []
    if not isinstance(params, dict) or unknown:
        raise DataError(f"params: expected {', '.join(PARAMS)}, got {shorten(unknown or params)}")
    payload = content[given[0]]
    if given[0] == "dataframe_split":
        payload = _split_rows(payload)
    elif given[0] == "dataframe_records" and not isinstance(payload, list):
        raise DataError(f"dataframe_records: expected a list of rows, got {shorten(payload)}")
    return read_payload(payload), params


def parse_json(body: bytes) -> Any:
    """The value of a body of JSON. Raises DataError: it is none, or too deep, or has a key
    twice."""
    try:
        text = body.decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=_object, parse_int=_integer)
    except RecursionError:
        raise DataError("expected JSON of texts, got lists in lists to a great depth") from None
    except ValueError as error:  # no UTF-8, no JSON, or a number of too many digits
        raise DataError(f"expected JSON in UTF-8: {str(error)[:200]}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError(f"a key is there twice among {shorten([name for name, _ in pairs])}")
    return content


def _integer(digits: str) -> int:
    if len(digits) > 300:  # as many as a float has at most; Python refuses 4,300
        raise ValueError(f"a number has {len(digits):,} digits")
    return int(digits)


def _split_rows(frame: Any) -> Any:
    """The rows of `dataframe_split`."""
    keys = set(frame) if isinstance(frame, dict) else set()
    if "data" not in keys or keys - {"columns", "index", "data"} or not _is_list(frame, "data"):
        raise DataError(
            f"dataframe_split: expected an object with columns and data, got {shorten(frame)}"
        )
    rows, columns = frame["data"], frame.get("columns")
    if columns is not None and (not _is_list(frame, "columns") or len(columns) != 1):
        if columns == [] and not rows:
            return []
        raise DataError(
            f"dataframe_split: expected one column of texts, got {shorten(columns)}: send only the "
            "column of the texts"
        )
    if frame.get("index") is not None and (
        not _is_list(frame, "index") or len(frame["index"]) != len(rows)
    ):
        raise DataError(f"dataframe_split: expected an index with {len(rows)} items")
    return rows


def _is_list(frame: Mapping[str, Any], key: str) -> bool:
    return isinstance(frame[key], list)


def _read_csv(body: bytes, options: Mapping[str, str]) -> tuple[list[str], dict[str, Any]]:
    """One text a line, and each line is a text, also an empty one."""
    header = options.get("header", "")
    if header not in ("", "present", "absent"):
        raise DataError(
            f"text/csv: expected header=present or header=absent, got {shorten(header)}"
        )
    try:
        content = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"text/csv: expected UTF-8: {error}") from None
    # A reader takes it for the end of a line, and all later answers would shift.
    if "\n" in content and (lone := re.search(r"\r(?!\n)", content)):
        line = content.count("\n", 0, lone.start()) + 1
        raise DataError(
            f"text/csv, line {line}: expected lines that end in one way, got a carriage return "
            "alone (\\r): leave it out, or send JSON"
        )
    csv.field_size_limit(MAX_BYTES)  # the body is no longer
    rows = csv.reader(io.StringIO(content, newline=""), strict=True)
    texts = []
    start = 1
    try:
        for row in rows:
            if len(row) > 1:
                raise DataError(
                    f"text/csv, line {start}: expected one text, got {len(row)} fields: put texts "
                    "with commas in double quotes, and send only the column of the texts"
                )
            if rows.line_num > start:
                raise DataError(
                    f"text/csv, line {start}: expected one text a line, the quotes of this one "
                    f"close in line {rows.line_num}: close them, or send JSON"
                )
            texts.append(row[0] if row else "")
            start += 1
    except csv.Error as error:
        raise DataError(
            f"text/csv, line {start}: expected quotes in pairs ({error}): write a quote inside a "
            'quoted text twice ("")'
        ) from None
    if header == "absent":
        return texts, {}
    if not texts:
        raise DataError("text/csv: expected the name of the column in the first line, got nothing")
    if re.search(r"[;\t|]", texts[0]):
        raise DataError(
            f"text/csv: expected one column, got the names {shorten(texts[0])}: send only the "
            "column of the texts"
        )
    if not header and texts[0].strip().lower() not in HEADERS:
        raise DataError(
            "text/csv: expected the name of the column in the first line "
            f"({', '.join(TEXT_COLUMNS)}), got {shorten(texts[0])}: for another name send the type "
            "text/csv; header=present, for a text text/csv; header=absent"
        )
    return texts[1:], {}


def _read_parquet(body: bytes, _: Mapping[str, str]) -> tuple[list[str], dict[str, Any]]:
    """A small file can hold many large texts, so their number and size are looked at first."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts: list[Any] = []
    size = 0
    try:
        file = pq.ParquetFile(pa.BufferReader(body))
        _check_number(file.metadata.num_rows)
        # An index that pandas wrote is no column of texts.
        names = [n for n in file.schema_arrow.names if not n.startswith("__index_level_")]
        if len(names) != 1:
            raise DataError(
                f"expected one column of texts, got {len(names)} "
                f"({', '.join(map(repr, names[:5]))[:200] or 'none'}): send only the column of the "
                "texts"
            )
        kind = file.schema_arrow.field(names[0]).type
        value = kind.value_type if pa.types.is_dictionary(kind) else kind
        if value not in (pa.string(), pa.large_string(), pa.string_view(), pa.null()):
            raise DataError(
                f"expected a column of texts, got one of {shorten(str(kind))}: send texts"
            )
        # As a dictionary, so that a text that is there many times is kept once.
        file = pq.ParquetFile(pa.BufferReader(body), read_dictionary=names)
        for batch in file.iter_batches(_BATCH_ROWS, columns=names):
            size += _text_bytes(batch.column(0))
            if size > MAX_BYTES:
                raise RequestError(413, f"expected texts of at most {MAX_BYTES:,} bytes, got more")
            texts += batch.column(0).to_pylist()
    except UnicodeDecodeError as error:
        raise DataError(f"expected texts in UTF-8: {error}") from None
    except (pa.ArrowException, OSError, ValueError, OverflowError):
        raise DataError("expected a Parquet file, the body is another one or damaged") from None
    return read_payload({names[0]: texts}), {}


def _text_bytes(column: Any) -> int:
    """Bytes of the texts of a column of pyarrow, where each counts as often as it is there."""
    import pyarrow.compute as pc

    if column.null_count == len(column):
        return 0
    return pc.sum(pc.binary_length(column.dictionary).take(column.indices)).as_py() or 0


def _check_number(number: int) -> None:
    if number > MAX_TEXTS:
        raise RequestError(413, f"expected at most {MAX_TEXTS:,} texts at a time, got {number:,}")


_READERS: Mapping[str, Callable[[bytes, Mapping[str, str]], tuple[list[str], dict[str, Any]]]] = {
    "application/json": _read_json,
    "text/csv": _read_csv,
    "application/vnd.apache.parquet": _read_parquet,
}


def respond(
    classifier: Answers, address: str, content_type: str | None, body: bytes
) -> tuple[int, bytes]:
    """The HTTP status and the JSON body for a request to /invocations.

    `address`: of the model, which each answer has as `model`.
    """
    try:
        texts, params = read_request(content_type, body)
        _check_number(len(texts))
        rows = answer(classifier, texts, **params)
    except DataError as error:
        return refuse(400, str(error))
    except RequestError as error:
        return refuse(error.status, str(error))
    except ModelError as error:
        return refuse(500, str(error))
    return 200, json.dumps({"predictions": rows, "model": address}).encode()


def refuse(status: int, message: str) -> tuple[int, bytes]:
    """The answer to a bad request, in the form of MLflow's server."""
    codes = {400: "BAD_REQUEST", 500: "INTERNAL_ERROR"}
    code = codes.get(status, "INVALID_PARAMETER_VALUE")
    line = " ".join(message.split())
    return status, json.dumps({"error_code": code, "message": line}).encode()


async def read_body(request: Request, most: int = MAX_BYTES) -> bytes:
    """The body of a request, which is read no further than `most` bytes.

    Raises RequestError: it is longer, compressed, or not whole.
    """
    from starlette.requests import ClientDisconnect

    if request.headers.get("content-encoding", "identity") != "identity":
        raise RequestError(415, "expected a body that is not compressed")
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > most:
                raise RequestError(413, f"expected a body of at most {most:,} bytes, got more")
    except ClientDisconnect:  # nobody reads the answer
        raise RequestError(400, "expected the whole body") from None
    return bytes(body)


def application(classifier: Answers, address: str) -> Starlette:
    """The ASGI application: /invocations, and /ping, /health and /version."""
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.responses import Response
    from starlette.routing import Route

    def as_response(status: int, body: bytes) -> Response:
        return Response(body, status, media_type="application/json")

    async def invocations(request: Request) -> Response:
        try:
            body = await read_body(request)
        except RequestError as error:
            return as_response(*refuse(error.status, str(error)))
        content_type = request.headers.get("content-type")
        # In a thread, so that the server answers others meanwhile.
        answered = await asyncio.to_thread(respond, classifier, address, content_type, body)
        return as_response(*answered)

    def alive(_: Request) -> Response:
        return Response("\n", media_type="application/json")

    def mlflow_version(_: Request) -> Response:
        return Response(version("mlflow"), media_type="application/json")

    async def wrong_address(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 400
        where = f"{request.method} {request.url.path}"
        return as_response(
            *refuse(status, f"expected POST /invocations or GET /ping, got {shorten(where)}")
        )

    return Starlette(
        routes=[
            Route("/invocations", invocations, methods=["POST"]),
            Route("/ping", alive),
            Route("/health", alive),
            Route("/version", mlflow_version),
        ],
        exception_handlers={HTTPException: wrong_address},
    )


def listen(host: str, port: int) -> socket.socket:
    """A socket that waits for connections. Raises TrackingError: the port cannot be used."""
    try:
        return socket.create_server((host, port), backlog=128)
    except (OSError, OverflowError) as error:
        number = getattr(error, "errno", None)  # Python's own text has the address once more
        option = "--port" if number == errno.EADDRINUSE else "--host or --port"
        raise TrackingError(
            f"could not listen on {host}:{port} ({os.strerror(number) if number else error}): "
            f"choose another with {option}"
        ) from error


def run_server(served: Any, listener: socket.socket) -> None:
    """Serve an ASGI application until a signal comes. `listener`: as `listen` gives it."""
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(served, log_config=None, access_log=False))
    _give_memory_back()
    before = signal.getsignal(signal.SIGHUP)
    hears = before is not signal.SIG_IGN and current_thread() is main_thread()
    if hears:  # a terminal that closes; uvicorn hears the other signals itself
        signal.signal(signal.SIGHUP, server.handle_exit)
    with listener:
        server.run(sockets=[listener])
    if hears:
        signal.signal(signal.SIGHUP, before)


def _give_memory_back() -> None:
    """Let the memory of large requests go back to the system.

    glibc takes large pieces from the system and gives them back. But with each such piece it raises
    what it calls large, and keeps smaller ones. Once the limit is set, it stays.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, 2**17)
