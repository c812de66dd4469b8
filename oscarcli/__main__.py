"""The program's entry: `oscar-cli` and `python -m oscarcli`."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import sys

INTERRUPTED = 130
# Objects that are made before circles of garbage are looked for: more than a start makes, all of which stay.
# To look through them, all at once or a few at a time, takes a tenth of a start.
OBJECTS_BETWEEN_COLLECTIONS = 100_000

# What the process ends with, once that is known.
_exit_codes: list[int] = []


def main() -> None:
    """Run the program with the words of the command line.

    The version, the root help and completion at Tab are answered before Typer is imported: it costs five
    times as much as starting Python.
    """
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    _end_before_destruction()
    _occupy_closed_streams()
    try:
        _main(sys.argv[1:])
    except KeyboardInterrupt:
        # Ctrl-C while modules are still being imported.
        sys.stderr.write("interrupted\n")
        _end_interrupted()
    except SystemExit as ending:
        if ending.code == INTERRUPTED:
            _end_interrupted()
        if isinstance(ending.code, int):
            _exit_codes.append(ending.code)
        raise
    _exit_codes.append(0)


def _end_before_destruction() -> None:
    """Let the process end when all is done: Python would destroy each object first.

    That takes a fifth of the time of most commands. Python calls functions for the end in the reverse order,
    when all threads have ended: the first one is called last. Where another one was first, such as that of a
    tool that measures coverage, Python ends as usual.
    """
    if not atexit._ncallbacks():
        atexit.register(_end)


def _end() -> None:
    """End with the code that the program has found, and with all that it wrote written."""
    if not _exit_codes:
        return
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        # Python will fail to write it, too, and says so.
        return
    os._exit(_exit_codes[-1])


def _occupy_closed_streams() -> None:
    """Keep the numbers of closed streams from the next file: what is meant for a stream would go there."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _end_interrupted() -> None:
    """End with the code of an interrupt, at once.

    Python itself remembers an interrupt that came while it executed a text, as dataclasses do when they are
    made, and would end by the signal instead, whatever was made of it since.
    """
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        # Closed, or full: there is nothing left to say.
        pass
    renewals = sys.modules.get("oscarcli.login.deferred_signals")
    if renewals is not None:
        # Threads go on until the process ends. A second Ctrl-C does not wait for them.
        with contextlib.suppress(KeyboardInterrupt):
            renewals.wait_for_renewals()
    programs = sys.modules.get("oscarcli.login.process")
    if programs is not None:
        with contextlib.suppress(KeyboardInterrupt):
            programs.end_all()
    os._exit(INTERRUPTED)


def _main(words: list[str]) -> None:
    if words == ["--version"]:
        from oscarcli import __version__

        _answer(f"oscar-cli {__version__}\n")
    elif words in ([], ["-h"], ["--help"]):
        from oscarcli.cli.commands import root_help

        _answer(root_help())
    elif words == ["help"]:
        from oscarcli.cli.commands import PROGRAM, all_commands, root_help
        from oscarcli.cli.kit.pages import list_of_pages

        _answer(root_help() + all_commands() + list_of_pages(PROGRAM))
    elif words[0] in ("__complete", "__completeNoDesc"):
        from oscarcli.cli.completion.main import main as complete

        complete(words)
    else:
        from oscarcli.cli.app import main as run

        run(words)


def _answer(text: str) -> None:
    from oscarcli.errors import OscarError
    from oscarcli.output.terminal import Terminal, exit_on_broken_pipe

    try:
        with exit_on_broken_pipe():
            terminal = Terminal(sys.stdout, {})
            terminal.write(text)
            terminal.flush()
    except OscarError as error:
        raise SystemExit(f"Error: {error.message}") from None


if __name__ == "__main__":
    main()
