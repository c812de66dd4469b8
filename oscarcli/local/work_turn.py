"""One thread at a time does what is short and asks the system often."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import TracebackType


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

    def held(self) -> AbstractContextManager[object]:
        """Have a turn while the block runs, at most until `leave`. A block in another one is part of it."""
        return nullcontext() if self._is_mine() else self

    def __enter__(self) -> None:
        """Have a turn; by `held`, which knows of the block around."""
        self.take()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the turn away, unless `leave` has."""
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
