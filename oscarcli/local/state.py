"""The local cluster's database: one SQLite file, one writer at a time, readers never wait.

Rooms of the house own their tables (`objects/index.py`, `services.py`, `jobs.py`): each passes its
`CREATE TABLE IF NOT EXISTS` statements when the state is opened.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

SCHEMA_VERSION = 1


class State:
    """Connections to the database file, one a thread, and the transactions that change it.

    Args:
        path: the database file; created when absent, its folder must exist.
        schema: SQL scripts that create the tables.

    Raises:
        RuntimeError: the file was written by a newer version of this program.
    """

    def __init__(self, path: Path, schema: Sequence[str]) -> None:
        self._path = path
        self._local = threading.local()
        self._writer = threading.RLock()
        self._connections: list[sqlite3.Connection] = []
        # Of the transaction under way; there is only one at a time.
        self._actions: list[Callable[[], None]] = []
        self._keep_private()
        self._prepare(schema)

    def _keep_private(self) -> None:
        """Make the file readable for this user alone; SQLite gives the files beside it the same mode.

        There are tokens and secrets of services in it. To be done before it is opened: closing a file ends
        the locks that SQLite holds on it.
        """
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                self._path.with_name(self._path.name + suffix).chmod(0o600)

    def _prepare(self, schema: Sequence[str]) -> None:
        connection = self._connection()
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise RuntimeError(f"{self._path} has schema {version}, this program knows {SCHEMA_VERSION}")
        for script in schema:
            connection.executescript(script)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            # Threads only ever use their own; close() at the end comes from the main thread.
            connection = sqlite3.connect(
                self._path, isolation_level=None, timeout=30, check_same_thread=False
            )
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            # FULL: a commit that was acknowledged survives a power cut, not only a killed process.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            self._local.connection = connection
            # Appending is atomic; the writers' lock would make a new reader wait for a long change.
            self._connections.append(connection)
        return connection

    def read(self) -> sqlite3.Connection:
        """Return this thread's connection, for SELECTs."""
        return self._connection()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside is committed together on leaving, or rolled back on an exception.

        Nested use in one thread joins the outer transaction.
        """
        connection = self._connection()
        with self._writer:
            if connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN IMMEDIATE")
            self._actions.clear()
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # A full disk may have rolled back already, and may also fail the commit itself.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            actions = list(self._actions)
        for action in actions:
            action()

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run `action` once what this thread is changing is committed; at once outside of a transaction.

        A rollback forgets it. It runs without the writers' lock and must not raise.
        """
        if self._connection().in_transaction:
            self._actions.append(action)
        else:
            action()

    def close(self) -> None:
        """Close every connection; the last one folds the write-ahead log into the file."""
        with self._writer:
            for connection in self._connections:
                connection.close()
            self._connections.clear()
