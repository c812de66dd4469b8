"""Folders on a server of files: made as they are needed, and listed as if there were keys alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
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
        above = prefix.rpartition("/")[0]
        folder = f"{above}/" if above else ""
    # The slash at the end of a folder's key counts in the order.
    named = [(f"{folder}{entry.name}{'/' if entry.is_folder else ''}", entry) for entry in children(folder)]
    for key, entry in sorted(named, key=lambda one: one[0].encode()):
        if not entry.is_folder and key.startswith(prefix):
            yield key, entry
        elif entry.is_folder and (key.startswith(prefix) or prefix.startswith(key)):
            yield from walk(prefix, children, key)
