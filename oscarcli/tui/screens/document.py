"""A document of the server as YAML, with its secrets masked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from oscarcli.http.redaction import mask_document
from oscarcli.output.render import to_yaml
from oscarcli.output.terminal import clean_log
from oscarcli.tui.access import Access
from oscarcli.tui.screens.base import DetailScreen


class DocumentScreen(DetailScreen):
    """All that a server says of something.

    Args:
        access: the way to clusters.
        heading: what it is about.
        command: the command line that shows the same.
        get: returns the document; called in a thread.
    """

    def __init__(self, access: Access, heading: str, command: str, get: Callable[[], dict[str, Any]]) -> None:
        super().__init__(access, heading, command)
        self._get = get

    def make_body(self) -> Widget:
        """Return the place of the text."""
        return VerticalScroll(Static("", id="document", markup=False), id="body")

    def on_mount(self) -> None:
        """Load it."""
        self.query_one("#body").focus()
        self.reload()

    def reload(self) -> None:
        """Load it anew."""
        self.load(self._text, self.query_one("#document", Static).update, f"show {self._heading}")

    def _text(self) -> str:
        return self.access.mask(clean_log(to_yaml(mask_document(self._get()))))
