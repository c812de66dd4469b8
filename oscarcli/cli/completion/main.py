"""What the scripts of the shells call at Tab: words in, words out, and silence about all that fails."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

# Nobody should have to wait longer for names; counted from the start of the program.
LIMIT = 1.0
LIMIT_VARIABLE = "OSCAR_CLI_COMPLETION_SECONDS"
# What starting Python took before this module could look at the clock, and what ending takes.
OVERHEAD = 0.1
COMMANDS = ("__complete", "__completeNoDesc")
# Python looks for modules of a text like this in the current folder, which may be anybody's.
FILL = (
    "import sys; sys.path = [folder for folder in sys.path if folder]; "
    "from oscarcli.cli.completion.main import fill; fill(sys.argv[1:])"
)


def main(words: Sequence[str]) -> None:
    """Answer a Tab and end.

    On stdout: a line for each word, with a tab and its description, and at last one with a colon and what
    the shell should add: `files`, `folders`, `nospace`.

    Args:
        words: `__complete` or, without descriptions, `__completeNoDesc`; then the words after the program's
            name, the last of which, perhaps empty, is being typed. Without any they are taken out of the
            variables COMP_LINE and COMP_POINT, as Bash gives them.
    """
    deadline = time.monotonic() + _limit(os.environ) - OVERHEAD
    try:
        text = answer(words[0], list(words[1:]), os.environ, deadline, fill_later)
        sys.stdout.write(text)
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001, S110 -- an error, or Ctrl-C, in the middle of somebody's typing
        pass
    # A thread may still wait for a server: nothing waits for it.
    os._exit(0)


def answer(
    command: str,
    words: list[str],
    environ: Mapping[str, str],
    deadline: float,
    fill: Callable[[list[str]], None] | None = None,
) -> str:
    """Return the text of an answer. Arguments as for `main` and `NameSource`; `fill` is given the words."""
    from oscarcli.cli.completion.candidates import NameSource
    from oscarcli.cli.completion.complete import complete
    from oscarcli.cli.kit.command_tree import read_tree

    if not words:
        words = _typed(environ)
    *before, current = words or [""]
    names = NameSource(deadline, environ, partial(fill, [*before, current]) if fill else None)
    found = complete(read_tree(), before, current, names)
    has_descriptions = command == COMMANDS[0]
    lines = [f"{word}\t{about}" if has_descriptions and about else word for word, about in found.pairs]
    directives = [
        name
        for name, holds in (
            ("files", found.takes_files),
            ("folders", found.takes_folders),
            ("nospace", found.goes_on),
        )
        if holds
    ]
    return "".join(f"{line}\n" for line in [*lines, f":{' '.join(directives)}"])


def fill_later(words: list[str]) -> None:
    """Have a process of its own ask for the names that a slow cluster has not told yet, for the next Tab.

    Args:
        words: those after the program's name, the last of which is being typed.
    """
    import subprocess

    process = subprocess.Popen(
        [sys.executable, "-c", FILL, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    # It outlives this one: nobody here waits for it.
    process.returncode = 0


def fill(words: list[str]) -> None:
    """Ask for names, so that they are remembered, and end. Arguments as for `fill_later`."""
    from oscarcli.cli.completion.name_cache import MAX_FILL_SECONDS

    try:
        answer(COMMANDS[1], words, os.environ, time.monotonic() + MAX_FILL_SECONDS)
    finally:
        # A thread may still wait for a server.
        os._exit(0)


def _limit(environ: Mapping[str, str]) -> float:
    """Return how many seconds a Tab may take; who is far away from a cluster may want more than the usual."""
    try:
        return float(environ.get(LIMIT_VARIABLE, LIMIT))
    except ValueError:
        return LIMIT


def _typed(environ: Mapping[str, str]) -> list[str]:
    from oscarcli.cli.completion.shell_split import split_line

    line = environ.get("COMP_LINE", "")
    point = environ.get("COMP_POINT", "")
    return split_line(line[: int(point)] if point.isdigit() else line)[1:]
