"""One HTTP listener of the local cluster: cheroot in front, plain `Request` and `Response` behind.

cheroot accepts connections, watches the idle ones and has the worker threads; what a worker does with a
connection is in the modules beside this one, with bodies streamed both ways so that memory stays bounded.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from typing import Any

from cheroot.server import HTTPServer

from oscarcli.local.http.call_queue import CallQueue
from oscarcli.local.http.connection import HEAD_SECONDS, CheckedConnection
from oscarcli.local.http.gateway import HandlerGateway
from oscarcli.local.http.hosts import AllowedHosts
from oscarcli.local.http.messages import Handler, Request
from oscarcli.local.work_turn import WorkTurn

log = logging.getLogger(__name__)

WAKE_SECONDS = 0.01
# Of the workers this many may stay with connections; the others are for those who connect.
BUSY_SHARE = 0.75
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
    # Tells whether the handler waits for nobody, except to be deferred.
    is_quick: Callable[[Request], bool] | None = None
    # Had while requests of that kind are looked at and answered.
    turn: WorkTurn
    # Requests that got a worker since the start.
    begun = 0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # Connections that have a worker.
        self._served: set[CheckedConnection] = set()
        # Those among them whose worker waits for another request.
        self._waited_for: set[CheckedConnection] = set()
        self._is_ending = False
        self.calls = CallQueue()

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

    def process_conn(self, conn: CheckedConnection | CallQueue) -> None:
        """Hand a connection to a worker once it has a request, without its body if that is a large one.

        A request that can be served without waiting for anybody is served by this thread: many of them at a
        time would only take the interpreter's lock from each other.

        cheroot lets a worker wait for it: a few clients that connect in advance, or send half of what they
        announce, would occupy all of them.
        """
        if isinstance(conn, CallQueue):
            with self.turn.held():
                conn.run()
            self.put_conn(conn)
        elif not conn.was_idle:
            conn.was_idle = True
            self.put_conn(conn)
        else:
            with self.turn.held():
                self._pass_on(conn)

    def _pass_on(self, conn: CheckedConnection) -> None:
        if conn.has_request():
            if self._is_ending or not conn.serve_quickly():
                super().process_conn(conn)
        else:
            self.put_conn(conn)

    def put_conn(self, conn: CheckedConnection | CallQueue) -> None:
        """Watch a connection until more has come."""
        super().put_conn(conn)
        if isinstance(conn, CheckedConnection) and conn.head_since is not None:
            # cheroot closes connections that were not used for `timeout` seconds.
            conn.last_used = conn.head_since + HEAD_SECONDS - self.timeout

    def begin(self, conn: CheckedConnection) -> None:
        """Take note of a request that has got its worker."""
        self.begun += 1
        self._served.add(conn)

    def end(self, conn: CheckedConnection) -> None:
        """Take note that the worker has done what it can."""
        self._served.discard(conn)

    def begin_waiting(self, conn: CheckedConnection) -> bool:
        """Tell whether a worker may wait for another request: there are more, and nobody waits for one."""
        occupied = len(self._served) + len(self._waited_for)
        if self._is_ending or self.requests.qsize or occupied >= self.requests.min * BUSY_SHARE:
            return False
        self._waited_for.add(conn)
        return True

    def end_waiting(self, conn: CheckedConnection) -> None:
        """Take note that the worker does not wait any more."""
        self._waited_for.discard(conn)

    def release_workers(self) -> None:
        """Let no worker wait for another request any more: this is the end."""
        self._is_ending = True
        for conn in tuple(self._waited_for):
            conn.end_reading()

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


class Listener:
    """A listening socket with its worker threads.

    Args:
        host: address to bind, loopback unless the user said otherwise.
        port: TCP port, 0 for a free one; `port` tells which after construction.
        handler: called in a worker thread for every request.
        threads: requests served at the same time; further ones wait in line, unless all of these wait for
            slow clients.
        hosts: the names under which it may be asked; those of loopback and `host` when omitted.
        is_quick: tells of a request with a small body whether the handler waits for nobody, if its answer may
            be deferred; such requests need no worker.
        turn: that of other threads with short work, which such requests are part of.

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
        is_quick: Callable[[Request], bool] | None = None,
        turn: WorkTurn | None = None,
    ) -> None:
        # cheroot's pool never grows by itself, so all threads are there from the start.
        self._server = _Server(
            (host, port),
            gateway=HandlerGateway,
            minthreads=threads,
            maxthreads=MAX_WORKERS,
            server_name="oscar-local",
        )
        self._server.handler = handler
        self._server.hosts = hosts or AllowedHosts(host)
        self._server.is_quick = is_quick
        self._server.turn = turn or WorkTurn()
        self._server.timeout = 60
        self._server.shutdown_timeout = 2
        self._server.prepare()
        self._server.put_conn(self._server.calls)
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
        self._server.release_workers()
        self._server.stop()
        waker.join()
        if self._thread.ident is not None:
            self._thread.join(timeout=5)
        self._server.calls.finish(self._server.shutdown_timeout)

    def _connect(self) -> None:
        with contextlib.suppress(OSError):
            socket.create_connection((self.host, self.port), timeout=1).close()
