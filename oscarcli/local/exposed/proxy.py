"""Passes calls of exposed services on, as the gateway of a real cluster does: body by body, in blocks."""

from __future__ import annotations

import http.client
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.parse import quote

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


def forward(request: Request, port: int, target: str, ended: Callable[[], None]) -> Response:
    """Pass a request on, and return the answer to pass back.

    Args:
        request: the client's.
        port: of the service on this machine.
        target: path and query as the service gets them.
        ended: called once the answer has been passed back, or its connection has ended.

    Raises:
        ConnectionLost: the client went away while it sent its body.
        GatewayError: the service answers nothing that is HTTP.
    """
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=CONNECT_SECONDS)
    try:
        connection.connect()
        connection.sock.settimeout(READ_SECONDS)
        _send(connection, request, target)
        answer = connection.getresponse()
    except ConnectionLost:
        connection.close()
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        connection.close()
        raise GatewayError(str(error) or type(error).__name__) from error
    if answer.status == http.client.SWITCHING_PROTOCOLS:
        return _switched(connection, answer, ended)
    headers, further = _headers(answer)
    return Response(answer.status, headers, _AnswerBody(connection, answer, ended), further_headers=further)


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
    for name, value in answer.getheaders():
        if name.lower() in dropped:
            continue
        if name.lower() in {known.lower() for known in first}:
            further.append((name, value))
        else:
            first[name] = value
    return first, further


class _AnswerBody:
    """The body of an answer, as it comes. Has to be closed."""

    def __init__(
        self,
        connection: http.client.HTTPConnection,
        answer: http.client.HTTPResponse,
        ended: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._answer = answer
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
        self._answer.close()
        self._connection.close()
        self._ended()


def _switched(
    connection: http.client.HTTPConnection, answer: http.client.HTTPResponse, ended: Callable[[], None]
) -> Response:
    """Return the answer to a client that speaks another protocol from here on, such as WebSocket."""
    headers, further = _headers(answer)
    headers |= {"Connection": "Upgrade", "Upgrade": answer.getheader("upgrade", "")}

    def take_over(client: socket.socket, received: bytes) -> None:
        try:
            _carry(client, received, connection.sock, answer)
        finally:
            answer.close()
            connection.close()
            ended()

    return Response(answer.status, headers, further_headers=further, takes_over=take_over)


def _carry(
    client: socket.socket, received: bytes, service: socket.socket, answer: http.client.HTTPResponse
) -> None:
    """Carry bytes both ways until one side ends."""
    for side in (client, service):
        side.settimeout(None)

    def back() -> None:
        with suppress(OSError, ValueError):
            # What came behind the answer's head is in its buffer already.
            while block := answer.fp.read1(READ_BLOCK):
                client.sendall(block)
        _end(client, service)

    thread = threading.Thread(target=back, name="upgraded", daemon=True)
    thread.start()
    with suppress(OSError):
        service.sendall(received)
        while block := client.recv(READ_BLOCK):
            service.sendall(block)
    _end(client, service)
    thread.join()


def _end(*sides: socket.socket) -> None:
    for side in sides:
        with suppress(OSError):
            side.shutdown(socket.SHUT_RDWR)
