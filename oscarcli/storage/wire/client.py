"""Requests to one server over connections that are used again: what the clients of all protocols share."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import TypeVar

from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.source import UploadPart
from oscarcli.storage.wire.answer import WireAnswer
from oscarcli.storage.wire.connection import StaleConnectionError, StreamedBody, WireConnection
from oscarcli.storage.wire.connector import Connector, Endpoint
from oscarcli.storage.wire.failures import (
    BrokenConnectionError,
    NoConnectionError,
    ParameterError,
    SilentServerError,
    StatusError,
)

# The longest answer that is no file is a page of a listing: for S3 a thousand keys of a thousand characters.
MAX_DOCUMENT_BYTES = 8 << 20
# A body this small is sent without waiting for "100 Continue" first: one round trip less.
MAX_UNASKED_BYTES = 1 << 20
# Seconds before another attempt: a random part of the first, then twice as long each time.
RETRY_SECONDS = 0.5
MAX_RETRY_SECONDS = 20.0
TRANSIENT_STATUS = (429, 500, 502, 503, 504)

T = TypeVar("T")


@dataclass
class WireRequest:
    """What is to be sent.

    Attributes:
        method: such as GET.
        path: percent-encoded, below the endpoint.
        query: by name, not encoded.
        headers: by lower-case names.
        body: what to send.
    """

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | UploadPart | StreamedBody = b""


@dataclass
class WireResponse:
    """An answer.

    Attributes:
        status: of HTTP.
        headers: by lower-case names.
        document: the whole content; empty when `content` has it.
        content: what was asked for as a stream, still to be read.
    """

    status: int
    headers: dict[str, str]
    document: bytes = b""
    content: WireContent | None = None


class WireClient:
    """One server; may be used by several threads.

    Args:
        endpoint: where it is.
        max_document: of an answer that is no stream, in bytes.
    """

    def __init__(self, endpoint: Endpoint, max_document: int = MAX_DOCUMENT_BYTES) -> None:
        self.connector = Connector(endpoint)
        self._max_document = max_document
        # Taken from and given back to the same end, so that few are used when few are needed.
        self._idle: deque[WireConnection] = deque()

    def close(self) -> None:
        """End the connections that nobody uses."""
        while self._idle:
            self._idle.pop().close()

    def send(
        self, request: WireRequest, query: str, cancellation: Cancellation | None, *, is_stream: bool
    ) -> WireResponse:
        """Send a request, once.

        Args:
            request: its path stands below the endpoint's; its query is not looked at.
            query: encoded; empty for none.
            cancellation: ends a wait.
            is_stream: whether the content of a success is handed on as it comes.

        Raises:
            BrokenConnectionError, SilentServerError, NoConnectionError: there is no answer.
            ParameterError: a header cannot be one.
            OscarError, Cancelled: what reading the body raised.
        """
        connection = self._connection()
        try:
            with nullcontext() if cancellation is None else cancellation.waking(connection.interrupt):
                answer = self._exchange(connection, request, query)
                if is_stream and answer.status < 300:
                    content = WireContent(answer, self._give_back)
                    return WireResponse(answer.status, answer.headers, content=content)
                document = self._document(answer)
        except BaseException:
            connection.close()
            raise
        self._give_back(answer)
        return WireResponse(answer.status, answer.headers, document)

    def retry(
        self,
        attempt: Callable[[Cancellation | None], T],
        cancellation: Cancellation | None,
        attempts: int,
        *,
        mends: Callable[[Exception], bool] = lambda _: False,
        is_transient: Callable[[Exception], bool],
    ) -> T:
        """Return what an attempt returns, after a few where one fails in passing.

        Args:
            attempt: sends a request; given what ends its waits.
            cancellation: of the whole.
            attempts: at most so many.
            mends: told of each failure; whether another attempt at once is worth it.
            is_transient: whether another attempt after a while may help.

        Raises:
            Exception: the last attempt's.
            Cancelled: it was called off.
        """
        # What undoes a transfer that was called off must itself go through.
        wakeable = cancellation if cancellation is not None and not cancellation.requested else None
        count = 1
        while True:
            try:
                return attempt(wakeable)
            except (StatusError, NoConnectionError, BrokenConnectionError, SilentServerError) as error:
                if wakeable is not None:
                    wakeable.check()
                if isinstance(error, StaleConnectionError) or mends(error):
                    continue
                if isinstance(error, BrokenConnectionError) and (why := self.connector.explain(error)):
                    raise why from error
                if count >= attempts or not is_transient(error):
                    raise
            delay = min(RETRY_SECONDS * 2**count, MAX_RETRY_SECONDS) * random.uniform(0.3, 1)  # noqa: S311
            (time.sleep if wakeable is None else wakeable.sleep)(delay)
            count += 1

    def _exchange(self, connection: WireConnection, request: WireRequest, query: str) -> WireAnswer:
        body = request.body
        is_long = isinstance(body, StreamedBody) or len(body) > MAX_UNASKED_BYTES
        expects_continue = not self.connector.has_proxy and is_long
        if expects_continue:
            request.headers["expect"] = "100-continue"
        head = self.head_of(request, query)
        answer = connection.exchange(request.method, head, body, expects_continue=expects_continue)
        self.connector.was_answered = True
        self.connector.check_proxy(answer.status)
        return answer

    def head_of(self, request: WireRequest, query: str) -> bytes:
        """Return what is sent before the body of a request.

        Args:
            request: its path stands below the endpoint's; its query is not looked at.
            query: encoded; empty for none.

        Raises:
            ParameterError: a header cannot be one.
        """
        request.headers["host"] = self.connector.host
        path = self.connector.base_path + request.path
        target = self.connector.target(f"{path}?{query}" if query else path)
        # In capitals, for proxies that read along do not all know a "content-length".
        lines = [f"{request.method} {target} HTTP/1.1"]
        lines += [f"{_titled(name)}: {value}" for name, value in request.headers.items()]
        lines += [*self.connector.proxy_headers, "", ""]
        text = "\r\n".join(lines)
        if text.count("\n") + text.count("\r") != 2 * len(lines) - 2:
            raise ParameterError("there is a line break in it")
        return text.encode()

    def _connection(self) -> WireConnection:
        try:
            return self._idle.pop()
        except IndexError:
            return self.connector.connect()

    def _give_back(self, answer: WireAnswer) -> None:
        if answer.is_reusable:
            self._idle.append(answer.connection)
        else:
            answer.connection.close()

    def _document(self, answer: WireAnswer) -> bytes:
        """Return the content of an answer, up to a bound."""
        pieces = []
        left = self._max_document
        while piece := answer.content.read(left + 1):
            pieces.append(piece)
            left -= len(piece)
            if left < 0:
                raise too_large(self._max_document)
        return b"".join(pieces)


@cache
def _titled(name: str) -> str:
    return name.title()


def too_large(most: int) -> NoConnectionError:
    """Return the error for an answer that is longer than any document of a store, in bytes."""
    return NoConnectionError(
        f"the answer is larger than {most >> 20} MiB", "is the endpoint that of an object store?"
    )


def is_transient(error: Exception) -> bool:
    """Tell whether another attempt after a while may help."""
    if isinstance(error, StatusError):
        return error.status in TRANSIENT_STATUS
    return not isinstance(error, NoConnectionError) or error.is_transient


class WireContent:
    """The content of an answer as it arrives. See `ObjectBody`."""

    def __init__(self, answer: WireAnswer, give_back: Callable[[WireAnswer], None]) -> None:
        self._answer: WireAnswer | None = answer
        self._give_back = give_back

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes, empty at the end."""
        return b"" if self._answer is None else self._answer.content.read(size)

    def read_into(self, buffer: memoryview) -> int:
        """Fill a buffer, as far as that goes, and return how many bytes; 0 at the end."""
        return 0 if self._answer is None else self._answer.content.read_into(buffer)

    def interrupt(self) -> None:
        """Make a `read` that waits in another thread return or fail."""
        answer = self._answer
        if answer is not None:
            with suppress(OSError):
                answer.connection.interrupt()

    def close(self) -> None:
        """Give the connection back."""
        answer, self._answer = self._answer, None
        if answer is not None:
            self._give_back(answer)
