"""Removes the folders of ended runs beside the runs that follow."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import threading
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from oscarcli.local.folder import remove_tree

# There is no hurry, and together it goes faster.
GATHER_SECONDS = 0.1
# To start a program costs as much as to remove so many folders here.
MIN_TOGETHER = 4
MAX_TOGETHER = 500


def put_aside(folder: Path, place: Path) -> Path:
    """Move a folder into another one, which is made when it is needed, and return where it is now.

    Args:
        folder: what to move.
        place: on the same file system.

    Raises:
        FileNotFoundError: the folder is not there.
        OSError: it cannot be moved.
    """
    target = place / uuid.uuid4().hex
    try:
        return folder.rename(target)
    except FileNotFoundError:
        # One of both: the place is made once, and stays.
        place.mkdir(mode=0o700, exist_ok=True)
        return folder.rename(target)


class FolderRemover:
    """Puts folders aside at once and removes them in a thread of its own.

    Removing one takes as long as a small script: each folder in it waits for the file system's journal. Many
    are left to the program `rm`, which takes a fraction of the processor time and none of the interpreter's.

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
            target = put_aside(folder, self._aside)
        except FileNotFoundError:
            return
        except OSError:
            remove_tree(folder)
            return
        with self._lock:
            if self._thread.ident is None:
                self._thread.start()
        self._waiting.put(target)

    def stop(self, seconds: float) -> None:
        """Wait a while for what is put aside to be removed."""
        if self._thread.ident is not None:
            self._waiting.put(None)
            self._thread.join(seconds)

    def _work(self) -> None:
        is_over = False
        while not is_over:
            folders = [self._waiting.get()]
            time.sleep(GATHER_SECONDS)
            with suppress(queue.Empty):
                while len(folders) < MAX_TOGETHER:
                    folders.append(self._waiting.get_nowait())
            is_over = None in folders
            _remove([folder for folder in folders if folder is not None])


def _remove(folders: Sequence[Path]) -> None:
    program = shutil.which("rm", path=os.defpath) if len(folders) >= MIN_TOGETHER else None
    if program is not None:
        with suppress(OSError):
            words = [program, "-rf", "--", *map(os.fspath, folders)]
            subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    for folder in folders:
        # Of what `rm` leaves behind a script has changed the modes.
        if folder.exists():
            remove_tree(folder)
