"""The logs of runs that took but a moment: rows, where files would take longer to make than such a run."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

SCHEMA = """
CREATE TABLE IF NOT EXISTS job_logs (
    job INTEGER PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    text BLOB NOT NULL,
    times BLOB NOT NULL
);
"""


@dataclass(frozen=True)
class StoredLog:
    """A log that is in no file.

    Args:
        text: the log.
        times: when each line was complete, as `line_file.TIME` has it.
    """

    text: bytes
    times: bytes


def put_log(connection: sqlite3.Connection, name: str, log: StoredLog) -> None:
    """Store the log of a job, in the transaction that `connection` is in; nothing without such a job."""
    connection.execute(
        "INSERT OR REPLACE INTO job_logs SELECT id, ?, ? FROM jobs WHERE name = ?",
        (log.text, log.times, name),
    )


def find_log(connection: sqlite3.Connection, name: str) -> StoredLog | None:
    """Return the log of a job, `None` where files have it or there is none."""
    query = "SELECT text, times FROM job_logs WHERE job = (SELECT id FROM jobs WHERE name = ?)"
    row = connection.execute(query, (name,)).fetchone()
    return None if row is None else StoredLog(row["text"], row["times"])
