"""Threads that open connections for a thread that must not wait."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue

from oscarcli.storage.wire.connector import Connector

MAX_THREADS = 64
# Bytes that are read at once of those that wake the other thread, one for each connection.
MAX_WAKEUPS = 4096


class Openers:
    """Opens connections to one server.

    Args:
        connector: knows the way.

    Attributes:
        expected: so many have yet to be taken, opened or not.
    """

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._opened: SimpleQueue[socket.socket | None] = SimpleQueue()
        self._wanted: SimpleQueue[None] = SimpleQueue()
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._is_closed = False
        self.expected = 0

    def fileno(self) -> int:
        """Return a descriptor that can be read when `take` has something."""
        return self._ours.fileno()

    def open(self, count: int) -> None:
        """Let so many connections be opened."""
        self.expected += count
        for _ in range(count):
            self._wanted.put(None)
        for _ in range(min(count, MAX_THREADS)):
            threading.Thread(target=self._run, daemon=True).start()

    def take(self) -> Iterator[socket.socket | None]:
        """Yield what was opened meanwhile, `None` for each that could not be."""
        with suppress(BlockingIOError):
            self._ours.recv(MAX_WAKEUPS)
        with suppress(Empty):
            while True:
                yield self._opened.get_nowait()
                self.expected -= 1

    def _run(self) -> None:
        with suppress(Empty):
            while not self._is_closed:
                self._wanted.get_nowait()
                opened = None
                # What is wrong is said by the usual way.
                with suppress(Exception):
                    opened = self._connector.connected_socket()
                self._opened.put(opened)
                with suppress(OSError):
                    self._theirs.send(b"x")
        if self._is_closed:
            self._close_opened()

    def close(self) -> None:
        """Open no more, and close what nobody took."""
        # Whoever opens one from now on closes it.
        self._is_closed = True
        self._close_opened()
        self._ours.close()
        self._theirs.close()

    def _close_opened(self) -> None:
        with suppress(Empty):
            while True:
                sock = self._opened.get_nowait()
                if sock is not None:
                    sock.close()
