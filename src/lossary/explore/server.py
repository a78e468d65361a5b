"""A server on this machine alone, which computes what continuous sliders ask for."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from .drawable import Drawable, DrawError
from .grids import packed_curve, sliders, surface_at
from .page import Progress, gather, render

HOST = "127.0.0.1"
LONGEST = 2000  # characters of an address
MOST_FIELDS = 12
KINDS = ("curve", "surface")


class QueryError(ValueError):
    """A question that is not answered; the message says what is wrong with it."""


class Pictures:
    """The losses of a page, and the answers to what it asks.

    Args:
        drawables: the losses.
    """

    def __init__(self, drawables: Sequence[Drawable]) -> None:
        self.known = {loss.name: loss for loss in drawables}
        self.one_at_a_time = threading.Lock()  # a loss of the user's own need not be thread-safe

    def answer(self, query: str) -> dict[str, Any]:
        """Return the picture that a query asks for.

        Raises:
            QueryError: if it names no loss of the page, something that is not a slider of it, or
                a number out of range.
        """
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True,
                              max_num_fields=MOST_FIELDS)  # fmt: skip
        except ValueError as error:
            raise QueryError(f"the query cannot be read: {error}") from error
        asked = dict(pairs)
        if len(asked) != len(pairs):
            raise QueryError("a name is given twice")
        name, kind = asked.pop("loss", ""), asked.pop("kind", "")
        if name not in self.known:
            raise QueryError(f"no loss {name!r} on this page")
        if kind not in KINDS:
            raise QueryError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
        loss = self.known[name]
        knobs = {knob.name: knob for knob in sliders(loss)}
        settings = {}
        for key, text in asked.items():
            if key not in knobs:
                has = ", ".join(knobs) or "none"
                raise QueryError(f"{name} has no slider {key!r}; it has {has}")
            try:
                number = float(text)
            except ValueError as error:
                raise QueryError(f"{key} must be a number, got {text!r}") from error
            try:
                settings[key] = knobs[key].check(number)
            except ValueError as error:
                raise QueryError(f"{name}: {error}") from error
        with self.one_at_a_time:
            try:
                if kind == "curve":
                    return {"grid": packed_curve(loss, settings)}
                return {"grid": surface_at(loss, settings)}
            except (DrawError, ArithmeticError) as error:
                raise QueryError(f"{name} cannot be computed there: {error}") from error


class PictureServer(ThreadingHTTPServer):
    """Serves one page and its pictures on 127.0.0.1.

    Args:
        pictures: what answers the page's questions.
        page: the page.
        port: 0 takes a free one.
    """

    daemon_threads = True

    def __init__(self, pictures: Pictures, page: str, port: int = 0) -> None:
        self.pictures, self.page = pictures, page.encode()
        super().__init__((HOST, port), _Handler)

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    server: PictureServer
    server_version, sys_version = "lossary", ""
    timeout = 30

    def do_GET(self) -> None:
        # Another site can make its own name point at 127.0.0.1; its pages then send that name.
        allowed = {f"{host}:{self.server.server_port}" for host in (HOST, "localhost")}
        if self.headers.get_all("Host", []) not in [[host] for host in allowed]:
            self._json(HTTPStatus.FORBIDDEN, {"error": "wrong Host header"})
            return
        if len(self.path) > LONGEST:
            self._json(HTTPStatus.REQUEST_URI_TOO_LONG, {"error": "the address is too long"})
            return
        asked = urlsplit(self.path)
        if asked.path == "/":
            self._send(HTTPStatus.OK, "text/html; charset=utf-8", self.server.page)
        elif asked.path == "/grid":
            try:
                self._json(HTTPStatus.OK, self.server.pictures.answer(asked.query))
            except QueryError as error:
                self._json(HTTPStatus.BAD_REQUEST, {"error": str(error)})
        else:
            self._json(HTTPStatus.NOT_FOUND, {"error": "there are / and /grid"})

    def _json(self, status: HTTPStatus, answer: dict[str, Any]) -> None:
        self._send(status, "application/json", json.dumps(answer).encode())

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the terminal shows the address, and stays readable."""


def serve(
    losses: Sequence[object] = (),
    port: int = 0,
    *,
    ready: Callable[[str], object] = print,
    progress: Progress | None = None,
) -> None:
    """Serve a page with continuous sliders until interrupted, on this machine alone.

    Args:
        losses: as for :func:`~lossary.explore.explore`.
        port: 0 takes a free one.
        ready: told the address once the server listens.
        progress: as for :func:`~lossary.explore.explore`.

    Raises:
        DrawError: if a loss has no picture, or the port is taken.
    """
    drawables = gather(losses)
    page = render(drawables, chosen=bool(losses), live=True, progress=progress)
    try:
        server = PictureServer(Pictures(drawables), page, port)
    except (OSError, OverflowError) as error:
        raise DrawError(f"cannot listen on port {port}: {error}") from error
    with server:
        ready(server.address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return
