"""A table of any length: only the lines on the screen are ever drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from oscarcli.output.table import Column, display_width, shorten
from oscarcli.tui.rows import GAP_WIDTH, RowSet, TableRow, fitted, matching, title_widths

HEADER_LINES = 1
UP, DOWN, MARK = " ↑", " ↓", "●"
# States that a person has to look at.
BAD_STATES = frozenset(["failed", "error", "degraded", "unavailable", "not ready", "no answer", "unhealthy"])


class RowTable(ScrollView, can_focus=True):
    """Rows with a cursor, marks, an order and a filter."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "row-table--header",
        "row-table--cursor",
        "row-table--marked",
        "row-table--bad",
    }
    DEFAULT_CSS = """
    RowTable { height: 1fr; overflow-x: hidden; }
    RowTable .row-table--header { text-style: bold; color: $text-accent; }
    RowTable .row-table--cursor { background: $primary; color: $text; text-style: bold; }
    RowTable .row-table--marked { color: $text-warning; }
    RowTable .row-table--bad { color: $text-error; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "end(0)", "First", show=False),
        Binding("end", "end(1)", "Last", show=False),
        Binding("enter", "choose", "Open"),
        Binding("space", "mark", "Mark", show=False),
        Binding("a", "mark_all", "Mark all", show=False),
    ]
    cursor: reactive[int] = reactive(0, repaint=False)

    class RowChosen(Message):
        """A row was chosen, by Enter or with the mouse."""

        def __init__(self, row: TableRow) -> None:
            super().__init__()
            self.row = row

    class RowsChanged(Message):
        """Other rows are shown, or others are marked."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.columns: Sequence[Column] = ()
        self.marked: set[str] = set()
        self.filter_text = ""
        self.sorted_by: int | None = None
        self.is_reverse = False
        self._all = RowSet((), ())
        self._ordered: Sequence[TableRow] = ()
        self._shown: Sequence[TableRow] = ()
        self._widths: list[int] = []

    # -- what it shows -------------------------------------------------------------------------------

    @property
    def shown(self) -> Sequence[TableRow]:
        """The rows that pass the filter, in their order."""
        return self._shown

    @property
    def total(self) -> int:
        """How many rows there are, those that the filter hides included."""
        return len(self._all.rows)

    @property
    def by_key(self) -> dict[str, TableRow]:
        """All rows, by their keys."""
        return {row.key: row for row in self._all.rows}

    @property
    def current(self) -> TableRow | None:
        """The row under the cursor."""
        return self._shown[self.cursor] if self.cursor < len(self._shown) else None

    @property
    def chosen_rows(self) -> list[TableRow]:
        """The marked rows; without any, the one under the cursor."""
        marked = [row for row in self._all.rows if row.key in self.marked]
        current = self.current
        return marked or ([current] if current is not None else [])

    def start_anew(self, columns: Sequence[Column]) -> None:
        """Become an empty table of these columns, without filter, order and marks."""
        self.columns = columns
        self.marked, self.filter_text, self.sorted_by, self.is_reverse = set(), "", None, False
        self.show_rows(RowSet((), title_widths(columns)))
        self.cursor = 0

    def show_rows(self, rows: RowSet) -> None:
        """Show these rows instead; the cursor stays on the row with the same key."""
        self._all = rows
        if self.marked:
            self.marked &= {row.key for row in rows.rows}
        self._order()

    def filter_by(self, text: str) -> None:
        """Show only rows that have each word of a text."""
        # What has all of a longer text has that of a shorter one, too.
        pool = self._shown if text.startswith(self.filter_text) else self._ordered
        self.filter_text = text
        self._replace(matching(pool, text))

    def sort_by(self, index: int) -> None:
        """Sort by a column; by the same one again, the other way round; then as the rows came."""
        if index >= len(self.columns):
            return
        if self.sorted_by != index:
            self.sorted_by, self.is_reverse = index, False
        elif not self.is_reverse:
            self.is_reverse = True
        else:
            self.sorted_by, self.is_reverse = None, False
        self._order()
        self.refresh()

    def _order(self) -> None:
        self._ordered = self._all.in_order(self.columns, self.sorted_by, is_reverse=self.is_reverse)
        self._replace(matching(self._ordered, self.filter_text))

    def _replace(self, rows: Sequence[TableRow]) -> None:
        """Show rows, and draw anew only the lines on the screen that differ."""
        before, current = self._shown, self.current
        self._shown = rows
        widths = fitted(self._all.widths, self._content_width)
        self.virtual_size = Size(self.size.width, len(rows) + HEADER_LINES)
        if current is not None:
            place = next((n for n, row in enumerate(rows) if row.key == current.key), None)
            self.cursor = min(self.cursor, max(len(rows) - 1, 0)) if place is None else place
        if widths != self._widths:
            self._widths = widths
            self.refresh()
        else:
            self._refresh_changed(before, rows)
        self.post_message(self.RowsChanged())

    def _refresh_changed(self, before: Sequence[TableRow], rows: Sequence[TableRow]) -> None:
        top = int(self.scroll_offset.y)
        for number in range(top, top + self.size.height):
            old = before[number].cells if number < len(before) else None
            new = rows[number].cells if number < len(rows) else None
            if old != new:
                self.refresh_line(number + HEADER_LINES)

    # -- drawing -------------------------------------------------------------------------------------

    @property
    def _content_width(self) -> int:
        """Places of a line behind the mark, without the bar at its end."""
        return max(self.scrollable_content_region.width - 2, 1)

    def on_resize(self, _event: events.Resize) -> None:
        """Lay the columns out anew."""
        self._widths = fitted(self._all.widths, self._content_width)
        self.virtual_size = Size(self.size.width, len(self._shown) + HEADER_LINES)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return one line of the screen."""
        width = self.size.width
        if y < HEADER_LINES:
            return self._strip("  " + self._line(self._titles()), self._style("header"), width)
        number = int(self.scroll_offset.y) + y - HEADER_LINES
        if number >= len(self._shown):
            return Strip.blank(width, self.rich_style)
        row = self._shown[number]
        is_marked = row.key in self.marked
        style = self._style("marked") if is_marked else self.rich_style
        if not is_marked and any(cell.lower() in BAD_STATES for cell in row.cells[1:]):
            style = self._style("bad")
        if number == self.cursor:
            style += self._style("cursor")
        return self._strip((f"{MARK} " if is_marked else "  ") + self._line(row.cells), style, width)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"row-table--{name}")

    def _strip(self, text: str, style: Style, width: int) -> Strip:
        return Strip([Segment(text, style)]).adjust_cell_length(width, style)

    def _titles(self) -> list[str]:
        arrow = DOWN if self.is_reverse else UP
        return [
            column.title + (arrow if index == self.sorted_by else "")
            for index, column in enumerate(self.columns)
        ]

    def _line(self, cells: Sequence[str]) -> str:
        parts = []
        for cell, width, column in zip(cells, self._widths, self.columns, strict=False):
            if not width:
                continue
            text = shorten(cell, width)
            blanks = " " * (width - display_width(text))
            parts.append(blanks + text if column.is_number else text + blanks)
        return (" " * GAP_WIDTH).join(parts)

    # -- the cursor ----------------------------------------------------------------------------------

    def validate_cursor(self, value: int) -> int:
        """Keep the cursor inside."""
        return max(min(value, len(self._shown) - 1), 0)

    def watch_cursor(self, before: int, now: int) -> None:
        """Draw both lines anew, and bring the cursor's onto the screen."""
        self.refresh_line(before + HEADER_LINES)
        self.refresh_line(now + HEADER_LINES)
        top, lines = int(self.scroll_offset.y), max(self._lines, 1)
        if now < top:
            self.scroll_to(y=now, animate=False, force=True, immediate=True)
        elif now >= top + lines:
            self.scroll_to(y=now - lines + 1, animate=False, force=True, immediate=True)

    @property
    def _lines(self) -> int:
        return self.scrollable_content_region.height - HEADER_LINES

    def action_move(self, lines: int) -> None:
        """Move the cursor."""
        self.cursor += lines

    def action_page(self, direction: int) -> None:
        """Move the cursor by a screen."""
        self.cursor += direction * max(self._lines, 1)

    def action_end(self, last: int) -> None:
        """Move the cursor to the first or the last row."""
        self.cursor = len(self._shown) - 1 if last else 0

    def action_choose(self) -> None:
        """Open the row under the cursor."""
        if (row := self.current) is not None:
            self.post_message(self.RowChosen(row))

    def action_mark(self) -> None:
        """Mark the row under the cursor, or take its mark away, and go on to the next."""
        if (row := self.current) is not None:
            self.marked ^= {row.key}
            self.refresh_line(self.cursor + HEADER_LINES)
            self.cursor += 1
            self.post_message(self.RowsChanged())

    def action_mark_all(self) -> None:
        """Mark all rows that are shown, or take all marks away when they are marked already."""
        shown = {row.key for row in self._shown}
        self.marked = set() if shown <= self.marked else self.marked | shown
        self.refresh()
        self.post_message(self.RowsChanged())

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is; the second click opens, one on a title sorts."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y < HEADER_LINES:
            index = self._column_at(offset.x - 2)
            if index is not None:
                self.sort_by(index)
            return
        number = int(self.scroll_offset.y) + offset.y - HEADER_LINES
        if number < len(self._shown):
            self.cursor = number
            if event.chain == 2:
                self.action_choose()

    def _column_at(self, x: int) -> int | None:
        for index, width in enumerate(self._widths):
            if width and x < width + GAP_WIDTH:
                return index
            x -= width + GAP_WIDTH if width else 0
        return None
