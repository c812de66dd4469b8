"""`interactive`: clusters, services, jobs, logs, buckets and files on a full screen."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from oscarcli.cli.kit.command import noun
from oscarcli.cli.kit.session import Session
from oscarcli.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from oscarcli.api.client import Client
    from oscarcli.tui.access import Access

app = noun("A full screen of clusters.")

# Seconds to wait for a cluster, where --timeout does not tell: somebody is looking at the screen.
ANSWER_SECONDS = 15.0


@app.command("interactive, ui")
def interactive(
    ctx: typer.Context,
    refresh: Annotated[
        float,
        typer.Option("--refresh", metavar="SECONDS", min=0, help="Look anew so often; 0 for never."),
    ] = 5.0,
) -> None:
    """Show clusters on a full screen; every command runs from there, too.

    Keys are on the screen's last line, and all of them behind '?'. Needs the extra tui.
    """
    from oscarcli.tui.requirements import require_library

    session: Session = ctx.obj
    _require_terminal(session)
    require_library("textual", "the full-screen interface")
    from oscarcli.tui.app import InteractiveApp

    screen = InteractiveApp(_access(session, refresh))
    with session.diagnostics.above(screen):
        screen.run()
    _end_as_signalled(screen.ended_by)


def _end_as_signalled(number: int | None) -> None:
    """End as a program does that a signal ends; the terminal is given back by now."""
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    if number is not None:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def _require_terminal(session: Session) -> None:
    if not (session.can_ask and session.out.is_terminal and sys.stdin.isatty()):
        raise UsageError(
            "the full-screen interface needs a terminal",
            hint="in a script, 'oscar-cli service list' and the other commands tell the same",
        )


def _access(session: Session, refresh: float) -> Access:
    """Return the way to clusters. Raises ConfigError when there is none, or none of the chosen id."""
    from oscarcli.config.environment import IDENTIFIER
    from oscarcli.tui.access import Access

    clusters = session.config.clusters
    if not clusters:
        raise ConfigError(
            "there are no clusters to look at",
            hint="'oscar-cli local start' makes one on this machine, 'oscar-cli cluster add' stores one",
        )
    is_chosen = session.cluster_option or session.environ.get("OSCAR_CLI_CLUSTER") or IDENTIFIER in clusters
    start = session.cluster_id if is_chosen else session.config.default
    session.timeout = session.timeout or ANSWER_SECONDS
    # Two threads that ask for the same client at once get the same one.
    lock = threading.Lock()

    def connect(cluster: str) -> Client:
        with lock:
            return session.api_for(cluster)

    return Access(
        clusters=clusters,
        start=start if start in clusters else None,
        connect=connect,
        mask=session.diagnostics.masked,
        environ=session.environ,
        refresh_seconds=refresh,
    )
