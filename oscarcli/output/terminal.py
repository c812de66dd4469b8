"""What each stream is: a terminal or not, how wide, whether it takes colour; asked once a stream."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TextIO

from oscarcli.errors import OscarError

# Goes back to the beginning of a terminal's line, and makes it empty.
ERASE_LINE = "\r\x1b[K"
# ANSI styles, for `Terminal.styled`.
RED, DIM = "31", "2"
USUAL_HEIGHT = 24
CLOSED = "cannot write the answer: standard output is closed"


class Terminal:
    """One output stream and its manners.

    Args:
        stream: where text goes; `None`, as Python has it for a stream that the caller closed, is nowhere:
            what is written there is lost, and `flush` says so.
        environ: environment variables; NO_COLOR, CLICOLOR_FORCE, TERM and COLUMNS count.
    """

    def __init__(self, stream: TextIO | None, environ: Mapping[str, str]) -> None:
        if isinstance(stream, io.TextIOWrapper):
            # An encoding that lacks a character must not turn an answer into a failure.
            stream.reconfigure(errors="backslashreplace")
        self.stream = stream
        self.is_terminal = stream is not None and stream.isatty()
        self.colour = _wants_colour(self.is_terminal, environ)
        self._environ = environ
        self._has_lost = False

    @property
    def width(self) -> int | None:
        """Columns of the terminal, `None` when the text goes elsewhere and must not be cut."""
        if not self.is_terminal:
            return None
        columns = self._environ.get("COLUMNS", "")
        if columns.isdigit() and int(columns) > 0:
            return int(columns)
        try:
            return os.get_terminal_size(self.stream.fileno() if self.stream else -1).columns or 80
        except (OSError, ValueError):
            return 80

    @property
    def height(self) -> int:
        """Lines of the terminal; what is usual where nothing tells."""
        try:
            lines = os.get_terminal_size(self.stream.fileno() if self.stream else -1).lines
        except (OSError, ValueError):
            lines = 0
        return lines or USUAL_HEIGHT

    def write(self, text: str) -> None:
        """Write text as it is and let the reader see it at once.

        Raises:
            BrokenPipeError: nobody reads any more.
            OscarError: it cannot be written, for want of space perhaps.
        """
        if self.stream is None:
            self._has_lost = self._has_lost or bool(text)
            return
        with self._written():
            self.stream.write(text)
            self.stream.flush()

    def write_bytes(self, data: bytes) -> None:
        """Write bytes as they are; raises as `write` does."""
        if self.stream is None:
            self._has_lost = self._has_lost or bool(data)
            return
        with self._written():
            self.stream.flush()
            self.stream.buffer.write(data)
            self.stream.buffer.flush()

    def flush(self) -> None:
        """Write what is left; raises as `write` does, and when something was lost for want of a stream."""
        if self.stream is None:
            if self._has_lost:
                raise OscarError(CLOSED)
            return
        with self._written():
            self.stream.flush()

    @contextmanager
    def _written(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            # What is left in the buffer would fail once more, and with a traceback, when Python ends.
            discard_output(self.stream)
            raise OscarError(f"cannot write the answer: {error.strerror}") from error

    def styled(self, text: str, code: str) -> str:
        """Wrap text in an ANSI style such as "1" (bold) or "32" (green) where colour is wanted."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text


def _wants_colour(is_terminal: bool, environ: Mapping[str, str]) -> bool:
    if environ.get("NO_COLOR"):
        return False
    if environ.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    return is_terminal and environ.get("TERM") != "dumb"


# C0, DEL and C1; line and paragraph separators; marks that turn the direction of text; halves of surrogate
# pairs, which cannot be written at all.
CONTROLS = "\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff"


def clean(text: str, *, keep: str = "") -> str:
    r"""Return text with control characters made visible (`\x1b`), so that no name can move the cursor.

    Args:
        text: anything that came from a server, a file or an object name.
        keep: control characters to let through, such as "\n\t" for a log.
    """
    return text if text.isprintable() else _controls(keep).sub(_escaped, text)


def clean_log(text: str) -> str:
    """Return what a program wrote with its lines as they are, and all that would move the cursor visible."""
    # The line ends of Windows end lines here, too; alone, a CR goes back to the start of the line.
    return clean(text.replace("\r\n", "\n"), keep="\n\t")


@cache
def _controls(keep: str) -> re.Pattern[str]:
    return re.compile(f"(?![{re.escape(keep)}])[{CONTROLS}]" if keep else f"[{CONTROLS}]")


def _escaped(match: re.Match[str]) -> str:
    # Written as in Python and JSON sources, so that the value can be read back.
    return match.group().encode("unicode_escape").decode("ascii")


@contextmanager
def exit_on_broken_pipe() -> Iterator[None]:
    """When the reader of stdout went away (`| head -1`), end as other Unix programs do: by SIGPIPE."""
    try:
        yield
    except BrokenPipeError:
        import signal

        # Python flushes stdout once more while it ends; there is nobody to write to.
        discard_output(sys.stdout)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGPIPE)


def discard_output(stream: TextIO | None) -> None:
    """Let what is still written to a stream vanish."""
    if stream is not None:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 -- a device, not a path of ours
            os.dup2(nowhere.fileno(), stream.fileno())
