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
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from cheroot.server import Gateway, HTTPServer

from oscarcli.local.http.body import RequestBody
from oscarcli.local.http.connection import HEAD_SECONDS, MAX_HEAD_BYTES, CheckedConnection
from oscarcli.local.http.hosts import AllowedHosts
from oscarcli.local.http.messages import ConnectionLost, Handler, MalformedBody, Request, Response

log = logging.getLogger(__name__)

WAKE_SECONDS = 0.01
# When connections wait and no worker takes one for so long, all of them wait for slow clients.
STALL_SECONDS = 0.25
MORE_WORKERS = 16
MAX_WORKERS = 256
# When no more workers may be added, a body that makes no progress for so long makes room for another request.
MAX_SLOW_SECONDS = 2.0


class _Server(HTTPServer):
    """cheroot's server with our handler and our log."""

    # Connections that wait to be accepted; a burst beyond it would be retried by the kernel a second later.
    request_queue_size = 512
    # A client with a pool of connections keeps them all; the default of ten would close the rest each time.
    keep_alive_conn_limit = 256
    ConnectionClass = CheckedConnection
    handler: Handler
    hosts: AllowedHosts
    # Requests that got a worker since the start.
    begun = 0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # Connections that have a worker.
        self._served: set[CheckedConnection] = set()

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

    def process_conn(self, conn: CheckedConnection) -> None:
        """Hand a connection to a worker once the head of its next request is there.

        cheroot lets a worker wait for it: a few clients that connect in advance, or send half a head, would
        occupy all of them.
        """
        if not conn.was_idle:
            conn.was_idle = True
            self.put_conn(conn)
        elif conn.has_whole_head():
            super().process_conn(conn)
        else:
            self.put_conn(conn)
            if conn.head_since is not None:
                # cheroot closes connections that were not used for `timeout` seconds.
                conn.last_used = conn.head_since + HEAD_SECONDS - self.timeout

    def begin(self, conn: CheckedConnection) -> None:
        """Take note of a request that has got its worker."""
        self.begun += 1
        self._served.add(conn)

    def end(self, conn: CheckedConnection) -> None:
        """Take note that the worker has done what it can."""
        self._served.discard(conn)

    def add_workers(self, ended: threading.Event) -> None:
        """Add workers whenever all of them wait for clients that send or read slowly, until the end.

        When there are as many as there may be, clients that send nothing are given up instead.
        """
        seen = self.begun
        while not ended.wait(STALL_SECONDS):
            if self.requests.qsize and self.begun == seen:
                if len(self._served) < MAX_WORKERS:
                    log.warning("all workers wait for slow clients: %d more are started", MORE_WORKERS)
                    self.requests.grow(MORE_WORKERS)
                else:
                    self._end_slow_bodies()
            seen = self.begun

    def _end_slow_bodies(self) -> None:
        given_up = [conn.end_slow_reading(MAX_SLOW_SECONDS) for conn in tuple(self._served)]
        if any(given_up):
            log.warning("all workers wait for slow clients: %d of these are given up", sum(given_up))

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """Pass a message of cheroot to the log."""
        log.log(level, "%s", msg, exc_info=traceback)


class _Gateway(Gateway):
    """Carries one request of cheroot to the handler."""

    def respond(self) -> None:
        request = self.req
        body = RequestBody(request)
        asked = self._request(body)
        try:
            response = request.server.hosts.refusal(asked) or request.server.handler(asked)
        except MalformedBody as malformed:
            response = self._malformed(malformed)
        except ConnectionLost as lost:
            log.debug("client lost: %s", lost)
            request.close_connection = True
            request.sent_headers = True
            return
        except Exception:
            log.exception("%s %s failed", request.method, request.uri)
            response = Response(500)
        self._send(response, body)

    def _malformed(self, malformed: MalformedBody) -> Response:
        self.req.conn.was_refused = True
        text = {"Content-Type": "text/plain; charset=utf-8"}
        return Response(400, text, str(malformed).encode(), close_connection=True)

    def _request(self, body: RequestBody) -> Request:
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

    def _send(self, response: Response, body: RequestBody) -> None:
        request = self.req
        unread = False
        try:
            unread = not (request.conn.was_refused or body.discard())
        except MalformedBody as malformed:
            # What follows cannot be understood, so this counts more than what the handler said.
            _close_body(response)
            response = self._malformed(malformed)
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
            _close_body(response)

    def _send_head(self, response: Response) -> None:
        request = self.req
        request.status = _status_line(response.status)
        headers = {"Date": _http_date(int(time.time())), **response.headers}
        has_body = response.status >= 200 and response.status not in (204, 304)
        if isinstance(response.body, bytes) and has_body:
            headers.setdefault("Content-Length", str(len(response.body)))
        if any("\r" in value or "\n" in value for value in headers.values()):
            raise ValueError("a line break in a header")
        request.outheaders = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()]
        request.ensure_headers_sent()


def _close_body(response: Response) -> None:
    close = getattr(response.body, "close", None)
    if close is not None:
        close()


@lru_cache(maxsize=2)
def _http_date(second: int) -> str:
    return formatdate(second, usegmt=True)


@lru_cache
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
        threads: requests served at the same time; further ones wait in line, unless all of these wait for
            slow clients.
        hosts: the names under which it may be asked; those of loopback and `host` when omitted.

    Raises:
        OSError: the port is taken or the address is not ours.
    """

    def __init__(
        self,
        host: str,
        port: int,
        handler: Handler,
        *,
        threads: int = 16,
        hosts: AllowedHosts | None = None,
    ) -> None:
        # cheroot's pool never grows by itself, so all threads are there from the start.
        self._server = _Server(
            (host, port),
            gateway=_Gateway,
            minthreads=threads,
            maxthreads=MAX_WORKERS,
            server_name="oscar-local",
        )
        self._server.handler = handler
        self._server.hosts = hosts or AllowedHosts(host)
        self._server.timeout = 60
        self._server.shutdown_timeout = 2
        self._server.max_request_header_size = MAX_HEAD_BYTES
        self._server.prepare()
        self.host = host
        self.port: int = self._server.bind_addr[1]
        self._thread = threading.Thread(target=self._server.serve, name=f"http-{self.port}", daemon=True)
        self._ended = threading.Event()
        self._growth = threading.Thread(
            target=self._server.add_workers, args=[self._ended], name=f"workers-{self.port}", daemon=True
        )

    def start(self) -> None:
        """Accept connections, in a thread of its own."""
        self._thread.start()
        self._growth.start()

    def stop(self) -> None:
        """Close the socket and wait up to `shutdown_timeout` seconds for running requests."""
        self._ended.set()
        if self._growth.ident is not None:
            self._growth.join()
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
