"""How often exposed services were called, and when: the record that metrics are made of.

As on a real cluster the gateway counts what comes to it, also what is refused there.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import Counter

from oscarcli.local.jobs.calls import KEPT_SECONDS, Window
from oscarcli.local.state import State

log = logging.getLogger(__name__)

# `second` is counted since the epoch. A row stands for all calls in it: a page may fetch hundreds of files.
SCHEMA = """
CREATE TABLE IF NOT EXISTS exposed_calls (
    service TEXT NOT NULL,
    second INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (service, second)
) WITHOUT ROWID;
"""
# A commit flushes the disk, which takes longer than most calls; who kills the server loses so much.
FLUSH_SECONDS = 10.0


class ExposedCalls:
    """Calls of exposed services.

    Args:
        state: the database; its schema includes `SCHEMA`.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._unsaved: Counter[tuple[str, int]] = Counter()
        self._saved_at = time.monotonic()

    def prepare(self) -> None:
        """Forget what is too old."""
        with self._state.transaction() as connection:
            oldest = time.time() - KEPT_SECONDS
            connection.execute("DELETE FROM exposed_calls WHERE second < ?", (oldest,))

    def add(self, service: str) -> None:
        """Count a call that has just come."""
        with self._lock:
            self._unsaved[service, int(time.time())] += 1
            is_due = time.monotonic() - self._saved_at >= FLUSH_SECONDS
        if is_due:
            self.save()

    def save(self) -> None:
        """Write down what was counted; a full disk fails no call."""
        with self._lock:
            unsaved, self._unsaved = self._unsaved, Counter()
            self._saved_at = time.monotonic()
        if not unsaved:
            return
        rows = [(service, second, count) for (service, second), count in unsaved.items()]
        try:
            with self._state.transaction() as connection:
                connection.executemany(
                    "INSERT INTO exposed_calls VALUES (?, ?, ?) "
                    "ON CONFLICT DO UPDATE SET count = count + excluded.count",
                    rows,
                )
        except sqlite3.Error as error:
            log.warning("calls of exposed services cannot be counted: %s", error)

    def counts(self, window: Window) -> dict[str, int]:
        """Return how many calls each service got in a window, whose start counts from its whole second."""
        self.save()
        rows = self._state.read().execute(
            "SELECT service, sum(count) AS n FROM exposed_calls WHERE second >= ? AND second < ? "
            "GROUP BY service",
            (int(window.start), window.end),
        )
        return {row["service"]: row["n"] for row in rows}
