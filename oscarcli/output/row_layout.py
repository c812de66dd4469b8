"""How cells find room on a terminal: what matters less is shortened, then rows take more lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

GAP = "  "
# What stands before the second and further lines of a row.
INDENT = "    "
# Narrower than this a shortened cell tells nothing.
MIN_CELL_COLUMNS = 8


@dataclass(frozen=True)
class RowLayout:
    """Where the cells of each row stand.

    Args:
        widths: of each column, in columns of the terminal.
        lines: of each row; a line has the numbers of its cells.
    """

    widths: Sequence[int]
    lines: Sequence[Sequence[int]]


def one_line(widths: Sequence[int]) -> RowLayout:
    """Return the layout that has all cells beside each other."""
    return RowLayout(widths, [range(len(widths))])


def fit(widths: Sequence[int], least: Sequence[int], available: int) -> RowLayout:
    """Return the layout for a terminal.

    What may be shortened is, the widest first. Where that is not enough nothing is: each row takes as many
    lines as it needs. A cell that has to be whole and is wider than the terminal stands alone on its line.

    Args:
        widths: that the cells need, by column.
        least: that a column has to keep; its whole width where nothing of it may be missing.
        available: columns of the terminal.
    """
    shortened = list(widths)
    while _total(shortened) > available:
        room = [index for index, width in enumerate(shortened) if width > least[index]]
        if not room:
            break
        shortened[max(room, key=shortened.__getitem__)] -= 1
    if _total(shortened) <= available:
        return one_line(shortened)
    # One that may be shortened is never wider than a line.
    limit = available - len(INDENT)
    capped = [max(min(width, limit), low) for width, low in zip(widths, least, strict=True)]
    return RowLayout(capped, _lines(capped, available))


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _lines(widths: Sequence[int], available: int) -> list[list[int]]:
    lines: list[list[int]] = [[]]
    used = 0
    for index, width in enumerate(widths):
        if lines[-1] and used + len(GAP) + width > available:
            lines.append([])
            used = len(INDENT)
        used += width + (len(GAP) if lines[-1] else 0)
        lines[-1].append(index)
    return lines
