"""The table of jobs and of the events that started them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from oscarcli.local import clock
from oscarcli.local.commit_group import LateCommit
from oscarcli.local.jobs.log_table import StoredLog, put_log
from oscarcli.local.services.definition import Definition
from oscarcli.local.state import State

# `definition` is a snapshot taken when the job was made: a later update of the service does not change it.
# Snapshot and payload are dropped when the job ends: they may hold secrets and are of no use then. The event
# stays as long as its jobs. A job is a user's whose upload or call started it. Nobody sees a time's decimals.
SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY,
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    service TEXT NOT NULL,
    status TEXT NOT NULL,
    created TEXT NOT NULL,
    started TEXT,
    finished TEXT,
    exit_code INTEGER,
    reason TEXT,
    event INTEGER REFERENCES events (id),
    payload BLOB,
    definition TEXT
);
CREATE TABLE IF NOT EXISTS job_owners (
    job TEXT PRIMARY KEY REFERENCES jobs (name) ON DELETE CASCADE,
    owner TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS jobs_by_status ON jobs (status, id);
CREATE INDEX IF NOT EXISTS jobs_by_service ON jobs (service, name);
CREATE INDEX IF NOT EXISTS jobs_by_event ON jobs (event);
"""

PENDING, RUNNING, SUCCEEDED, FAILED = "Pending", "Running", "Succeeded", "Failed"
# While it is offered to another cluster.
SUSPENDED = "Suspended"
# Why a job failed that a killed server had begun; nobody knows when it ended.
INTERRUPTED = "the server stopped while the job was running"
ENDED = (SUCCEEDED, FAILED)


@dataclass(frozen=True)
class Job:
    """A job that is to run: its number and name, and the definition and payload it was made with."""

    number: int
    name: str
    service: str
    definition: Definition
    payload: bytes


IsHeld = Callable[[Definition, Sequence[Definition]], bool]


@dataclass(frozen=True)
class JobOutcome:
    """How a run ended.

    `exit_code` is the script's, `None` when the script did not run; it does not decide over `succeeded`.
    `log` is the run's, `None` where files have it.
    """

    succeeded: bool
    reason: str | None = None
    exit_code: int | None = None
    log: StoredLog | None = None


