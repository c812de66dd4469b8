"""One line that says how far something is: in its place on a terminal, elsewhere anew now and then."""

from __future__ import annotations

import time
from collections.abc import Callable

from oscarcli.output.live import LiveText
from oscarcli.output.progress import SECONDS_BETWEEN_LINES
from oscarcli.output.table import left_part
from oscarcli.output.terminal import ERASE_LINE, Terminal, clean


class StatusLine:
    """The line.

    Args:
        terminal: where it is.
        term: the variable TERM; a dumb terminal is like a pipe.
        wanted: `False` to show nothing.
        clock: gives seconds that never go back.
    """

    def __init__(
        self,
        terminal: Terminal,
        term: str | None,
        *,
        wanted: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._terminal, self._wanted, self._clock = terminal, wanted, clock
        self._is_live = LiveText.works(terminal, term)
        self._text = ""
        self._told_at = clock()

    def show(self, text: str) -> None:
        """Show how far it is; in a pipe, a whole line every few seconds when it is another one."""
        if not self._wanted or text == self._text:
            return
        if self._is_live:
            self._text = text
            self._draw()
        elif self._clock() - self._told_at >= SECONDS_BETWEEN_LINES:
            self._text, self._told_at = text, self._clock()
            self._put(clean(text) + "\n")

    def write(self, text: str) -> None:
        """Write whole lines above the line."""
        if self._is_live and self._text:
            self._terminal.write(ERASE_LINE + text)
            self._draw()
        else:
            self._terminal.write(text)

    def close(self) -> None:
        """Take the line from the screen."""
        if self._is_live and self._text:
            self._text = ""
            self._put(ERASE_LINE)

    def _draw(self) -> None:
        # The last column is left free: to write into it would begin another line.
        room = (self._terminal.width or 80) - 1
        self._put(ERASE_LINE + left_part(clean(self._text), room))

    def _put(self, text: str) -> None:
        try:
            self._terminal.write(text)
        except (OSError, ValueError):
            # Nobody reads stderr any more; the work goes on.
            self._wanted = False


def duration_text(seconds: float) -> str:
    """Return a time that something may take as a person says it: "30 s", "4 min", "2 h"."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"
