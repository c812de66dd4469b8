"""Tells when one of a few files was saved: by `watchfiles` where it is installed, else by looking."""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from oscarcli.files import FileState, file_state

# Seconds between two looks, where nothing tells of a change by itself.
POLL_SECONDS = 0.1
# What is written piece by piece, or renamed into its place, is taken when nothing has changed for so long.
QUIET_SECONDS = 0.05
# An editor that takes a file away brings it back within so many seconds, or it is gone.
MAX_GAP_SECONDS = 1.0
# `watchfiles` may miss a change, on a file system of another machine for instance: it is looked, too.
LOOK_MILLISECONDS = 500


class FileWatch(threading.Thread):
    """Watches files from a thread of its own.

    Args:
        on_save: called, in that thread, when a file was saved, came or went.
    """

    def __init__(self, on_save: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._on_save = on_save
        self._states: Mapping[Path, FileState | None] = {}
        self._is_stopped = threading.Event()

    @property
    def way(self) -> str:
        """How changes are noticed."""
        return "watchfiles" if _has_watchfiles() else f"a look every {POLL_SECONDS:g} s"

    def watch(self, files: Iterable[Path]) -> None:
        """Watch these files from now on, and no others; what was saved before counts no more."""
        self._states = _states(files)

    def stop(self) -> None:
        """Look no more."""
        self._is_stopped.set()

    def run(self) -> None:
        """Look until it is stopped."""
        for _ in self._wakes():
            if _states(self._states) != self._states:
                self._settle()
                self._on_save()

    def _settle(self) -> None:
        """Wait until what is being saved is whole, and take it for what is there."""
        deadline = time.monotonic() + MAX_GAP_SECONDS
        while True:
            before = _states(self._states)
            time.sleep(QUIET_SECONDS)
            now = _states(self._states)
            gone = any(now[file] is None and self._states[file] is not None for file in now)
            if time.monotonic() > deadline or (now == before and not gone):
                self._states = now
                return

    def _wakes(self) -> Iterator[None]:
        """Yield whenever something may have changed."""
        while not self._is_stopped.is_set():
            if _has_watchfiles():
                yield from self._wakes_of_watchfiles()
            self._is_stopped.wait(POLL_SECONDS)
            yield

    def _wakes_of_watchfiles(self) -> Iterator[None]:
        """Yield at each change in the folders of the files, as long as these stay the same ones."""
        from watchfiles import watch

        # Not the files: an editor puts another one in their place.
        folders = _folders(self._states)
        changes = watch(
            *folders,
            watch_filter=None,
            debounce=20,
            step=10,
            rust_timeout=LOOK_MILLISECONDS,
            yield_on_timeout=True,
            recursive=False,
            raise_interrupt=False,
            stop_event=self._is_stopped,
        )
        try:
            for _ in changes:
                yield
                if _folders(self._states) != folders:
                    return
        except OSError:
            # A folder is gone, or the system watches as much as it can.
            return


def _has_watchfiles() -> bool:
    return importlib.util.find_spec("watchfiles") is not None


def _folders(files: Iterable[Path]) -> list[Path]:
    return sorted({file.absolute().parent for file in files if file.absolute().parent.is_dir()})


def _states(files: Iterable[Path]) -> dict[Path, FileState | None]:
    return {file: file_state(file) for file in files}
