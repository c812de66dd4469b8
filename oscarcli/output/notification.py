"""A word to whoever does something else meanwhile: a notification of the desktop, or the terminal's bell."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence

from oscarcli.output.terminal import Terminal, clean

BELL = "\a"
MAX_SECONDS = 5.0
MAX_CHARACTERS = 200
# What the two words are given to as arguments: they are no part of the script.
_APPLE_SCRIPT = (
    "on run words",
    "display notification (item 2 of words) with title (item 1 of words)",
    "end run",
)


def notify(title: str, text: str, terminal: Terminal, environ: Mapping[str, str]) -> None:
    """Tell that something has ended. That nobody can be told is no failure.

    Args:
        title: what has ended.
        text: how.
        terminal: its bell rings where there is no desktop, for example behind SSH.
        environ: environment variables: PATH, and those that tell of a desktop.
    """
    words = [clean(word)[:MAX_CHARACTERS] for word in (title, text)]
    command = _command(words, environ)
    if (command is None or not _has_run(command)) and terminal.is_terminal:
        terminal.write(BELL)


def _command(words: Sequence[str], environ: Mapping[str, str]) -> list[str] | None:
    """Return the command that shows a notification, `None` without a desktop or such a command."""
    if sys.platform == "darwin":
        lines = [part for line in _APPLE_SCRIPT for part in ("-e", line)]
        return ["osascript", *lines, "--", *words]
    has_desktop = environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")
    program = shutil.which("notify-send", path=environ.get("PATH")) if has_desktop else None
    return [program, "--app-name=oscar-cli", "--", *words] if program else None


def _has_run(command: Sequence[str]) -> bool:
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=MAX_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return False
    return True
