"""Folders on a server of files: made as they are needed, and listed as if there were keys alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol, TypeVar


class FolderEntry(Protocol):
    """What is in a folder."""

    @property
    def name(self) -> str:
        """The last part of its path."""

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder itself."""


EntryT = TypeVar("EntryT", bound=FolderEntry)


class KnownFolders:
    """Folders that are known to exist, so that each is asked for once. Several threads may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._paths: set[str] = set()

    def __contains__(self, path: str) -> bool:
        return path in self._paths

    def add(self, path: str) -> None:
        """Take note that a folder is there."""
        with self._lock:
            self._paths.add(path)

    def forget(self) -> None:
        """Take nothing for granted any more."""
        with self._lock:
            self._paths.clear()

    def make(self, wanted: Sequence[str], exists: Callable[[str], bool], make: Callable[[str], None]) -> None:
        """Make the folders of a path that are missing.

        Args:
            wanted: all of them, each below the one before it.
            exists: tells whether one is there, asked from the deepest up.
            make: makes one whose parent is there.
        """
        missing = []
        for folder in reversed(wanted):
            if folder in self or exists(folder):
                self.add(folder)
                break
            missing.append(folder)
        for folder in reversed(missing):
            make(folder)
            self.add(folder)


def walk(
    prefix: str, children: Callable[[str], Sequence[EntryT]], folder: str | None = None
) -> Iterator[tuple[str, EntryT]]:
    """Yield the files whose key starts with a prefix, with their keys and in the order of these.

    Args:
        prefix: plain text.
        children: returns what is in a folder, whose key ends with a slash or is empty.
        folder: where to begin; the deepest folder in the prefix when `None`.
    """
    if folder is None:
        folder = deepest_folder(prefix)
    # The slash at the end of a folder's key counts in the order.
    named = [(key_of(entry, folder), entry) for entry in children(folder)]
    for key, entry in sorted(named, key=lambda one: one[0].encode()):
        if not entry.is_folder and key.startswith(prefix):
            yield key, entry
        elif entry.is_folder and (key.startswith(prefix) or prefix.startswith(key)):
            yield from walk(prefix, children, key)


def deepest_folder(prefix: str) -> str:
    """Return the deepest folder in the beginning of a key, with its slash; empty for the bucket itself."""
    return prefix[: prefix.rfind("/") + 1]


def key_of(entry: FolderEntry, folder: str) -> str:
    """Return the key of what is in a folder; that of a folder has a slash at its end."""
    return f"{folder}{entry.name}{'/' if entry.is_folder else ''}"


def level_keys(entries: Iterable[FolderEntry], prefix: str, limit: int) -> list[str]:
    """Return the keys of what is in the deepest folder of a prefix and begins with that, in their order.

    Args:
        entries: what is in the folder; read as far as it takes.
        prefix: plain text.
        limit: at most so many.
    """
    keys = (key_of(entry, deepest_folder(prefix)) for entry in entries)
    return sorted(islice((key for key in keys if key.startswith(prefix)), limit), key=str.encode)


def folder_names(entries: Iterable[FolderEntry]) -> list[str]:
    """Return the names of the folders among what is in one, in their order."""
    return sorted((entry.name for entry in entries if entry.is_folder), key=str.encode)
