"""One HTTP listener of the local cluster: cheroot in front, plain `Request` and `Response` behind.

cheroot parses the protocol; this module only carries its requests to a handler function and the
handler's answer back, with bodies streamed both ways so that memory stays bounded.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote

from cheroot.server import Gateway, HeaderReader, HTTPConnection, HTTPRequest, HTTPServer

log = logging.getLogger(__name__)

READ_BLOCK = 1 << 16
# A body the handler did not read is discarded up to this many bytes so that the connection can be reused;
# beyond it, closing the connection is cheaper than reading on.
DISCARD_LIMIT = 1 << 20
WAKE_SECONDS = 0.01
# A client that is still sending when it is refused sees the answer only if its bytes are taken meanwhile:
# closing at once would reset the connection under it.
LINGER_SECONDS = 5.0
# cheroot reads each chunk of a chunked body as one piece of memory.
LARGEST_CHUNK = 1 << 24
LONGEST_CHUNK_HEAD = 1 << 12


class ConnectionLost(Exception):  # noqa: N818 -- a fact about the peer, not a defect of ours
    """The client went away, or sent less than it announced."""


class Body(Protocol):
    """The request's body as a stream: `read(size)` gives up to `size` bytes, `b""` at the end."""

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes, empty at the end. Raises ConnectionLost on a truncated body."""
        ...


@dataclass
class Request:
    """One request, with the target exactly as it was on the wire (signatures depend on it).

    `headers` has lower-case names; repeated headers are joined with a comma. `content_length` is `None`
    for a chunked body.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: Body
    content_length: int | None
    remote_ip: str

    @property
    def raw_path(self) -> str:
        """The path as sent, still percent-encoded, without the query."""
        return self.target.partition("?")[0]

    @property
    def path(self) -> str:
        """The decoded path."""
        return unquote(self.raw_path)

    @property
    def raw_query(self) -> str:
        """The query as sent, still percent-encoded, without the question mark."""
        return self.target.partition("?")[2]

    @property
    def query(self) -> dict[str, str]:
        """Decoded query parameters, blank values kept; of a repeated name the last one counts."""
        return dict(parse_qsl(self.raw_query, keep_blank_values=True))

    def read_all(self, limit: int) -> bytes:
        """Return the whole body. Raises ValueError when it is longer than `limit` bytes."""
        pieces: list[bytes] = []
        total = 0
        while piece := self.body.read(READ_BLOCK):
            total += len(piece)
            if total > limit:
                raise ValueError(f"the body is longer than {limit} bytes")
            pieces.append(piece)
        return b"".join(pieces)


@dataclass
class Response:
    """An answer. `body` is bytes, or an iterable of bytes when `headers` has its Content-Length."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""
    close_connection: bool = False


Handler = Callable[[Request], Response]


class _HeaderReader(HeaderReader):
    """Keeps cheroot from answering `Expect: 100-continue` before the request was looked at.

    cheroot compares the value letter by letter, so another spelling of the same value does it; the body
    sends the interim answer when it is first read.
    """

    def __call__(self, rfile: Any, hdict: Any = None) -> Any:
        headers = super().__call__(rfile, hdict)
        if headers.get(b"Expect", b"").lower() == b"100-continue":
            headers[b"Expect"] = b"100-Continue"
        return headers


class _CheckedChunks:
    """The connection's reader below a chunked body, with limits on what one chunk may claim."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        if size > LARGEST_CHUNK:
            raise ValueError(f"a chunk of {size} bytes")
        return bytes(self._file.read(size))

    def readline(self) -> bytes:
        line = bytes(self._file.readline(LONGEST_CHUNK_HEAD + 1))
        if len(line) > LONGEST_CHUNK_HEAD:
            raise ValueError("an endless line before a chunk")
        return line


class _RequestBody:
    """Reads from cheroot's body file and notices a body that ends too soon."""

    def __init__(self, request: Any) -> None:
        self._request = request
        self._file = request.rfile
        if request.chunked_read:
            self._file.rfile = _CheckedChunks(self._file.rfile)
        self._finished = False
        self._awaited = request.inheaders.get(b"Expect") == b"100-Continue"

    def read(self, size: int) -> bytes:
        if self._finished or size <= 0:
            return b""
        try:
            if self._awaited:
                self._awaited = False
                self._request.conn.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            data = bytes(self._file.read(size))
            if not data:
                self._finish()
        except (OSError, ValueError) as error:
            self._request.close_connection = True
            raise ConnectionLost(str(error)) from error
        return data

    def _finish(self) -> None:
        self._finished = True
        if self._request.chunked_read:
            for _ in self._file.read_trailer_lines():
                pass
        elif self._file.remaining > 0:
            raise OSError(f"{self._file.remaining} bytes of the body never came")

    def discard(self) -> bool:
        """Read the rest of a small body away. False when the connection has to be closed instead."""
        if self._awaited and (self._request.chunked_read or self._file.remaining > 0):
            # The client waits to be told to send, and now never will.
            return False
        left = DISCARD_LIMIT
        while left > 0:
            data = self.read(READ_BLOCK)
            if not data:
                return True
            left -= len(data)
        return False

    def linger(self) -> None:
        """Tell the client that nothing more comes, and take what it still sends for a short while."""
        connection = self._request.conn.socket
        deadline = time.monotonic() + LINGER_SECONDS
        try:
            connection.shutdown(socket.SHUT_WR)
            while (left := deadline - time.monotonic()) > 0:
                connection.settimeout(left)
                if not connection.recv(READ_BLOCK):
                    return
        except OSError:
            return


class _Request(HTTPRequest):
    header_reader = _HeaderReader()


