"""Where a browser brings the answer of a login: one address on 127.0.0.1, open while it is waited for."""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from oscarcli.errors import AuthError

HOST = "127.0.0.1"
PATH = "/callback"
# Browsers open connections ahead that never ask anything.
IDLE_SECONDS = 10.0
# Plain, without scripts or anything that came from outside.
PAGE = (
    b"<!doctype html><html lang=en><meta charset=utf-8><title>oscar-cli</title>"
    b"<p>The answer has arrived. You can close this page and go back to the terminal.</p></html>\n"
)
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Connection": "close",
}


class RedirectListener:
    """Listens until the end of its `with` block; `address` is what the provider redirects to.

    Args:
        port: on 127.0.0.1; any free one if 0.

    Raises:
        AuthError: the port is taken or may not be used.
    """

    def __init__(self, port: int = 0) -> None:
        try:
            self._http = _Http((HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or "no such port"
            raise AuthError(
                f"cannot log in: the answer cannot be listened for on {HOST}:{port}: {reason}",
                hint="end what uses the port, or name another one that the provider allows",
            ) from error
        self.address = f"http://{HOST}:{self._http.server_address[1]}{PATH}"
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    def __enter__(self) -> RedirectListener:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def wait(self, seconds: float) -> Mapping[str, str] | None:
        """Return the query of the first answer, `None` when there is none in so many seconds."""
        try:
            return self._http.answers.get(timeout=seconds)
        except queue.Empty:
            return None


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        self.answers: queue.Queue[Mapping[str, str]] = queue.Queue()
        super().__init__(*arguments)

    def server_bind(self) -> None:
        """Bind without asking the resolver for this machine's name, as the library would."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a browser may go away at any time, and a traceback would show the answer."""


class _Handler(BaseHTTPRequestHandler):
    timeout = IDLE_SECONDS
    server_version = "oscar-cli"
    sys_version = ""

    def do_GET(self) -> None:
        """Take the answer; icons and whatever else is asked for do not exist."""
        parts = urlsplit(self.path)
        if parts.path != PATH or not parts.query:
            self._send(404, b"")
            return
        query = parse_qs(parts.query, keep_blank_values=True, max_num_fields=100)
        self._send(200, PAGE)
        # A repeated parameter is never what a provider sends (RFC 6749, 3.1).
        answers = {name: values[0] for name, values in query.items() if len(values) == 1}
        cast("_Http", self.server).answers.put(answers)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: the line would hold the authorization code."""

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
