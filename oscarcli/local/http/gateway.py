"""One request of cheroot carried to a handler, and the answer back: bodies are streamed both ways."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from cheroot.server import Gateway

from oscarcli.local.http.body import RequestBody
from oscarcli.local.http.messages import ConnectionLost, MalformedBody, Request, Response

log = logging.getLogger(__name__)


class HandlerGateway(Gateway):
    """Carries one request of cheroot to the handler."""

    def respond(self) -> None:
        """Ask the handler, and send what it answers."""
        request = self.req
        body = RequestBody(request)
        asked = self._request(body)
        try:
            response = request.server.hosts.refusal(asked) or request.server.handler(asked)
        except MalformedBody as malformed:
            response = self._malformed(malformed)
        except ConnectionLost as lost:
            log.debug("client lost: %s", lost)
            request.close_connection = True
            request.sent_headers = True
            return
        except Exception:
            log.exception("%s %s failed", request.method, request.uri)
            response = Response(500)
        if response.takes_over is not None:
            self._hand_over(response, response.takes_over)
        else:
            self._send(response, body)

    def _hand_over(self, response: Response, take_over: Callable[[socket.socket, bytes], None]) -> None:
        """Send the head of the answer, and leave the connection to whoever sends the rest."""
        request = self.req
        request.close_connection = True
        # Nothing is to be added to what the headers say of the body, as cheroot does for HTTP/1.1.
        request.response_protocol = "HTTP/1.0"
        # Who takes over finds out by itself that the client is gone, and ends what it has.
        with suppress(OSError):
            self._send_head(response)
        connection = request.conn.socket.dup()
        request.conn.was_handed_over = True
        take_over(connection, request.conn.rfile.buffered())

    def _malformed(self, malformed: MalformedBody) -> Response:
        self.req.conn.was_refused = True
        text = {"Content-Type": "text/plain; charset=utf-8"}
        return Response(400, text, str(malformed).encode(), close_connection=True)

    def _request(self, body: RequestBody) -> Request:
        request = self.req
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in request.inheaders.items()
        }
        if "expect" in headers:
            headers["expect"] = headers["expect"].lower()
        length = None if request.chunked_read else int(headers.get("content-length", "0"))
        return Request(
            method=request.method.decode("latin-1"),
            target=request.uri.decode("latin-1"),
            headers=headers,
            body=body,
            content_length=length,
            remote_ip=request.conn.remote_addr or "127.0.0.1",
            is_http_1_0=request.response_protocol != "HTTP/1.1",
        )

    def _send(self, response: Response, body: RequestBody) -> None:
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
        request.close_connection |= response.close_connection or unread
        chunks = [response.body] if isinstance(response.body, bytes) else response.body
        try:
            self._send_head(response)
            if request.method != b"HEAD":
                for chunk in chunks:
                    if chunk:
                        request.write(chunk)
            if unread:
                body.discard_rest()
        except OSError as error:
            log.debug("client lost while answering: %s", error)
            request.close_connection = True
        except Exception:
            # With the status line out, all that is left is to cut the answer short, visibly.
            log.exception("the answer to %s %s broke off", request.method, request.uri)
            request.close_connection = True
            request.chunked_write = False
            if not request.sent_headers:
                self._send_head(Response(500))
        finally:
            _close_body(response)

    def _send_head(self, response: Response) -> None:
        request = self.req
        request.status = _status_line(response.status)
        headers = {"Date": _http_date(int(time.time())), **response.headers}
        may_have_body = response.status >= 200 and response.status not in (204, 304)
        if isinstance(response.body, bytes) and may_have_body and response.takes_over is None:
            headers.setdefault("Content-Length", str(len(response.body)))
        pairs = [*headers.items(), *response.further_headers]
        if any("\r" in value or "\n" in value for _, value in pairs):
            raise ValueError("a line break in a header")
        request.outheaders = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
        request.ensure_headers_sent()


def _close_body(response: Response) -> None:
    close = getattr(response.body, "close", None)
    if close is not None:
        close()


@lru_cache(maxsize=2)
def _http_date(second: int) -> str:
    return formatdate(second, usegmt=True)


@lru_cache
def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    return f"{status} {phrase}".encode("latin-1")
