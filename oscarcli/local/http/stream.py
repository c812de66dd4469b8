"""The two ends of a connection as files: cheroot's own are in pure Python and cost more than its parser."""

from __future__ import annotations

import io
import socket
from typing import Any


class _Source(socket.SocketIO):
    """A socket to read from, unless only what was read before is wanted."""

    closed_off = False

    def readinto(self, buffer: Any) -> int | None:
        """Receive into the buffer; None, "nothing at the moment", while the socket is closed off."""
        return None if self.closed_off else super().readinto(buffer)


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
