"""Text on a terminal that is replaced in its place."""

from __future__ import annotations

import re

from oscarcli.output.table import display_width
from oscarcli.output.terminal import Terminal

STYLE = re.compile(r"\x1b\[[0-9;]*m")


class LiveText:
    """The last lines of a terminal, written anew each time.

    Args:
        terminal: where; `works` tells whether it can do this at all.
    """

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._lines = 0

    @staticmethod
    def works(terminal: Terminal, term: str | None) -> bool:
        """Tell whether a stream is a terminal whose cursor can be moved; `term` is the variable TERM."""
        return terminal.is_terminal and term not in (None, "", "dumb")

    @property
    def height(self) -> int:
        """Lines that fit without scrolling."""
        return self._terminal.height - 1

    def show(self, text: str) -> None:
        """Put text, with a line end behind each line, in the place of what was shown before."""
        back = f"\x1b[{self._lines}A\r\x1b[J" if self._lines else ""
        self._terminal.write(back + text)
        width = self._terminal.width or 80
        self._lines = sum(
            max(-(-display_width(STYLE.sub("", line)) // width), 1) for line in text.splitlines()
        )

    def leave(self) -> None:
        """Let what was shown stay, because something else was written behind it."""
        self._lines = 0
