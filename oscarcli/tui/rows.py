"""Rows of a table that may be long: made ready in a thread, so that the screen has nothing to compute."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from oscarcli.output.table import Column, display_width

# A column that gives way to others keeps so many places, or goes.
MIN_COLUMN_WIDTH = 6
GAP_WIDTH = 2
ARROW_WIDTH = 2
EMPTY = ("", "-")


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
    _orders: dict[int, tuple[list[TableRow], list[TableRow]]] = field(
        default_factory=dict, compare=False, repr=False
    )

    def in_order(
        self, columns: Sequence[Column], index: int | None, *, is_reverse: bool
    ) -> Sequence[TableRow]:
        """Return the rows sorted by a column: numbers before words, and what is empty at the end either way.

        Args:
            columns: of the table.
            index: which of them to sort by; `None` for the order they came in.
            is_reverse: whether the greatest is first.
        """
        if index is None:
            return self.rows
        if index not in self._orders:
            self._orders[index] = _sorted(self.rows, columns[index], index)
        filled, empty = self._orders[index]
        return [*(reversed(filled) if is_reverse else filled), *empty]


def make_rows(
    columns: Sequence[Column],
    items: Iterable[Any],
    key: Callable[[Any], str],
    before: Mapping[str, TableRow] | None = None,
) -> RowSet:
    """Return the rows of items, in their order.

    Args:
        columns: of the table.
        items: what the rows are of.
        key: gives what tells an item from the others.
        before: rows that were made earlier, by their keys: those of items that are the same are taken again.
    """
    rows = []
    for item in items:
        own, old = key(item), None
        if before is not None and (old := before.get(own)) is not None and old.item == item:
            rows.append(old)
            continue
        cells = tuple(column.cell(item) for column in columns)
        rows.append(TableRow(own, cells, "\n".join(cells).lower(), item))
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


def _sorted(rows: Sequence[TableRow], column: Column, index: int) -> tuple[list[TableRow], list[TableRow]]:
    """Return the rows that have something in a column in its order, and those that have nothing."""
    if column.is_number:
        # As it is shown, an amount has a unit.
        texts = [column.text(row.item) for row in rows]
        keys: list[Any] = [_amount_key(text) for text in texts]
    else:
        texts = [row.cells[index] for row in rows]
        keys = [text.lower() for text in texts]
    places = [place for place, text in enumerate(texts) if text not in EMPTY]
    places.sort(key=keys.__getitem__)
    return [rows[place] for place in places], [
        row for text, row in zip(texts, rows, strict=True) if text in EMPTY
    ]


def _amount_key(text: str) -> tuple[int, float, str]:
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
