"""An answer that is shown again and again: in its place on a terminal, elsewhere when it has changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from oscarcli.output.table import display_width, left_part
from oscarcli.output.terminal import DIM, Terminal, clean

# The second screen that terminals have for programs that fill it, without a cursor and without new lines
# where one is too long. What was on the first one is there again afterwards.
ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"
LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"
HOME, ERASE_LINE_END, ERASE_BELOW = "\x1b[H", "\x1b[K", "\x1b[J"


class Frame(Terminal):
    """Keeps what would be written to a terminal, with that terminal's manners."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._parts: list[str] = []
        self.stream = terminal.stream
        self.is_terminal = terminal.is_terminal
        self.colour = terminal.colour

    @property
    def width(self) -> int | None:
        """Columns of the terminal."""
        return self._terminal.width

    @property
    def text(self) -> str:
        """All that was written."""
        return "".join(self._parts)

    def write(self, text: str) -> None:
        """Keep text."""
        self._parts.append(text)

    def write_bytes(self, data: bytes) -> None:
        """Keep bytes as the text that they are."""
        self._parts.append(data.decode("utf-8", "backslashreplace"))

    def flush(self) -> None:
        """Nothing waits to be written."""


@dataclass(frozen=True)
class Shown:
    """What one look has found.

    Args:
        text: the answer.
        notes: what was said besides.
        news: what counts of the answer; all of its text when `None`.
    """

    text: str
    notes: str
    news: Any = None

    def is_news_after(self, before: Shown | None) -> bool:
        """Tell whether the answer is another one than that of an earlier look, if there was one."""
        if before is None:
            return True
        return self.text != before.text and (self.news is None or self.news != before.news)


class Display(Protocol):
    """Where an answer is shown again and again."""

    def show(self, shown: Shown) -> None:
        """Show an answer in the place of the one before, and what was said besides."""
        ...

    def say(self, remark: str) -> None:
        """Say something about the looks themselves, while the last answer stays."""
        ...


@contextmanager
def full_screen(terminal: Terminal, title: str) -> Iterator[Screen]:
    """Take a terminal's second screen while inside; afterwards the last answer stands on the first one.

    Args:
        terminal: stdout.
        title: what is shown, for the first line.
    """
    screen = Screen(terminal, title)
    try:
        terminal.write(ENTER)
        yield screen
    finally:
        terminal.write(LEAVE + screen.text)


class Screen:
    """The whole of a terminal: a line about the looks, and the answer as far as there is room.

    Each line is written over the one before and only what is left of that is erased: nothing flickers.

    Args:
        terminal: where.
        title: what is shown.
    """

    def __init__(self, terminal: Terminal, title: str) -> None:
        self._terminal, self._title = terminal, clean(title)
        self._remark = self._notes = ""
        self.text = ""

    def show(self, shown: Shown) -> None:
        """Show an answer in the place of the one before, and what was said besides."""
        self.text, self._notes, self._remark = shown.text, shown.notes, ""
        self._draw()

    def say(self, remark: str) -> None:
        """Say something below the answer."""
        self._remark = clean(remark)
        self._draw()

    def _draw(self) -> None:
        lines = [self._head(), "", *self._body(self._terminal.height - 2)]
        ended = f"{ERASE_LINE_END}\r\n".join(lines)
        self._terminal.write(f"{HOME}{ended}{ERASE_LINE_END}{ERASE_BELOW}")

    def _head(self) -> str:
        clock = datetime.now().strftime("%H:%M:%S")
        room = (self._terminal.width or 80) - len(clock) - 1
        title = left_part(self._title, room)
        padding = " " * (room - display_width(title) + 1)
        return self._terminal.styled(f"{title}{padding}{clock}", DIM)

    def _body(self, room: int) -> list[str]:
        below = [*self._notes.splitlines(), *([self._remark] if self._remark else [])]
        lines = self.text.splitlines()
        room = max(room - len(below), 1)
        if len(lines) > room:
            hidden = len(lines) - room + 1
            lines = [*lines[: room - 1], self._terminal.styled(f"({hidden} more lines)", DIM)]
        return [*lines, *below]


class Stream:
    """A pipe or a file: an answer comes when it is another one than the last.

    Args:
        terminal: where answers go.
        notes: where the rest goes.
        separator: what stands between two answers.
    """

    def __init__(self, terminal: Terminal, notes: Terminal, separator: str) -> None:
        self._terminal, self._rest, self._separator = terminal, notes, separator
        self._last: Shown | None = None
        self._last_notes = ""

    def show(self, shown: Shown) -> None:
        """Write an answer that is new, and what was said besides when that is new."""
        if shown.notes != self._last_notes:
            self._rest.write(shown.notes)
            self._last_notes = shown.notes
        if shown.is_news_after(self._last):
            self._terminal.write((self._separator if self._last else "") + shown.text)
            self._last = shown

    def say(self, remark: str) -> None:
        """Say something on a line of its own."""
        self._rest.write(clean(remark) + "\n")
