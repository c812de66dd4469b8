"""Workspaces that are used again: a file system takes longer to make folders than to run a small script."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

from oscarcli.local.jobs.removal import FolderRemover, put_aside
from oscarcli.local.jobs.staging import Workspace

# As many as jobs run at a time, mostly.
MAX_SPARE = 8
# A file after the other, that takes longer than to make a new folder.
MAX_FILES = 16
_FOLDER = stat.S_IFDIR | 0o700


class SpareWorkspaces:
    """The workspaces of ended runs, for others, unless a script has left more than a few files there.

    Args:
        parent: has a folder for them, on the file system of the runs' folders. What a server that was killed
            has left there is removed at the next start, as every unknown folder is.
        remover: gets what cannot be used again.
    """

    def __init__(self, parent: Path, remover: FolderRemover) -> None:
        self._folder = parent / ".spare"
        self._remover = remover
        self._lock = threading.Lock()
        # Each with the names of the two folders in its temporary one.
        self._spare: list[tuple[Path, list[str]]] = []

    def take(self, root: Path) -> Workspace:
        """Return an empty workspace at a path where nothing is. Raises OSError."""
        with self._lock:
            found = self._spare.pop() if self._spare else None
        if found is None:
            return Workspace.create(root)
        folder, names = found
        folder.rename(root)
        return Workspace.at(root, *names)

    def give_back(self, root: Path) -> None:
        """Make sure that a run's workspace is not there any more, whatever a script has made of it."""
        try:
            names = _emptied(root)
            kept = put_aside(root, self._folder)
        except OSError:
            self._remover.remove(root)
            return
        with self._lock:
            if len(self._spare) < MAX_SPARE:
                self._spare.append((kept, names))
                return
        self._remover.remove(kept)

    def close(self) -> None:
        """Remove all that are left."""
        with self._lock:
            spare, self._spare = self._spare, []
        for folder, _ in spare:
            self._remover.remove(folder)


def _emptied(root: Path) -> list[str]:
    """Remove the files of a run; return the names of the two folders in its temporary one.

    Raises:
        OSError: it is not as it was made, and must not be used again.
    """
    names = os.listdir(root / "tmp")  # noqa: PTH208 -- names are what is wanted
    folders = [root / "tmp" / name for name in names] + [root / "scratch"]
    if len(names) != 2 or not {"tmp", "scratch"} >= set(os.listdir(root)) - {"script.sh"}:  # noqa: PTH208
        raise FileExistsError("there is more than a run is given")
    for folder in (root, root / "tmp", *folders):
        found = folder.lstat()
        if (found.st_mode, found.st_uid) != (_FOLDER, os.getuid()):
            raise PermissionError("somebody has changed a folder")
    files = [root / "script.sh", *(Path(entry.path) for folder in folders for entry in os.scandir(folder))]
    if len(files) > MAX_FILES:
        raise FileExistsError("there are many files")
    for file in files:
        file.unlink(missing_ok=True)
    return names
