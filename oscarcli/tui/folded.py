"""Text as it comes, broken into lines that fit, as a terminal does."""

from __future__ import annotations

from oscarcli.output.table import display_width


class LineFolder:
    """Breaks lines that are too long; pieces may begin and end within a line.

    Args:
        width: columns of the longest line.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._column = 0

    def fold(self, text: str) -> str:
        """Return the next piece of the text with the line ends that it needs."""
        lines = text.split("\n")
        folded = [self._line(lines[0])]
        for line in lines[1:]:
            self._column = 0
            folded.append(self._line(line))
        return "\n".join(folded)

    def _line(self, line: str) -> str:
        if self._column + len(line) <= self._width and line.isascii():
            self._column += len(line)
            return line
        parts = []
        for letter in line:
            width = display_width(letter)
            if self._column + width > self._width:
                parts.append("\n")
                self._column = 0
            parts.append(letter)
            self._column += width
        return "".join(parts)
