"""How far a transfer is, on stderr: a live bar on a terminal, elsewhere a whole line now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from oscarcli.output.terminal import Terminal, clean

SECONDS_BETWEEN_LINES = 5.0
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


class Progress(Protocol):
    """Takes the totals and then what was done; may be called from several threads."""

    @property
    def is_live(self) -> bool:
        """Whether a bar is on the screen, into which nobody else must write."""
        ...

    def expect(self, files: int | None, size: int | None) -> None:
        """Take the number of files and of bytes, `None` for what is not known."""
        ...

    def advance(self, count: int) -> None:
        """Count bytes; a negative number when they have to be sent again."""
        ...

    def finish_file(self) -> None:
        """Count a file."""
        ...

    def write(self, text: str) -> None:
        """Write whole lines where they do not disturb what is shown."""
        ...


@contextmanager
def progress(label: str, terminal: Terminal, *, wanted: bool = True) -> Iterator[Progress]:
    """Show how far a transfer is while inside.

    Args:
        label: what is going on, such as "Uploading a.bin".
        terminal: of stderr; a bar only if it is one.
        wanted: `False` to show nothing.
    """
    if not wanted:
        yield NoProgress(terminal)
    elif terminal.is_terminal:
        with _Bar(clean(label), terminal) as bar:
            yield bar
    else:
        yield Lines(clean(label), terminal)


class NoProgress:
    """Shows nothing."""

    is_live = False

    def __init__(self, terminal: Terminal) -> None:
        self.write = terminal.write

    def expect(self, files: int | None, size: int | None) -> None:
        """Ignore the totals."""

    def advance(self, count: int) -> None:
        """Ignore the bytes."""

    def finish_file(self) -> None:
        """Ignore the file."""


class Lines:
    """Writes a line at most every few seconds, so that a log of a script stays short.

    Args:
        label: how each line begins.
        terminal: where they go.
        clock: gives seconds that never go back.
    """

    is_live = False

    def __init__(self, label: str, terminal: Terminal, clock: Callable[[], float] = time.monotonic) -> None:
        self._label = label
        self._terminal = terminal
        self._clock = clock
        self._lock = threading.Lock()
        self._files: int | None = None
        self._size: int | None = None
        self._done_files = 0
        self._done = 0
        self._last_time = clock()
        self._last_done = 0
        self.write = terminal.write

    def expect(self, files: int | None, size: int | None) -> None:
        """Take the totals."""
        self._files, self._size = files, size

    def advance(self, count: int) -> None:
        """Count bytes and write a line when one is due."""
        with self._lock:
            self._done += count
            self._write_if_due()

    def finish_file(self) -> None:
        """Count a file and write a line when one is due."""
        with self._lock:
            self._done_files += 1
            self._write_if_due()

    def _write_if_due(self) -> None:
        now = self._clock()
        passed = now - self._last_time
        if passed < SECONDS_BETWEEN_LINES:
            return
        speed = max(0, self._done - self._last_done) / passed
        self._last_time, self._last_done = now, self._done
        try:
            self._terminal.write(f"{self._label}: {self._state(speed)}\n")
        except (OSError, ValueError):
            # Nobody reads stderr any more; the transfer goes on.
            return

    def _state(self, speed: float) -> str:
        files = ""
        if self._files != 1:
            files = (
                f"{self._done_files} of {self._files} files, "
                if self._files
                else f"{self._done_files} files, "
            )
        if not self._size:
            return f"{files}{size_text(self._done)}, {size_text(speed)}/s"
        percent = min(100, 100 * self._done // self._size)
        amount = f"{size_text(self._done)} of {size_text(self._size)}"
        return f"{percent}% ({files}{amount}, {size_text(speed)}/s)"


def size_text(size: float) -> str:
    """Return a number of bytes as a person reads it: "512 B", "1.5 KiB", "350 MiB"."""
    for unit in UNITS:
        if abs(size) < 1000 or unit == UNITS[-1]:
            break
        size /= 1024
    return f"{size:.0f} {unit}" if unit == "B" or size >= 10 else f"{size:.1f} {unit}"


class _Bar:
    """One bar for everything, gone when it is done."""

    is_live = True

    def __init__(self, label: str, terminal: Terminal) -> None:
        from rich.console import Console
        from rich.progress import Progress as Bars

        console = Console(file=terminal.stream, width=terminal.width, highlight=False)
        self._lock = threading.Lock()
        self._files: int | None = None
        self._done_files = 0
        self._bars = Bars(
            *_columns(), console=console, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._task = self._bars.add_task(label, total=None, files="")

    def __enter__(self) -> _Bar:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def expect(self, files: int | None, size: int | None) -> None:
        """Take the totals."""
        self._files = files
        self._bars.update(self._task, total=size, files=self._files_text())

    def advance(self, count: int) -> None:
        """Move the bar."""
        self._bars.advance(self._task, count)

    def finish_file(self) -> None:
        """Count a file."""
        with self._lock:
            self._done_files += 1
            self._bars.update(self._task, files=self._files_text())

    def write(self, text: str) -> None:
        """Write lines above the bar."""
        from rich.text import Text

        self._bars.console.print(Text.from_ansi(text.rstrip("\n")), soft_wrap=True)

    def _files_text(self) -> str:
        if self._files == 1:
            return ""
        return f"{self._done_files}/{self._files} files" if self._files else f"{self._done_files} files"


def _columns() -> list[Any]:
    from rich.progress import BarColumn, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class SizeColumn(ProgressColumn):
        """Bytes that are done, and how many there are."""

        def render(self, task: Any) -> Text:
            whole = "" if task.total is None else f" of {size_text(task.total)}"
            return Text(f"{size_text(task.completed)}{whole}")

    class SpeedColumn(ProgressColumn):
        """Bytes a second, in the units of all sizes: the library's own column counts in thousands."""

        def render(self, task: Any) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{size_text(speed)}/s")

    return [
        # No markup: a name may have brackets.
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[files]}", markup=False),
        SizeColumn(),
        SpeedColumn(),
        TimeRemainingColumn(),
    ]
