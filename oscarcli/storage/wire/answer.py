"""Answers as they arrive over a `WireConnection`, their content still to be read."""

from __future__ import annotations

import http.client
import io
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from oscarcli.storage.wire.failures import BrokenConnectionError, SilentServerError

if TYPE_CHECKING:
    from oscarcli.storage.wire.connection import WireConnection

# What a connection has room for: the longest head of an answer, and what of a content is joined to one piece.
BUFFER_BYTES = 64 << 10

STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-9]\d\d)[ \r]")
FIELD = re.compile(r"([!-9;-~]+):[ \t]*([^\r\n]*)\r\n")
END_OF_HEAD = b"\r\n\r\n"
CONTINUE = 100

Headers = dict[str, str]


def status_of(buffer: bytearray, start: int, end: int) -> int:
    """Return the status of an answer of HTTP/1.1, 0 for anything else.

    Args:
        buffer: where its head is.
        start: first byte of the head.
        end: the byte behind it; negative when it does not fit.
    """
    found = STATUS_LINE.match(buffer, start, end) if end >= 0 else None
    return int(found[1]) if found else 0


def plain_head(
    buffer: bytearray, start: int, end: int, method: str, status: int
) -> tuple[Headers, int] | None:
    """Return headers and length of a content whose length is given; `None` for any other answer.

    Args:
        buffer: where its head is.
        start: first byte of the head.
        end: the byte behind it.
        method: of the request.
        status: as `status_of` tells.
    """
    if not status:
        return None
    head = buffer[start : end - 2].decode("latin-1")
    fields = FIELD.findall(head, head.index("\n") + 1)
    headers: Headers = {name.lower(): value.rstrip() for name, value in fields}
    if len(fields) != head.count("\n") - 1 or (len(headers) < len(fields) and _has_two_lengths(fields)):
        return None
    length = headers.get("content-length", "")
    if method == "HEAD" or status in (CONTINUE, 204, 304):
        length = "0"
    if "transfer-encoding" in headers or not (length.isascii() and length.isdigit()):
        return None
    return headers, int(length)


def _has_two_lengths(fields: list[tuple[str, str]]) -> bool:
    return sum(name.lower() == "content-length" for name, _ in fields) > 1


class PlainContent:
    """Content of a known length.

    Args:
        connection: where it arrives.
        length: in bytes.
    """

    def __init__(self, connection: WireConnection, length: int) -> None:
        self._connection = connection
        self.left = length

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes, empty at the end. Raises BrokenConnectionError, SilentServerError."""
        if not self.left:
            return b""
        wanted = min(size, self.left)
        data = self._connection.receive_small(wanted) if self.left <= BUFFER_BYTES else b""
        data = data or self._connection.receive(wanted)
        if not data:
            raise BrokenConnectionError
        self.left -= len(data)
        return data

    def read_into(self, buffer: memoryview) -> int:
        """Fill a buffer as far as that goes, and return how many bytes; 0 at the end. Raises as `read`."""
        if not self.left:
            return 0
        count = self._connection.receive_into(buffer[: self.left])
        if not count:
            raise BrokenConnectionError
        self.left -= count
        return count

    @property
    def is_read(self) -> bool:
        """Whether all of it was read."""
        return not self.left


class LibraryContent:
    """Content that comes in chunks, or whose end is that of the connection.

    Args:
        response: of Python's HTTP library, its head read.

    Attributes:
        is_read: whether all of it was read.
    """

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response
        self.is_read = False

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes, empty at the end. Raises as `PlainContent.read` does."""
        with translated():
            data = self._response.read(size)
        self.is_read = not data
        return data

    def read_into(self, buffer: memoryview) -> int:
        """Fill a buffer as `PlainContent.read_into` does."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class WireAnswer:
    """An answer, its content still to be read.

    Args:
        connection: where it arrives.
        status: of HTTP.
        headers: by lower-case names.
        content: what follows.
    """

    def __init__(
        self,
        connection: WireConnection,
        status: int,
        headers: Headers,
        content: PlainContent | LibraryContent,
    ) -> None:
        self.connection = connection
        self.status = status
        self.headers = headers
        self.content = content
        self.ends_connection = headers.get("connection", "").lower() == "close"

    @property
    def is_reusable(self) -> bool:
        """Whether the connection can carry another request."""
        return self.content.is_read and not self.ends_connection


class Replay(io.RawIOBase):
    """What was read from a connection already, and then the rest: a socket for HTTPResponse.

    Args:
        begun: what was read.
        sock: where the rest arrives.
    """

    def __init__(self, begun: bytes, sock: socket.socket) -> None:
        super().__init__()
        self._begun = begun
        self._socket = sock

    def makefile(self, *_: Any) -> io.BufferedReader:
        """Return it all as a file."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with what comes next."""
        if not self._begun:
            return self._socket.recv_into(buffer)
        count = min(len(buffer), len(self._begun))
        buffer[:count] = self._begun[:count]
        self._begun = self._begun[count:]
        return count


@contextmanager
def translated() -> Iterator[None]:
    """Raise what goes wrong with a connection as one of this program's errors."""
    try:
        yield
    except (TimeoutError, BlockingIOError) as error:
        # The second one where the system bounds the time, see `WireConnection`.
        raise SilentServerError from error
    except (OSError, http.client.HTTPException) as error:
        raise BrokenConnectionError from error
