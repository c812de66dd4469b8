"""The record of who called which service when, and how long it ran: what metrics are made of.

It outlives jobs and services. Jobs are recorded by triggers of the database, in the transaction that ends or
removes them, so that there is no way around it; synchronous runs when they end.
"""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass

from oscarcli.local.jobs.table import INTERRUPTED
from oscarcli.local.services.definition import Definition
from oscarcli.local.services.quantity import parse_quantity
from oscarcli.local.state import State

SYNC, ASYNC = "sync", "async"
# How the manager's log names who called: for a synchronous run the cluster's own user, which an upload is
# by, too, and nobody for a job that was started with a service's token.
USER, NOBODY = "oscar", "nil"
KEPT_SECONDS = 366 * 24 * 3600


def _seconds(moment: str) -> str:
    """Return SQL for the seconds since the epoch of what SQL has as a text."""
    return f"(julianday({moment}) - 2440587.5) * 86400"


_NOW = _seconds("'now'")

# Times in seconds since the epoch; `made` is when the call came. `cores` is the definition's own text.
# A job is asked for itself until it ends or is removed, and comes to the table of calls then: each time a job
# is written there, a page of the table and one of each index go to the disk. The triggers come before the
# change, which takes away what is asked.
SCHEMA = f"""
DROP TRIGGER IF EXISTS call_made;
DROP TRIGGER IF EXISTS call_owned;
DROP TRIGGER IF EXISTS call_started;
DROP TRIGGER IF EXISTS call_finished;
DROP TRIGGER IF EXISTS call_removed;
DROP INDEX IF EXISTS calls_by_time;
DROP INDEX IF EXISTS calls_under_way;
CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY,
    service TEXT NOT NULL,
    kind TEXT NOT NULL,
    user TEXT NOT NULL,
    job TEXT,
    cores TEXT,
    made REAL NOT NULL,
    started REAL,
    finished REAL
);
CREATE INDEX IF NOT EXISTS calls_by_end ON calls (finished);
CREATE VIEW IF NOT EXISTS job_calls AS
    SELECT
        status,
        service,
        '{ASYNC}' AS kind,
        coalesce(
            (SELECT owner FROM job_owners WHERE job = name),
            CASE WHEN event IS NULL THEN '{NOBODY}' ELSE '{USER}' END
        ) AS user,
        name AS job,
        json_extract(definition, '$.cpu') AS cores,
        {_seconds("created")} AS made,
        {_seconds("started")} AS started
    FROM jobs;
CREATE TRIGGER IF NOT EXISTS job_ends BEFORE UPDATE OF finished ON jobs WHEN OLD.finished IS NULL BEGIN
    INSERT INTO calls (service, kind, user, job, cores, made, started, finished)
    SELECT
        service, kind, user, job, cores, made, started,
        CASE WHEN NEW.reason = '{INTERRUPTED}' THEN coalesce(started, made) ELSE {_NOW} END
    FROM job_calls WHERE job = OLD.name;
END;
CREATE TRIGGER IF NOT EXISTS job_goes BEFORE DELETE ON jobs WHEN OLD.finished IS NULL BEGIN
    INSERT INTO calls (service, kind, user, job, cores, made, started, finished)
    SELECT service, kind, user, job, cores, made, started, {_NOW} FROM job_calls WHERE job = OLD.name;
END;
"""  # noqa: S608 -- of constants

# What a window may be interested in; what has not ended goes on until `now`.
_SINCE_START = """(
    SELECT service, kind, user, cores, made, started, finished FROM calls WHERE finished >= :start
    UNION ALL
    SELECT service, kind, user, cores, made, started, :now FROM job_calls
    WHERE status IN ('Pending', 'Running', 'Suspended')
)"""
_TOTALS = f"""
SELECT service, kind, user, count(*) AS n FROM {_SINCE_START} WHERE made >= :start AND made < :end
GROUP BY service, user, kind ORDER BY service, user, kind
"""  # noqa: S608
_CORE_SECONDS = f"""
SELECT service, cores, sum(max(0, min(finished, :end) - max(started, :start))) AS seconds
FROM {_SINCE_START} WHERE started < :end GROUP BY service, cores
"""  # noqa: S608


@dataclass(frozen=True)
class Window:
    """A span of time, in seconds since the epoch; its end does not belong to it."""

    start: float
    end: float


@dataclass(frozen=True)
class CallTotals:
    """How often somebody called a service in one way."""

    service: str
    kind: str
    user: str
    count: int


class Calls:
    """Calls of services.

    Args:
        state: the database; its schema includes `SCHEMA`, after that of jobs.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def prepare(self) -> None:
        """Bring the record in order after a start, before anything runs."""
        with self._state.transaction() as connection:
            # Former versions recorded jobs that had not ended, too.
            connection.execute(
                "DELETE FROM calls WHERE finished IS NULL AND job IN "
                "(SELECT name FROM jobs WHERE finished IS NULL)"
            )
            connection.execute("UPDATE calls SET finished = coalesce(started, made) WHERE finished IS NULL")
            connection.execute("DELETE FROM calls WHERE finished < ?", (time.time() - KEPT_SECONDS,))

    def add_sync(self, definition: Definition, started: float, finished: float, user: str = "") -> None:
        """Record a synchronous run that has ended, of a user or not; times in seconds since the epoch."""
        with self._state.transaction() as connection:
            connection.execute(
                "INSERT INTO calls (service, kind, user, cores, made, started, finished) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (definition["name"], SYNC, user or USER, definition["cpu"], started, started, finished),
            )

    def totals(self, window: Window) -> list[CallTotals]:
        """Return the calls that came in a window, by service, user and kind."""
        rows = self._select(_TOTALS, window)
        return [CallTotals(row["service"], row["kind"], row["user"], row["n"]) for row in rows]

    def cpu_hours(self, window: Window) -> dict[str, float]:
        """Return what services used: the cores they ask for, times the hours they ran in a window.

        A run that goes on counts until now.
        """
        hours: dict[str, float] = {}
        for row in self._select(_CORE_SECONDS, window):
            used = float(parse_quantity(row["cores"])) * row["seconds"] / 3600
            hours[row["service"]] = hours.get(row["service"], 0.0) + used
        return hours

    def _select(self, query: str, window: Window) -> sqlite3.Cursor:
        named = {"start": window.start, "end": window.end, "now": time.time()}
        return self._state.read().execute(query, named)
