"""An OSCAR server that plays a script: prepared answers on loopback, and every way a connection can fail.

It rejects calls nobody expected, and `verify` fails the test when one came or when a prepared answer was
not used. Answers may be values or functions of the request.
"""

from __future__ import annotations

import json as jsons
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

UNEXPECTED = 418


@dataclass(frozen=True)
class Request:
    """A request as it came: `path` with its percent signs, header names in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What to send.

    Args:
        status: of the answer.
        body: its content.
        headers: to add; a Content-Length of one's own is kept.
        reset: break the connection with a RST and no answer.
        hang_up: close it without an answer.
        stall_after: so many bytes of the body are sent and then nothing until the server stops.
        drip: seconds between single bytes of the body.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    reset: bool = False
    hang_up: bool = False
    stall_after: int | None = None
    drip: float | None = None


Reply = Answer | Callable[[Request], Answer]


def text(body: str, status: int = 200, **headers: str) -> Answer:
    """Return a plain text answer, as most of the manager's errors are."""
    return Answer(status, body.encode(), {"Content-Type": "text/plain; charset=utf-8", **headers})


def document(value: Any, status: int = 200, **headers: str) -> Answer:
    """Return a JSON answer."""
    body = jsons.dumps(value, separators=(",", ":")).encode()
    return Answer(status, body, {"Content-Type": "application/json; charset=utf-8", **headers})


def page(status: int = 200) -> Answer:
    """Return a web page, such as a login portal or a proxy's complaint."""
    return Answer(status, b"<html><body>Sign in</body></html>", {"Content-Type": "text/html"})


@dataclass
class _Prepared:
    method: str
    path: str
    query: Mapping[str, str] | None
    reply: Reply
    lasting: bool
    used: int = 0

    def fits(self, request: Request) -> bool:
        return (
            (self.lasting or not self.used)
            and (self.method, self.path) == (request.method, request.path)
            and (self.query is None or dict(self.query) == dict(request.query))
        )


class ScriptedServer:
    """The server. Its `url` is where it listens; `requests` is what came.

    Args:
        tls: a context to speak TLS with.
        port: where to listen, such as the port of a server that was stopped; a free one if omitted.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.requests: list[Request] = []
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._prepared: list[_Prepared] = []
        self._unexpected: list[str] = []
        self._has_missed = False
        self._http = _Http(("127.0.0.1", port), _Handler)
        self._http.script = self
        if tls is not None:
            self._http.socket = tls.wrap_socket(
                self._http.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = int(self._http.server_address[1])
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> ScriptedServer:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def expect(
        self, method: str, path: str, reply: Reply | None = None, *, query: Mapping[str, str] | None = None
    ) -> None:
        """Prepare the answer to one call; several for the same call are used in order."""
        self._prepare(_Prepared(method, path, query, reply or Answer(), lasting=False))

    def always(
        self, method: str, path: str, reply: Reply | None = None, *, query: Mapping[str, str] | None = None
    ) -> None:
        """Prepare the answer to a call that comes at least once."""
        self._prepare(_Prepared(method, path, query, reply or Answer(), lasting=True))

    def verify(self) -> None:
        """Fail when a call was not expected or a prepared answer was not used."""
        unused = [f"{one.method} {one.path} {one.query or ''}" for one in self._prepared if not one.used]
        assert not self._unexpected, f"calls nobody expected: {self._unexpected}"
        assert not unused, f"answers nobody asked for: {unused}"

    def calls(self) -> list[str]:
        """Return the calls that came, such as "GET /system/info"."""
        return [f"{request.method} {request.path}" for request in self.requests]

    def reply_to(self, request: Request) -> Answer:
        """Take a request and return the prepared answer."""
        with self._lock:
            found = next((one for one in self._prepared if one.fits(request)), None)
            if found is None and self._is_search_for_names(request):
                return text("no list is prepared", UNEXPECTED)
            self.requests.append(request)
            if found is None:
                self._unexpected.append(f"{request.method} {request.path} {dict(request.query)}")
                return text(f"unexpected call: {request.method} {request.path}", UNEXPECTED)
            found.used += 1
        answer = found.reply if isinstance(found.reply, Answer) else found.reply(request)
        self._has_missed = self._has_missed or answer.status == 404
        return answer

    def _is_search_for_names(self, request: Request) -> bool:
        """Tell whether somebody looks for names like the one that was answered with 404 before.

        Tests that are not about it prepare no list for it, and do not count it.
        """
        parts = request.path.split("/")
        is_list = parts[-2:-1] == ["system"] and parts[-1] in ("services", "buckets", "volumes")
        is_list = is_list or parts[-3:-1] == ["system", "logs"]
        return self._has_missed and request.method == "GET" and is_list

    def _prepare(self, prepared: _Prepared) -> None:
        with self._lock:
            self._prepared.append(prepared)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    script: ScriptedServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that go away are what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Else the kernel waits for an acknowledgement between head and body.
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        address = urlsplit(self.path)
        request = Request(
            self.command,
            self.path if self.command == "CONNECT" else address.path,
            dict(parse_qsl(address.query, keep_blank_values=True)),
            {name.lower(): value for name, value in self.headers.items()},
            self._body(),
        )
        self._send(cast("_Http", self.server).script.reply_to(request))

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_CONNECT = _serve  # noqa: N815

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, answer: Answer) -> None:
        if answer.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if answer.reset or answer.hang_up:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if "Content-Length" not in answer.headers and answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self._send_body(answer)

    def _send_body(self, answer: Answer) -> None:
        script = cast("_Http", self.server).script
        if answer.drip is not None:
            for byte in answer.body:
                self.wfile.write(bytes([byte]))
                script.stopping.wait(answer.drip)
        elif answer.stall_after is not None:
            self.wfile.write(answer.body[: answer.stall_after])
            script.stopping.wait()
        else:
            self.wfile.write(answer.body)
        if int(answer.headers.get("Content-Length", len(answer.body))) != len(answer.body):
            # Short of what was promised: the connection ends here.
            self.close_connection = True
