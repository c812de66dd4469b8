"""Connections to the local cluster's database file."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

# Pages of the write-ahead log before they are folded into the file: 16 MiB.
CHECKPOINT_PAGES = 4096
BUSY_SECONDS = 30.0
# What another process waits for a writer.
OUTSIDE_BUSY_SECONDS = 5.0


def connect_from_outside(path: Path, mode: str = "ro") -> sqlite3.Connection:
    """Return a connection of a process that is not the cluster's, whether that runs or not.

    Args:
        path: the database, which has to be there.
        mode: `ro` to read, `rw` to change it.

    Raises:
        sqlite3.Error: it is not there.
    """
    return sqlite3.connect(f"{path.as_uri()}?mode={mode}", uri=True, timeout=OUTSIDE_BUSY_SECONDS)


def keep_private(path: Path) -> None:
    """Make a database readable for this user alone; SQLite gives the files beside it the same mode.

    There are tokens and secrets of services in it. To be done before it is opened: closing a file ends the
    locks that SQLite holds on it.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).chmod(0o600)


class Connections:
    """The connections of the cluster itself: one for each thread that asks, closed when the thread ends.

    Args:
        path: the database file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._is_closed = False
        # Held for a moment only: nobody who connects waits for a long change.
        self._lock = threading.Lock()

    def open(self) -> sqlite3.Connection:
        """Return a new connection, of nobody's.

        Raises:
            sqlite3.ProgrammingError: all are closed.
            sqlite3.Error: the file is no database.
        """
        with self._lock:
            if self._is_closed:
                raise sqlite3.ProgrammingError("the database is closed")
            # Only one thread at a time uses it; who closes it may be another one.
            connection = sqlite3.connect(
                self._path, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False
            )
            self._open.append(connection)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        # The file is never damaged. That commits survive a power cut is seen to by `WriteAheadLog`.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        return connection

    def own(self) -> sqlite3.Connection:
        """Return this thread's connection; errors as those of `open`."""
        own: _ThreadConnection | None = getattr(self._local, "own", None)
        if own is None:
            own = self._local.own = _ThreadConnection(self.open(), self._open)
        return own.connection

    def close(self) -> None:
        """Close all, and open no more: a thread that comes late gets an error."""
        with self._lock:
            self._is_closed = True
        # Threads that end meanwhile take theirs away.
        for connection in tuple(self._open):
            connection.close()
        self._open.clear()


class _ThreadConnection:
    """The connection of one thread, which closes it: each has files open.

    Args:
        connection: the connection.
        listed: has it until then.
    """

    def __init__(self, connection: sqlite3.Connection, listed: list[sqlite3.Connection]) -> None:
        self.connection = connection
        self._listed = listed

    def __del__(self) -> None:
        # Without a lock: the thread in which an object is destroyed may hold any.
        with suppress(ValueError):
            self._listed.remove(self.connection)
        self.connection.close()
