"""Start-up of whole commands, as ratios to a bare interpreter and to a trivial Typer program.

Goals: `--version` at most 4 times a bare interpreter, `--help` at most 6, `service list` on loopback at
most 20.
"""

from __future__ import annotations

import os
import sys

from measure import OSCAR, cluster, ratio, write

BARE = [sys.executable, "-c", "pass"]
TYPER = [sys.executable, "-c", "import typer; a = typer.Typer(); a.command()(lambda: None); a()"]


def main() -> None:
    """Print one line a command."""
    plain = dict(os.environ)
    write(f"{'trivial Typer program':24} {ratio(TYPER, BARE, plain)} a bare interpreter")
    for words in (["--version"], ["--help"]):
        write(f"{' '.join(words):24} {ratio([OSCAR, *words], BARE, plain)} a bare interpreter")
    with cluster() as (_, environ, _):
        for words in (["cluster", "list"], ["service", "list"]):
            name = " ".join(words)
            write(f"{name:24} {ratio([OSCAR, *words], BARE, environ)} a bare interpreter")
            write(f"{'':24} {ratio([OSCAR, *words], TYPER, environ)} a trivial Typer program")


if __name__ == "__main__":
    main()
