"""The jobs that may go to another cluster, and those that are being offered to one."""

from __future__ import annotations

import json

from oscarcli.local.jobs.table import PENDING, SUSPENDED, Job, read_job
from oscarcli.local.services.definition import Definition
from oscarcli.local.services.federation import is_delegating
from oscarcli.local.state import State


class OfferedJobs:
    """Takes pending jobs out of the queue and puts them back. Changes join the caller's transaction.

    Args:
        state: the database of the jobs.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def waiting(self) -> dict[str, Definition]:
        """Return the pending jobs of services whose federation has a topology, by name, oldest first."""
        rows = self._state.read().execute(
            "SELECT name, definition FROM jobs WHERE status = ? AND service IN "
            "(SELECT name FROM services WHERE definition LIKE '%\"topology\"%') ORDER BY id",
            (PENDING,),
        )
        found = {row["name"]: json.loads(row["definition"]) for row in rows}
        return {name: definition for name, definition in found.items() if is_delegating(definition)}

    def suspend(self, name: str) -> Job | None:
        """Take a pending job out of the queue, for another cluster; `None` when it is not there any more."""
        with self._state.transaction() as connection:
            changed = connection.execute(
                "UPDATE jobs SET status = ? WHERE name = ? AND status = ?", (SUSPENDED, name, PENDING)
            )
            if not changed.rowcount:
                return None
            row = connection.execute(
                "SELECT jobs.id, name, service, definition, payload, body FROM jobs "
                "LEFT JOIN events ON events.id = jobs.event WHERE name = ?",
                (name,),
            ).fetchone()
            return read_job(row)

    def resume(self, name: str) -> None:
        """Put a suspended job back in its place in the queue."""
        with self._state.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET status = ? WHERE name = ? AND status = ?", (PENDING, name, SUSPENDED)
            )

    def resume_all(self) -> None:
        """Put all suspended jobs back in their places."""
        with self._state.transaction() as connection:
            connection.execute("UPDATE jobs SET status = ? WHERE status = ?", (PENDING, SUSPENDED))
