"""One connection to a server that never waits: it goes on when its socket is ready.

For small requests alone, whose answers are read as a whole. An answer that is not plain (see `connection`)
ends it like a broken one: who sent the request sends it again, the other way.
"""

from __future__ import annotations

import socket
import ssl
import time
import weakref
from dataclasses import dataclass

from oscarcli.storage.wire.answer import END_OF_HEAD, Headers, plain_head, status_of
from oscarcli.storage.wire.failures import BrokenConnectionError

# What is read by one call; all connections of a thread share the room for it.
SCRATCH_BYTES = 128 << 10
# The longest head of an answer.
MAX_HEAD_BYTES = 64 << 10


@dataclass(frozen=True)
class PolledAnswer:
    """A whole answer: status of HTTP, headers by lower-case names, content."""

    status: int
    headers: Headers
    document: bytes


class PolledConnection:
    """A connection, used for one request after another.

    Args:
        sock: connected, with TLS where it belongs.
        scratch: room that is used during a call; SCRATCH_BYTES of it.
        max_document: the longest content, in bytes.

    Attributes:
        wants_write: whether it waits for the socket to take more, not for an answer.
        since: when it last got on, by the monotonic clock.
        is_reusable: whether it can carry another request.
    """

    def __init__(self, sock: socket.socket, scratch: memoryview, max_document: int) -> None:
        sock.setblocking(False)
        self._socket = sock
        # An interruption may let go of it anywhere.
        self._closing = weakref.finalize(self, sock.close)
        self._scratch = scratch
        self._max_document = max_document
        self._is_plain = type(sock) is socket.socket
        self._method = ""
        self._unsent = memoryview(b"")
        self._received = bytearray()
        self._head: tuple[int, Headers, int, int] | None = None
        self.wants_write = False
        self.since = 0.0
        self.is_reusable = True

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._socket.fileno()

    def begin(self, method: str, data: bytes) -> None:
        """Send as much of a request as the socket takes.

        Args:
            method: such as GET.
            data: the whole request.

        Raises:
            BrokenConnectionError: the connection has ended.
        """
        self._method, self._unsent = method, memoryview(data)
        self._received, self._head = bytearray(), None
        self.since = time.monotonic()
        self._send()

    def proceed(self) -> PolledAnswer | None:
        """Go on as far as the socket is ready; return the answer when it is all there.

        Raises:
            BrokenConnectionError: the connection has ended, or the answer cannot be read here.
        """
        self.since = time.monotonic()
        if self._unsent and not self._send():
            return None
        while True:
            count = self._receive()
            if count is None:
                return None
            self._received += self._scratch[:count]
            if self._head is None:
                self._head = self._parsed()
            if self._head is not None and len(self._received) >= sum(self._head[2:]):
                return self._answer(*self._head)
            if self._is_plain and count < SCRATCH_BYTES:
                # A call that finds nothing costs as much as one that does.
                return None

    def _send(self) -> bool:
        """Send what is left; return whether that was all."""
        try:
            while self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except (BlockingIOError, ssl.SSLWantWriteError):
            self.wants_write = True
            return False
        except ssl.SSLWantReadError:
            return False
        except OSError as error:
            raise BrokenConnectionError from error
        self.wants_write = False
        return True

    def _receive(self) -> int | None:
        try:
            count = self._socket.recv_into(self._scratch)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except OSError as error:
            raise BrokenConnectionError from error
        if not count:
            raise BrokenConnectionError
        return count

    def _parsed(self) -> tuple[int, Headers, int, int] | None:
        """Return status, headers, length of the head and of the content; `None` when the head goes on."""
        at = self._received.find(END_OF_HEAD)
        if at < 0:
            if len(self._received) > MAX_HEAD_BYTES:
                raise BrokenConnectionError
            return None
        end = at + len(END_OF_HEAD)
        status = status_of(self._received, 0, end)
        found = plain_head(self._received, 0, end, self._method, status) if status >= 200 else None
        if found is None or found[1] > self._max_document:
            raise BrokenConnectionError
        return status, found[0], end, found[1]

    def _answer(self, status: int, headers: Headers, start: int, length: int) -> PolledAnswer:
        is_clean = len(self._received) == start + length
        self.is_reusable = is_clean and headers.get("connection", "").lower() != "close"
        return PolledAnswer(status, headers, bytes(memoryview(self._received)[start : start + length]))

    def close(self) -> None:
        """End the connection."""
        self._closing()
