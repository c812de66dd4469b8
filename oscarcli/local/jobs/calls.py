"""The record of who called which service when, and how long it ran: what metrics are made of.

It outlives jobs and services. Jobs are recorded by triggers of the database, in the transaction that makes,
starts, ends or removes them, so that there is no way around it; synchronous runs when they end.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from oscarcli.local.services.definition import Definition
from oscarcli.local.services.quantity import parse_quantity
from oscarcli.local.state import State

SYNC, ASYNC = "sync", "async"
# How the manager's log names who called: for a synchronous run the cluster's own user, which an upload is
# by, too, and nobody for a job that was started with a service's token.
USER, NOBODY = "oscar", "nil"
KEPT_SECONDS = 366 * 24 * 3600

_NOW = "(julianday('now') - 2440587.5) * 86400"

# Times in seconds since the epoch; `made` is when the call came. `cores` is the definition's own text.
SCHEMA = f"""
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
CREATE INDEX IF NOT EXISTS calls_by_time ON calls (made);
CREATE INDEX IF NOT EXISTS calls_by_end ON calls (finished);
CREATE INDEX IF NOT EXISTS calls_under_way ON calls (job) WHERE finished IS NULL;

CREATE TRIGGER IF NOT EXISTS call_made AFTER INSERT ON jobs BEGIN
    INSERT INTO calls (service, kind, user, job, made, finished) VALUES (
        NEW.service, '{ASYNC}', CASE WHEN NEW.event IS NULL THEN '{NOBODY}' ELSE '{USER}' END, NEW.name,
        {_NOW}, CASE WHEN NEW.finished IS NULL THEN NULL ELSE {_NOW} END
    );
END;
CREATE TRIGGER IF NOT EXISTS call_owned AFTER INSERT ON job_owners BEGIN
    UPDATE calls SET user = NEW.owner WHERE id = (SELECT max(id) FROM calls) AND job = NEW.job;
END;
CREATE TRIGGER IF NOT EXISTS call_started AFTER UPDATE OF started ON jobs BEGIN
    UPDATE calls SET started = {_NOW}, cores = json_extract(NEW.definition, '$.cpu')
    WHERE job = NEW.name AND finished IS NULL;
END;
CREATE TRIGGER IF NOT EXISTS call_finished AFTER UPDATE OF finished ON jobs BEGIN
    UPDATE calls SET finished = {_NOW} WHERE job = NEW.name AND finished IS NULL;
END;
CREATE TRIGGER IF NOT EXISTS call_removed AFTER DELETE ON jobs BEGIN
    UPDATE calls SET finished = {_NOW} WHERE job = OLD.name AND finished IS NULL;
END;
"""  # noqa: S608 -- of constants


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
        """Bring the record in order after a start, before anything runs.

        How long a run lasted that ended with the server is not known: it counts as no time at all.
        """
        with self._state.transaction() as connection:
            connection.execute(
                "UPDATE calls SET finished = started WHERE finished IS NULL AND started IS NOT NULL"
            )
            connection.execute(
                "DELETE FROM calls WHERE finished IS NOT NULL AND made < ?", (time.time() - KEPT_SECONDS,)
            )

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
        rows = self._state.read().execute(
            "SELECT service, kind, user, count(*) AS n FROM calls WHERE made >= ? AND made < ? "
            "GROUP BY service, user, kind ORDER BY service, user, kind",
            (window.start, window.end),
        )
        return [CallTotals(row["service"], row["kind"], row["user"], row["n"]) for row in rows]

    def cpu_hours(self, window: Window) -> dict[str, float]:
        """Return what services used: the cores they ask for, times the hours they ran in a window.

        A run that goes on counts until now.
        """
        rows = self._state.read().execute(
            "SELECT service, cores, sum(max(0, min(coalesce(finished, :now), :end) - max(started, :start))) "
            "AS seconds FROM calls WHERE started < :end AND (finished IS NULL OR finished > :start) "
            "GROUP BY service, cores",
            {"start": window.start, "end": window.end, "now": time.time()},
        )
        hours: dict[str, float] = {}
        for row in rows:
            used = float(parse_quantity(row["cores"])) * row["seconds"] / 3600
            hours[row["service"]] = hours.get(row["service"], 0.0) + used
        return hours
