"""Which objects lie as files in the folders that jobs mount, and as which files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from oscarcli.local.jobs.mounts.tree import FileState
from oscarcli.local.state import State


@dataclass(frozen=True)
class FolderKey:
    """Whose view of which objects a folder is.

    Args:
        account: an access key of the cluster's own store; empty for another provider.
        bucket: or the first folder of a file server.
        prefix: what the keys begin with.
        read_only: whether nothing is stored.
        provider: type and settings of another provider, as JSON; empty for the own store.
    """

    account: str
    bucket: str
    prefix: str
    read_only: bool
    provider: str = field(default="", repr=False)


@dataclass(frozen=True)
class MountedFile:
    """A file and the version of the object that it was, or became."""

    content: str
    state: FileState


class MountIndex:
    """Mounted folders and their files. Changes join the caller's transaction.

    Args:
        state: the database; its schema includes that of mounts.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def folders(self) -> dict[str, FolderKey]:
        """Return all folders by name."""
        rows = self._state.read().execute(
            "SELECT * FROM mounted_folders LEFT JOIN mounted_elsewhere USING (folder) ORDER BY folder"
        )
        return {row["folder"]: _key_of(row) for row in rows}

    def add(self, folder: str, key: FolderKey) -> None:
        """Store a folder unless it is known."""
        with self._state.transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO mounted_folders VALUES (?, ?, ?, ?, ?)",
                (folder, key.account, key.bucket, key.prefix, key.read_only),
            )
            if key.provider:
                connection.execute(
                    "INSERT OR IGNORE INTO mounted_elsewhere VALUES (?, ?)", (folder, key.provider)
                )

    def remove(self, folder: str) -> None:
        """Forget a folder with its files."""
        with self._state.transaction() as connection:
            connection.execute("DELETE FROM mounted_folders WHERE folder = ?", (folder,))

    def files(self, folder: str) -> dict[str, MountedFile]:
        """Return the files of a folder by name."""
        rows = self._state.read().execute("SELECT * FROM mounted_files WHERE folder = ?", (folder,))
        return {
            row["name"]: MountedFile(row["content"], FileState(row["size"], row["modified_ns"], row["inode"]))
            for row in rows
        }

    def record(self, folder: str, files: Mapping[str, MountedFile], forgotten: Iterable[str] = ()) -> None:
        """Store files, new or in place of those of their names, and forget others."""
        with self._state.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO mounted_files VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (folder, name, file.content, file.state.size, file.state.modified_ns, file.state.inode)
                    for name, file in files.items()
                ],
            )
            connection.executemany(
                "DELETE FROM mounted_files WHERE folder = ? AND name = ?",
                [(folder, name) for name in forgotten],
            )


def _key_of(row: sqlite3.Row) -> FolderKey:
    read_only = bool(row["read_only"])
    return FolderKey(row["account"], row["bucket"], row["prefix"], read_only, row["provider"] or "")
