"""What is in a file: the beginning of a text, or a picture."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from oscarcli.output.amounts import size
from oscarcli.output.terminal import clean_log
from oscarcli.tui.access import Access
from oscarcli.tui.picture import MAX_PICTURE_BYTES, half_blocks, is_picture
from oscarcli.tui.screens.base import DetailScreen

# Of a text its beginning is shown.
MAX_TEXT_BYTES = 256 * 1024


class FileScreen(DetailScreen):
    """One file.

    Args:
        access: the way to clusters.
        heading: what it is called.
        command: the command line that brings it here.
        read: returns so many of its first bytes; called in a thread.
    """

    def __init__(self, access: Access, heading: str, command: str, read: Callable[[int], bytes]) -> None:
        super().__init__(access, heading, command)
        self._read = read
        self._data: bytes | None = None

    def make_body(self) -> Widget:
        """Return the place of the content."""
        return VerticalScroll(Static("", id="document", markup=False), id="body")

    def on_mount(self) -> None:
        """Let the keys of the content work."""
        self.query_one("#body").focus()

    def on_resize(self) -> None:
        """Show the content once it is known how much room there is, and a picture anew in another size."""
        self.call_after_refresh(self._show)

    def reload(self) -> None:
        """Load it anew."""
        self._data = None
        self._show()

    def _show(self) -> None:
        room = self.query_one("#body").size
        self.load(
            lambda: self._content(max(room.width - 2, 8), max(room.height, 4)),
            self.query_one("#document", Static).update,
            f"show {self._heading}",
        )

    def _content(self, columns: int, lines: int) -> Text:
        """Return what is shown, for so much room; in a thread."""
        is_drawn = is_picture(self._heading.partition(" · ")[0])
        if self._data is None:
            self._data = self._read(MAX_PICTURE_BYTES if is_drawn else MAX_TEXT_BYTES)
        if is_drawn:
            return half_blocks(self._data, columns, lines)
        if b"\0" in self._data:
            return Text("not a text; 'g' in the list brings the file here", style="dim")
        text = clean_log(self._data.decode(errors="replace")).expandtabs()
        more = "" if len(self._data) < MAX_TEXT_BYTES else f"\n… the first {size(MAX_TEXT_BYTES)} of it"
        return Text(self.access.mask(text) + more)
