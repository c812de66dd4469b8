"""How commands are declared: names with aliases, common options everywhere, errors in our own words.

A noun's module makes `app = noun("...")` and registers verbs with `@app.command("list, ls")`: the first
name is the main one, the others are aliases, and help shows them all. Options that every command takes
(`--config`, `--cluster`, `--timeout`, `--verbose`, `--debug`), `-o/--output` and those about tables are added
here and go straight into the session, so a verb's function lists only what is its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Annotated, Any, NoReturn, TypeVar, cast

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from oscarcli.cli.kit import argv, click
from oscarcli.cli.kit.answer_options import Watch, all_formats, answer_options, settle_answer
from oscarcli.cli.kit.command_help import (
    answer_with_help,
    set_metavar,
    usage_piece,
    write_examples,
    write_options,
)
from oscarcli.cli.kit.destructive import close_words
from oscarcli.cli.kit.notify import NAME as NOTIFY
from oscarcli.cli.kit.notify import notified_end, notify_option
from oscarcli.cli.kit.options import common_options, table_options
from oscarcli.cli.kit.session import Session
from oscarcli.errors import OscarError, UsageError
from oscarcli.output.table import AS_USUAL, Column

Function = TypeVar("Function", bound=Callable[..., Any])

TABLE_FORMATS = ("table", "json", "yaml")
CONTEXT_SETTINGS: dict[str, Any] = {"help_option_names": list(argv.HELP), "max_content_width": 100}
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@contextmanager
def _errors_with_usage(ctx: click.Context) -> Iterator[None]:
    """Let every complaint about the command line know the command it is about."""
    try:
        yield
    except click.UsageError as error:
        error.ctx = error.ctx or ctx
        raise
    except UsageError as error:
        error.hint = error.hint or usage_hint(ctx)
        raise


def usage_hint(ctx: click.Context) -> str:
    """Return a command's usage in one line."""
    usage = " ".join(ctx.command.get_usage(ctx).removeprefix("Usage: ").split())
    return f"usage: {usage}; '{ctx.command_path} --help' explains it"


