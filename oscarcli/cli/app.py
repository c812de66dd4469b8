"""The root of the command line, and the one place that turns an error into an exit."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import cast

import typer
from typer.core import TyperOption

from oscarcli import __version__
from oscarcli.cli.commands import COMMANDS, ELSEWHERE, PROGRAM, VERSION_OPTION, find, root_help
from oscarcli.cli.kit import click
from oscarcli.cli.kit.argv import is_short, split_short
from oscarcli.cli.kit.command import CONTEXT_SETTINGS, Group, usage_hint
from oscarcli.cli.kit.destructive import OPTIONS, close_words
from oscarcli.cli.kit.make_group import make_group
from oscarcli.cli.kit.session import Session
from oscarcli.errors import ExitCode, OscarError, UsageError
from oscarcli.output.terminal import exit_on_broken_pipe


class Root(Group):
    """The root command: knows its children by name and imports one only when it is typed."""

    def __init__(self) -> None:
        super().__init__(name=PROGRAM, context_settings=CONTEXT_SETTINGS, rich_markup_mode=None)
        self.params.append(_version_option())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the noun or verb with this name or alias."""
        entry = find(cmd_name)
        if entry is None:
            return None
        module = importlib.import_module(f"oscarcli.cli.{entry.module}")
        group = make_group(module.app)
        return group if entry.is_noun else group.get_command(ctx, entry.name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; behind `help`, a page of the manual or a command to explain."""
        if args[0] == "help" and _is_topic(args[1:]):
            return args[0], self.get_command(ctx, args[0]), args[1:]
        return super().resolve_command(ctx, args)

    def known_words(self) -> list[str]:
        """Return all names and aliases."""
        return [name for entry in COMMANDS for name in entry.all_names]

    def unknown(self, ctx: click.Context, word: str) -> UsageError:
        """Return the error for a word that names no command; some are those of other tools."""
        near = close_words(word, [*self.known_words(), *ELSEWHERE])
        meant = ELSEWHERE.get(near[0] if near else "")
        if meant is None:
            return super().unknown(ctx, word)
        commands = " or ".join(f"{PROGRAM} {command}" for command in meant)
        return UsageError(f'unknown command "{word}" for "{PROGRAM}"', hint=f"did you mean: {commands}")

    def get_help(self, ctx: click.Context) -> str:
        """Return the help that is also shown without importing Typer."""
        return root_help().rstrip("\n")


def _version_option() -> TyperOption:
    def show(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
        if value and not context.resilient_parsing:
            cast("Session", context.obj).line(f"{PROGRAM} {__version__}")
            raise typer.Exit

    return TyperOption(
        param_decls=["version", VERSION_OPTION[0]],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        default=False,
        callback=show,
        help=VERSION_OPTION[1],
    )


def _is_topic(words: list[str]) -> bool:
    """Tell whether what stands behind `help` is a page, or nothing at all; a page goes before a command."""
    from oscarcli.cli.kit.pages import topics

    is_command = any(find(word) for word in words[:1])
    return not is_command or (len(words) == 1 and words[0] in topics())


def main(words: Sequence[str] | None = None) -> None:
    """Run a command line and exit with its code.

    Args:
        words: the words after the program's name; those of the process when omitted.

    Raises:
        SystemExit: always, with a code of `ExitCode`.
    """
    words = list(sys.argv[1:] if words is None else words)
    session = Session(os.environ)
    with exit_on_broken_pipe():
        code = _run(words, session)
    raise SystemExit(code)


def _run(words: list[str], session: Session) -> int:
    try:
        code = _invoked(words, session)
        # What is left belongs to the answer: when it cannot be written, the command failed.
        session.out.flush()
    except click.ClickException as error:
        return session.report(_usage_error(error), wants_json(words, session))
    except OscarError as error:
        return session.report(error, wants_json(words, session))
    except (KeyboardInterrupt, EOFError, typer.Abort):
        # The end of input comes from Ctrl-D at a question.
        return session.interrupted()
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 -- the boundary: no traceback reaches a user who did not ask
        return session.report_unexpected(error, wants_json(words, session))
    finally:
        session.close()
    return code


def _invoked(words: list[str], session: Session) -> int:
    root = Root()
    try:
        # Not Root.main(): it would end the program by itself when the reader of stdout has gone.
        with root.make_context(PROGRAM, words, obj=session) as context:
            root.invoke(context)
    except typer.Exit as ending:
        return ending.exit_code
    return ExitCode.OK


def _usage_error(error: click.ClickException) -> UsageError:
    context = getattr(error, "ctx", None)
    hint = usage_hint(context) if context is not None else f"'{PROGRAM} --help' explains it"
    if isinstance(error, click.NoSuchOption):
        message = error.message
        possible = sorted(set(error.possibilities or ()) - OPTIONS)
        if possible:
            hint = f"did you mean {' or '.join(possible)}? {hint}"
    else:
        message = error.format_message()
    message = message.rstrip(".")
    return UsageError(message[:1].lower() + message[1:], hint=hint)


def wants_json(words: Sequence[str], session: Session) -> bool:
    """Tell whether a command line asks for JSON, even when it could not be parsed to the end."""
    if session.output is not None:
        return session.output == "json"
    if session.formats is not None and "json" not in session.formats:
        return False
    pairs = zip(words, [*words[1:], ""], strict=True)
    return any(_asks_for_json(word, following) for word, following in pairs)


def _asks_for_json(word: str, following: str) -> bool:
    if is_short(word):
        found = split_short(word, "-o".__eq__)
        return any(name == "-o" and (value or following) == "json" for name, value in found)
    return word == "--output=json" or (word == "--output" and following == "json")
