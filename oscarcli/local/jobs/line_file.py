"""A file that lines are added to, and one beside it with the time of each."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path

TIMES = ".times"
# Nanoseconds since the epoch, one after the other.
TIME = struct.Struct("<q")


class LineFile:
    """A file of lines that is written as they come, with the time at which each was complete.

    Args:
        path: the file, made with the first bytes when it is absent, as is its folder; the times are in one
            beside it.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        # Descriptors of both, once they are open.
        self._file = self._times = -1
        self._line_is_open = False
        # What was said and is not in the files yet, while that may wait.
        self._held: list[bytes] | None = None
        self._held_times: list[bytes] = []
        self.held_bytes = 0
        """How much is held."""

    def write(self, data: bytes) -> None:
        """Add bytes, which may have line ends among them. Raises OSError."""
        self.add(data, TIME.pack(time.time_ns()) * data.count(b"\n"))

    def add(self, data: bytes, times: bytes) -> None:
        """Add bytes with the times of their lines. Raises OSError."""
        if not data:
            return
        self._line_is_open = not data.endswith(b"\n")
        if self._held is not None:
            self._held.append(data)
            self._held_times.append(times)
            self.held_bytes += len(data)
            return
        self._put(data, times)

    @property
    def is_made(self) -> bool:
        """Whether this has written to the file."""
        return self._file >= 0

    def make(self) -> None:
        """Make the files if they are absent. Raises OSError."""
        if self._file < 0:
            Path(self._path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Who finds the one finds the other.
            self._times = _open_to_append(self._path + TIMES)
            self._file = _open_to_append(self._path)

    def _put(self, data: bytes, times: bytes) -> None:
        self.make()
        if times:
            _write_all(self._times, times)
        _write_all(self._file, data)

    def hold(self) -> None:
        """Write nothing until `flush`."""
        if self._held is None:
            self._held = []

    def take_held(self, *, hold: bool = False) -> tuple[bytes, bytes]:
        """Return what was held, and its times, to write it elsewhere; go on holding if told so."""
        held, times = b"".join(self._held or ()), b"".join(self._held_times)
        self._held, self._held_times, self.held_bytes = [] if hold else None, [], 0
        return held, times

    def flush(self, *, hold: bool = False) -> None:
        """Write what was held; go on holding if told so."""
        held, times = self.take_held(hold=hold)
        if held:
            self._put(held, times)

    def end_line(self) -> None:
        """End the line that is open."""
        if self._line_is_open:
            self.write(b"\n")

    def empty(self) -> None:
        """Forget everything written so far."""
        self.take_held(hold=self._held is not None)
        for file in (self._file, self._times):
            if file >= 0:
                os.ftruncate(file, 0)
        self._line_is_open = False

    def close(self) -> None:
        """Write what was held, and close the files."""
        try:
            self.flush()
        finally:
            for file in (self._file, self._times):
                if file >= 0:
                    os.close(file)


def _open_to_append(path: str) -> int:
    """Open a file as Python does; a file object would ask the system for much that nobody needs here."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)


def _write_all(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]
