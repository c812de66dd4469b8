"""A store that is away for a while: OSCAR restarts MinIO whenever a service is created.

Requests that find nobody there are sent again until the store is back, or has been away for too long. All
threads that use a store share one outage, so that it is told once, and given up by all at the same time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from itertools import chain, repeat

from oscarcli.errors import OscarError
from oscarcli.storage.cancel import Cancellation

# A restart takes up to 15 s, and whoever waits for it may have begun earlier.
MAX_OUTAGE_SECONDS = 20.0
# Seconds between attempts; the last one again and again.
RETRY_DELAYS = (0.1, 0.25, 0.5, 1.0)

Tell = Callable[[str], object]


class Outage:
    """How long a store has been away, and whether to go on waiting.

    Args:
        provider: the store's name.
        limit: seconds that it may be away; 0 for no waiting at all.
        tell: told when the waiting begins and when it was worth it.
        clock: gives seconds that never go back.

    Attributes:
        limit: as given.
    """

    def __init__(
        self,
        provider: str,
        limit: float,
        tell: Tell = lambda _text: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limit = limit
        self._provider = provider
        self._tell = tell
        self._clock = clock
        self._lock = threading.Lock()
        self._since: float | None = None

    def another(self) -> Outage:
        """Return one that has just begun, for what must be done however long the store was away before."""
        return Outage(self._provider, self.limit, self._tell, self._clock)

    def wait(self, error: Exception, delay: float, cancellation: Cancellation | None) -> None:
        """Wait before another attempt.

        Args:
            error: what to raise when the store has been away for too long.
            delay: in seconds.
            cancellation: ends the waiting; without one this is the thread that Ctrl-C interrupts.

        Raises:
            Exception: `error`.
            Cancelled: the waiting was called off.
        """
        with self._lock:
            now = self._clock()
            is_new = self._since is None
            self._since = now if self._since is None else self._since
            if now - self._since >= self.limit:
                raise error
        if is_new:
            said = error.message if isinstance(error, OscarError) else str(error)
            self._tell(f"{said}; waiting up to {self.limit:g} s for {self._provider} to come back")
        if cancellation is None:
            time.sleep(delay)
        else:
            cancellation.sleep(delay)

    def end(self) -> None:
        """Take note that the store answers."""
        if self._since is None:
            return
        with self._lock:
            since, self._since = self._since, None
        if since is not None and self.limit:
            self._tell(f"{self._provider} answers again")


def outage_limit(wanted: float | None, read_timeout: float) -> float:
    """Return the seconds a store may be away: as wanted, else the usual patience within its read timeout."""
    return min(MAX_OUTAGE_SECONDS, read_timeout) if wanted is None else wanted


def delays() -> Iterator[float]:
    """Yield the seconds to wait before each further attempt."""
    return chain(RETRY_DELAYS, repeat(RETRY_DELAYS[-1]))