class Jobs:
    """Jobs by name. Changes join the caller's transaction.

    What happens to a job is not flushed to the disk: nobody was promised it. After a power cut it may be as
    before all that it stored; it is run again or counts as interrupted.

    Args:
        state: the database; its schema includes `SCHEMA`.
        is_held: asked with a job's service and those of all running jobs, tells whether the job has to wait
            although there is a place; it is suspended then. `None` when no job ever has to.
    """

    def __init__(self, state: State, is_held: IsHeld | None = None) -> None:
        self._state = state
        self._is_held = is_held
        # All jobs up to this number are committed.
        self._committed = 0

    def add(self, name: str, definition: Definition, payload: bytes, owner: str = "") -> None:
        """Queue a job, `owner` being a uid. Raises sqlite3.IntegrityError when the name is taken."""
        with self._state.transaction() as connection:
            connection.execute(
                "INSERT INTO jobs (name, service, status, created, payload, definition) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (name, definition["name"], PENDING, clock.now(), payload, json.dumps(definition)),
            )
            own_job(connection, name, owner)

    def add_failed(self, name: str, service: str, reason: str, owner: str = "") -> None:
        """Record a job that could not be made. Raises sqlite3.IntegrityError when the name is taken."""
        now = clock.now()
        made = "INSERT INTO jobs (name, service, status, created) VALUES (?, ?, ?, ?)"
        # Ends as others do, so that the call is recorded, with its owner.
        ended = "UPDATE jobs SET finished = ?, reason = ? WHERE name = ?"
        with self._state.transaction() as connection:
            connection.execute(made, (name, service, FAILED, now))
            own_job(connection, name, owner)
            connection.execute(ended, (now, reason, name))

    def claim(self, busy: Iterable[str] = ()) -> Job | None:
        """Take the oldest pending job that may run, and mark it running; `None` when there is none.

        `busy` names jobs whose predecessors of the same name have not left yet.
        """
        excluded = set(busy)
        with self._state.transaction(durable=False) as connection:
            rows = connection.execute(
                "SELECT jobs.id, name, service, definition, payload, body FROM jobs "
                "LEFT JOIN events ON events.id = jobs.event WHERE status = ? ORDER BY jobs.id",
                (PENDING,),
            )
            running: list[Definition] | None = None
            for row in rows:
                if row["name"] in excluded:
                    continue
                job = read_job(row)
                if self._is_held is not None:
                    running = self.running_definitions() if running is None else running
                    if self._is_held(job.definition, running):
                        continue
                rows.close()
                started = (RUNNING, clock.now(), job.number)
                connection.execute("UPDATE jobs SET status = ?, started = ? WHERE id = ?", started)
                return job
        return None

    def running_definitions(self) -> list[Definition]:
        """Return the services of the running jobs, once for each job."""
        rows = self._state.read().execute("SELECT definition FROM jobs WHERE status = ?", (RUNNING,))
        return [json.loads(row["definition"]) for row in rows]

    def finish(self, name: str, outcome: JobOutcome) -> None:
        """Record how a job ended; nothing happens when it was removed meanwhile."""
        status = SUCCEEDED if outcome.succeeded else FAILED
        with self._state.transaction(durable=False) as connection:
            ended = connection.execute(
                "UPDATE jobs SET status = ?, finished = ?, exit_code = ?, reason = ?, payload = NULL, "
                "definition = NULL WHERE name = ? AND status = ?",
                (status, clock.now(), outcome.exit_code, outcome.reason, name, RUNNING),
            ).rowcount
            # A job that was removed may have a successor of the same name, which waits.
            if ended and outcome.log is not None:
                put_log(connection, name, outcome.log)

    def finish_and_claim(
        self, name: str, outcome: JobOutcome, busy: Iterable[str], late: LateCommit
    ) -> Job | None:
        """Record how a job ended and take the next, with one commit; see `finish` and `claim`.

        It may be late, but not for a job that may wait for that commit itself: its input is not there yet.
        """
        try:
            with self._state.transaction(durable=False, late=late) as connection:
                self.finish(name, outcome)
                job = self.claim(busy)
                if job is not None and job.number > self._committed:
                    late.is_due = True
                    self._committed = connection.execute("SELECT max(id) FROM jobs").fetchone()[0]
        except BaseException:
            self._committed = 0
            raise
        return job

    def take_begun(self, is_begun: Callable[[int, str], bool]) -> None:
        """Mark those pending jobs running that were begun, as their numbers and names tell."""
        begun = "UPDATE jobs SET status = ?, started = created WHERE id = ?"
        with self._state.transaction() as connection:
            rows = connection.execute("SELECT id, name FROM jobs WHERE status = ?", (PENDING,)).fetchall()
            found = [row["id"] for row in rows if is_begun(row["id"], row["name"])]
            connection.executemany(begun, [(RUNNING, number) for number in found])

    def status(self, service: str, name: str) -> str | None:
        """Return a job's status, `None` when the service has no such job."""
        asked = "SELECT status FROM jobs WHERE name = ? AND service = ?"
        row = self._state.read().execute(asked, (name, service)).fetchone()
        return str(row["status"]) if row else None

    def page(
        self, service: str, after: str, limit: int, owner: str | None = None
    ) -> dict[str, dict[str, Any]]:
        """Return up to `limit` jobs, of one owner or all, with names after `after`, as the API has them."""
        rows = self._state.read().execute(
            "SELECT * FROM jobs WHERE service = :service AND name > :after AND "
            "(:owner IS NULL OR name IN (SELECT job FROM job_owners WHERE owner = :owner)) "
            "ORDER BY name LIMIT :limit",
            {"service": service, "after": after, "owner": owner, "limit": limit},
        )
        running = self.running_definitions() if self._is_held is not None else []
        return {row["name"]: self._shown(row, running) for row in rows}

    def _shown(self, row: sqlite3.Row, running: Sequence[Definition]) -> dict[str, Any]:
        is_held = self._is_held
        if (
            row["status"] == PENDING
            and is_held is not None
            and is_held(json.loads(row["definition"]), running)
        ):
            # As Kueue has it: there is nothing yet that could have a time.
            return {"status": SUSPENDED}
        return _document(row)

    def running(self, service: str | None = None) -> list[str]:
        """Return the names of running jobs, of one service or of all."""
        rows = self._state.read().execute(
            "SELECT name FROM jobs WHERE status = ? AND (? IS NULL OR service = ?) ORDER BY id",
            (RUNNING, service, service),
        )
        return [row["name"] for row in rows]

    def has_pending(self) -> bool:
        """Tell whether a job waits."""
        asked = self._state.read().execute("SELECT 1 FROM jobs WHERE status = ? LIMIT 1", (PENDING,))
        return asked.fetchone() is not None

    def counts(self) -> dict[str, int]:
        """Return how many jobs there are in each status that occurs."""
        rows = self._state.read().execute("SELECT status, count(*) AS n FROM jobs GROUP BY status")
        return {row["status"]: row["n"] for row in rows}

    def remove(self, names: Iterable[str]) -> None:
        """Remove jobs in any status."""
        with self._state.transaction(is_large=True) as connection:
            # Their numbers may be given to others.
            self._committed = 0
            for name in names:
                row = connection.execute("SELECT event FROM jobs WHERE name = ?", (name,)).fetchone()
                connection.execute("DELETE FROM jobs WHERE name = ?", (name,))
                connection.execute(
                    "DELETE FROM events WHERE id = :id AND NOT EXISTS (SELECT 1 FROM jobs WHERE event = :id)",
                    {"id": row["event"] if row else None},
                )

    def names(self, service: str, statuses: Iterable[str] | None = None) -> list[str]:
        """Return the names of a service's jobs, in some statuses or in any."""
        rows = self._state.read().execute("SELECT name, status FROM jobs WHERE service = ?", (service,))
        return [row["name"] for row in rows if statuses is None or row["status"] in statuses]

    def to_forget(self, before: str, keep: int) -> list[str]:
        """Return the names of ended jobs that finished before a time or are not among the newest `keep`."""
        rows = self._state.read().execute(
            "SELECT name FROM jobs WHERE status IN (?, ?) AND (finished < ? OR id <= "
            "(SELECT id FROM jobs WHERE status IN (?, ?) ORDER BY id DESC LIMIT 1 OFFSET ?))",
            (*ENDED, before, *ENDED, keep),
        )
        return [row["name"] for row in rows]

    def exists(self, name: str) -> bool:
        """Tell whether any service has a job with this name."""
        query = "SELECT 1 FROM jobs WHERE name = ?"
        return self._state.read().execute(query, (name,)).fetchone() is not None


def own_job(connection: sqlite3.Connection, name: str, owner: str) -> None:
    """Note a job as a user's, unless it is nobody's."""
    if owner:
        connection.execute("INSERT INTO job_owners VALUES (?, ?)", (name, owner))


def read_job(row: sqlite3.Row) -> Job:
    """Return a job of a row that has its event's body, too."""
    payload = row["body"] if row["body"] is not None else row["payload"]
    return Job(row["id"], row["name"], row["service"], json.loads(row["definition"]), bytes(payload or b""))


def _document(row: sqlite3.Row) -> dict[str, Any]:
    """Return a job as the API shows it; `exit_code` and `reason` are members of ours."""
    members = {
        "status": row["status"],
        "creation_time": clock.whole_seconds(row["created"]),
        "start_time": clock.whole_seconds(row["started"]),
        "finish_time": clock.whole_seconds(row["finished"]),
        "exit_code": row["exit_code"],
        "reason": row["reason"],
    }
    return {key: value for key, value in members.items() if value is not None}
