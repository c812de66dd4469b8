"""The root of the command line, and the one place that turns an error into an exit."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer import _click as click
from typer.main import get_group

from oscarcli.cli.commands import COMMANDS, PROGRAM, find, root_help
from oscarcli.cli.framework import CONTEXT_SETTINGS, Group
from oscarcli.cli.session import Session
from oscarcli.errors import ExitCode, OscarError, UsageError
from oscarcli.output.terminal import leave_broken_pipe


class Root(Group):
    """The root command: knows its children by name and imports one only when it is typed."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the noun or verb with this name or alias."""
        entry = find(cmd_name)
        if entry is None:
            return None
        module = importlib.import_module(f"oscarcli.cli.{entry.module}")
        group = get_group(module.app)
        return group if entry.is_noun else group.get_command(ctx, entry.name)

    def known_words(self) -> list[str]:
        """Return all names and aliases, for suggestions."""
        return [name for entry in COMMANDS for name in entry.all_names]

    def get_help(self, ctx: click.Context) -> str:
        """Return the help that is also shown without importing Typer."""
        return root_help().rstrip("\n")


def main(words: Sequence[str] | None = None) -> None:
    """Run a command line and exit with its code.

    Args:
        words: the words after the program's name; those of the process when omitted.

    Raises:
        SystemExit: always, with a code of `ExitCode`.
    """
    words = list(sys.argv[1:] if words is None else words)
    session = Session(os.environ)
    with leave_broken_pipe():
        code = _run(words, session)
        sys.stdout.flush()
    raise SystemExit(code)


def _run(words: list[str], session: Session) -> int:
    root = Root(name=PROGRAM, context_settings=CONTEXT_SETTINGS, rich_markup_mode=None)
    try:
        result: Any = root.main(words, prog_name=PROGRAM, standalone_mode=False, obj=session)
    except click.exceptions.ClickException as error:
        return session.report(_usage_error(error), wants_json(words))
    except OscarError as error:
        return session.report(error, wants_json(words))
    except (KeyboardInterrupt, typer.Abort):
        return session.interrupted()
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 -- the boundary: no traceback reaches a user who did not ask
        return session.report_unexpected(error, wants_json(words))
    finally:
        session.close()
    # Typer answers Ctrl-C with a code instead of an exception.
    if result == ExitCode.INTERRUPTED:
        return session.interrupted()
    return result if isinstance(result, int) else ExitCode.OK


def _usage_error(error: click.exceptions.ClickException) -> UsageError:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else PROGRAM
    usage = context.command.get_usage(context).removeprefix("Usage: ") if context is not None else ""
    message = error.format_message().rstrip(".")
    return UsageError(
        message[:1].lower() + message[1:], hint=f"usage: {usage}\nhint: '{path} --help' explains it"
    )


def wants_json(words: Sequence[str]) -> bool:
    """Tell whether a command line asks for JSON, without knowing its command: it may not have parsed."""
    pairs = zip(words, [*words[1:], ""], strict=True)
    return any(
        word in ("-ojson", "--output=json", "-o=json") or (word in ("-o", "--output") and following == "json")
        for word, following in pairs
    )
