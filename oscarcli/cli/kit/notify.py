"""`--notify`: whoever waits for a command may do something else meanwhile, and is told when it has ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from typer.core import TyperOption

from oscarcli.cli.kit.session import Session
from oscarcli.errors import OscarError

NAME = "notify"


def notify_option() -> TyperOption:
    """Return the option, whose value a `Command` takes out again before its verb is called."""
    return TyperOption(
        param_decls=[NAME, "--notify"],
        is_flag=True,
        default=False,
        help="Tell at the end, by a notification of the desktop or the terminal's bell.",
    )


@contextmanager
def notified_end(session: Session, command: str, *, wanted: bool) -> Iterator[None]:
    """Tell how a command has ended; of Ctrl-C who pressed it knows.

    Args:
        session: the run.
        command: its words.
        wanted: whether to tell at all.
    """
    if not wanted:
        yield
        return
    how = "done"
    try:
        yield
    except OscarError as error:
        how = f"failed: {error.message}"
        raise
    except typer.Exit as ending:
        how = "done" if ending.exit_code == 0 else f"ended with code {ending.exit_code}"
        raise
    except KeyboardInterrupt:
        how = ""
        raise
    except Exception:
        how = "failed"
        raise
    finally:
        if how:
            from oscarcli.output.notification import notify

            diagnostics = session.diagnostics
            notify(command, diagnostics.masked(how), diagnostics.terminal, session.environ)
