"""Passes calls of exposed services on, as the gateway of a real cluster does: body by body, in blocks."""

from __future__ import annotations

import http.client
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.parse import quote

from oscarcli.local.exposed.relay import Relay, RelayedConnection, RelayFullError
from oscarcli.local.http.messages import READ_BLOCK, ConnectionLost, Request, Response
from oscarcli.local.options import LOOPBACK

log = logging.getLogger(__name__)

CONNECT_SECONDS = 5.0
# What a gateway waits for the next bytes of an answer.
READ_SECONDS = 300.0
# What concerns one connection alone (RFC 9110, 7.6.1); the body's end is told anew on the other side.
HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
# Told by this side, or by the listener.
_OURS = frozenset(("content-length", "expect", "x-real-ip"))
# Everything that is ASCII stands in a target as it was sent.
_PLAIN = "".join(chr(code) for code in range(0x21, 0x7F))


class GatewayError(Exception):
    """The service gave no answer that could be passed on; the text says why."""


class _Call:
    """A connection to a service, for one call.

    Args:
        port: of the service on this machine.
        relay: looks after the connection if it outlives the call.

    Raises:
        OSError: nothing listens there.
    """

    answer: http.client.HTTPResponse

    def __init__(self, port: int, relay: Relay) -> None:
        self.connection = http.client.HTTPConnection(LOOPBACK, port, timeout=CONNECT_SECONDS)
        self.connection.connect()
        # After an answer with which the connection ends it is known to nobody but the answer.
        self._socket = self.connection.sock
        self._socket.settimeout(READ_SECONDS)
        self._relay = relay

    def handed_over(
        self, ended: Callable[[], None], *, one_way: bool = False
    ) -> Callable[[socket.socket, bytes], None]:
        """Return what takes over the client's connection.

        Args:
            ended: called when both sides have ended.
            one_way: whether the client has nothing more to say.

        Raises:
            RelayFullError: too many connections are open.
        """
        if self._relay.is_full:
            raise RelayFullError

        def take_over(client: socket.socket, received: bytes) -> None:
            self._socket.setblocking(False)
            service = self._socket.dup()
            # What came behind the answer's head is in its buffer already.
            buffered = self.answer.fp.peek()
            self.close()
            connection = RelayedConnection(client, service, ended, one_way=one_way)
            connection.begin(received, buffered)
            with suppress(RelayFullError):
                self._relay.take(connection)

        return take_over

    def close(self) -> None:
        """Close the connection."""
        if hasattr(self, "answer"):
            self.answer.close()
        self.connection.close()


def forward(request: Request, port: int, target: str, relay: Relay, ended: Callable[[], None]) -> Response:
    """Pass a request on, and return the answer to pass back.

    Args:
        request: the client's.
        port: of the service on this machine.
        target: path and query as the service gets them.
        relay: looks after connections that stay open.
        ended: called once the answer has been passed back, or its connection has ended.

    Raises:
        ConnectionLost: the client went away while it sent its body.
        GatewayError: the service answers nothing that is HTTP.
        RelayFullError: the answer would stay open, and too many do.
    """
    call: _Call | None = None
    try:
        call = _Call(port, relay)
        _send(call.connection, request, target)
        call.answer = call.connection.getresponse()
        return _passed_back(call, request, ended)
    except (ConnectionLost, RelayFullError):
        if call is not None:
            call.close()
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        if call is not None:
            call.close()
        raise GatewayError(str(error) or type(error).__name__) from error


def _passed_back(call: _Call, request: Request, ended: Callable[[], None]) -> Response:
    answer = call.answer
    if answer.status == http.client.SWITCHING_PROTOCOLS:
        return _switched(call, ended)
    # A client of HTTP/1.0 does not know chunks.
    if answer.length is None and not (answer.chunked and request.is_http_1_0):
        return _endless(call, ended)
    headers, further = _headers(answer)
    return Response(answer.status, headers, _AnswerBody(call, ended), further_headers=further)


