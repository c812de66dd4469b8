"""How a transfer is called off: one flag, who has to be woken up, and what has to be undone."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress

Action = Callable[[], object]


class Cancelled(CancelledError):  # noqa: N818 -- not a failure: somebody wanted it
    """The transfer was called off.

    Of this kind because botocore lets it through: any other exception of a body that is being sent is taken
    for a broken connection, and tried again.
    """


class Cancellation:
    """Shared by all threads of one transfer; the thread that owns the transfer calls it off."""

    def __init__(self) -> None:
        self._flag = threading.Event()
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._wakeups: dict[int, Action] = {}
        self._undos: dict[int, Action] = {}

    @property
    def requested(self) -> bool:
        """Whether the transfer was called off."""
        return self._flag.is_set()

    def check(self) -> None:
        """Raise Cancelled when the transfer was called off."""
        if self._flag.is_set():
            raise Cancelled

    @contextmanager
    def part(self) -> Iterator[Cancellation]:
        """Give a cancellation for a part of the work: called off with the whole, but not the other way."""
        part = Cancellation()
        with self.waking(part.cancel):
            yield part

    def sleep(self, seconds: float) -> None:
        """Wait, but no longer than until the transfer is called off. Raises Cancelled then."""
        self._flag.wait(seconds)
        self.check()

    def cancel(self) -> None:
        """Call the transfer off and wake up threads that wait for a server."""
        self._flag.set()
        for action in self._drain(self._wakeups):
            _attempt(action)

    def rollback(self) -> None:
        """Undo what threads left behind that did not come back in time."""
        for action in self._drain(self._undos):
            _attempt(action)

    @contextmanager
    def waking(self, action: Action) -> Iterator[None]:
        """While inside, `action` interrupts a wait in this thread; it is called from another one."""
        number = self._add(self._wakeups, action)
        try:
            self.check()
            yield
        finally:
            self._take(self._wakeups, number)

    @contextmanager
    def on_failure(self, action: Action) -> Iterator[None]:
        """Call `action` when the inside fails or is called off: once, by whichever thread comes first.

        Raises:
            Cancelled: the owner had undone it while the inside was finishing.
        """
        number = self._add(self._undos, action)
        try:
            yield
        except BaseException:
            if self._take(self._undos, number):
                _attempt(action)
            raise
        if not self._take(self._undos, number):
            raise Cancelled

    def _add(self, actions: dict[int, Action], action: Action) -> int:
        with self._lock:
            number = next(self._numbers)
            actions[number] = action
        return number

    def _take(self, actions: dict[int, Action], number: int) -> bool:
        with self._lock:
            return actions.pop(number, None) is not None

    def _drain(self, actions: dict[int, Action]) -> list[Action]:
        with self._lock:
            drained = list(actions.values())
            actions.clear()
        return drained


def _attempt(action: Action) -> None:
    # The failure that led here is the one to report; tidying up has no voice of its own.
    with suppress(Exception):
        action()
