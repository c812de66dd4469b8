"""Threads that open connections for a thread that must neither wait nor be interrupted while it does so."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue

from oscarcli.storage.wire.connector import Connector
from oscarcli.storage.wire.polled import PolledConnection

# A connection is to be opened every so many seconds, by as many threads as that takes: a single one where the
# server is near.
SECONDS_EACH = 0.002
MAX_THREADS = 64
# Bytes that are read at once of those that wake the other thread, one for each connection.
MAX_WAKEUPS = 4096


class Openers:
    """Opens connections to one server.

    Args:
        connector: knows the way.
        wrap: makes a connection of a socket.

    Attributes:
        expected: so many have yet to be taken, opened or not.
    """

    def __init__(self, connector: Connector, wrap: Callable[[socket.socket], PolledConnection]) -> None:
        self._connector, self._wrap = connector, wrap
        self._opened: SimpleQueue[PolledConnection | None] = SimpleQueue()
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._lock = threading.Lock()
        self._wanted = self._threads = 0
        self._is_closed = False
        self.expected = 0

    def fileno(self) -> int:
        """Return a descriptor that can be read when `take` has something."""
        return self._ours.fileno()

    def open(self, count: int) -> None:
        """Let so many connections be opened."""
        self.expected += count
        with self._lock:
            self._wanted += count
        self._start(1)

    def _start(self, most: int) -> None:
        """Let so many threads be at work, none of them without any."""
        with self._lock:
            missing = min(most, self._threads + self._wanted) - self._threads
            self._threads += max(missing, 0)
        for _ in range(missing):
            threading.Thread(target=self._run, daemon=True).start()

    def take(self) -> Iterator[PolledConnection | None]:
        """Yield what was opened meanwhile, `None` for each that could not be."""
        with suppress(BlockingIOError):
            self._ours.recv(MAX_WAKEUPS)
        with suppress(Empty):
            while True:
                opened = self._opened.get_nowait()
                self.expected -= 1
                yield opened

    def _run(self) -> None:
        while self._has_next():
            started, opened = time.monotonic(), None
            # What is wrong is said by the usual way.
            with suppress(Exception):
                opened = self._wrap(self._connector.connected_socket())
            self._opened.put(opened)
            with suppress(OSError):
                self._theirs.send(b"x")
            self._start(min(round((time.monotonic() - started) / SECONDS_EACH), MAX_THREADS))
        if self._is_closed:
            self._close_opened()

    def _has_next(self) -> bool:
        with self._lock:
            has_next = self._wanted > 0 and not self._is_closed
            self._wanted -= has_next
            self._threads -= not has_next
        return has_next

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
                opened = self._opened.get_nowait()
                if opened is not None:
                    opened.close()
