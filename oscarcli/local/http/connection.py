"""One connection at a listener: it gets a worker once the head of its next request is there."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from typing import Any

from cheroot.server import HTTPConnection, HTTPRequest

from oscarcli.local.http.head import CheckedHead, CheckedHeaders, MalformedHead, check_request
from oscarcli.local.http.messages import READ_BLOCK
from oscarcli.local.http.stream import stream

# Time for the head of a request, from its first byte to its last.
HEAD_SECONDS = 5.0
MAX_HEAD_BYTES = 1 << 16
_USUAL_HEAD_BYTES = 1 << 13
_HEAD_END = re.compile(rb"\r?\n\r?\n")
# Of what a client sent behind a malformed head: unread bytes would reset the connection under the answer.
_MAX_DRAINED_BYTES = 1 << 20


class CheckedRequest(HTTPRequest):
    """cheroot's request, with a closer look at its head."""

    header_reader = CheckedHeaders()

    def read_request_line(self) -> bool:
        """Read and check the first line; False when it was answered with a refusal."""
        self.rfile = CheckedHead(self.rfile)
        try:
            return bool(super().read_request_line())  # type: ignore[no-untyped-call]
        except MalformedHead as error:
            self.simple_response("400 Bad Request", str(error))
            return False

    def read_request_headers(self) -> bool:
        """Read and check the headers; False when they were answered with a refusal."""
        if not super().read_request_headers():  # type: ignore[no-untyped-call]
            return False
        try:
            check_request(self)
        except MalformedHead as error:
            self.simple_response("400 Bad Request", str(error))
            return False
        return True

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
        super().__init__(server, sock, stream)

    def communicate(self) -> bool:
        """Serve one request; True when the connection stays open."""
        self.rfile.begin_request()
        self.server.begin(self)
        try:
            return bool(super().communicate())  # type: ignore[no-untyped-call]
        finally:
            self.server.end(self)

    def end_slow_reading(self, seconds: float) -> bool:
        """Let a worker wait no longer that has waited for so many seconds without progress.

        Returns:
            Whether it had.
        """
        if self.rfile.waited() < seconds:
            return False
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RD)
        return True

    def has_whole_head(self) -> bool:
        """Tell whether a worker will not have to wait for the head of the next request.

        It will not either when the client has gone, or has sent too much. Otherwise the connection is
        readable again when more has come.
        """
        self.rfile.awaits_head = False
        buffered = self.rfile.buffered()
        try:
            # Without bytes of an earlier read the connection is here because it is readable.
            arrived = self._arrived_by_now() if buffered else self._arrived()
        except BlockingIOError:
            arrived = b""
        except OSError:
            return True
        else:
            if not arrived:
                return True
        head = buffered + arrived
        if _HEAD_END.search(head) or len(head) >= MAX_HEAD_BYTES:
            if self.head_since is not None:
                self.head_since = None
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
            return True
        if head:
            self.head_since = self.head_since or time.time()
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, len(arrived) + 1)
        self.rfile.awaits_head = True
        return False

    def _arrived(self) -> bytes:
        """Return what the kernel has received, and leave it there."""
        data: bytes = self.socket.recv(_USUAL_HEAD_BYTES, socket.MSG_PEEK)
        if len(data) == _USUAL_HEAD_BYTES and not _HEAD_END.search(data):
            data = self.socket.recv(MAX_HEAD_BYTES, socket.MSG_PEEK)
        return data

    def _arrived_by_now(self) -> bytes:
        """Return the same without waiting for any. Raises BlockingIOError."""
        self.socket.setblocking(False)
        try:
            return self._arrived()
        finally:
            self.socket.settimeout(self.server.timeout)

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
