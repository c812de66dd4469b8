"""The program's entry: `oscar-cli` and `python -m oscarcli`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the program with the words of the command line.

    The version and the root help are answered before Typer is imported: it costs five times as much as
    starting Python.
    """
    words = sys.argv[1:]
    if words == ["--version"]:
        from oscarcli import __version__

        _answer(f"oscar-cli {__version__}\n")
    elif words in ([], ["-h"], ["--help"], ["help"]):
        from oscarcli.cli.commands import root_help

        _answer(root_help())
    else:
        from oscarcli.cli.app import main as run

        run(words)


def _answer(text: str) -> None:
    from oscarcli.output.terminal import leave_broken_pipe

    with leave_broken_pipe():
        sys.stdout.write(text)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
