"""One thread at a time does what is short and asks the system often."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class WorkTurn:
    """A turn that a thread has until it begins to wait for something.

    The interpreter lets one thread work at a time, but each call of the system or of SQLite offers its lock
    to all others, and to get it back from them costs more than the call. Threads that wait for a turn ask for
    nothing. Who has one must not wait for a client, a script, a network or another lock: see `leave` and
    `interrupted`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Have a turn while the block runs, at most until `leave`. A block in another one is part of it."""
        if self._is_mine():
            yield
            return
        self.take()
        try:
            yield
        finally:
            self.leave()

    def take(self) -> None:
        """Have a turn until `leave`; nothing happens to who has one."""
        if not self._is_mine():
            self._lock.acquire()
            self._holder = threading.get_ident()

    def leave(self) -> None:
        """Give away the turn of this thread if it has one: it is going to wait."""
        if self._is_mine():
            self._holder = 0
            self._lock.release()

    @contextmanager
    def interrupted(self) -> Iterator[None]:
        """Give the turn away while the block runs, which may wait; nothing happens without one."""
        if not self._is_mine():
            yield
            return
        self.leave()
        try:
            yield
        finally:
            self.take()

    def _is_mine(self) -> bool:
        return self._holder == threading.get_ident()
