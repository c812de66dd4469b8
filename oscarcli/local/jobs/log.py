"""A job's log: the supervisor's lines first, what the script printed last.

Two files make up a log, so that the script's lines can be read while it runs and still stand where a real
cluster has them at the end, behind the supervisor's. Beside each lies a file with the time of every line. A
script that prints nothing has no file for it: a file system makes one slower than it writes to another. So
the log of a run that took but a moment has no files at all, and is a row of the database.
"""

from __future__ import annotations

import codecs
import io
import logging
import time
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from oscarcli.local import clock
from oscarcli.local.jobs.line_file import LineFile
from oscarcli.local.jobs.log_table import StoredLog

SUPERVISOR_LINES = "log"
SCRIPT_LINES = "output"
SUPERVISOR = "supervisor"
# Who speaks in lines that a real cluster has no line for.
LOCAL_CLUSTER = "local cluster"
# A kubelet rotates a container's log at 10 MiB; a little more does no harm, a runaway loop would.
MAX_OUTPUT_BYTES = 16 << 20
# Of a run's begin, in which nobody reads its log.
QUICK_SECONDS = 0.1
# What a row of the database may have of a log.
MAX_STORED_BYTES = 1 << 16


class JobLog:
    """Writes a job's log.

    Args:
        folder: where its files go; made when it is absent.
        level: a logging level's name as Python has it; supervisor lines below it are left out.
        limit: bytes of the script's output that are kept.
        answer_limit: bytes of a returned value that are kept, `None` for all of it.
    """

    def __init__(
        self,
        folder: Path,
        level: str,
        limit: int = MAX_OUTPUT_BYTES,
        answer_limit: int | None = MAX_OUTPUT_BYTES,
    ) -> None:
        self._lines = LineFile(f"{folder}/{SUPERVISOR_LINES}")
        self._output = LineFile(f"{folder}/{SCRIPT_LINES}")
        self._begun = time.monotonic()
        # The supervisor reads the script's output as text, in which every line ends with a line feed.
        self._decoder = io.IncrementalNewlineDecoder(
            codecs.getincrementaldecoder("utf-8")(errors="ignore"), translate=True
        )
        self._level = level_number(level)
        self._limit: int | None = limit
        self._answer_limit = answer_limit
        self._debug_line = ""
        self._kept = 0
        self._dropped = 0

    def hold(self) -> None:
        """Let lines wait for `flush`: what follows takes no time that a reader could notice."""
        self._lines.hold()
        self._output.hold()

    def flush(self, *, hold: bool = False) -> None:
        """Let readers have all lines, because what follows may take its time; go on holding if told so."""
        self._lines.make()
        self._lines.flush(hold=hold)
        self._output.flush(hold=hold)

    def supervisor(self, level: str, message: str) -> None:
        """Add a line of the supervisor when the log's level admits it."""
        if level_number(level) >= self._level:
            self._lines.write(log_line(SUPERVISOR, level, message))

    def info(self, message: str) -> None:
        """Add an INFO line of the supervisor."""
        self.supervisor("INFO", message)

    def note(self, level: str, message: str) -> None:
        """Add a line of the local cluster's own, at any log level: what a real cluster has no line for."""
        self._lines.write(log_line(LOCAL_CLUSTER, level, message))

    def plain(self, message: str) -> None:
        """Add a line without the supervisor's form, as its exceptions are printed."""
        self._lines.write(message.encode("utf-8", "backslashreplace") + b"\n")

    def script(self, data: bytes) -> None:
        """Add what the script printed; undecodable bytes are dropped.

        With nothing the script says that it takes more than a moment, and readers have what there is.
        """
        if not data or self._kept > MAX_STORED_BYTES or time.monotonic() - self._begun > QUICK_SECONDS:
            self.flush()
        self._add_script_text(self._decoder.decode(data))

    def end_of_script(self) -> None:
        """Take the script's output for complete."""
        self._add_script_text(self._decoder.decode(b"", final=True))
        if self._debug_line:
            self.supervisor("DEBUG", self._debug_line.strip())
        if self._dropped:
            self.note("WARNING", f"the script's output is cut, {self._dropped} bytes are not shown")

    def end_of_output(self) -> None:
        """Add the line end with which the supervisor prints the script's output, once the job has worked."""
        self._output.write(b"\n")

    @property
    def has_output(self) -> bool:
        """Whether the script printed anything."""
        return self._kept > 0

    def answer(self, blocks: Iterable[bytes]) -> None:
        """Put a returned value in place of the script's output."""
        self._output.empty()
        self._kept = self._dropped = 0
        self._limit = self._answer_limit
        for block in blocks:
            self._add_output(block)
        self._output.write(b"\n")

    def last(self, level: str, message: str) -> None:
        """Add a line behind the script's output."""
        self._output.end_line()
        self._output.write(log_line(LOCAL_CLUSTER, level, message))

    def _add_script_text(self, text: str) -> None:
        self._add_output(text.encode())
        if self._level <= logging.DEBUG:
            # At this level the supervisor also logs each line as it appears, so it is there twice.
            *whole, self._debug_line = (self._debug_line + text).split("\n")
            for line in whole:
                self.supervisor("DEBUG", line.strip())

    def _add_output(self, data: bytes) -> None:
        room = len(data) if self._limit is None else max(self._limit - self._kept, 0)
        self._kept += min(len(data), room)
        self._dropped += max(len(data) - room, 0)
        self._output.write(data[:room])

    def close(self) -> None:
        """Write what was held, and close the files."""
        try:
            if not self._output.is_made:
                # It stands behind the lines in any case, now that there will be no more of them.
                self._lines.add(*self._output.take_held())
            self._lines.make()
        finally:
            try:
                self._lines.close()
            finally:
                self._output.close()

    def end(self) -> StoredLog | None:
        """End the log; return it if it is short and in no file yet, and leave it in its files otherwise."""
        is_short = self._lines.held_bytes + self._output.held_bytes <= MAX_STORED_BYTES
        if self._lines.is_made or self._output.is_made or not is_short:
            self.close()
            return None
        (lines, times), (output, output_times) = self._lines.take_held(), self._output.take_held()
        return StoredLog(lines + output, times + output_times)


@lru_cache(maxsize=64)
def level_number(name: str) -> int:
    """Return how high a level is; an unknown one counts as INFO.

    A logger without a level of its own has that of the root, which is WARNING.
    """
    number = logging.getLevelName(name)
    return (number or logging.WARNING) if isinstance(number, int) else logging.INFO


def log_line(speaker: str, level: str, message: str) -> bytes:
    """Return a line as the supervisor's logger writes it to the job's log."""
    prefix = clock.log_prefix(time.time_ns())
    return f"{prefix} - {speaker} - {level} - {message}\n".encode("utf-8", "backslashreplace")


def append_note(folder: Path, level: str, message: str) -> None:
    """Add a line at the end of a log nobody writes any more; its folder is made when it is absent."""
    path = folder / SCRIPT_LINES
    unfinished = path.exists() and path.read_bytes()[-1:] not in (b"", b"\n")
    lines = LineFile(f"{folder}/{SUPERVISOR_LINES}")
    lines.make()
    lines.close()
    output = LineFile(str(path))
    if unfinished:
        output.write(b"\n")
    output.write(log_line(LOCAL_CLUSTER, level, message))
    output.close()
