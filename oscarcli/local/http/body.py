"""The body of a request: read within bounds, and refused when it is not HTTP."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from oscarcli.local.http.head import check_field_line
from oscarcli.local.http.messages import READ_BLOCK, ConnectionLost, MalformedBody
from oscarcli.local.http.stream import StreamReader

# A body the handler did not read is discarded up to this many bytes so that the connection can be reused;
# beyond it, or when it does not come in time, closing the connection is cheaper than reading on.
MAX_DISCARDED_BYTES = 1 << 20
DISCARD_SECONDS = 5.0
# A client that is still sending when it is refused sees the answer only if its bytes are taken meanwhile:
# closing at once would reset the connection under it.
LINGER_SECONDS = 5.0
MAX_CHUNK_HEAD_BYTES = 1 << 12
MAX_TRAILER_BYTES = 1 << 16
_CHUNK_HEAD = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(;[^\x00-\x08\x0a-\x1f\x7f]*)?\r\n")


class _Chunks:
    """What is in the chunks of a body; a large chunk is read in pieces.

    Args:
        file: the connection's reader.
    """

    def __init__(self, file: StreamReader) -> None:
        self._file = file
        # Of the chunk that is being read.
        self._left = 0
        self._was_last = False

    def read(self, size: int) -> bytes:
        """Return `size` bytes, fewer at the end. Raises OSError, ValueError."""
        pieces = []
        while size > 0 and (self._left or self._begin_chunk()):
            piece = self._piece(min(size, self._left))
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def _begin_chunk(self) -> bool:
        """Read the line before a chunk; False when it is the last one, which is empty."""
        if self._was_last:
            return False
        line = self._file.readline(MAX_CHUNK_HEAD_BYTES)
        if not line:
            raise OSError("the body ended before its last chunk")
        match = _CHUNK_HEAD.fullmatch(line)
        if match is None:
            raise ValueError("Malformed chunk size")
        self._left = int(match[1], 16)
        self._was_last = self._left == 0
        return not self._was_last

    def _piece(self, size: int) -> bytes:
        """Return so many bytes of a chunk, and read the line end that follows its last one."""
        data = self._file.read(size)
        if len(data) < size:
            raise OSError(f"{size - len(data)} bytes of a chunk never came")
        self._left -= size
        if not self._left and self._file.read(2) != b"\r\n":
            raise ValueError("Malformed end of a chunk")
        return data

    def read_trailer(self) -> None:
        """Read the lines behind the last chunk, to the empty one. Raises OSError, ValueError."""
        line, size = b"", 0
        while line != b"\r\n":
            line = self._file.readline(MAX_TRAILER_BYTES)
            size += len(line)
            if not line:
                raise OSError("the body ended in its trailer")
            if size >= MAX_TRAILER_BYTES:
                raise ValueError("Too long a trailer")
            if line != b"\r\n":
                check_field_line(line)


class RequestBody:
    """Reads the body, and notices one that ends too soon.

    Args:
        request: cheroot's, whose head was read.
    """

    def __init__(self, request: Any) -> None:
        self._request = request
        self._file: StreamReader = request.conn.rfile
        length = request.head.length
        self._chunks = _Chunks(self._file) if length is None else None
        # Bytes that have to come, where it is known.
        self._left = length or 0
        self._finished = length == 0
        self._awaited = request.head.awaits_interim_answer

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, empty at the end. Raises ConnectionLost or MalformedBody."""
        if self._finished or size <= 0:
            return b""
        try:
            if self._awaited:
                self._awaited = False
                self._request.conn.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return self._read(size) if self._chunks is None else self._read_chunks(self._chunks, size)
        except (OSError, ValueError) as error:
            self._request.close_connection = True
            lost = MalformedBody if isinstance(error, ValueError) else ConnectionLost
            raise lost(str(error)) from error

    def _read(self, size: int) -> bytes:
        wanted = min(size, self._left)
        data = self._file.read(wanted)
        self._left -= len(data)
        self._finished = self._left == 0
        if len(data) < wanted:
            raise OSError(f"{self._left} bytes of the body never came")
        return data

    def _read_chunks(self, chunks: _Chunks, size: int) -> bytes:
        data = chunks.read(size)
        if not data:
            self._finished = True
            chunks.read_trailer()
        return data

    def discard(self) -> bool:
        """Read the rest of a small body away. False when the connection has to be closed instead.

        Raises:
            ConnectionLost: it did not come, or not in time.
            MalformedBody: it is not HTTP.
        """
        if self._finished:
            return True
        if self._awaited:
            # The client waits to be told to send, and now never will.
            return False
        with self._limited(DISCARD_SECONDS):
            left = MAX_DISCARDED_BYTES
            while left > 0:
                data = self.read(READ_BLOCK)
                if not data:
                    return True
                left -= len(data)
        return False

    @contextlib.contextmanager
    def _limited(self, seconds: float) -> Iterator[None]:
        """Let the client's sending end after so many seconds, however slowly it sends."""
        timer = threading.Timer(seconds, self._request.conn.end_reading)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def discard_rest(self) -> None:
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
