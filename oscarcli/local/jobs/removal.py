"""Removes the folders of ended runs beside the runs that follow."""

from __future__ import annotations

import queue
import threading
import uuid
from pathlib import Path

from oscarcli.local.folder import remove_tree


class FolderRemover:
    """Puts folders aside at once and removes them in a thread of its own.

    Removing one takes as long as a small script: each folder in it waits for the file system's journal.

    Args:
        parent: has a folder for what is put aside, on the file system of what will be removed. What a
            server that was killed has left there is removed at the next start, as every unknown folder is.
    """

    def __init__(self, parent: Path) -> None:
        self._aside = parent / ".removed"
        self._waiting: queue.SimpleQueue[Path | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="remover", daemon=True)
        self._lock = threading.Lock()

    def remove(self, folder: Path) -> None:
        """Make sure that a folder is not there any more; its contents follow soon."""
        try:
            target = self._put_aside(folder)
        except FileNotFoundError:
            return
        except OSError:
            remove_tree(folder)
            return
        with self._lock:
            if self._thread.ident is None:
                self._thread.start()
        self._waiting.put(target)

    def _put_aside(self, folder: Path) -> Path:
        target = self._aside / uuid.uuid4().hex
        try:
            return folder.rename(target)
        except FileNotFoundError:
            # One of both: this one is made once, and stays.
            self._aside.mkdir(mode=0o700, exist_ok=True)
            return folder.rename(target)

    def stop(self, seconds: float) -> None:
        """Wait a while for what is put aside to be removed."""
        if self._thread.ident is not None:
            self._waiting.put(None)
            self._thread.join(seconds)

    def _work(self) -> None:
        while (folder := self._waiting.get()) is not None:
            remove_tree(folder)
