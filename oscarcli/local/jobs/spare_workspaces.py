"""Workspaces that are used again: a file system takes longer to make folders than to run a small script."""

from __future__ import annotations

import os
import stat
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oscarcli.files import usual_mode
from oscarcli.local.jobs.removal import FolderRemover
from oscarcli.local.jobs.staging import Workspace

# As many as jobs run at a time, mostly.
MAX_SPARE = 8
# A file after the other, that takes longer than to make a new folder.
MAX_FILES = 16
# Larger files are removed rather than written again: they would take up the disk for nothing.
MAX_SPARE_BYTES = 1 << 16
_FOLDER = stat.S_IFDIR | 0o700


class SpareWorkspaces:
    """Workspaces for one run after the other, unless a script leaves more than a few files there.

    The files that every run has are written again, too: file systems are slow to make and to remove many in
    a moment. ext4 without a journal looks at each file of the last minute before it makes another one.

    Args:
        parent: has a folder for them. What a server that was killed has left there is removed at the next
            start, as every unknown folder is.
        remover: gets what cannot be used again.
    """

    def __init__(self, parent: Path, remover: FolderRemover) -> None:
        self._folder = parent / ".workspaces"
        self._remover = remover
        self._file_mode = stat.S_IFREG | usual_mode()
        self._lock = threading.Lock()
        self._spare: list[Workspace] = []

    @contextmanager
    def lent(self) -> Iterator[Workspace]:
        """Give an empty workspace to a run. Raises OSError."""
        workspace = self._take()
        try:
            yield workspace
        finally:
            self._give_back(workspace)

    def _take(self) -> Workspace:
        with self._lock:
            if self._spare:
                return self._spare.pop()
        self._folder.mkdir(mode=0o700, exist_ok=True)
        return Workspace.create(self._folder / uuid.uuid4().hex)

    def _give_back(self, workspace: Workspace) -> None:
        try:
            self._empty(workspace)
        except OSError:
            self._remover.remove(workspace.root)
            return
        with self._lock:
            if len(self._spare) < MAX_SPARE:
                self._spare.append(workspace)
                return
        self._remover.remove(workspace.root)

    def close(self) -> None:
        """Remove all that are left."""
        with self._lock:
            spare, self._spare = self._spare, []
        for workspace in spare:
            self._remover.remove(workspace.root)

    def _empty(self, workspace: Workspace) -> None:
        """Remove what a run has left, whatever a script has made of it, but not what the next one rewrites.

        Raises:
            OSError: it is not as it was made, and must not be used again.
        """
        beside = _files_beside(workspace)
        given = _paths(workspace.input)
        left = [*_paths(workspace.output), *_paths(workspace.scratch)]
        if len(given) + len(left) > MAX_FILES:
            raise FileExistsError("there are many files")
        for path in given:
            if self._can_be_rewritten(path):
                os.replace(path, workspace.spare_input)  # noqa: PTH105
            else:
                left.append(path)
        left += [path for path in beside if not self._can_be_rewritten(path)]
        for path in left:
            os.unlink(path)  # noqa: PTH108

    def _can_be_rewritten(self, path: str) -> bool:
        """Tell whether a file is like a new one but for its content, and known by no other name."""
        found = os.lstat(path)
        likeness = (found.st_mode, found.st_uid, found.st_nlink)
        return likeness == (self._file_mode, os.getuid(), 1) and found.st_size <= MAX_SPARE_BYTES


def _files_beside(workspace: Workspace) -> list[str]:
    """Return the files of a workspace that are in none of its folders.

    Raises:
        OSError: the folders are not as they were made.
    """
    inner = {os.fspath(folder) for folder in (workspace.input, workspace.output)}
    outer = {os.fspath(folder) for folder in (workspace.temporary, workspace.scratch)}
    beside = [path for path in _paths(workspace.root) if path not in outer]
    unknown = {*_paths(workspace.temporary), *beside} - inner - {workspace.script, workspace.spare_input}
    if unknown:
        raise FileExistsError("there is more than a run is given")
    for folder in (os.fspath(workspace.root), *outer, *inner):
        found = os.lstat(folder)
        if (found.st_mode, found.st_uid) != (_FOLDER, os.getuid()):
            raise PermissionError("somebody has changed a folder")
    return beside


def _paths(folder: Path) -> list[str]:
    return [f"{folder}/{name}" for name in os.listdir(folder)]  # noqa: PTH208
