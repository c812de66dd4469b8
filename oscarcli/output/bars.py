"""Bars beside the rows of a table, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from oscarcli.output.row_layout import GAP
from oscarcli.output.table import Column, display_width, to_table
from oscarcli.output.terminal import Terminal

WIDEST = 30
# Narrower than this a bar tells nothing.
NARROWEST = 10
# An eighth of a column each, up to a whole one.
EIGHTHS = " ▏▎▍▌▋▊▉█"
REST = "░"


class _LeftPart(Terminal):
    """The left part of a terminal."""

    def __init__(self, terminal: Terminal, columns: int) -> None:
        self._columns = columns
        self.stream = terminal.stream
        self.is_terminal = terminal.is_terminal
        self.colour = terminal.colour

    @property
    def width(self) -> int:
        """Columns of this part."""
        return self._columns


def to_chart(
    columns: Sequence[Column],
    rows: Iterable[Any],
    value: Callable[[Any], float | None],
    terminal: Terminal,
    *,
    whole: float | None = None,
) -> str:
    """Return a table with a bar at the end of each row, as long as there is room for one.

    Args:
        columns: the table's columns.
        rows: its rows.
        value: gives what a row's bar stands for, a number from 0 on; `None` for no bar.
        terminal: where it is shown; without a width it is the plain table.
        whole: what a full bar stands for, whose rest is shown too; if omitted, the largest value.
    """
    rows = list(rows)
    width = terminal.width
    if width is None or not rows:
        return to_table(columns, rows, terminal)
    part = _LeftPart(terminal, width - len(GAP) - NARROWEST)
    lines = to_table(columns, rows, part).splitlines()
    if len(lines) > len(rows) + 1:
        # Rows of several lines leave no room beside them.
        return to_table(columns, rows, terminal)
    # The header may be styled, and needs no bar: only the rows' width counts.
    table_width = max(display_width(line) for line in lines[1:])
    room = min(WIDEST, width - table_width - len(GAP))
    if room < NARROWEST:
        return to_table(columns, rows, terminal)
    values = [value(row) for row in rows]
    largest = whole or max((one for one in values if one is not None), default=0)
    for index, one in enumerate(values, start=1):
        if one is None:
            continue
        padding = " " * (table_width - display_width(lines[index]))
        drawn = bar(min(one, largest), largest, room)
        rest = REST * (room - len(drawn)) if whole else ""
        lines[index] = f"{lines[index]}{padding}{GAP}{drawn}{rest}".rstrip()
    return "\n".join(lines) + "\n"


def bar(value: float, largest: float, width: int) -> str:
    """Return a bar: `width` columns for the largest value, and something for everything above 0."""
    if value <= 0 or largest <= 0:
        return ""
    eighths = max(1, round(value / largest * width * 8))
    return EIGHTHS[8] * (eighths // 8) + (EIGHTHS[eighths % 8] if eighths % 8 else "")
