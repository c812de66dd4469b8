"""`interactive`: clusters, services, jobs, logs, buckets and files on a full screen."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from oscarcli.cli.kit.command import noun
from oscarcli.cli.kit.session import Session
from oscarcli.errors import ConfigError, UsageError
from oscarcli.files import file_state

if TYPE_CHECKING:
    from oscarcli.api.client import Client
    from oscarcli.config.model import Cluster
    from oscarcli.tui.access import Access, PaletteCommand

app = noun("A full screen of clusters.")

# Seconds to wait for a cluster, where --timeout does not tell: somebody is looking at the screen.
ANSWER_SECONDS = 15.0
PROGRAM_WORDS = (sys.executable, "-m", "oscarcli")
# What textual-serve tells the program of a screen to draw with.
WEB_DRIVER = "textual.drivers.web_driver:WebDriver"
# Commands that are about no cluster, or about all of them.
WITHOUT_CLUSTER = (
    "cluster add", "cluster default", "cluster delete", "cluster list", "completion", "graph", "help",
    "hub list", "hub search", "hub show", "init", "local", "validate", "version",
)  # fmt: skip


@app.command("interactive, ui")
def interactive(
    ctx: typer.Context,
    refresh: Annotated[
        float,
        typer.Option("--refresh", metavar="SECONDS", min=0, help="Time between refreshes; 0 for none."),
    ] = 5.0,
    web: Annotated[
        bool, typer.Option("--web", help="Show it in a browser of this machine, and print the address.")
    ] = False,
    port: Annotated[
        int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="For --web; 0 is a free one.")
    ] = 0,
) -> None:
    """Show clusters on a full screen; every command runs from there, too.

    Keys are on the screen's last line, and all of them behind '?'. Needs the extra tui.
    """
    from oscarcli.tui.requirements import require_library

    session: Session = ctx.obj
    if port and not web:
        raise UsageError("--port is for --web")
    require_library("textual", "the full-screen interface")
    if web:
        _serve(session, refresh, port)
        return
    _require_terminal(session)
    from oscarcli.tui.app import InteractiveApp
    from oscarcli.tui.terminal_end import end_with_terminal

    end_with_terminal()
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


def _serve(session: Session, refresh: float, port: int) -> None:
    """Serve the screen to a browser until Ctrl-C; each screen is this program once more."""
    from oscarcli.tui.requirements import require_library

    require_library("textual_serve", "the screen in a browser")
    from oscarcli.tui.web.server import WebScreen

    # What would keep a screen from opening is told here rather than in the browser.
    _access(session, refresh)
    words = ["interactive", "--refresh", f"{refresh:g}"]
    options = {"--config": session.config_option, "--cluster": session.cluster_option}
    for name, value in options.items():
        words += [f"{name}={value}"] if value else []

    def announce(address: str) -> None:
        session.line(address)
        session.note("open it in a browser of this machine; it works once. Ctrl-C ends it")

    WebScreen([*PROGRAM_WORDS, *words], port, announce).serve()


def _require_terminal(session: Session) -> None:
    if _is_web(session):
        return
    if not (session.can_ask and session.out.is_terminal and sys.stdin.isatty()):
        raise UsageError(
            "the full-screen interface needs a terminal",
            hint="in a script, 'oscar-cli service list' and the other commands tell the same",
        )


def _is_web(session: Session) -> bool:
    """Tell whether this is the program of a screen in a browser: its streams are pipes to the server."""
    return session.environ.get("TEXTUAL_DRIVER") == WEB_DRIVER


def _commands() -> list[PaletteCommand]:
    """Return what the palette offers: every command but the one that is running."""
    from oscarcli.cli.kit.command_tree import CommandNode, read_tree
    from oscarcli.tui.access import PaletteCommand

    def verbs(node: CommandNode) -> Iterator[CommandNode]:
        children = {id(child): child for child in node.children.values()}
        if not children and node.path:
            yield node
        for child in children.values():
            yield from verbs(child)

    return [
        PaletteCommand(verb.path, verb.help, tuple(verb.arguments), not verb.path.startswith(WITHOUT_CLUSTER))
        for verb in verbs(read_tree())
        if verb.path != "interactive"
    ]


def _access(session: Session, refresh: float) -> Access:
    """Return the way to clusters. Raises ConfigError when there is none, or none of the chosen id."""
    from oscarcli.config.environment import IDENTIFIER
    from oscarcli.config.model import HOW_TO_BEGIN
    from oscarcli.tui.access import Access

    clusters = dict(session.config.clusters)
    if not clusters:
        raise ConfigError(
            "there are no clusters to look at",
            hint=HOW_TO_BEGIN,
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
        reread=_rereader(session, clusters, lock),
        mask=session.diagnostics.masked,
        commands=_commands(),
        program=PROGRAM_WORDS,
        environ=_environ(session),
        refresh_seconds=refresh,
        is_web=_is_web(session),
    )


def _rereader(session: Session, clusters: dict[str, Cluster], lock: threading.Lock) -> Callable[[], None]:
    """Return what brings clusters up to date with the file, when that has changed.

    Args:
        session: the run.
        clusters: those that are shown.
        lock: of the clients; those of clusters that have changed are made anew.
    """
    seen = file_state(session.config_path)

    def reread() -> None:
        nonlocal seen
        now = file_state(session.config_path)
        if now == seen:
            return
        session.forget_configuration()
        found = session.config.clusters
        with lock:
            for name in {*clusters, *found}:
                if clusters.get(name) != found.get(name):
                    session.forget_client(name)
            clusters.update(found)
            for gone in clusters.keys() - found.keys():
                del clusters[gone]
        seen = now

    return reread


def _environ(session: Session) -> dict[str, str]:
    """Return the variables for commands that are run from the screen: of a browser they know nothing."""
    own = {name: value for name, value in session.environ.items() if not name.startswith("TEXTUAL")}
    return {**own, "OSCAR_CLI_CONFIG": session.config_option} if session.config_option else own
