"""Many small requests to one server at the same time, from one thread.

Threads that each wait for an answer cost more than the answers: measured for 2,000 files of 16 KiB, half of
the CPU of a download went into changing between them. Here one thread looks after all connections.

It is for fair weather: each request is sent once, and after a few failures no more are begun. Who gave them
does the rest the usual way, with its patience and its errors.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from oscarcli.storage.wire.client import WireClient
from oscarcli.storage.wire.connection_growth import ConnectionGrowth
from oscarcli.storage.wire.failures import BrokenConnectionError
from oscarcli.storage.wire.openers import Openers
from oscarcli.storage.wire.polled import SCRATCH_BYTES, PolledAnswer, PolledConnection

Token = TypeVar("Token")

# A signal is looked for so often while nothing arrives, in seconds.
MAX_DEAF_SECONDS = 0.2
# Contents that are on their way, both ways together: all of them are in memory.
MAX_BYTES_ON_THE_WAY = 16 << 20
MAX_CONTENT_BYTES = 256 << 10
# Requests that wait for a connection; and of their contents, which are in memory too.
MAX_AHEAD = 256
MAX_BYTES_AHEAD = 8 << 20
# After so many failures in a row no more is begun.
MAX_FAILURES_IN_A_ROW = 8


@dataclass(frozen=True)
class LoopRequest(Generic[Token]):
    """A request.

    Attributes:
        token: what it is known by.
        method: such as GET.
        data: head and body.
        size: of the content that travels, in bytes.
    """

    token: Token
    method: str
    data: bytes
    size: int


@dataclass
class _Flight(Generic[Token]):
    """A request on its way."""

    request: LoopRequest[Token]
    connection: PolledConnection
    started: float
    events: int = selectors.EVENT_READ


class ExchangeLoop(Generic[Token]):
    """Requests on their way.

    Args:
        client: of the server.
        most: connections at the same time, at most.

    Attributes:
        is_broken: whether no more is begun.
    """

    def __init__(self, client: WireClient, most: int) -> None:
        self._client = client
        self._growth = ConnectionGrowth(most)
        self._selector = selectors.DefaultSelector()
        self._scratch = memoryview(bytearray(SCRATCH_BYTES))
        self._openers = Openers(client.connector, self._wrap)
        self._idle: list[PolledConnection] = []
        self._flights: dict[PolledConnection, _Flight[Token]] = {}
        # Taken, and not sent for want of a connection.
        self._ahead: deque[LoopRequest[Token]] = deque()
        self._bytes = self._bytes_ahead = 0
        self._is_exhausted = False
        self._was_opened = False
        self._failures_in_a_row = 0
        self.is_broken = False

    def run(
        self, requests: Iterator[LoopRequest[Token]]
    ) -> Generator[list[tuple[Token, PolledAnswer | None]], None, None]:
        """Yield tokens with the answers to their requests, `None` for those that got none.

        Args:
            requests: taken one by one, when there is a connection for the next one or nothing else to do.
        """
        self._selector.register(self._openers, selectors.EVENT_READ)
        try:
            while True:
                failed = self._begin(requests)
                if failed:
                    yield failed
                elif self._flights or (self._ahead and not self.is_broken):
                    yield self._poll(requests)
                else:
                    break
            if self._ahead:
                yield [(request.token, None) for request in self._ahead]
        finally:
            self._close()

    def failed(self) -> None:
        """Take note that something went wrong, be it on the wire or in what was answered."""
        self._failures_in_a_row += 1
        self.is_broken = self.is_broken or self._failures_in_a_row >= MAX_FAILURES_IN_A_ROW

    def stop(self) -> None:
        """Begin no more."""
        self.is_broken = True

    def succeeded(self) -> None:
        """Take note that something went well."""
        self._failures_in_a_row = 0

    def _begin(self, requests: Iterator[LoopRequest[Token]]) -> list[tuple[Token, PolledAnswer | None]]:
        """Send requests for as long as there are connections; return those that failed at once."""
        failed: list[tuple[Token, PolledAnswer | None]] = []
        while self._may_begin():
            if not self._ahead and not self._take(requests):
                break
            if not self._idle:
                self._open()
                break
            request = self._ahead.popleft()
            self._bytes_ahead -= request.size
            connection = self._idle.pop()
            flight = _Flight(request, connection, time.monotonic())
            self._flights[connection] = flight
            self._bytes += request.size
            try:
                connection.begin(request.method, request.data)
                self._watch(flight)
            except BrokenConnectionError:
                failed.append(self._fail(flight))
        return failed

    def _may_take(self) -> bool:
        """Tell whether a request may be taken that there is no connection for."""
        has_room = len(self._ahead) < MAX_AHEAD and self._bytes_ahead < MAX_BYTES_AHEAD
        return has_room and not self._is_exhausted and not self.is_broken

    def _take(self, requests: Iterator[LoopRequest[Token]]) -> bool:
        """Take a request; tell whether there was one."""
        request = next(requests, None) if not self._is_exhausted else None
        if request is None:
            self._is_exhausted = True
            return False
        self._ahead.append(request)
        self._bytes_ahead += request.size
        return True

    def _may_begin(self) -> bool:
        return (
            not self.is_broken
            and len(self._flights) < self._growth.size
            and (not self._flights or self._bytes < MAX_BYTES_ON_THE_WAY)
        )

    def _open(self) -> None:
        """Let as many connections be opened as there should be."""
        missing = self._growth.size - len(self._flights) - self._openers.expected
        if missing > 0:
            self._openers.open(missing)

    def _wrap(self, sock: socket.socket) -> PolledConnection:
        return PolledConnection(sock, self._scratch, MAX_CONTENT_BYTES)

    def _watch(self, flight: _Flight[Token]) -> None:
        connection = flight.connection
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.wants_write else 0)
        if events != flight.events:
            flight.events = events
            self._selector.modify(connection, events, connection)

    def _await(self, requests: Iterator[LoopRequest[Token]]) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait until something is to be done, but not for long; take the next requests meanwhile."""
        while self._may_take():
            if ready := self._selector.select(0):
                return ready
            self._take(requests)
        return self._selector.select(MAX_DEAF_SECONDS)

    def _poll(self, requests: Iterator[LoopRequest[Token]]) -> list[tuple[Token, PolledAnswer | None]]:
        """Wait until something is to be done, but not for long, and do it."""
        started = time.monotonic()
        ready = self._await(requests)
        now = time.monotonic()
        self._growth.waited(now - started)
        done = []
        for key, _ in ready:
            if key.data is None:
                self._take_opened()
                continue
            flight = self._flights.get(key.data)
            if flight is None:
                # The server has ended a connection that nobody uses.
                self._forget(key.data)
                self._idle.remove(key.data)
                continue
            found = self._proceed(flight, now)
            if found is not None:
                done.append(found)
        return done if ready else self._silent(now)

    def _take_opened(self) -> None:
        for connection in self._openers.take():
            if connection is not None:
                self._selector.register(connection, selectors.EVENT_READ, connection)
                self._idle.append(connection)
                if not self._was_opened:
                    self._was_opened = True
                    self._growth.begin(time.monotonic())
            else:
                self.failed()
                self.is_broken = self.is_broken or not self._was_opened

    def _proceed(self, flight: _Flight[Token], now: float) -> tuple[Token, PolledAnswer | None] | None:
        try:
            answer = flight.connection.proceed()
        except BrokenConnectionError:
            return self._fail(flight)
        if answer is None:
            self._watch(flight)
            return None
        self._growth.answered(flight.started, now)
        self._client.connector.was_answered = True
        self._end(flight, is_reusable=flight.connection.is_reusable)
        return flight.request.token, answer

    def _fail(self, flight: _Flight[Token]) -> tuple[Token, PolledAnswer | None]:
        self._end(flight)
        return flight.request.token, None

    def _silent(self, now: float) -> list[tuple[Token, PolledAnswer | None]]:
        """Give up what nothing was heard of for too long."""
        latest = now - self._client.connector.read_timeout
        return [self._fail(one) for one in list(self._flights.values()) if one.connection.since < latest]

    def _end(self, flight: _Flight[Token], *, is_reusable: bool = False) -> None:
        del self._flights[flight.connection]
        self._bytes -= flight.request.size
        if is_reusable:
            self._idle.append(flight.connection)
        else:
            self._forget(flight.connection)

    def _forget(self, connection: PolledConnection) -> None:
        self._selector.unregister(connection)
        connection.close()

    def _close(self) -> None:
        for connection in [*self._idle, *self._flights]:
            connection.close()
        self._openers.close()
        self._selector.close()
