"""What all screens above the list have in common: a title, the command that does the same, Esc to leave."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Static
from textual.worker import WorkType

from oscarcli.output.terminal import clean
from oscarcli.tui.access import Access
from oscarcli.tui.loading import in_thread
from oscarcli.tui.safe_text import error_text

Found = TypeVar("Found")


class DetailScreen(Screen[None]):
    """A screen about one thing.

    Args:
        access: the way to clusters.
        heading: what it is about.
        command: the command line that shows the same.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Back"),
        Binding("r", "reload", "Refresh"),
    ]
    # Seconds that loading may take in all.
    seconds: ClassVar[float] = 30.0

    def __init__(self, access: Access, heading: str, command: str) -> None:
        super().__init__()
        self.access = access
        self._heading, self._command = clean(heading), clean(command)
        # Kept, not looked for: an answer may come while the screen is being taken apart.
        self._status = Static("", id="status", markup=False)

    def compose(self) -> ComposeResult:
        """Return the parts of the screen."""
        yield Static(self._heading, classes="heading", markup=False)
        yield self.make_body()
        yield self._status
        yield Static(f"$ {self._command}", classes="command", markup=False)
        yield Footer()

    def make_body(self) -> Widget:
        """Return what is between heading and status."""
        raise NotImplementedError

    def say(self, text: str, *, is_error: bool = False) -> None:
        """Say something in the line of the status."""
        self._status.set_class(is_error, "error")
        self._status.update(clean(text))

    def load(self, call: Callable[[], Found], show: Callable[[Found], None], what: str) -> None:
        """Call something in a thread, and show what comes of it, or the error."""
        self.say("loading …")
        # The function, not a coroutine of it: a load that is replaced before it began leaves none behind.
        work: WorkType[None] = partial(self._load, call, show, what)
        self.run_worker(work, exclusive=True, group="load")

    async def _load(self, call: Callable[[], Found], show: Callable[[Found], None], what: str) -> None:
        try:
            found = await in_thread(call, self.seconds, what)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is said, and the screen stays
            self.fail(error)
            return
        self.say("")
        show(found)

    def fail(self, error: BaseException) -> None:
        """Say what went wrong."""
        self.say(error_text(error, self.access.mask), is_error=True)

    def action_leave(self) -> None:
        """Go back."""
        self.dismiss()

    def action_reload(self) -> None:
        """Load it anew."""
        self.reload()

    def reload(self) -> None:
        """Load it anew."""
        raise NotImplementedError