class Command(TyperCommand):
    """A verb.

    Args:
        formats: what `-o/--output` takes, the default one first; empty for no such option. A verb may
            declare the option itself when it takes more.
        columns: all columns of the table that it shows; empty when it shows none. They give the options
            about tables, and the forms `csv` and `name`.
        on_terminal: the default form there, where it is another one than in a pipe.
        watch: whether it can go on with its whole answer, or does so by itself with what changes; `None`
            when it cannot.
        optional_values: options that may stand alone, and are given an empty value then, or take `=VALUE`;
            and for each the words that it also takes behind a blank.
        waits: whether it may take long, and has `--notify` for that.
    """

    def __init__(
        self,
        *args: Any,
        formats: Sequence[str] = (),
        columns: Sequence[Column] = (),
        on_terminal: str | None = None,
        watch: Watch | None = None,
        optional_values: Mapping[str, Sequence[str]] | None = None,
        waits: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        formats = all_formats(formats, columns)
        self._formats = formats
        self._columns = columns
        self._on_terminal = on_terminal
        self._watch = watch
        self._optional_values = optional_values
        for param in self.params:
            set_metavar(param)
        has_output = any("--output" in param.opts for param in self.params)
        self.params += answer_options(formats, on_terminal, watch, has_output=has_output)
        if waits:
            self.params.append(notify_option())
        self.params += table_options(columns)
        self.params += common_options()

    def get_help_option(self, ctx: click.Context) -> TyperOption | None:
        """Return the option that shows help."""
        return answer_with_help(super().get_help_option(ctx))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse words as the reference client does: `-x=VALUE` and `--flag=false`, too."""
        session = cast("Session", ctx.obj)
        session.output, session.formats, session.layout = None, self._formats, AS_USUAL
        session.query, session.watches = None, False
        with _errors_with_usage(ctx):
            rest = super().parse_args(ctx, argv.rewrite_argv(args, self.params, self._optional_values))
            settle_answer(ctx, self._columns, self._on_terminal)
            return rest

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb."""
        session = cast("Session", ctx.obj)
        is_wanted = bool(ctx.params.pop(NOTIFY, False))
        try:
            with notified_end(session, ctx.command_path, wanted=is_wanted), _errors_with_usage(ctx):
                if session.watches and self._watch == "whole":
                    from oscarcli.cli.kit.watch import watch

                    watch(session, ctx.command_path, lambda: super(Command, self).invoke(ctx))
                return super().invoke(ctx)
        except OscarError as error:
            from oscarcli.cli.kit.similar_names import suggest_names

            suggest_names(ctx, session, error)
            raise

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the usage line's parts: `NAME` for what is needed, `[NAME]` for what is not."""
        arguments = [p for p in self.params if p.param_type_name == "argument"]
        return [str(self.options_metavar), *map(usage_piece, arguments)]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write examples, arguments, the verb's own options, and the common ones."""
        write_examples(ctx, formatter)
        write_options(self, ctx, formatter)


class Group(TyperGroup):
    """A noun: finds its verbs by any of their names, and says what it has when nothing is asked."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.no_args_is_help = False
        self.invoke_without_command = True
        self.params += common_options()

    def get_help_option(self, ctx: click.Context) -> TyperOption | None:
        """Return the option that shows help."""
        return answer_with_help(super().get_help_option(ctx))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words before the verb; options of the verb may stand there too."""
        with _errors_with_usage(ctx):
            return super().parse_args(ctx, argv.verb_first(args, self.params, self.known_words()))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the verb with this name or alias; the first one, where several have it."""
        return next((c for _, c in self._named(cmd_name)), None)

    def _named(self, word: str) -> list[tuple[str, click.Command]]:
        """Return the verbs with this name or alias, each with its main name."""
        return [
            (names.split(", ")[0], self.commands[names])
            for names in self.commands
            if word in names.split(", ")
        ]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write examples, the verbs, then the options."""
        write_examples(ctx, formatter)
        self.format_commands(ctx, formatter)
        write_options(self, ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs with their aliases."""
        rows = [(names, c.get_short_help_str(200)) for names, c in self.commands.items() if not c.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; without one, show help: asking a noun what it can do is not a mistake."""
        if not ctx._protected_args:
            cast("Session", ctx.obj).answer(ctx.get_help() + "\n")
            return None
        return super().invoke(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb that the first word names. Raises UsageError with the nearest names."""
        if args[0] == "help":
            args = [*args[1:], "--help"]
        named = self._named(args[0])
        if len(named) > 1 and (not args[1:] or args[1] in argv.HELP):
            self._explain(ctx, named)
        command = self.get_command(ctx, args[0])
        if command is None:
            if args[0] in argv.HELP:
                cast("Session", ctx.obj).answer(ctx.get_help() + "\n")
                raise typer.Exit
            raise self.unknown(ctx, args[0])
        return args[0], command, args[1:]

    def _explain(self, ctx: click.Context, named: Sequence[tuple[str, click.Command]]) -> NoReturn:
        """Show the help of all verbs that an alias stands for."""
        contexts = [command.context_class(command, info_name=name, parent=ctx) for name, command in named]
        helps = [context.command.get_help(context) for context in contexts]
        cast("Session", ctx.obj).answer("\n\n".join(helps) + "\n")
        raise typer.Exit

    def unknown(self, ctx: click.Context, word: str) -> UsageError:
        """Return the error for a word that names no verb."""
        return unknown_command(word, ctx.command_path, self.known_words())

    def known_words(self) -> list[str]:
        """Return all names and aliases of the verbs."""
        return [word for names in self.commands for word in names.split(", ")]


def unknown_command(word: str, path: str, known: Sequence[str]) -> UsageError:
    """Return the error for a word that names no command."""
    close = close_words(word, known)
    suggestion = f"did you mean {' or '.join(repr(name) for name in close)}? " if close else ""
    hint = f"{suggestion}'{path} --help' lists the commands"
    return UsageError(f'unknown command "{word}" for "{path}"', hint=hint)


class Noun(typer.Typer):
    """A Typer application whose verbs may have aliases, formats and options with optional values."""

    def command(  # type: ignore[override]
        self,
        names: str,
        *,
        formats: Sequence[str] = (),
        columns: Sequence[Column] = (),
        on_terminal: str | None = None,
        watch: Watch | None = None,
        optional_values: Mapping[str, Sequence[str]] | None = None,
        waits: bool = False,
        **kwargs: Any,
    ) -> Callable[[Function], Function]:
        """Register a verb.

        Args:
            names: main name and aliases, separated by a comma and a blank.
            formats: what `-o/--output` takes, the default first; `TABLE_FORMATS` is usual.
            columns: all columns of the table that it may show, for `--columns` and its like.
            on_terminal: the default form there, where it is another one than in a pipe.
            watch: how it goes on with `--watch`; `None` for no such option.
            optional_values: options that may stand without a value; see `Command`.
            waits: whether it has `--notify`.
            kwargs: as for `typer.Typer.command`.
        """
        made = partial(
            Command,
            formats=formats,
            columns=columns,
            on_terminal=on_terminal,
            watch=watch,
            optional_values=optional_values,
            waits=waits,
        )
        cls = cast("type[TyperCommand]", made)
        return super().command(names, cls=cls, context_settings=CONTEXT_SETTINGS, **kwargs)

    def include(self, other: Noun) -> None:
        """Take over the verbs of another module, which stand beside this noun's own."""
        self.registered_commands += other.registered_commands


def noun(text: str) -> Noun:
    """Return an empty noun; `text` is its help."""
    return Noun(
        cls=Group,
        help=text,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings=CONTEXT_SETTINGS,
        callback=_no_operation,
    )


def _no_operation() -> None:
    """A noun does nothing by itself."""
