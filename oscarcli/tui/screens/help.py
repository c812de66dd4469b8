"""All keys, those of the list that is shown first."""

from __future__ import annotations

from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from oscarcli.tui.access import Access
from oscarcli.tui.screens.base import DetailScreen
from oscarcli.tui.views.base import ResourceView

KEYS = (
    ("arrows, mouse", "move; a click on a title sorts, a double click opens"),
    ("Enter, Esc", "open, back"),
    (":", "all commands: Enter shows a line, Enter again runs it"),
    ("/", "only rows that have these words"),
    ("1 to 9", "sort by a column; again: the other way, then not at all"),
    ("Space, a", "mark a row, or all that are shown"),
    ("s b v n m", "services, buckets, volumes, nodes, metrics"),
    ("y", "all that is known of a row"),
    ("o", "the files that jobs wrote"),
    ("z", "marked files, or all that are shown, as one zip"),
    ("i e k", "the cluster's information, its status, your quota"),
    ("r, w", "look anew; how often that is done without asking"),
    ("q, Ctrl-C", "quit"),
)


class HelpScreen(DetailScreen):
    """The keys.

    Args:
        access: the way to clusters.
        view: the list that is shown.
    """

    def __init__(self, access: Access, view: ResourceView) -> None:
        super().__init__(access, "Keys", "oscar-cli help interactive")
        own = [(key, f"{command.label}: {command.words}") for key, command in view.commands.items()]
        lines = [f"  {key:<15}{text}" for key, text in KEYS]
        if own:
            lines += ["", f"In the list of {view.title}:", *(f"  {key:<15}{text}" for key, text in own)]
        self._text = "\n".join(lines)

    def make_body(self) -> Widget:
        """Return the text."""
        return VerticalScroll(Static(self._text, markup=False), id="body")

    def on_mount(self) -> None:
        """Let the keys of the text work."""
        self.query_one("#body").focus()

    def reload(self) -> None:
        """Nothing of it ever changes."""
