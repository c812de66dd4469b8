"""The two ends of a connection as files: cheroot's own are in pure Python and cost more than its parser."""

from __future__ import annotations

import io
import socket
import time
from typing import Any

# Less than this is no progress: a client that sends a byte now and then is as slow as one that sends none.
MIN_PROGRESS_BYTES = 1 << 10


class _Source(socket.SocketIO):
    """A socket to read from, unless only what was read before is wanted."""

    closed_off = False
    # Since the last progress: bytes that came, and seconds that were spent waiting for them.
    _received = 0
    _waited = 0.0
    # When the wait began that is going on, by the monotonic clock.
    _waits_since: float | None = None

    def readinto(self, buffer: Any) -> int | None:
        """Receive into the buffer; None, "nothing at the moment", while the socket is closed off."""
        if self.closed_off:
            return None
        self._waits_since = began = time.monotonic()
        count = super().readinto(buffer) or 0
        self._waits_since = None
        self._received += count
        if self._received >= MIN_PROGRESS_BYTES:
            self._received = 0
            self._waited = 0.0
        else:
            self._waited += time.monotonic() - began
        return count

    def waited(self) -> float:
        """Return the seconds that the reader has been waiting without progress; 0 when it does not wait."""
        since = self._waits_since
        return 0.0 if since is None else self._waited + time.monotonic() - since

    def begin(self) -> None:
        """Count from here on: another request begins."""
        self._received = 0
        self._waited = 0.0


class StreamReader(io.BufferedReader):
    """What cheroot reads from.

    Args:
        connection: the socket.
        size: of the buffer, in bytes.
    """

    # cheroot asks only in its statistics, which are off.
    bytes_read = 0
    # While the rest of a head is awaited, its beginning is hidden from cheroot.
    awaits_head = False

    def __init__(self, connection: socket.socket, size: int) -> None:
        self._source = _Source(connection, "r")
        super().__init__(self._source, size)

    def buffered(self) -> bytes:
        """Return what was received and not read, without receiving any more."""
        self._source.closed_off = True
        try:
            return self.peek(1)
        finally:
            self._source.closed_off = False

    def begin_request(self) -> None:
        """Forget how long was waited for an earlier request."""
        self._source.begin()

    def waited(self) -> float:
        """Return the seconds for which somebody has been waiting here without progress, 0 for nobody."""
        return self._source.waited()

    def has_data(self) -> bool:
        """Tell cheroot whether a request may be waiting in the buffer."""
        return not self.awaits_head and bool(self.buffered())


class StreamWriter:
    """What cheroot writes to: every write goes out at once.

    Args:
        connection: the socket.
    """

    bytes_written = 0

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def write(self, data: bytes) -> int:
        """Send everything; each step may take as long as the socket's timeout. Raises OSError."""
        left = memoryview(data)
        while left:
            left = left[self._connection.send(left) :]
        return len(data)


def stream(connection: socket.socket, mode: str, size: int) -> StreamReader | StreamWriter:
    """Return one end of a connection, as cheroot asks for it."""
    return StreamReader(connection, size) if "r" in mode else StreamWriter(connection)