class _Connection(HTTPConnection):
    RequestHandlerClass = _Request
    was_idle = False

    def close(self) -> None:
        """Close the connection, and the writer with what it could not send.

        cheroot leaves the writer to the garbage collector, which complains on standard error when a client
        went away in the middle of an answer.
        """
        super().close()
        with contextlib.suppress(OSError, ValueError):
            self.wfile.close()


class _Server(HTTPServer):
    """cheroot's server with our handler and our log."""

    # Connections that wait to be accepted; a burst beyond it would be retried by the kernel a second later.
    request_queue_size = 512
    # A client with a pool of connections keeps them all; the default of ten would close the rest each time.
    keep_alive_conn_limit = 256
    ConnectionClass = _Connection
    handler: Handler

    @classmethod
    def prepare_socket(cls, *arguments: Any, **options: Any) -> socket.socket:
        """Make the listening socket.

        cheroot leaves a free port (0) without SO_REUSEADDR. The port is remembered and bound again at the
        next start, which connections that ended a moment ago would then prevent for a minute.
        """
        made: socket.socket = super().prepare_socket(*arguments, **options)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return made

    @staticmethod
    def bind_socket(socket_: socket.socket, bind_addr: tuple[str, int]) -> socket.socket:
        """Bind the listening socket; when that fails cheroot would leave it open."""
        try:
            socket_.bind(bind_addr)
        except OSError:
            socket_.close()
            raise
        return socket_

    def process_conn(self, conn: _Connection) -> None:
        """Hand a connection to a worker, a new one only once it has something to say.

        cheroot lets a worker wait for the first request of each connection: a few clients that connect
        in advance would occupy all of them.
        """
        if conn.was_idle:
            super().process_conn(conn)
        else:
            conn.was_idle = True
            self.put_conn(conn)

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """Pass a message of cheroot to the log."""
        log.log(level, "%s", msg, exc_info=traceback)


class _Gateway(Gateway):
    """Carries one request of cheroot to the handler."""

    def respond(self) -> None:
        request = self.req
        body = _RequestBody(request)
        try:
            response = request.server.handler(self._request(body))
        except ConnectionLost as lost:
            log.debug("client lost: %s", lost)
            request.close_connection = True
            request.sent_headers = True
            return
        except Exception:
            log.exception("%s %s failed", request.method, request.uri)
            response = Response(500)
        self._send(response, body)

    def _request(self, body: _RequestBody) -> Request:
        request = self.req
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in request.inheaders.items()
        }
        if "expect" in headers:
            headers["expect"] = headers["expect"].lower()
        length = None if request.chunked_read else int(headers.get("content-length", "0"))
        return Request(
            method=request.method.decode("latin-1"),
            target=request.uri.decode("latin-1"),
            headers=headers,
            body=body,
            content_length=length,
            remote_ip=request.conn.remote_addr or "127.0.0.1",
        )

    def _send(self, response: Response, body: _RequestBody) -> None:
        request = self.req
        unread = False
        try:
            unread = not body.discard()
        except ConnectionLost:
            request.close_connection = True
        request.close_connection |= response.close_connection or unread
        chunks = [response.body] if isinstance(response.body, bytes) else response.body
        try:
            self._send_head(response)
            if request.method != b"HEAD":
                for chunk in chunks:
                    if chunk:
                        request.write(chunk)
            if unread:
                body.linger()
        except OSError as error:
            log.debug("client lost while answering: %s", error)
            request.close_connection = True
        except Exception:
            # With the status line out, all that is left is to cut the answer short, visibly.
            log.exception("the answer to %s %s broke off", request.method, request.uri)
            request.close_connection = True
            request.chunked_write = False
            if not request.sent_headers:
                self._send_head(Response(500))
        finally:
            close = getattr(response.body, "close", None)
            if close is not None:
                close()

    def _send_head(self, response: Response) -> None:
        request = self.req
        request.status = _status_line(response.status)
        headers = dict(response.headers)
        has_body = response.status >= 200 and response.status not in (204, 304)
        if isinstance(response.body, bytes) and has_body:
            headers.setdefault("Content-Length", str(len(response.body)))
        if any("\r" in value or "\n" in value for value in headers.values()):
            raise ValueError("a line break in a header")
        request.outheaders = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()]
        request.ensure_headers_sent()


def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    return f"{status} {phrase}".encode("latin-1")


class Listener:
    """A listening socket with its worker threads.

    Args:
        host: address to bind, loopback unless the user said otherwise.
        port: TCP port, 0 for a free one; `port` tells which after construction.
        handler: called in a worker thread for every request.
        threads: most requests served at the same time; further connections wait in line.

    Raises:
        OSError: the port is taken or the address is not ours.
    """

    def __init__(self, host: str, port: int, handler: Handler, *, threads: int = 16) -> None:
        # cheroot's pool never grows by itself, so all threads are there from the start.
        self._server = _Server(
            (host, port), gateway=_Gateway, minthreads=threads, maxthreads=threads, server_name="oscar-local"
        )
        self._server.handler = handler
        self._server.timeout = 60
        self._server.shutdown_timeout = 2
        self._server.max_request_header_size = 1 << 16
        self._server.prepare()
        self.host = host
        self.port: int = self._server.bind_addr[1]
        self._thread = threading.Thread(target=self._server.serve, name=f"http-{self.port}", daemon=True)

    def start(self) -> None:
        """Accept connections, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Close the socket and wait up to `shutdown_timeout` seconds for running requests."""
        # cheroot looks for its end twice a second, or when somebody connects.
        waker = threading.Timer(WAKE_SECONDS, self._connect)
        waker.start()
        self._server.stop()
        waker.join()
        if self._thread.ident is not None:
            self._thread.join(timeout=5)

    def _connect(self) -> None:
        with contextlib.suppress(OSError):
            socket.create_connection((self.host, self.port), timeout=1).close()
