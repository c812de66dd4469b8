"""A job's log as readers get it, also while the job runs."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from oscarcli.local import clock
from oscarcli.local.jobs.line_file import TIME, TIMES
from oscarcli.local.jobs.log import SCRIPT_LINES, SUPERVISOR_LINES
from oscarcli.local.jobs.log_table import StoredLog

READ_BLOCK = 1 << 16


class LogBlocks:
    """A log as it was at one moment, as an iterable of blocks. Has to be closed.

    Args:
        files: what it is made of, in order.
        times: those of the lines of each; without them the lines have none.
        ended: whether nothing is added any more.
        opened: is closed with it.
    """

    def __init__(
        self,
        files: Sequence[BinaryIO],
        times: Sequence[BinaryIO] | None,
        *,
        ended: bool,
        opened: ExitStack | None = None,
    ) -> None:
        self._files, self._times = files, times
        self._sizes = [_size(file) if ended else _whole_lines(file) for file in files]
        self._opened = opened or ExitStack()
        self.preface = b""
        """Bytes that go out before the log."""

    @property
    def size(self) -> int:
        """Bytes of the preface and of the log, without timestamps."""
        return len(self.preface) + sum(self._sizes)

    def __iter__(self) -> Iterator[bytes]:
        yield self.preface
        for index, (file, size) in enumerate(zip(self._files, self._sizes, strict=True)):
            yield from self._stamped(file, size, self._times[index]) if self._times else _blocks(file, size)

    def _stamped(self, file: BinaryIO, size: int, times: BinaryIO) -> Iterator[bytes]:
        left = size
        at_line_start = True
        while left > 0 and (block := file.readline(min(left, READ_BLOCK))):
            if at_line_start:
                yield _line_time(times)
            yield block
            left -= len(block)
            at_line_start = block.endswith(b"\n")

    def close(self) -> None:
        """Close the files."""
        self._opened.close()


def read_log(folder: Path, *, ended: bool, timestamps: bool = False) -> LogBlocks | None:
    """Return a log as it is now, `None` when there is none.

    Args:
        folder: the folder it was written to.
        ended: whether nothing is added any more; before that, only whole lines are returned.
        timestamps: put the time before each line, as Kubernetes does.
    """
    with ExitStack() as stack:
        paths = [path for path in (folder / SUPERVISOR_LINES, folder / SCRIPT_LINES) if path.exists()]
        if not paths:
            return None
        try:
            files = [stack.enter_context(path.open("rb")) for path in paths]
            paths = [path.with_name(path.name + TIMES) for path in paths]
            times = [stack.enter_context(path.open("rb")) for path in paths] if timestamps else None
        except FileNotFoundError:
            # It is being removed.
            return None
        return LogBlocks(files, times, ended=ended, opened=stack.pop_all())


def read_stored_log(stored: StoredLog, *, timestamps: bool = False) -> LogBlocks:
    """Return a log that is in no file; see `read_log`."""
    times = [io.BytesIO(stored.times)] if timestamps else None
    return LogBlocks([io.BytesIO(stored.text)], times, ended=True)


def _blocks(file: BinaryIO, size: int) -> Iterator[bytes]:
    left = size
    while left > 0 and (block := file.read(min(left, READ_BLOCK))):
        yield block
        left -= len(block)


def _line_time(times: BinaryIO) -> bytes:
    packed = times.read(TIME.size)
    moment = TIME.unpack(packed)[0] if len(packed) == TIME.size else time.time_ns()
    return f"{clock.full(moment)} ".encode()


def _size(file: BinaryIO) -> int:
    size = file.seek(0, 2)
    file.seek(0)
    return size


def _whole_lines(file: BinaryIO) -> int:
    """Return how many bytes from the start end with a line end."""
    end = _size(file)
    while end > 0:
        begin = max(end - READ_BLOCK, 0)
        file.seek(begin)
        found = file.read(end - begin).rfind(b"\n")
        if found >= 0:
            file.seek(0)
            return begin + found + 1
        end = begin
    file.seek(0)
    return 0
