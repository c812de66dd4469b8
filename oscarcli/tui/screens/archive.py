"""Many files brought here as one zip, with how far that is."""

from __future__ import annotations

from pathlib import Path

from textual.widget import Widget
from textual.widgets import Static

from oscarcli.output.amounts import size
from oscarcli.output.terminal import clean
from oscarcli.tui.access import Access
from oscarcli.tui.archive import ArchiveWriter
from oscarcli.tui.screens.base import DetailScreen

SECONDS_BETWEEN_LOOKS = 0.2
# Whoever leaves waits so long at most for the file to be taken away.
END_SECONDS = 1.0


class ArchiveScreen(DetailScreen):
    """Writes an archive; to leave it before the end calls it off.

    Args:
        access: where downloads go.
        heading: what is in it.
        command: the command line that brings the same files.
        writer: writes it.
    """

    # A limit of its own has each reading of a store.
    seconds = 7 * 86400.0

    def __init__(self, access: Access, heading: str, command: str, writer: ArchiveWriter) -> None:
        super().__init__(access, heading, command)
        self._writer = writer
        self._is_done = False

    def make_body(self) -> Widget:
        """Return the place of the figures."""
        return Static("", id="body", markup=False)

    def on_mount(self) -> None:
        """Begin."""
        self.set_interval(SECONDS_BETWEEN_LOOKS, self._show_progress)
        self.reload()

    def on_unmount(self) -> None:
        """Call it off, if it is not done, and see to it that nothing of it stays behind."""
        self._writer.cancel()
        self._writer.ended.wait(END_SECONDS)

    def reload(self) -> None:
        """Write it; once."""
        if not self._is_done and not self._writer.files:
            self.load(self._writer.write, self._show_end, f"write {self._heading}")

    def _show_progress(self) -> None:
        if not self._is_done:
            self.query_one("#body", Static).update(f"{self._figures()}; Esc calls it off")

    def _figures(self) -> str:
        files = self._writer.files
        return f"{files} file{'' if files == 1 else 's'}, {size(self._writer.bytes)}"

    def _show_end(self, path: Path) -> None:
        self._is_done = True
        lines = [f"{path}", self._figures()]
        if self._writer.left_out:
            lines += ["", "left out:", *self._writer.left_out]
        self.query_one("#body", Static).update("\n".join(map(clean, lines)))
        self.say("done")
