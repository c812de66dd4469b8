"""Rows of a table that may be long: made ready in a thread, so that the screen has nothing to compute."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from oscarcli.output.table import Column, display_width

# A column that gives way to others keeps so many places, or goes.
MIN_COLUMN_WIDTH = 6
GAP_WIDTH = 2
ARROW_WIDTH = 2


class TableRow(NamedTuple):
    """One line: `key` tells it from others, `text` is what a filter looks at."""

    key: str
    cells: tuple[str, ...]
    text: str
    item: Any


@dataclass(frozen=True)
class RowSet:
    """All rows of a table, and how wide each of its columns is with them."""

    rows: tuple[TableRow, ...]
    widths: tuple[int, ...]


def make_rows(columns: Sequence[Column], items: Iterable[Any], key: Callable[[Any], str]) -> RowSet:
    """Return the rows of items, in their order."""
    rows = []
    for item in items:
        cells = tuple(column.cell(item) for column in columns)
        rows.append(TableRow(key(item), cells, "\n".join(cells).lower(), item))
    widths = list(title_widths(columns))
    for index, cells in enumerate(zip(*(row.cells for row in rows), strict=True) if rows else ()):
        widths[index] = max(widths[index], *map(display_width, cells))
    return RowSet(tuple(rows), tuple(widths))


def title_widths(columns: Sequence[Column]) -> tuple[int, ...]:
    """Return the widths of an empty table, with room for the arrow of its order."""
    return tuple(display_width(column.title) + ARROW_WIDTH for column in columns)


def matching(rows: Sequence[TableRow], text: str) -> Sequence[TableRow]:
    """Return the rows that have each word of a text in one of their cells, in whatever case."""
    for word in text.lower().split():
        rows = [row for row in rows if word in row.text]
    return rows


def in_order(
    rows: Sequence[TableRow], columns: Sequence[Column], index: int | None, *, is_reverse: bool
) -> Sequence[TableRow]:
    """Return rows sorted by a column: numbers before words, and what is empty at the end either way.

    Args:
        rows: the rows.
        columns: of the table.
        index: which of them to sort by; `None` for the order they came in.
        is_reverse: whether the greatest is first.
    """
    if index is None:
        return rows
    column = columns[index]
    filled = [(_sort_key(text), row) for row in rows if (text := column.text(row.item))]
    empty = [row for row in rows if not column.text(row.item)]
    filled.sort(key=lambda pair: pair[0], reverse=is_reverse)
    return [*(row for _, row in filled), *empty]


def _sort_key(text: str) -> tuple[int, float, str]:
    try:
        return 0, float(text), ""
    except ValueError:
        return 1, 0.0, text.lower()


def fitted(widths: Sequence[int], available: int) -> list[int]:
    """Return widths that fit into a line: names stay whole as long as they can, the last columns give way.

    Args:
        widths: how wide each column would be; the first has the names.
        available: columns of the line.

    Returns:
        A width for each column; 0 for one that is left out.
    """
    shown = list(widths)
    for index in range(len(shown) - 1, 0, -1):
        excess = _line_width(shown) - available
        if excess <= 0:
            return shown
        smaller = shown[index] - excess
        shown[index] = smaller if smaller >= MIN_COLUMN_WIDTH else 0
    if shown:
        shown[0] = max(min(shown[0], available), 1)
    return shown


def _line_width(widths: Sequence[int]) -> int:
    there = [width for width in widths if width]
    return sum(there) + GAP_WIDTH * max(len(there) - 1, 0)
