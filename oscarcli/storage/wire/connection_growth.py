"""How many connections a thread uses that looks after all of them."""

from __future__ import annotations

# Connections: at first, and how many times as many at each step, for as long as the thread waits for so large
# a part of its time, and an answer takes no more than so many times as long as before.
FIRST_CONNECTIONS = 16
GROWTH = 4
MIN_WAITING = 0.4
MAX_SLOWER = 2.0


class ConnectionGrowth:
    """How many connections there should be: more for as long as waiting for answers is what takes the time.

    Args:
        most: at most so many.
        now: the time, by the monotonic clock.

    Attributes:
        size: so many there should be.
    """

    def __init__(self, most: int, now: float) -> None:
        self.size = min(FIRST_CONNECTIONS, most)
        self._most = most
        self._since = now
        self._waited = 0.0
        self._latency = 0.0
        self._count = 0
        self._latency_before = 0.0

    def waited(self, seconds: float) -> None:
        """Take note that nothing was to be done for a while."""
        self._waited += seconds

    def answered(self, started: float, now: float) -> None:
        """Take note of an answer to what was sent at a time, both by the monotonic clock."""
        if started < self._since or self.size >= self._most:
            return
        self._latency += now - started
        self._count += 1
        if self._count >= max(1, self.size // GROWTH):
            self._step(now)

    def _step(self, now: float) -> None:
        latency = self._latency / self._count
        if self._latency_before and latency > MAX_SLOWER * self._latency_before:
            # The server does no more at the same time.
            self.size = self._most = self.size // GROWTH
        elif self._waited > MIN_WAITING * (now - self._since):
            self.size = min(self.size * GROWTH, self._most)
            self._latency_before = latency
        self._since, self._waited, self._latency, self._count = now, 0.0, 0.0, 0
