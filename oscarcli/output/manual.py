"""Pages of the manual: laid out and paged for a person at a terminal, as they are written elsewhere."""

from __future__ import annotations

import io
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from typing import Literal

from oscarcli.output.terminal import Terminal

# Columns; longer lines are hard to read.
MAX_PAGE_WIDTH = 100
# `less` ends by itself when all fits on the screen, takes colour, and leaves the text there.
DEFAULT_PAGER = "less -FRX"
# Such a line may have a style of its own, from its begin to its end.
BLANK_LINES = re.compile(r"\n(?:(?:[^\S\n]|\x1b\[[0-9;]*m)*\n){2,}")


def show_page(markdown: str, terminal: Terminal, environ: Mapping[str, str]) -> None:
    """Write a page in Markdown.

    Args:
        markdown: the page.
        terminal: stdout.
        environ: environment variables; PAGER counts, and an empty one stands for none.

    Raises:
        BrokenPipeError: nobody reads any more.
        OscarError: it cannot be written.
    """
    width = terminal.width
    if width is None:
        terminal.write(markdown)
        return
    text = laid_out(markdown, min(width, MAX_PAGE_WIDTH), colour=terminal.colour)
    if not _paged(text, environ.get("PAGER", DEFAULT_PAGER), environ):
        terminal.write(text)


def laid_out(markdown: str, width: int, *, colour: bool) -> str:
    """Return a page as a terminal shows it.

    Args:
        markdown: the page.
        width: columns.
        colour: whether to use colour and weight.
    """
    from rich.console import Console
    from rich.markdown import Markdown

    text = io.StringIO()
    palette: Literal["standard"] | None = "standard" if colour else None
    console = Console(file=text, width=width, force_terminal=colour, color_system=palette, highlight=False)
    console.print(Markdown(markdown, code_theme="ansi_dark", hyperlinks=False))
    # The library leaves two blank lines around some parts, and a page had better fit one screen.
    return BLANK_LINES.sub("\n\n", text.getvalue())


def _paged(text: str, pager: str, environ: Mapping[str, str]) -> bool:
    """Give text to a pager; tell whether there was one that took it."""
    try:
        words = shlex.split(pager)
    except ValueError:
        return False
    if not words or shutil.which(words[0], path=environ.get("PATH")) is None:
        return False
    # Ctrl-C belongs to the pager while it runs; a person who quits it early breaks the pipe.
    with subprocess.Popen(words, stdin=subprocess.PIPE) as process:
        while True:
            try:
                process.communicate(text.encode())
            except BrokenPipeError:
                break
            except KeyboardInterrupt:
                continue
            break
    return True