def _send(connection: http.client.HTTPConnection, request: Request, target: str) -> None:
    safe = quote(target.encode("latin-1", "replace"), safe=_PLAIN)
    connection.putrequest(request.method, safe, skip_host=True, skip_accept_encoding=True)
    dropped = HOP_BY_HOP | _OURS | _named(request.headers.get("connection", ""))
    for name, value in {**request.headers, **_forwarded(request)}.items():
        if name not in dropped:
            connection.putheader(name, value.encode("latin-1", "replace"))
    connection.putheader("x-real-ip", request.remote_ip)
    upgrade = request.headers.get("upgrade")
    if upgrade is not None and "upgrade" in _named(request.headers.get("connection", "")):
        connection.putheader("connection", "Upgrade")
        connection.putheader("upgrade", upgrade)
    else:
        connection.putheader("connection", "close")
    is_chunked = request.content_length is None
    if is_chunked:
        connection.putheader("transfer-encoding", "chunked")
    elif "content-length" in request.headers:
        connection.putheader("content-length", str(request.content_length))
    # A service may answer, and close, before it has read everything.
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.endheaders(_blocks(request), encode_chunked=is_chunked)


def _blocks(request: Request) -> Iterator[bytes]:
    while block := request.body.read(READ_BLOCK):
        yield block


def _named(connection: str) -> frozenset[str]:
    return frozenset(word.strip().lower() for word in connection.split(","))


def _forwarded(request: Request) -> dict[str, str]:
    """Return what a service is told of the call that it does not see itself."""
    host = request.headers.get("host", LOOPBACK)
    before = request.headers.get("x-forwarded-for")
    return {
        "host": host,
        "x-forwarded-for": f"{before}, {request.remote_ip}" if before else request.remote_ip,
        "x-forwarded-host": host,
        "x-forwarded-port": host.rpartition(":")[2] if host.rpartition(":")[2].isdigit() else "80",
        "x-forwarded-proto": "http",
    }


def _headers(answer: http.client.HTTPResponse) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Return an answer's headers by name, and those whose name comes again."""
    dropped = HOP_BY_HOP | _named(answer.getheader("connection", "")) | {"date"}
    first: dict[str, str] = {}
    further = []
    for name, folded in answer.getheaders():
        value = " ".join(folded.splitlines())
        if name.lower() in dropped:
            continue
        if name.lower() in {known.lower() for known in first}:
            further.append((name, value))
        else:
            first[name] = value
    return first, further


class _AnswerBody:
    """The body of an answer, as it comes. Has to be closed."""

    def __init__(self, call: _Call, ended: Callable[[], None]) -> None:
        self._call = call
        self._answer = call.answer
        self._ended = ended

    def __iter__(self) -> Iterator[bytes]:
        try:
            while block := self._answer.read1(READ_BLOCK):
                yield block
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionAbortedError(f"the service broke its answer off: {error}") from error
        if self._answer.length:
            raise ConnectionAbortedError(f"the service kept {self._answer.length} bytes of its answer")

    def close(self) -> None:
        """Close the connection."""
        self._call.close()
        self._ended()


def _switched(call: _Call, ended: Callable[[], None]) -> Response:
    """Return the answer to a client that speaks another protocol from here on, such as WebSocket."""
    headers, further = _headers(call.answer)
    headers |= {"Connection": "Upgrade", "Upgrade": call.answer.getheader("upgrade", "")}
    return Response(call.answer.status, headers, further_headers=further, takes_over=call.handed_over(ended))


def _endless(call: _Call, ended: Callable[[], None]) -> Response:
    """Return an answer of unknown length, which may take hours: it is carried as the service sends it."""
    headers, further = _headers(call.answer)
    coding = call.answer.getheader("transfer-encoding")
    headers |= {"Connection": "close", **({"Transfer-Encoding": coding} if coding else {})}
    return Response(
        call.answer.status, headers, further_headers=further, takes_over=call.handed_over(ended, one_way=True)
    )
