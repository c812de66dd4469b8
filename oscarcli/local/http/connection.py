"""One connection at a listener: it gets a worker once the head of its next request is there, or all of it."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any

from cheroot.server import HTTPConnection, HTTPRequest

from oscarcli.local.http.head import Head, MalformedHead, parse_head
from oscarcli.local.http.messages import READ_BLOCK
from oscarcli.local.http.stream import MAX_HEAD_BYTES, StreamReader, StreamWriter, limit_waiting

# Time for the head of a request, from its first byte to its last.
HEAD_SECONDS = 5.0
# Of what a client sent behind a malformed head: unread bytes would reset the connection under the answer.
_MAX_DRAINED_BYTES = 1 << 20


class CheckedRequest(HTTPRequest):
    """cheroot's request, with a reader of its own for the head, and all the rest left to the gateway."""

    head: Head

    def parse_request(self) -> None:
        """Read the head; a request that is not `ready` then was refused, or there is none."""
        try:
            data = self.conn.rfile.take_head()
            if not data:
                self._check_length(self.conn.rfile.buffered())
                return
            self.read_head(data)
        except MalformedHead as error:
            self.simple_response(error.status, str(error))
            return
        self.ready = True

    def read_head(self, data: bytes) -> None:
        """Read the head in the bytes up to its empty line. Raises MalformedHead."""
        # One empty line before a request is allowed.
        self.head = parse_head(data.removeprefix(b"\r\n"))
        self.close_connection = self.head.is_last

    def _check_length(self, data: bytes) -> None:
        if len(data) >= MAX_HEAD_BYTES:
            what = "413 Request Entity Too Large" if b"\n" in data else "414 Request-URI Too Long"
            raise MalformedHead(f"The head of a request has {MAX_HEAD_BYTES} bytes at most", what)

    def respond(self) -> None:
        """Let the gateway answer."""
        self.server.gateway(self).respond()

    def simple_response(self, status: str, msg: str = "") -> None:
        """Refuse a request that has not got as far as a handler; the connection ends with it."""
        self.conn.was_refused = True
        super().simple_response(status, msg)


class CheckedConnection(HTTPConnection):
    """cheroot's connection, which is asked whether a worker has anything to do for it."""

    RequestHandlerClass = CheckedRequest
    was_idle = False
    was_refused = False
    was_handed_over = False
    # When the first byte of a head came whose last one is not there, in seconds since the epoch.
    head_since: float | None = None

    def __init__(self, server: Any, sock: socket.socket, _makefile: Any = None) -> None:
        limit_waiting(sock, server.timeout)
        super().__init__(server, sock, self._end)

    def _end(self, sock: socket.socket, mode: str, _size: int) -> StreamReader | StreamWriter:
        """Return one end of the connection, as cheroot asks for it."""
        return StreamReader(sock, self.server.timeout) if "r" in mode else StreamWriter(sock)

    def communicate(self) -> bool:
        """Serve requests as long as they come one after the other; True when the connection stays open."""
        while True:
            self.rfile.begin_request()
            self.server.begin(self)
            try:
                stays_open = bool(super().communicate())  # type: ignore[no-untyped-call]
            finally:
                self.server.end(self)
            if not stays_open or not self._has_next():
                return stays_open

    def _has_next(self) -> bool:
        """Wait a moment for the head of the next request, where there are workers enough for it.

        Many a client sends it as soon as it has an answer. Through the selector, two more threads would have
        to wake up for it.
        """
        if not self.server.begin_waiting(self):
            return False
        try:
            # Many send head and body one after the other.
            for _ in range(2):
                if self._knows_request():
                    return not self._may_be_quick()
                if not self.rfile.fill(wait=True):
                    return False
            return self._knows_request() and not self._may_be_quick()
        except OSError:
            return False
        finally:
            self.server.end_waiting(self)

    def _may_be_quick(self) -> bool:
        return self.server.is_quick is not None and self.rfile.has_small_body()

    def serve_quickly(self) -> bool:
        """Serve a request that is all there, if its handler waits for nobody; False when it does.

        When the answer is known it is sent, and the connection watched again.
        """
        if not self._may_be_quick():
            return False
        request = self.RequestHandlerClass(self.server, self)
        try:
            request.read_head(self.rfile.head())
        except MalformedHead:
            # A worker tells the client.
            return False
        return bool(self.server.gateway(request).respond_quickly())

    def end_slow_reading(self, seconds: float) -> bool:
        """Let a worker wait no longer that has waited for so many seconds without progress.

        Returns:
            Whether it had.
        """
        if self.rfile.waited() < seconds:
            return False
        self.end_reading()
        return True

    def end_reading(self) -> None:
        """Let who waits for the client find its end."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RD)

    def has_request(self) -> bool:
        """Tell whether a worker will not have to wait for the head of the next request, nor for a small body.

        It will not either when the client has gone, or has sent too much. Otherwise the connection is
        readable again when more has come.
        """
        try:
            if not self.rfile.has_data() and not self.rfile.fill(wait=False):
                return True
        except BlockingIOError:
            pass
        except OSError:
            return True
        return self._knows_request()

    def _knows_request(self) -> bool:
        """Tell whether the request is there; of a head that is not, remember when it began."""
        if self.rfile.has_data():
            self.head_since = None
            return True
        if self.rfile.has_head():
            self.head_since = None
        elif self.rfile.buffered():
            self.head_since = self.head_since or time.time()
        return False

    def close(self) -> None:
        """Close the connection."""
        if self.was_refused:
            self._drain()
        # Of one that was handed over only this end is closed; cheroot would end it for both.
        self.linger = self.was_handed_over
        super().close()
        self.socket.close()

    def _drain(self) -> None:
        """Take what the client has sent by now, without waiting for more."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)
            self.socket.setblocking(False)
            for _ in range(_MAX_DRAINED_BYTES // READ_BLOCK):
                if not self.socket.recv(READ_BLOCK):
                    return
