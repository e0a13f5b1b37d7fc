"""The server of the page: its files and its answers, for this machine alone.

A page of another address cannot ask it: the names of hosts and origins are checked, which also
keeps a foreign name out that was made to point here (DNS rebinding), and no answer allows another
origin.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pipeline.base.errors import DataError, PipelineError
from pipeline.cli.demo.files import label_file
from pipeline.cli.demo.session import Session
from pipeline.portable.answers import shorten
from pipeline.tracking.scoring import RequestError, parse_json, read_body

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

MOST_BYTES = 8 * 2**20
"""Bytes of a request that is no file."""
MOST_FILE_BYTES = 64 * 2**20
MOST_TEXTS = 10_000
"""Texts of a request. The page asks for fewer at a time, so that it can show how far it is."""

HOSTS = ("127.0.0.1", "localhost", "[::1]")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_HERE = Path(__file__).parent
_FILES = {
    "/": (_HERE / "page.html", "text/html"),
    "/page.css": (_HERE / "page.css", "text/css"),
    "/colours.css": (_HERE.parents[1] / "report" / "colours.css", "text/css"),
    "/page.js": (_HERE / "page.js", "text/javascript"),
}
_JSON, _BYTES = "application/json", "application/octet-stream"


def check_origin(headers: Any) -> None:
    """Raises RequestError: the request was sent to another name than ours, or by another page.

    `headers`: of the request, a mapping whose names are in lower case.
    """
    host = headers.get("host", "").lower()
    if host.rpartition(":")[0] not in HOSTS and host not in HOSTS:
        raise RequestError(
            421, f"expected a request to {HOSTS[0]} or localhost, got {shorten(host)}"
        )
    origin = headers.get("origin")
    site = headers.get("sec-fetch-site", "none")
    if origin not in (None, f"http://{host}") or site not in ("none", "same-origin"):
        raise RequestError(
            403, f"expected a request of this page, got one of {shorten(origin or site)}"
        )


def application(session: Session) -> Starlette:
    """The ASGI application: the page at /, and under /api what it asks."""
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    async def file(request: Request) -> Response:
        path, kind = _FILES[request.url.path]
        return Response(path.read_bytes(), media_type=kind)

    def about(_: Request) -> Response:
        return JSONResponse(session.describe())

    def labels(content: dict[str, Any]) -> Any:
        texts = content["texts"]
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise DataError(f"texts: expected a list of texts, got {shorten(texts)}")
        if len(texts) > MOST_TEXTS:
            raise RequestError(413, f"expected at most {MOST_TEXTS:,} texts, got {len(texts):,}")
        return session.labels(texts)

    def headline(content: dict[str, Any]) -> Any:
        return session.explain(_text(content, "text"))

    def correct(content: dict[str, Any]) -> Any:
        return session.correct(_text(content, "text"), _text(content, "label"))

    def undo(_: dict[str, Any]) -> Any:
        return session.undo()

    def asked(function: Callable[[dict[str, Any]], Any], *keys: str) -> Any:
        """A route that takes an object with these keys, and gives JSON."""

        async def route(request: Request) -> Response:
            _check_type(request, _JSON)
            content = parse_json(await read_body(request, MOST_BYTES))
            if not isinstance(content, dict) or set(content) != set(keys):
                raise DataError(
                    f"expected an object with {', '.join(keys) or 'nothing'}, got "
                    f"{shorten(content)}"
                )
            # In a thread, so that others are answered meanwhile.
            return JSONResponse(await asyncio.to_thread(function, content))

        return route

    async def upload(request: Request) -> Response:
        _check_type(request, _BYTES)
        data = await read_body(request, MOST_FILE_BYTES)
        name = request.query_params.get("name", "file")
        column = request.query_params.get("column", "").strip() or None
        new, table = await asyncio.to_thread(label_file, session.classifier, data, name, column)
        return Response(
            table,
            media_type="text/csv",
            headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(new)}"},
        )

    def refuse(request: Request, error: Exception) -> Response:
        status, line = 400, str(error)
        if isinstance(error, HTTPException):
            status = error.status_code
            line = f"there is no {request.method} {shorten(request.url.path)[1:-1]}: open / instead"
        elif isinstance(error, RequestError):
            status = error.status
        return JSONResponse({"error": " ".join(line.split())}, status)

    served = Starlette(
        routes=[
            *(Route(path, file) for path in _FILES),
            Route("/api/about", about),
            Route("/api/labels", asked(labels, "texts"), methods=["POST"]),
            Route("/api/headline", asked(headline, "text"), methods=["POST"]),
            Route("/api/correct", asked(correct, "text", "label"), methods=["POST"]),
            Route("/api/undo", asked(undo), methods=["POST"]),
            Route("/api/file", upload, methods=["POST"]),
        ],
        exception_handlers=dict.fromkeys((HTTPException, RequestError, PipelineError), refuse),
    )
    served.add_middleware(_Guard)
    return served


class _Guard:
    """Lets only requests of our own page through, and puts the headers on every answer."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        from starlette.datastructures import Headers, MutableHeaders
        from starlette.responses import JSONResponse

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        app = self._app
        try:
            check_origin(Headers(scope=scope))
        except RequestError as error:
            app = JSONResponse({"error": str(error)}, error.status)
        await app(scope, receive, send_with_headers)


def _check_type(request: Request, expected: str) -> None:
    """Raises RequestError: another type. A form of another page can send neither of ours."""
    got = request.headers.get("content-type", "")
    if got.partition(";")[0].strip().lower() != expected:
        raise RequestError(415, f"expected a Content-Type of {expected}, got {shorten(got)}")


def _text(content: dict[str, Any], key: str) -> str:
    if not isinstance(content[key], str):
        raise DataError(f"{key}: expected a text, got {shorten(content[key])}")
    return str(content[key])
