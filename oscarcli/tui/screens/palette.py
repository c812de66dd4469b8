"""Every command of the command line: found by words, shown as it would be typed, then run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from oscarcli.errors import OscarError
from oscarcli.tui.access import Access, PaletteCommand
from oscarcli.tui.command_line import CommandLine, filled_in, found, named, words_of
from oscarcli.tui.safe_text import error_text

USUAL_WORD = "words of a command, or a command line"


class PaletteScreen(ModalScreen["list[str] | None"]):
    """Asks for a command, and leaves its words; `None` when there is none after all.

    Args:
        access: the commands.
        cluster: the cluster that is looked at; empty for none.
        known: what arguments are, by their names in the usage line.
        line: the command line to begin with; `None` to begin with the list.
    """

    DEFAULT_CSS = """
    PaletteScreen { align: center top; }
    PaletteScreen > Vertical {
        width: 90%; max-width: 120; height: auto; max-height: 80%; margin-top: 2;
        background: $surface; border: round $primary; padding: 0 1;
    }
    PaletteScreen OptionList {
        height: auto; max-height: 12; border: none; text-wrap: nowrap; text-overflow: ellipsis;
    }
    PaletteScreen #prompt { height: 1; color: $text-accent; }
    PaletteScreen #hint { height: 1; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back"),
        Binding("down", "move(1)", "Down", show=False, priority=True),
        Binding("up", "move(-1)", "Up", show=False, priority=True),
        Binding("tab", "complete", "Complete", show=False, priority=True),
    ]

    def __init__(
        self, access: Access, cluster: str, known: Mapping[str, str], line: CommandLine | None = None
    ) -> None:
        super().__init__()
        self.access, self._cluster, self._known = access, cluster, known
        self._line = line
        self._offered: list[PaletteCommand] = []

    def compose(self) -> ComposeResult:
        """Return the parts of the screen."""
        with Vertical():
            yield Static("$ oscar-cli", id="prompt", markup=False)
            yield Input(
                self._line.text if self._line else "", placeholder=USUAL_WORD, id="line", compact=True
            )
            yield OptionList(id="offered")
            yield Static("", id="hint", markup=False)

    def on_mount(self) -> None:
        """Offer all commands."""
        field = self.query_one(Input)
        field.focus()
        field.cursor_position = len(field.value)
        self.query_one(OptionList).can_focus = False
        self._offer(field.value)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Offer what fits to the words so far."""
        self._line = self._line if self._line and event.value.startswith(self._line.text.rstrip()) else None
        self._offer(event.value)

    def _offer(self, text: str) -> None:
        options = self.query_one(OptionList)
        own = self._command_of(text)
        self._offered = found(self.access.commands, text) if own is None else [own]
        options.clear_options()
        options.add_options(Option(_shown(command)) for command in self._offered)
        if self._offered:
            options.highlighted = 0
        self._say("Enter shows the command line, Enter again runs it" if own is None else "Enter runs it")

    def _command_of(self, text: str) -> PaletteCommand | None:
        """Return the command of a text that is a command line by now; `None` for words that find one."""
        own = named(self.access.commands, text.split())
        has_more = own is not None and len(text.split()) > len(own.path.split())
        return own if self._line is not None or has_more else None

    def _say(self, text: str) -> None:
        self.query_one("#hint", Static).update(text)

    def action_move(self, by: int) -> None:
        """Go through the list."""
        options = self.query_one(OptionList)
        if self._offered:
            options.highlighted = ((options.highlighted or 0) + by) % len(self._offered)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take a command that was clicked on."""
        self._complete(self._offered[event.option_index])

    def action_complete(self) -> None:
        """Make a command line of the chosen command."""
        highlighted = self.query_one(OptionList).highlighted
        if highlighted is not None and self._offered:
            self._complete(self._offered[highlighted])

    def _complete(self, command: PaletteCommand) -> None:
        self._line = filled_in(command, self._known, self._cluster)
        field = self.query_one(Input)
        field.value = self._line.text
        field.cursor_position = len(field.value)
        field.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Run what is a command line by now; else make one of what was chosen."""
        if self._command_of(event.value) is None:
            self.action_complete()
            return
        try:
            words = words_of(event.value, self._cluster, self.access.commands)
        except OscarError as error:
            self._say(error_text(error, self.access.mask))
            return
        self.dismiss(words)

    def action_leave(self) -> None:
        """Run nothing."""
        self.dismiss(None)


def _shown(command: PaletteCommand) -> Text:
    words = " ".join([command.path, *command.arguments])
    return Text.assemble((words, "bold"), "  ", (command.help, "dim"), no_wrap=True, overflow="ellipsis")
