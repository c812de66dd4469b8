"""The full-screen interface."""

from __future__ import annotations

import asyncio
import gc
import re
import signal
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from oscarcli.tui.access import Access
from oscarcli.tui.browser import BrowserScreen
from oscarcli.tui.screens.command import CommandScreen

# Not SIGHUP: it tells that there is no terminal any more to give back.
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)
STYLE = re.compile(r"\x1b\[[0-9;]*m")


class InteractiveApp(App[None]):
    """Clusters, services, jobs, logs, buckets and files, and every command of the command line.

    Args:
        access: the way to clusters and commands.
    """

    TITLE = "oscar-cli"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("ctrl+c", "interrupt", "Interrupt", show=False, priority=True),
    ]
    CSS = """
    .heading { height: 1; padding: 0 1; background: $panel; color: $text; text-style: bold; }
    .heading.whole { height: auto; max-height: 5; }
    #status { height: auto; min-height: 1; max-height: 5; padding: 0 1; color: $text-muted; }
    #status.error { color: $text-error; text-style: bold; }
    .command { height: auto; max-height: 3; padding: 0 1; color: $text-accent; }
    #filter { padding: 0 1; }
    #body { height: 1fr; padding: 0 1; }
    """

    def __init__(self, access: Access) -> None:
        super().__init__()
        self.access = access
        # The signal that ended it, if one did; Ctrl-C is SIGINT.
        self.ended_by: int | None = None

    def on_mount(self) -> None:
        """Show the first list; a signal gives the terminal back before it ends the program."""
        # What was imported stays: to look through it again and again would be felt at the keys.
        gc.freeze()
        loop = asyncio.get_running_loop()
        for number in ENDING_SIGNALS:
            loop.add_signal_handler(number, self.end_by, number)
        self.push_screen(BrowserScreen(self.access))

    def action_interrupt(self) -> None:
        """Interrupt the command that runs; without one, end as other commands do at Ctrl-C."""
        if isinstance(self.screen, CommandScreen):
            self.screen.interrupt()
        else:
            self.end_by(signal.SIGINT)

    def end_by(self, number: int) -> None:
        """End, and remember by which signal."""
        self.ended_by = number
        self.exit()

    def write(self, text: str) -> None:
        """Take a line that the program says in passing, from any thread."""
        line = STYLE.sub("", text).strip()
        if self.is_running:
            self.call_later(self.notify, line, markup=False, timeout=8)
