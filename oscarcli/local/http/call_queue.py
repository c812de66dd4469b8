"""Calls that other threads leave to the one that watches the connections."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections import deque
from collections.abc import Callable

log = logging.getLogger(__name__)


class CallQueue:
    """A queue that looks to cheroot like a connection: it is readable when there are calls.

    So answers that became known together are sent by one thread, one after the other; each thread that sent
    some would take the interpreter's lock from the others for each.
    """

    def __init__(self) -> None:
        self.socket, self._waker = socket.socketpair()
        self.socket.setblocking(False)
        self._waker.setblocking(False)
        self.rfile = self
        self._calls: deque[Callable[[], None]] = deque()
        self._is_woken = False
        self._lock = threading.Lock()
        # Calls that were announced, and have not begun.
        self._expected = 0

    @property
    def last_used(self) -> float:
        """When it was used, for cheroot, which closes connections where that was long ago."""
        return float("inf")

    @last_used.setter
    def last_used(self, _now: float) -> None:
        pass

    def has_data(self) -> bool:
        """Tell cheroot that it has to wait until the socket is readable."""
        return False

    def expect(self) -> Callable[[Callable[[], None]], None]:
        """Announce a call, and return what leaves it here."""
        with self._lock:
            self._expected += 1
        return self._add

    def _add(self, call: Callable[[], None]) -> None:
        self._calls.append(call)
        if not self._is_woken:
            self._is_woken = True
            # After the end nobody is there to be woken up.
            with contextlib.suppress(OSError):
                self._waker.send(b"\0")

    def run(self) -> None:
        """Run the calls that are there, and those that these leave."""
        with contextlib.suppress(BlockingIOError):
            self.socket.recv(1 << 12)
        # Who comes from here on is seen below, or sends another byte.
        self._is_woken = False
        while self._calls:
            with self._lock:
                self._expected -= 1
            try:
                self._calls.popleft()()
            except Exception:
                log.exception("an answer could not be sent")

    def finish(self, seconds: float) -> None:
        """Run the calls that were announced, at the end; each is waited for at most so long."""
        if self.socket.fileno() < 0:
            return
        self.socket.settimeout(seconds)
        with contextlib.suppress(TimeoutError):
            while self._expected > 0:
                self.run()
        self.socket.close()
        self._waker.close()

    def close(self) -> None:
        """Stay open when cheroot closes its connections: answers may be on their way."""
