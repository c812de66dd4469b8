"""Everything that is not the answer: notes, warnings, errors and questions, on stderr."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Protocol
from urllib.parse import quote

from oscarcli.errors import OscarError
from oscarcli.output.terminal import RED, Terminal, clean

YELLOW, BOLD = "33", "1"
MASK = "***"
# Shorter ones stand in ordinary words, and would tell more by what is missing.
MIN_SECRET_CHARACTERS = 6


class LineWriter(Protocol):
    """Whatever is on the screen and has to be written around."""

    def write(self, text: str) -> None:
        """Write whole lines where they do not disturb it."""
        ...


class Diagnostics:
    """The voice on stderr.

    Args:
        terminal: the stream and its manners.
    """

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self._hidden: set[str] = set()
        self._write = terminal.write

    @contextlib.contextmanager
    def above(self, shown: LineWriter) -> Iterator[None]:
        """While inside, write lines where they do not disturb what else is on the screen."""
        before, self._write = self._write, shown.write
        try:
            yield
        finally:
            self._write = before

    def hide(self, secret: str) -> None:
        """Show `***` in the place of a secret from now on: a server may quote what it was sent."""
        if len(secret) >= MIN_SECRET_CHARACTERS:
            self._hidden |= {secret, json.dumps(secret)[1:-1], quote(secret, safe="")}

    def note(self, text: str, *, style: str | None = None) -> None:
        """Say something in passing, in an ANSI style perhaps."""
        text = clean(text, keep="\n\t")
        self._line(text if style is None else self.terminal.styled(text, style))

    def log(self, text: str) -> None:
        """Write lines of a log as they are; whoever calls has made them clean."""
        self._line(text.removesuffix("\n"))

    def warn(self, text: str) -> None:
        """Say that something is not as it should be, though work goes on."""
        self._line(self.terminal.styled("warning:", YELLOW) + " " + clean(text, keep="\n\t"))

    def error(self, message: str, hint: str | None = None, details: Iterable[str] = ()) -> None:
        """Say in one line what failed, in one more for each detail, and in a last one what to do."""
        self._line(self.terminal.styled("Error:", RED) + " " + clean(message))
        for detail in details:
            self._line(clean(detail))
        if hint:
            self._line(self.terminal.styled("hint:", BOLD) + " " + clean(hint))

    def error_document(self, error: OscarError) -> None:
        """Say the same as one JSON object, for callers that asked for JSON."""
        document: dict[str, Any] = {"error": error.message, "code": int(error.exit_code)}
        if error.details:
            document["details"] = error.details
        if error.hint:
            document["hint"] = error.hint
        self._line(json.dumps(document))

    def masked(self, text: str) -> str:
        """Return a text with `***` in the place of what is hidden."""
        for secret in sorted(self._hidden, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text

    def _line(self, text: str) -> None:
        # When nobody reads stderr any more the exit code is all that is left to say.
        with contextlib.suppress(BrokenPipeError, OscarError, ValueError):
            self._write(self.masked(text) + "\n")


def confirm(terminal: Terminal, question: str) -> bool:
    """Ask a yes-or-no question on a terminal; an empty answer or the end of input means no."""
    terminal.write(f"{clean(question)} [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def ask_secret(question: str) -> str:
    """Ask for a secret on the terminal without showing it."""
    import getpass

    return getpass.getpass(clean(question))
