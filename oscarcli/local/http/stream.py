"""The two ends of a connection as cheroot asks for them: its own cost more than its parser."""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import time

from oscarcli.local.http.messages import READ_BLOCK

# A reader waits no longer at a time, so that it can be asked to do something else.
WAIT_SECONDS = 0.2
MAX_HEAD_BYTES = 1 << 16
# Less than this is no progress: a client that sends a byte now and then is as slow as one that sends none.
MIN_PROGRESS_BYTES = 1 << 10
# A body of up to so many bytes is waited for before a worker gets the request.
MAX_SMALL_BODY_BYTES = 1 << 16
_LENGTH_NAME = b"\r\ncontent-length:"
_LENGTH = re.compile(rb"[ \t]*([0-9]{1,5})[ \t]*\r\n")


def _end_of_head(data: bytes) -> int:
    """Return where the first empty line ends, 0 when there is none that ends a head of the size allowed."""
    # To look for both with one pattern would take as long as to read the head.
    end = data.find(b"\n\r\n", 0, MAX_HEAD_BYTES)
    bare_end = data.find(b"\n\n", 0, MAX_HEAD_BYTES if end < 0 else end + 1)
    if bare_end >= 0:
        return bare_end + 2
    return 0 if end < 0 else end + 3


def _small_body_bytes(head: bytes) -> int:
    """Return the length of a small body that the client sends unasked, 0 for any other.

    This is no more than a guess of when a worker will not have to wait; who reads the head checks it.
    """
    head = head.lower()
    start = head.find(_LENGTH_NAME)
    length = _LENGTH.match(head, start + len(_LENGTH_NAME)) if start >= 0 else None
    if length is None or b"\r\nexpect:" in head:
        return 0
    size = int(length[1])
    return size if size <= MAX_SMALL_BODY_BYTES else 0


def limit_waiting(connection: socket.socket, seconds: float) -> None:
    """Let the system end each wait for a connection.

    Python's own time limits cost a call of the system more for each of the others.

    Args:
        connection: the socket.
        seconds: what a writer may wait; a reader is waited for again and again. 0 for no limit at all.
    """
    connection.settimeout(None)
    for option, limit in ((socket.SO_RCVTIMEO, min(WAIT_SECONDS, seconds)), (socket.SO_SNDTIMEO, seconds)):
        whole = int(limit)
        packed = struct.pack("@ll", whole, int((limit - whole) * 1_000_000))
        # Of a connection that has ended already nobody will wait for anything.
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, option, packed)


class StreamReader:
    """What cheroot reads from.

    Args:
        connection: the socket, whose waits are limited.
        seconds: for which a reader waits in all.
    """

    # cheroot asks only in its statistics, which are off.
    bytes_read = 0
    closed = False

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._connection = connection
        self._seconds = seconds
        self._buffer = b""
        # Of the head in the buffer, with its empty line, and of the body that is waited for with it; 0 until
        # its end was found.
        self._head_bytes = 0
        self._small_body_bytes = 0
        # Since the last progress: bytes that came, and seconds that were spent waiting for them.
        self._received = 0
        self._waited = 0.0
        # When the wait began that is going on, by the monotonic clock.
        self._waits_since: float | None = None

    # -- heads ---------------------------------------------------------------------------------------

    def has_data(self) -> bool:
        """Tell cheroot whether a worker has something to do without waiting for the client.

        That is a head, with its body where that is small, or what is too long for a head.
        """
        end = self._head_end()
        if not end:
            return len(self._buffer) >= MAX_HEAD_BYTES
        return len(self._buffer) >= end + self._small_body_bytes

    def has_small_body(self) -> bool:
        """Tell whether a head is there, and all of its body, which is small."""
        end = self._head_end()
        return end > 0 and 0 < self._small_body_bytes <= len(self._buffer) - end

    def has_head(self) -> bool:
        """Tell whether a head is there, with or without its body."""
        return self._head_end() > 0

    def fill(self, *, wait: bool) -> bool:
        """Receive more, at most what has arrived or arrives within WAIT_SECONDS; False at the end.

        Raises:
            BlockingIOError: nothing has.
            OSError: the connection is broken.
        """
        data = self._connection.recv(READ_BLOCK, 0 if wait else socket.MSG_DONTWAIT)
        self._buffer += data
        return bool(data)

    def head(self) -> bytes:
        """Return the head with its empty line, `b""` when it is not there."""
        return self._buffer[: self._head_end()]

    def take_head(self) -> bytes:
        """Return the head as `head` does, and go on behind it."""
        return self._take(self._head_end())

    def _head_end(self) -> int:
        """Return where a head ends that is not too long, 0 when none is there."""
        if not self._head_bytes:
            end = _end_of_head(self._buffer)
            if end:
                self._head_bytes = end
                self._small_body_bytes = _small_body_bytes(self._buffer[:end])
        return self._head_bytes

    def buffered(self) -> bytes:
        """Return what was received and not read."""
        return self._buffer

    # -- bodies --------------------------------------------------------------------------------------

    def read(self, size: int) -> bytes:
        """Return so many bytes, fewer at the end. Raises OSError, TimeoutError."""
        if len(self._buffer) >= size:
            return self._take(size)
        pieces, self._buffer = [self._take(size)], b""
        left = size - len(pieces[0])
        while left > 0 and (data := self._receive(left)):
            pieces.append(data)
            left -= len(data)
        return b"".join(pieces)

    def readline(self, limit: int) -> bytes:
        """Return a line with its end; without it when it is longer than `limit` bytes or the last one.

        Raises OSError, TimeoutError.
        """
        while b"\n" not in self._buffer and len(self._buffer) < limit:
            data = self._receive(READ_BLOCK)
            if not data:
                break
            self._buffer += data
        end = self._buffer.find(b"\n", 0, limit)
        return self._take(limit if end < 0 else end + 1)

    def _take(self, size: int) -> bytes:
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        self._head_bytes = 0
        return taken

    def _receive(self, size: int) -> bytes:
        """Wait for bytes, and return up to so many. Raises OSError, TimeoutError."""
        self._waits_since = began = time.monotonic()
        try:
            while True:
                try:
                    data = self._connection.recv(size)
                    break
                except BlockingIOError:
                    if time.monotonic() - began > self._seconds:
                        raise TimeoutError("timed out") from None
        finally:
            self._waits_since = None
        self._received += len(data)
        if self._received >= MIN_PROGRESS_BYTES:
            self._received = 0
            self._waited = 0.0
        else:
            self._waited += time.monotonic() - began
        return data

    def begin_request(self) -> None:
        """Forget how long was waited for an earlier request."""
        self._received = 0
        self._waited = 0.0

    def waited(self) -> float:
        """Return the seconds for which somebody has been waiting here without progress, 0 for nobody."""
        since = self._waits_since
        return 0.0 if since is None else self._waited + time.monotonic() - since

    def close(self) -> None:
        """Forget what was not read; the connection is closed by who opened it."""
        self._buffer = b""
        self.closed = True


class StreamWriter:
    """What cheroot writes to: every write goes out at once.

    Args:
        connection: the socket.
    """

    bytes_written = 0

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.waits = True
        """Whether a client is waited for that does not read its answers; otherwise it is given up."""

    def write(self, data: bytes) -> int:
        """Send everything; each step may take as long as the socket's limit. Raises OSError."""
        flags = 0 if self.waits else socket.MSG_DONTWAIT
        left = memoryview(data)
        while left:
            left = left[self._connection.send(left, flags) :]
        return len(data)
