"""How a transfer is called off: one flag, who has to be woken up, and what has to be undone."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress

Action = Callable[[], object]
Actions = dict[int, Action]


class Cancelled(CancelledError):  # noqa: N818 -- not a failure: somebody wanted it
    """The transfer was called off.

    Of this kind because botocore lets it through: any other exception of a body that is being sent is taken
    for a broken connection, and tried again.
    """


class Cancellation:
    """Shared by all threads of one transfer; the thread that owns the transfer calls it off."""

    def __init__(self) -> None:
        self._flag = threading.Event()
        # Entered and left for each request: single operations on a dictionary need no lock. Whoever enters
        # looks at the flag afterwards, and whoever calls off sets it before, so that nobody is missed.
        self._numbers = itertools.count()
        self._wakeups: Actions = {}
        self._undos: Actions = {}

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
        _drain(self._wakeups)

    def rollback(self) -> None:
        """Undo what threads left behind that did not come back in time."""
        _drain(self._undos)

    def waking(self, action: Action) -> _Waking:
        """While inside, `action` interrupts a wait in this thread; it is called from another one."""
        return _Waking(self, self._wakeups, next(self._numbers), action)

    @contextmanager
    def on_failure(self, action: Action) -> Iterator[None]:
        """Call `action` when the inside fails or is called off: once, by whichever thread comes first.

        Raises:
            Cancelled: the owner had undone it while the inside was finishing.
        """
        number = next(self._numbers)
        self._undos[number] = action
        try:
            yield
        except BaseException:
            if self._undos.pop(number, None) is not None:
                _attempt(action)
            raise
        if self._undos.pop(number, None) is None:
            raise Cancelled


class _Waking:
    """See `Cancellation.waking`. No generator, for it is entered for each request."""

    __slots__ = ("_action", "_actions", "_cancellation", "_number")

    def __init__(self, cancellation: Cancellation, actions: Actions, number: int, action: Action) -> None:
        self._cancellation, self._actions = cancellation, actions
        self._number, self._action = number, action

    def __enter__(self) -> None:
        self._actions[self._number] = self._action
        if self._cancellation.requested:
            self._actions.pop(self._number, None)
            raise Cancelled

    def __exit__(self, *_: object) -> None:
        self._actions.pop(self._number, None)


def _drain(actions: Actions) -> None:
    """Carry out and forget all actions, those that are added meanwhile too."""
    while actions:
        with suppress(KeyError):
            _attempt(actions.popitem()[1])


def _attempt(action: Action) -> None:
    # The failure that led here is the one to report; tidying up has no voice of its own.
    with suppress(Exception):
        action()
