"""One thread at a time does what is short and asks SQLite often."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class WorkTurn:
    """A turn that a thread has until it begins to wait for something.

    The interpreter lets one thread work at a time, but each call of SQLite offers its lock to all others, and
    to get it back from them costs more than the call. Threads that wait for a turn ask for nothing.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Have a turn while the block runs, at most until `leave`."""
        self._lock.acquire()
        self._holder = threading.get_ident()
        try:
            yield
        finally:
            self.leave()

    def leave(self) -> None:
        """Give away the turn of this thread if it has one: it is going to wait."""
        if self._holder == threading.get_ident():
            self._holder = 0
            self._lock.release()
