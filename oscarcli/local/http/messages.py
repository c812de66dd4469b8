"""What a handler of the local cluster's listeners sees of HTTP: plain requests and responses."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qsl, unquote

READ_BLOCK = 1 << 16


class ConnectionLost(Exception):  # noqa: N818 -- a fact about the peer, not a defect of ours
    """The client went away, or sent less than it announced."""


class MalformedBody(ConnectionLost):
    """The client sends what is not HTTP: nothing after it can be understood. The text says what."""


class Body(Protocol):
    """The request's body as a stream: `read(size)` gives up to `size` bytes, `b""` at the end."""

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes, empty at the end. Raises ConnectionLost on a truncated body."""
        ...


@dataclass
class Request:
    """One request, with the target exactly as it was on the wire (signatures depend on it).

    `headers` has lower-case names; repeated headers are joined with a comma where they are lists, of others
    the last one counts. `content_length` is `None` for a chunked body. When `body_is_here`, reading it waits
    for nobody. Only a request that `may_be_deferred` may have a deferred answer.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: Body
    content_length: int | None
    remote_ip: str
    is_http_1_0: bool = False
    body_is_here: bool = False
    may_be_deferred: bool = False
    raw_path: str = field(init=False)
    """The path as sent, still percent-encoded, without the query."""
    raw_query: str = field(init=False)
    """The query as sent, still percent-encoded, without the question mark."""

    def __post_init__(self) -> None:
        self.raw_path, _, self.raw_query = self.target.partition("?")

    @property
    def path(self) -> str:
        """The decoded path."""
        return unquote(self.raw_path)

    @property
    def query(self) -> dict[str, str]:
        """Decoded query parameters, blank values kept; of a repeated name the last one counts."""
        raw = self.raw_query
        return dict(parse_qsl(raw, keep_blank_values=True)) if raw else {}

    def read_all(self, limit: int) -> bytes:
        """Return the whole body. Raises ValueError when it is longer than `limit` bytes."""
        pieces: list[bytes] = []
        total = 0
        while piece := self.body.read(READ_BLOCK):
            total += len(piece)
            if total > limit:
                raise ValueError(f"the body is longer than {limit} bytes")
            pieces.append(piece)
        return b"".join(pieces)


@dataclass
class Response:
    """An answer.

    Attributes:
        status: HTTP status.
        headers: by name.
        body: bytes, or an iterable of bytes, which is sent in chunks when `headers` has no Content-Length.
        close_connection: whether it is the last one of its connection.
        further_headers: those whose name is in `headers` already, such as a second Set-Cookie.
        takes_over: for an answer that ends HTTP on its connection: gets a socket that is its own from then
            on, and what was received of what follows. `headers` say how the client finds the end.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""
    close_connection: bool = False
    further_headers: Sequence[tuple[str, str]] = ()
    takes_over: Callable[[socket.socket, bytes], None] | None = None


@dataclass
class DeferredAnswer:
    """An answer that is known only once something has ended, for which no thread waits.

    Attributes:
        begin: begins it, before anything of those that came together is waited for. Does not raise.
        when_ended: gets what is to be called then, in any thread.
        answer: returns the answer, from then on. Does not raise.
    """

    begin: Callable[[], None]
    when_ended: Callable[[Callable[[], None]], None]
    answer: Callable[[], Response]


Handler = Callable[[Request], Response | DeferredAnswer]
