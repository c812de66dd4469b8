"""One list on the screen, kept up to date, and the way from one list to the next."""

from __future__ import annotations

import asyncio
import gc
import time
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Footer, Input, Static
from textual.worker import WorkType

from oscarcli.output.table import display_width
from oscarcli.output.terminal import clean
from oscarcli.tui.access import Access
from oscarcli.tui.loading import in_thread
from oscarcli.tui.row_table import RowTable
from oscarcli.tui.rows import RowSet, make_rows
from oscarcli.tui.safe_text import error_text
from oscarcli.tui.views.base import ResourceView
from oscarcli.tui.views.clusters import ClustersView
from oscarcli.tui.views.services import ServicesView

# Between them `w` goes: seconds from one look to the next, 0 for none.
REFRESH_SECONDS = (5.0, 1.0, 30.0, 0.0)
# Rows of a long list that are made ready before the others.
FIRST_ROWS = 500


class ListScreen(Screen[None]):
    """Shows one list, and remembers those that led to it.

    Args:
        access: the way to clusters.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back"),
        Binding("slash", "filter", "Filter"),
        Binding("r", "reload", "Refresh", show=False),
        Binding("w", "watch", "Refresh by itself", show=False),
        *(Binding(str(n), f"sort({n - 1})", f"Sort by column {n}", show=False) for n in range(1, 10)),
    ]

    def __init__(self, access: Access) -> None:
        super().__init__()
        self.access = access
        # Kept, not looked for: an answer may come while the screen is being taken apart.
        self.table = RowTable()
        self._crumbs = Static("", id="crumbs", classes="heading", markup=False)
        self._status = Static("", id="status", markup=False)
        self._views: list[ResourceView] = [ClustersView(access)]
        if access.start is not None:
            self._views.append(ServicesView(access, access.start))
        # Lists that are being loaded: none is asked for twice at once.
        self._loading: set[ResourceView] = set()
        self._loaded_at: float | None = None
        self._error = ""
        self._timer: Timer | None = None
        self.refresh_seconds = access.refresh_seconds

    @property
    def view(self) -> ResourceView:
        """The list that is shown."""
        return self._views[-1]

    def compose(self) -> ComposeResult:
        """Return the parts of the screen."""
        yield self._crumbs
        yield self.table
        yield Input(placeholder="words that a row must have", id="filter", compact=True)
        yield self._status
        yield Footer()

    def on_mount(self) -> None:
        """Show the first list."""
        self.query_one("#filter").display = False
        self._show_view()
        self.set_refresh(self.access.refresh_seconds)

    def set_refresh(self, seconds: float) -> None:
        """Look anew every so many seconds; 0 for no more."""
        self.refresh_seconds = seconds
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_interval(seconds, self._tick) if seconds > 0 else None

    def _tick(self) -> None:
        # What is behind another screen is not seen.
        if self.app.screen is self:
            self.reload()

    # -- loading -------------------------------------------------------------------------------------

    def _show_view(self) -> None:
        self._error, self._loaded_at = "", None
        self._hide_filter()
        self.table.start_anew(self.view.columns)
        self.table.focus()
        self.refresh_bindings()
        self.reload()

    def reload(self) -> None:
        """Ask for the list anew, unless an answer is waited for already."""
        view = self.view
        if view in self._loading:
            return
        self._loading.add(view)
        self._say_state()
        work: WorkType[None] = partial(self._load, view)
        self.run_worker(work, group="lists")

    async def _load(self, view: ResourceView) -> None:
        loop, before = asyncio.get_running_loop(), self.table.by_key

        def prepared() -> RowSet:
            items = view.load()
            if len(items) > 2 * FIRST_ROWS and not before:
                # A long list is seen from its beginning before all of it is ready.
                first = make_rows(view.columns, items[:FIRST_ROWS], view.key)
                loop.call_soon_threadsafe(self._show_rows, view, first)
            settled = {key: row for key, row in before.items() if view.is_settled(row.item)}
            return make_rows(view.columns, items, view.key, settled)

        try:
            rows = await in_thread(prepared, view.seconds, f"list the {view.title}")
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is said, and the screen stays
            if view is self.view:
                self._error = error_text(error, self.access.mask)
        else:
            self._show_rows(view, rows)
        finally:
            self._loading.discard(view)
        if view is self.view:
            self._say_state()
            if view.is_partial and not self._error:
                self.reload()

    def _show_rows(self, view: ResourceView, rows: RowSet) -> None:
        if view is self.view and self.is_mounted:
            self._error, self._loaded_at = "", time.monotonic()
            self.table.show_rows(rows)
            if len(rows.rows) > FIRST_ROWS:
                # Nothing of it is part of a circle: to look through it for some would be felt at the keys.
                gc.freeze()

    def _say_state(self) -> None:
        """Write the way here, what is shown of how much, and what went wrong."""
        table = self.table
        ways = [*(([self.view.cluster]) if self.view.cluster else []), self.view.crumb]
        shown, total = len(table.shown), table.total
        count = f"{shown} of {total}" if table.filter_text else str(total)
        marked = f" · {len(table.marked)} marked" if table.marked else ""
        # It is one line high whatever it says: nothing has to be laid out anew.
        crumbs = clean(f"{' › '.join(ways)}  ({count}{marked})")
        self._crumbs.update(crumbs, layout=False)
        self._write_status(self._error or self._state_text(), is_error=bool(self._error))

    def _state_text(self) -> str:
        table = self.table
        if self._loaded_at is None:
            return "loading …"
        if not table.total:
            return f"there are no {self.view.title}"
        return f"filter: {table.filter_text}" if table.filter_text else self.view.note

    def _write_status(self, text: str, *, is_error: bool) -> None:
        status, text = self._status, clean(text)
        # Only what takes several lines, or did before, makes everything be laid out anew.
        is_laid_out = max(status.size.height, 1) > 1 or display_width(text) > status.size.width
        status.set_class(is_error, "error")
        status.update(text, layout=is_laid_out)

    def say(self, text: str, *, is_error: bool = False) -> None:
        """Say something in the line of the status."""
        self._write_status(text, is_error=is_error)

    def on_row_table_rows_changed(self) -> None:
        """Count anew."""
        self._say_state()

    # -- ways ----------------------------------------------------------------------------------------

    def go(self, there: ResourceView | Screen[None] | None) -> None:
        """Show another list, or a screen above this one."""
        if isinstance(there, ResourceView):
            self._views.append(there)
            self._show_view()
        elif there is not None:
            self.app.push_screen(there)

    def on_row_table_row_chosen(self, message: RowTable.RowChosen) -> None:
        """Open a row."""
        self.go(self.view.open(message.row.item))

    def action_back(self) -> None:
        """Take the filter away, or go back to the list before."""
        if self.table.filter_text or self.query_one("#filter").display:
            self._hide_filter()
            self.table.filter_by("")
        elif len(self._views) > 1:
            self._views.pop()
            self._show_view()

    def action_watch(self) -> None:
        """Look anew by itself more often, less often, or no more."""
        place = REFRESH_SECONDS.index(self.refresh_seconds) if self.refresh_seconds in REFRESH_SECONDS else -1
        self.set_refresh(REFRESH_SECONDS[(place + 1) % len(REFRESH_SECONDS)])
        often = f"every {self.refresh_seconds:g} s" if self.refresh_seconds else "only at 'r'"
        self.say(f"looks anew {often}")

    def action_reload(self) -> None:
        """Look anew now."""
        self.reload()

    def action_sort(self, index: int) -> None:
        """Sort by a column."""
        self.table.sort_by(index)

    # -- filter --------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        """Ask for the words that rows must have."""
        field = self.query_one("#filter", Input)
        field.display = True
        field.focus()

    def _hide_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.display = False
        with field.prevent(Input.Changed):
            field.value = ""
        self.table.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while words are typed."""
        self.table.filter_by(event.value)

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        """Keep the filter, and go on in the table."""
        self.query_one("#filter").display = False
        self.table.focus()
