"""Rows as a table for people.

A terminal changes manners (bold header, long texts shortened to fit, rows of several lines), never content:
in a pipe a table is one header line and one line per row, aligned by at least two blanks, never cut, with `-`
for empty cells.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from oscarcli.errors import UsageError
from oscarcli.output.row_layout import GAP, INDENT, MIN_CELL_COLUMNS, RowLayout, fit, one_line
from oscarcli.output.terminal import Terminal, clean
from oscarcli.output.times import shown_time
from oscarcli.timestamps import exact

BOLD = "1"


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Args:
        title: its header.
        value: the key or function that gives a row's cell.
        is_time: whether the cell is a moment, a server's text or one with its zone; tables show it in the
            zone of this machine.
        is_number: whether cells stand at the right edge.
        is_name: whether its cells are names, ids or addresses, which are never shortened; those of the first
            column of a table are not either.
    """

    title: str
    value: str | Callable[[Any], Any]
    is_time: bool = False
    is_number: bool = False
    is_name: bool = False

    def cell(self, row: Any, now: datetime | None = None) -> str:
        """Return the text of one cell of a table, `-` for nothing; times are counted from `now`, if given."""
        if not self.is_time:
            return self.text(row) or "-"
        return clean(shown_time(self._raw(row), now) or "-")

    def text(self, row: Any) -> str:
        """Return a row's value as text, empty for nothing; times stay as documents have them."""
        value = self._raw(row)
        if isinstance(value, bool):
            value = "yes" if value else "no"
        elif isinstance(value, (list, tuple)):
            value = ",".join(str(item) for item in value)
        elif isinstance(value, datetime):
            value = exact(value)
        return "" if value is None else clean(str(value))

    def _raw(self, row: Any) -> Any:
        return row.get(self.value) if isinstance(self.value, str) else self.value(row)


@dataclass(frozen=True)
class Layout:
    """What is wanted of a table.

    Args:
        columns: names of the columns to show, in this order; all when empty.
        has_header: whether it begins with the titles.
        names_only: nothing but the name of each row.
        is_relative: whether times are counted from now, on a terminal.
    """

    columns: tuple[str, ...] = ()
    has_header: bool = True
    names_only: bool = False
    is_relative: bool = False


AS_USUAL = Layout()


def column_name(title: str) -> str:
    """Return how a column is called on the command line: "SIZE (B)" is `size`, "JOB NAME" is `job-name`."""
    plain = re.sub(r"\(.*?\)", "", title)
    return re.sub(r"[\W_]+", "-", plain).strip("-").lower()


def selected(columns: Sequence[Column], names: Sequence[str]) -> list[Column]:
    """Return the columns with these names in their order, or all when none is named.

    Raises:
        UsageError: there is no column of that name.
    """
    if not names:
        return list(columns)
    known = {column_name(column.title): column for column in columns}
    unknown = [name for name in names if column_name(name) not in known]
    if unknown:
        raise UsageError(f'there is no column "{unknown[0]}"; the columns are {", ".join(known)}')
    return [known[column_name(name)] for name in names]


def to_table(columns: Sequence[Column], rows: Iterable[Any], terminal: Terminal) -> str:
    """Return a table with its header."""
    return Table(columns, terminal).piece(rows)


class Table:
    """A table that may be written in pieces: a column never gets narrower from one to the next.

    Args:
        columns: all columns that it has.
        terminal: where it goes.
        layout: what is wanted of it.
        name: what is shown of a row when only names are; the first column when `None`.

    Raises:
        UsageError: the layout names a column that there is not.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        terminal: Terminal,
        layout: Layout = AS_USUAL,
        name: Column | None = None,
    ) -> None:
        # Also when only names are shown, a column that there is not is a mistake.
        self._columns = selected(columns, layout.columns)
        self._terminal = terminal
        self._wants_header = layout.has_header
        self._name = (name or columns[0]) if layout.names_only else None
        self._now = datetime.now(timezone.utc) if layout.is_relative and terminal.is_terminal else None
        self._widths = [0] * len(self._columns)

    def piece(self, rows: Iterable[Any]) -> str:
        """Return the text of some rows, with the header if they are the first; nothing for no rows."""
        if self._name is not None:
            # Names are there to be copied: they are never shortened.
            return "".join(f"{self._name.cell(row)}\n" for row in rows)
        rows = list(rows)
        if not rows:
            # Titles of nothing tell nothing, and a script would take them for a row.
            return ""
        has_header, self._wants_header = self._wants_header, False
        cells = [
            [*([column.title] if has_header else []), *(column.cell(row, self._now) for row in rows)]
            for column in self._columns
        ]
        self._widths = [
            max(width, *map(display_width, column)) for width, column in zip(self._widths, cells, strict=True)
        ]
        layout = self._layout()
        padded = [self._padded(column, index, layout.widths[index]) for index, column in enumerate(cells)]
        text = [_row(line, layout) for line in zip(*padded, strict=True)]
        if has_header:
            text[0] = "\n".join(self._terminal.styled(line, BOLD) for line in text[0].split("\n"))
        return "".join(f"{line}\n" for line in text)

    def _layout(self) -> RowLayout:
        available = self._terminal.width
        if available is None:
            return one_line(self._widths)
        least = [self._least(index) for index in range(len(self._columns))]
        return fit(self._widths, least, available)

    def _least(self, index: int) -> int:
        """Return the width that a column keeps: a time or a number that lacks a part is another one."""
        column, width = self._columns[index], self._widths[index]
        is_whole = index == 0 or column.is_name or column.is_time or column.is_number
        return width if is_whole else min(width, max(MIN_CELL_COLUMNS, display_width(column.title)))

    def _padded(self, cells: Sequence[str], index: int, width: int) -> list[str]:
        """Return the cells of a column, each as wide as it."""
        is_number = self._columns[index].is_number
        if self._widths[index] <= width and "".join(cells).isascii():
            return [cell.rjust(width) if is_number else cell.ljust(width) for cell in cells]
        parts = [shorten(cell, width) for cell in cells]
        blanks = [" " * (width - display_width(part)) for part in parts]
        return [
            blank + part if is_number else part + blank for part, blank in zip(parts, blanks, strict=True)
        ]


def _row(cells: Sequence[str], layout: RowLayout) -> str:
    """Return the lines of a row of padded cells, without the end of the last one."""
    if len(layout.lines) == 1:
        return GAP.join(cells).rstrip()
    lines = (GAP.join(cells[index] for index in line) for line in layout.lines)
    return f"\n{INDENT}".join(line.rstrip() for line in lines)


def shorten(text: str, width: int) -> str:
    """Return text of at most `width` columns, its middle replaced by an ellipsis: both ends tell most."""
    if display_width(text) <= width:
        return text
    tail = (width - 1) // 2
    return left_part(text, width - 1 - tail) + "…" + left_part(text[::-1], tail)[::-1]


def left_part(text: str, width: int) -> str:
    """Return as much of the beginning of a text as fits into `width` columns."""
    taken = 0
    for index, character in enumerate(text):
        taken += display_width(character)
        if taken > width:
            return text[:index]
    return text


def display_width(text: str) -> int:
    """Return how many terminal columns a text takes: wide characters two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )
