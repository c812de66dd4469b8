"""Links of this machine that lead scripts without a container to the folders they mount.

A link is made where the user of the local cluster may make it and nothing else is in the way. Only links that
were made here are removed again.
"""

from __future__ import annotations

import json
import logging
import os
import shlex
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import closing, suppress
from pathlib import Path

from oscarcli.local.connections import connect_from_outside
from oscarcli.local.state import State

log = logging.getLogger(__name__)

# `parents` are the folders that were made for a link, the outermost first.
SCHEMA = """
CREATE TABLE IF NOT EXISTS host_links (
    path TEXT PRIMARY KEY,
    parents TEXT NOT NULL
);
"""


class HostLinks:
    """Makes links and removes them.

    Args:
        state: the database; its schema includes `SCHEMA`.
        root: the data directory, in which no link is ever made.
    """

    def __init__(self, state: State, root: Path) -> None:
        self._state = state
        self._root = root

    def ensure(self, path: Path, target: Path) -> str | None:
        """Make a link unless the path leads to the target already.

        Returns:
            Why it cannot, with the way out; `None` when the path leads there now.
        """
        # Unlike pathlib, this takes a link that leads to itself.
        if os.path.realpath(path) == os.path.realpath(target):
            return None
        by_hand = f"make it with 'ln -s {shlex.quote(str(target))} {shlex.quote(str(path))}'"
        if os.path.lexists(path) and not self._is_stale(path):
            return f"something else is at {path} now; move it away, or choose another path"
        if Path(os.path.realpath(path.parent)).is_relative_to(self._root):
            return f"{path} would be in a folder that another service mounts; choose another path"
        try:
            self._make(path, target)
        except OSError as error:
            return (
                "without a container the path has to be a link to the folder, and it cannot be made: "
                f"{error}; {by_hand}, or run the service in its image (--engine auto)"
            )
        return None

    def _is_stale(self, path: Path) -> bool:
        """Tell whether a path is a link that was made here and leads nowhere any more."""
        return path.is_symlink() and not path.exists() and self._parents(path) is not None

    def _make(self, path: Path, target: Path) -> None:
        made = [str(folder) for folder in reversed(path.parents) if not folder.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            path.unlink()
            made = self._parents(path) or []
        # Known first: a link that nobody knows of would stay for ever.
        with self._state.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO host_links VALUES (?, ?)", (str(path), json.dumps(made))
            )
        path.symlink_to(target)
        log.info("%s is a link to %s from now on", path, target)

    def _parents(self, path: Path) -> list[str] | None:
        query = "SELECT parents FROM host_links WHERE path = ?"
        row = self._state.read().execute(query, (str(path),)).fetchone()
        return None if row is None else [str(folder) for folder in json.loads(row["parents"])]

    def sweep(self, needed: Collection[Path]) -> None:
        """Remove the links that were made here and are not among `needed`."""
        rows = self._state.read().execute("SELECT path FROM host_links").fetchall()
        for path in (Path(row["path"]) for row in rows):
            if path not in needed:
                self._remove(path)

    def _remove(self, path: Path) -> None:
        if _take_away(path, self._parents(path) or [], self._root):
            with self._state.transaction() as connection:
                connection.execute("DELETE FROM host_links WHERE path = ?", (str(path),))


def remove_links(database: Path, root: Path) -> None:
    """Remove all links of a cluster that is about to be removed.

    Args:
        database: the cluster's, which nobody uses.
        root: its data directory.
    """
    rows: list[tuple[str, str]] = []
    # There may be none, or one of an older version.
    with suppress(sqlite3.Error), closing(connect_from_outside(database)) as connection:
        rows = connection.execute("SELECT path, parents FROM host_links").fetchall()
    for path, parents in rows:
        _take_away(Path(path), json.loads(parents), root)


def _take_away(path: Path, parents: Sequence[str], root: Path) -> bool:
    """Remove a link and the folders that were made for it and are empty now; tell whether that went well."""
    try:
        # What is there now may be somebody else's.
        if path.is_symlink() and path.readlink().is_relative_to(root):
            path.unlink()
    except OSError as error:
        log.warning("the link %s cannot be removed: %s", path, error)
        return False
    for folder in reversed(parents):
        with suppress(OSError):
            Path(folder).rmdir()
    return True
