"""What others need to know of mounted folders before there is one: the tables, and how they fail."""

from __future__ import annotations

from collections.abc import Callable

Note = Callable[[str, str], None]
"""Gets a level and a message for the log of the job."""

# `folder` names the folder of this machine. Without a provider its objects are in the cluster's own store. A
# file that is like its row needs no storing, and a row whose file is gone means that a script has deleted it.
SCHEMA = """
CREATE TABLE IF NOT EXISTS mounted_folders (
    folder TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    bucket TEXT NOT NULL,
    prefix TEXT NOT NULL,
    read_only INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS mounted_elsewhere (
    folder TEXT PRIMARY KEY REFERENCES mounted_folders (folder) ON DELETE CASCADE,
    provider TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS mounted_files (
    folder TEXT NOT NULL REFERENCES mounted_folders (folder) ON DELETE CASCADE,
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    size INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    PRIMARY KEY (folder, name)
) WITHOUT ROWID;
"""


class MountError(Exception):
    """Objects could not be fetched or files not stored; the text says which and why."""
