"""A command that runs: its words as they come, its questions with a line to answer them, its exit code."""

from __future__ import annotations

import asyncio
import codecs
import shlex
from collections.abc import Sequence
from contextlib import suppress
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Footer, Input, Log, Static

from oscarcli.output.terminal import clean, clean_log
from oscarcli.tui.access import Access
from oscarcli.tui.folded import LineFolder
from oscarcli.tui.pty_process import END_OF_INPUT, INTERRUPT, PtyProcess

MAX_LINES = 20_000
MIN_COLUMNS = 20


class CommandScreen(Screen[int]):
    """One run of a command; its exit code is what the screen leaves.

    Args:
        access: how commands are started.
        words: the command, without the program's name.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "leave", "Back"),
        Binding("ctrl+d", "end_input", "End of input", show=False, priority=True),
    ]

    def __init__(self, access: Access, words: Sequence[str]) -> None:
        super().__init__()
        self.access = access
        self.words = list(words)
        self._process: PtyProcess | None = None
        self._code: int | None = None
        self._folder = LineFolder(MIN_COLUMNS)
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def compose(self) -> ComposeResult:
        """Return the parts of the screen."""
        yield Static(clean(f"$ oscar-cli {shlex.join(self.words)}"), classes="heading whole", markup=False)
        yield Log(max_lines=MAX_LINES, id="body")
        yield Static("running; Ctrl-C interrupts it", id="status", markup=False)
        yield Input(placeholder="an answer, if it asks", id="answer", compact=True)
        yield Footer()

    def on_mount(self) -> None:
        """Begin."""
        loop = asyncio.get_running_loop()

        def later(act: object, *values: object) -> None:
            # The loop is closed when the program ends meanwhile.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(act, *values)  # type: ignore[arg-type]

        self.query_one("#answer").focus()
        size = (max(self.size.width - 4, MIN_COLUMNS), max(self.size.height - 5, 10))
        self._folder = LineFolder(size[0])
        try:
            self._process = PtyProcess(
                [*self.access.program, *self.words],
                self.access.environ,
                size,
                lambda data: later(self._take, data),
                lambda code: later(self._end, code),
            )
        except OSError as error:
            self._take(f"cannot start it: {error.strerror}\n".encode())
            self._end(1)

    def on_unmount(self) -> None:
        """Let the command know that nobody looks any more."""
        if self._process is not None and self._code is None:
            self._process.hang_up()

    def _take(self, data: bytes) -> None:
        if not self.is_mounted:
            return
        text = self._decoder.decode(data)
        self.query_one(Log).write(self._folder.fold(clean_log(self.access.mask(text)).expandtabs()))
        if self._process is not None:
            self.query_one("#answer", Input).password = self._process.hides_input

    def _end(self, code: int) -> None:
        self._code = code
        if not self.is_mounted:
            return
        status = self.query_one("#status", Static)
        status.set_class(code != 0, "error")
        status.update(
            f"done, exit code {code}; Enter or Esc leads back" if code == 0 else f"exit code {code}"
        )
        self.query_one("#answer").display = False
        self.query_one(Log).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer."""
        if self._process is not None:
            self._process.type(event.value.encode() + b"\n")
        event.input.value = ""
        event.input.password = False

    def interrupt(self) -> None:
        """Do to the command what Ctrl-C does."""
        if self._code is not None:
            self.action_leave()
        elif self._process is not None:
            self._process.type(INTERRUPT)

    def action_end_input(self) -> None:
        """Tell the command that there is no more input."""
        if self._process is not None:
            self._process.type(END_OF_INPUT)

    def action_leave(self) -> None:
        """Go back, if it has ended."""
        if self._code is not None:
            self.dismiss(self._code)
