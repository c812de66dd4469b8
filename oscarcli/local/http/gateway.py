"""One request of cheroot carried to a handler, and the answer back: bodies are streamed both ways."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from cheroot.server import Gateway

from oscarcli.local.http.body import RequestBody
from oscarcli.local.http.messages import (
    ConnectionLost,
    DeferredAnswer,
    MalformedBody,
    Request,
    Response,
)
from oscarcli.local.http.stream import limit_waiting

log = logging.getLogger(__name__)

SERVER = "oscar-local"


class HandlerGateway(Gateway):
    """Carries one request of cheroot to the handler."""

    def respond(self) -> None:
        """Ask the handler, and send what it answers."""
        body = RequestBody(self.req)
        answer = self._ask(self._request(body))
        if isinstance(answer, Response):
            self._send(answer, body)

    def respond_quickly(self) -> bool:
        """Ask the handler if it waits for nobody then; its answer may be sent later.

        Returns:
            False when it would, and nothing was done.
        """
        request = self.req
        body = RequestBody(request)
        asked = self._request(body)
        if not request.server.is_quick(asked):
            return False
        request.conn.rfile.take_head()
        request.conn.wfile.waits = False
        asked.may_be_deferred = True
        answer = self._ask(asked)
        if isinstance(answer, DeferredAnswer):
            self._defer(answer, body)
        else:
            self._finish(answer, body)
        return True

    def _defer(self, answer: DeferredAnswer, body: RequestBody) -> None:
        """Begin with the answer once all requests that came with this one were read, and have it sent.

        When all of them have begun it is asked for: so what they wait for can be one thing.
        """
        calls = self.req.server.calls
        begin, ask, finish = (calls.expect() for _ in range(3))

        def begun() -> None:
            answer.begin()
            ask(lambda: answer.when_ended(lambda: finish(lambda: self._finish(answer.answer(), body))))

        begin(begun)

    def _finish(self, response: Response | None, body: RequestBody) -> None:
        """Send an answer, and have the connection watched until another request comes."""
        request = self.req
        if response is not None:
            self._send(response, body)
        request.conn.wfile.waits = True
        if request.close_connection:
            request.conn.close()
        else:
            request.server.put_conn(request.conn)

    def _ask(self, asked: Request) -> Response | DeferredAnswer | None:
        """Return what the handler says, `None` when the client went away."""
        request = self.req
        try:
            answer: Response | DeferredAnswer = request.server.hosts.refusal(asked) or request.server.handler(
                asked
            )
        except MalformedBody as malformed:
            return self._malformed(malformed)
        except ConnectionLost as lost:
            log.debug("client lost: %s", lost)
            request.close_connection = True
            return None
        except Exception:
            log.exception("%s %s failed", asked.method, asked.target)
            return Response(500)
        return answer

    def _request(self, body: RequestBody) -> Request:
        request = self.req
        head = request.head
        return Request(
            method=head.method,
            target=head.target,
            headers=head.headers,
            body=body,
            content_length=head.length,
            remote_ip=request.conn.remote_addr or "127.0.0.1",
            is_http_1_0=head.version == "1.0",
            body_is_here=head.length is not None and head.length <= len(request.conn.rfile.buffered()),
        )

    def _hand_over(self, response: Response, take_over: Callable[[socket.socket, bytes], None]) -> None:
        """Send the head of the answer, and leave the connection to whoever sends the rest."""
        request = self.req
        request.close_connection = True
        connection = request.conn.socket.dup()
        request.conn.was_handed_over = request.sent_headers = True
        limit_waiting(connection, 0)
        # Who takes over finds out by itself that the client is gone, and ends what it has.
        with suppress(OSError):
            # Nothing is added to what the headers say of the body and of the connection.
            request.conn.wfile.write(_head(response, {}))
        take_over(connection, request.conn.rfile.buffered())

    def _malformed(self, malformed: MalformedBody) -> Response:
        self.req.conn.was_refused = True
        text = {"Content-Type": "text/plain; charset=utf-8"}
        return Response(400, text, str(malformed).encode(), close_connection=True)

    def _send(self, response: Response, body: RequestBody) -> None:
        if response.takes_over is not None:
            self._hand_over(response, response.takes_over)
            return
        request = self.req
        unread = False
        try:
            unread = not (request.conn.was_refused or body.discard())
        except MalformedBody as malformed:
            # What follows cannot be understood, so this counts more than what the handler said.
            _close_body(response)
            response = self._malformed(malformed)
        except ConnectionLost:
            request.close_connection = True
        request.close_connection |= response.close_connection or unread or response.status == 413
        request.close_connection |= not request.server.can_add_keepalive_connection
        try:
            _Answer(request, response).send()
            if unread:
                body.discard_rest()
        except OSError as error:
            log.debug("client lost while answering: %s", error)
            request.close_connection = True
        except Exception:
            # With the status line out, all that is left is to cut the answer short, visibly.
            log.exception("the answer to %s %s broke off", request.head.method, request.head.target)
            request.close_connection = True
            if not request.sent_headers:
                _Answer(request, Response(500)).send()
        finally:
            _close_body(response)


class _Answer:
    """One answer on its way.

    Args:
        request: cheroot's.
        response: what is answered.
    """

    def __init__(self, request: Any, response: Response) -> None:
        self._request = request
        self._response = response
        self._in_chunks = False

    def send(self) -> None:
        """Send head and body. Raises OSError, ValueError, and what the body raises."""
        response = self._response
        head = _head(response, self._framing())
        if self._request.head.method == "HEAD":
            self._write(head)
        elif isinstance(response.body, bytes):
            self._write(head + response.body)
        else:
            self._send_pieces(head, response.body)

    def _send_pieces(self, head: bytes, pieces: Iterable[bytes]) -> None:
        if self._in_chunks:
            # The first piece may take its time.
            self._write(head)
            head = b""
        for piece in pieces:
            if piece:
                self._write(
                    b"%s%x\r\n%s\r\n" % (head, len(piece), piece) if self._in_chunks else head + piece
                )
                head = b""
        if self._in_chunks:
            self._write(b"0\r\n\r\n")
        elif head:
            self._write(head)

    def _write(self, data: bytes) -> None:
        # After that cheroot adds no answer of its own, whatever fails.
        self._request.sent_headers = True
        self._request.conn.wfile.write(data)

    def _framing(self) -> dict[str, str]:
        """Return the headers that say where the answer ends, and whether another one may follow."""
        request, response = self._request, self._response
        headers = {}
        names = set(map(str.lower, response.headers))
        may_have_body = response.status >= 200 and response.status not in (204, 304)
        if may_have_body and "content-length" not in names:
            if isinstance(response.body, bytes):
                headers["Content-Length"] = str(len(response.body))
            elif request.head.version == "1.1" and request.head.method != "HEAD":
                headers["Transfer-Encoding"] = "chunked"
                self._in_chunks = True
            else:
                # Its end is the only one to be seen.
                request.close_connection = True
        if "connection" not in names and request.close_connection == (request.head.version == "1.1"):
            # This is not what the version has without a word about it.
            headers["Connection"] = "close" if request.close_connection else "keep-alive"
        return headers


def _head(response: Response, more: dict[str, str]) -> bytes:
    """Return the head of an answer, with some more headers. Raises ValueError for what cannot be in it."""
    pairs = [*response.headers.items(), *response.further_headers, *more.items()]
    if "server" not in map(str.lower, response.headers):
        pairs.append(("Server", SERVER))
    lines = "".join([f"{name}: {value}\r\n" for name, value in pairs])
    if not lines.count("\r") == lines.count("\n") == len(pairs):
        raise ValueError("a line break in a header")
    return f"{_status_line(response.status)}{_date_line(int(time.time()))}{lines}\r\n".encode("latin-1")


def _close_body(response: Response) -> None:
    close = getattr(response.body, "close", None)
    if close is not None:
        close()


@lru_cache(maxsize=2)
def _date_line(second: int) -> str:
    return f"Date: {formatdate(second, usegmt=True)}\r\n"


@lru_cache
def _status_line(status: int) -> str:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    return f"HTTP/1.1 {status} {phrase}\r\n"
