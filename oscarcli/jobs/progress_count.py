"""How long the rest of several jobs may take, by how long those took that are over."""

from __future__ import annotations

import time

from oscarcli.jobs.events import JobsProgress

# From fewer jobs, or in less time, nothing can be said.
MIN_ENDED = 3
MIN_SECONDS = 1.0


class ProgressCount:
    """Counts jobs that end, from now on.

    Args:
        ended: how many were over before.
    """

    def __init__(self, ended: int = 0) -> None:
        self._began = time.monotonic()
        self._before = ended

    def progress(self, total: int, done: int, failed: int, running: int) -> JobsProgress:
        """Return how far the jobs are; see there for the numbers."""
        ended = done + failed - self._before
        passed = time.monotonic() - self._began
        left = None
        if ended >= MIN_ENDED and passed >= MIN_SECONDS:
            left = (total - done - failed) * passed / ended
        return JobsProgress(total, done, failed, running, left)
