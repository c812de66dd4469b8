"""The file that SQLite appends commits to, and how it gets onto the disk."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

# macOS has one for both.
_flush_file = getattr(os, "fdatasync", os.fsync)


class WriteAheadLog:
    """The file that SQLite appends commits to.

    It is flushed here, outside of SQLite, so that the next transactions go on meanwhile. With
    `synchronous = FULL` SQLite does the same before it ends a commit.

    Args:
        writer: the connection of all commits.
        path: of the log; SQLite keeps it as long as a connection is open.
    """

    def __init__(self, writer: sqlite3.Connection, path: Path) -> None:
        # Held by who flushes.
        self.turn = threading.Lock()
        self._descriptor: int | None = None
        self._is_closed = False
        if writer.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            self._descriptor = os.open(path, os.O_RDWR)
        else:
            # There are file systems that cannot have one.
            writer.execute("PRAGMA synchronous = FULL")

    def flush(self) -> None:
        """Make all commits survive a power cut.

        Raises:
            sqlite3.OperationalError: nobody knows whether they do.
        """
        if self._is_closed:
            raise sqlite3.OperationalError("the database's log: it is closed")
        if self._descriptor is None:
            return
        try:
            _flush_file(self._descriptor)
        except OSError as error:
            raise sqlite3.OperationalError(f"the database's log: {error.strerror}") from error

    def close(self) -> None:
        """Close the file, unless that was done before. The caller has the turn: nobody is flushing it."""
        if self._descriptor is not None and not self._is_closed:
            os.close(self._descriptor)
        self._is_closed = True
