"""Carries bytes between clients and exposed services once HTTP has ended between them.

WebSockets and answers without an end stay open for hours. One thread looks after all of them, so that they
cost neither a worker of the API nor a thread of their own.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from oscarcli.local.http.messages import READ_BLOCK

log = logging.getLogger(__name__)

# Each has two files open, of the 4096 that a server asks for.
MAX_CONNECTIONS = 1000
# For what a side has left behind that ended, when the other one does not read.
FLUSH_SECONDS = 30.0


class RelayFullError(Exception):
    """There are as many open connections as there may be."""

    def __init__(self) -> None:
        super().__init__(f"{MAX_CONNECTIONS} connections are open, the limit")


class RelayedConnection:
    """A client and a service that speak with each other.

    Args:
        client: its end, which this object closes, as it does the other one.
        service: its end.
        ended: called once when both are closed.
        one_way: whether what the client sends is of no use.
    """

    def __init__(
        self, client: socket.socket, service: socket.socket, ended: Callable[[], None], *, one_way: bool
    ) -> None:
        for side in (client, service):
            side.setblocking(False)
        self.sides = (client, service)
        self._ended = ended
        self._is_ignored = {client: one_way, service: False}
        # By whom they are for.
        self._unsent = {client: b"", service: b""}
        # Set when one side has ended: nothing more is read, and what is left is sent until then.
        self.flush_until: float | None = None

    def begin(self, to_service: bytes, to_client: bytes) -> None:
        """Take what both sides have sent by now."""
        client, service = self.sides
        self._unsent = {client: to_client, service: b"" if self._is_ignored[client] else to_service}

    def interest(self, side: socket.socket) -> int:
        """Return the events to wait for at a side: it is read only when the other one takes what comes."""
        can_send = selectors.EVENT_WRITE if self._unsent[side] else 0
        is_read = self.flush_until is None and not self._unsent[self._other(side)]
        return can_send | (selectors.EVENT_READ if is_read else 0)

    def is_over(self, now: float) -> bool:
        """Tell whether nothing is left to be carried, or not in time."""
        return self.flush_until is not None and (now >= self.flush_until or not any(self._unsent.values()))

    def carry(self, side: socket.socket, events: int) -> None:
        """Carry what can be carried without waiting. Raises OSError when a side is gone."""
        other = self._other(side)
        if events & selectors.EVENT_READ and self.flush_until is None and not self._unsent[other]:
            self._receive(side, other)
        if events & selectors.EVENT_WRITE:
            self._send(side)

    def _receive(self, side: socket.socket, other: socket.socket) -> None:
        with suppress(BlockingIOError):
            data = side.recv(READ_BLOCK)
            if data and not self._is_ignored[side]:
                self._unsent[other] = data
                self._send(other)
            elif not data:
                self.flush_until = time.monotonic() + FLUSH_SECONDS
                # Nobody is there to read it.
                self._unsent[side] = b""

    def _send(self, side: socket.socket) -> None:
        with suppress(BlockingIOError):
            while unsent := self._unsent[side]:
                self._unsent[side] = unsent[side.send(unsent) :]

    def _other(self, side: socket.socket) -> socket.socket:
        client, service = self.sides
        return service if side is client else client

    def close(self) -> None:
        """Close both sides."""
        for side in self.sides:
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
            side.close()
        try:
            self._ended()
        except Exception:
            log.exception("the end of a connection cannot be noted")


class Relay:
    """Looks after open connections, in a thread that the first of them starts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._new: list[RelayedConnection] = []
        self._count = 0

    def take(self, connection: RelayedConnection) -> None:
        """Carry bytes between two sides until one of them ends; both are closed then.

        Raises:
            RelayFullError: there are too many, or the server is about to end; the sides are closed.
        """
        with self._lock:
            is_taken = not self._is_closed and self._count < MAX_CONNECTIONS
            if is_taken:
                self._count += 1
                self._new.append(connection)
                self._wake()
        if not is_taken:
            connection.close()
            raise RelayFullError

    @property
    def is_full(self) -> bool:
        """Whether no further connection is taken now."""
        return self._is_closed or self._count >= MAX_CONNECTIONS

    def close(self) -> None:
        """End all connections."""
        with self._lock:
            self._is_closed = True
            thread = self._thread
            if thread is not None:
                self._wake()
        if thread is not None:
            thread.join()

    def _wake(self) -> None:
        """Let the thread look at what is new; start it if there is none. The lock is held."""
        if self._thread is None:
            self._bell, self._ringer = socket.socketpair()
            for end in (self._bell, self._ringer):
                end.setblocking(False)
            self._selector = selectors.DefaultSelector()
            self._selector.register(self._bell, selectors.EVENT_READ)
            self._thread = threading.Thread(target=self._work, name="relay", daemon=True)
            self._thread.start()
        with suppress(BlockingIOError):
            self._ringer.send(b"!")

    def _work(self) -> None:
        connections: set[RelayedConnection] = set()
        flushing: set[RelayedConnection] = set()
        is_closed = False
        while not is_closed:
            ready = self._selector.select(1 if flushing else None)
            touched = {key.data for key, events in ready if self._carry(key, events)}
            with self._lock:
                new, self._new = set(self._new), []
                is_closed = self._is_closed
            now = time.monotonic()
            for connection in touched | flushing | new:
                if not self._watch(connection, now):
                    connections.discard(connection)
                    flushing.discard(connection)
                else:
                    connections.add(connection)
                    if connection.flush_until is not None:
                        flushing.add(connection)
        for connection in connections:
            self._end(connection)
        self._selector.close()
        self._bell.close()
        self._ringer.close()

    def _carry(self, key: selectors.SelectorKey, events: int) -> bool:
        """Carry what is there; tell whether the key is one of a connection."""
        if key.data is None:
            with suppress(BlockingIOError):
                self._bell.recv(READ_BLOCK)
            return False
        try:
            key.data.carry(key.fileobj, events)
        except OSError:
            key.data.flush_until = 0.0
        return True

    def _watch(self, connection: RelayedConnection, now: float) -> bool:
        """Wait for what comes next at both sides; False when the connection is over and closed."""
        if connection.is_over(now):
            self._end(connection)
            return False
        for side in connection.sides:
            known = self._selector.get_map().get(side)
            wanted = connection.interest(side)
            if known is None and wanted:
                self._selector.register(side, wanted, connection)
            elif known is not None and not wanted:
                self._selector.unregister(side)
            elif known is not None and known.events != wanted:
                self._selector.modify(side, wanted, connection)
        return True

    def _end(self, connection: RelayedConnection) -> None:
        for side in connection.sides:
            with suppress(KeyError, ValueError):
                self._selector.unregister(side)
        connection.close()
        with self._lock:
            self._count -= 1
