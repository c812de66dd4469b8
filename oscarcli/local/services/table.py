"""The table of services, and of the bucket folders whose objects start their jobs."""

from __future__ import annotations

import json
import sqlite3
from functools import partial

from oscarcli.local.services.definition import Definition, watched_folders
from oscarcli.local.state import State

# `noted` tells whether the first job of this revision has said what differs from a real cluster.
SCHEMA = """
CREATE TABLE IF NOT EXISTS services (
    name TEXT PRIMARY KEY,
    definition TEXT NOT NULL,
    noted INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS triggers (
    bucket TEXT NOT NULL,
    prefix TEXT NOT NULL,
    service TEXT NOT NULL REFERENCES services (name) ON DELETE CASCADE,
    PRIMARY KEY (bucket, prefix, service)
);
"""


class Services:
    """Services by name. Changes join the caller's transaction.

    Args:
        state: the database; its schema includes `SCHEMA`.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        # Those that `take_note` need not ask the database for.
        self._noted: set[str] = set()
        self.revision = 0
        """Another number after each change of a service."""

    def get(self, name: str) -> Definition | None:
        """Return a service's definition, secrets included, or `None`."""
        row = self._state.read().execute("SELECT definition FROM services WHERE name = ?", (name,)).fetchone()
        return None if row is None else _definition(row)

    def all(self) -> list[Definition]:
        """Return all definitions by name."""
        rows = self._state.read().execute("SELECT definition FROM services ORDER BY name")
        return [_definition(row) for row in rows]

    def put(self, definition: Definition) -> None:
        """Store a definition, new or in place of the one with its name, and its triggers."""
        name = definition["name"]
        with self._state.transaction() as connection:
            self._state.after_commit(partial(self._has_changed, name))
            connection.execute(
                "INSERT INTO services (name, definition) VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET definition = excluded.definition, noted = 0",
                (name, json.dumps(definition)),
            )
            connection.execute("DELETE FROM triggers WHERE service = ?", (name,))
            connection.executemany(
                "INSERT OR IGNORE INTO triggers (bucket, prefix, service) VALUES (?, ?, ?)",
                [(place.bucket, place.prefix, name) for place in watched_folders(definition)],
            )

    def remove(self, name: str) -> None:
        """Remove a service and its triggers."""
        with self._state.transaction() as connection:
            self._state.after_commit(partial(self._has_changed, name))
            connection.execute("DELETE FROM services WHERE name = ?", (name,))

    def _has_changed(self, name: str) -> None:
        self._noted.discard(name)
        self.revision += 1

    def take_note(self, name: str) -> bool:
        """Return True once for each revision of a service, False ever after."""
        if name in self._noted:
            return False
        # Before the question: who changes the service meanwhile takes the name out again.
        self._noted.add(name)
        row = self._state.read().execute("SELECT noted FROM services WHERE name = ?", (name,)).fetchone()
        if row is not None and row["noted"]:
            return False
        self._noted.discard(name)
        if row is None:
            return False
        with self._state.transaction() as connection:
            changed = connection.execute(
                "UPDATE services SET noted = 1 WHERE name = ? AND noted = 0", (name,)
            )
            return changed.rowcount == 1


def triggered(connection: sqlite3.Connection, bucket: str, key: str) -> list[str]:
    """Return the services that an object starts, each once.

    Args:
        connection: the transaction in which the object appears.
        bucket: the object's bucket.
        key: its key. Prefixes are compared byte by byte, as MinIO does.
    """
    rows = connection.execute("SELECT DISTINCT service, prefix FROM triggers WHERE bucket = ?", (bucket,))
    return sorted({row["service"] for row in rows if key.startswith(row["prefix"])})


def _definition(row: sqlite3.Row) -> Definition:
    definition: Definition = json.loads(row["definition"])
    return definition
