"""How many connections a thread uses that looks after all of them."""

from __future__ import annotations

# Connections: at first, and how many times as many at a step, at least and at most. There are steps for as
# long as the thread waits for so large a part of its time, and a step is kept when it gets so many times as
# much done.
FIRST_CONNECTIONS = 16
MIN_GROWTH, MAX_GROWTH = 4, 16
MIN_WAITING = 0.4
MIN_RATE_GAIN = 1.2
# How many times as much the first requests cost as those that follow.
COLD_COST = 2


class ConnectionGrowth:
    """How many connections there should be: more for as long as waiting for answers is what takes the time.

    Args:
        most: at most so many.

    Attributes:
        size: so many there should be.
    """

    def __init__(self, most: int) -> None:
        self.size = min(FIRST_CONNECTIONS, most)
        self._most = most
        # By the monotonic clock.
        self._since = 0.0
        self._waited = 0.0
        self._latency = 0.0
        self._count = 0
        # What there was before the last step.
        self._size_before, self._latency_before = self.size, 0.0

    def begin(self, now: float) -> None:
        """Measure from now on: what there was to do before the first request, there is once only."""
        self._since, self._waited = now, 0.0

    def waited(self, seconds: float) -> None:
        """Take note that nothing was to be done for a while."""
        self._waited += seconds

    def answered(self, started: float, now: float) -> None:
        """Take note of an answer to what was sent at a time, both by the monotonic clock."""
        if started < self._since or self.size >= self._most:
            return
        self._latency += now - started
        self._count += 1
        if self._count >= max(1, self.size // MIN_GROWTH):
            self._step(now)

    def _step(self, now: float) -> None:
        latency, seconds = self._latency / self._count, now - self._since
        # A thread that is busy comes late to answers that are there already: they tell nothing of the server.
        if self._waited > MIN_WAITING * seconds:
            if self._latency_before and not self._gets_more_done(latency):
                # The server does no more at the same time.
                self.size = self._most = self._size_before
            else:
                self._size_before, self._latency_before = self.size, latency
                self.size = min(round(self.size * self._factor(seconds)), self._most)
        self._since, self._waited, self._latency, self._count = now, 0.0, 0.0, 0

    def _gets_more_done(self, latency: float) -> bool:
        """Return whether the last step was worth it, from what an answer takes now and took before it."""
        return self.size * self._latency_before >= MIN_RATE_GAIN * self._size_before * latency

    def _factor(self, seconds: float) -> float:
        """Return how many times as many connections the thread can look after, from what it had to do."""
        busy = max((seconds - self._waited) / COLD_COST, seconds / MAX_GROWTH)
        return max(MIN_GROWTH, seconds / busy)
