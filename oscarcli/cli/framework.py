"""How commands are declared: names with aliases, common options everywhere, errors in our own words.

A noun's module makes `app = noun("...")` and registers verbs with `@app.command("list, ls")`: the first
name is the main one, the others are aliases, and help shows them all. Options that every command takes
(`--config`, `--cluster`, `--timeout`, `--verbose`, `--debug`) and `-o/--output` are added here and go
straight into the session, so a verb's function lists only what is its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from functools import partial
from typing import Annotated, Any, TypeVar, cast

import typer
from typer import _click as click
from typer._types import TyperChoice
from typer.core import TyperCommand, TyperGroup, TyperOption

from oscarcli.cli.commands import COMMON_OPTIONS
from oscarcli.cli.session import Session
from oscarcli.errors import UsageError

Function = TypeVar("Function", bound=Callable[..., Any])

TABLE_FORMATS = ("table", "json", "yaml")
CONTEXT_SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
TRUE_WORDS = ("true", "t", "1")
FALSE_WORDS = ("false", "f", "0")


def _remember(name: str) -> Callable[[Any, Any, Any], Any]:
    """Return an option callback that puts a given value into the session."""

    def callback(context: click.Context, _parameter: click.Parameter, value: Any) -> Any:
        if value not in (None, False) and not context.resilient_parsing:
            setattr(cast("Session", context.obj), name, value)
        return value

    return callback


def common_options() -> list[click.Parameter]:
    """Return the options that every noun and every verb takes."""
    helps = [text for _, text in COMMON_OPTIONS]
    return [
        _option(["--config"], "config_option", "PATH", helps[0]),
        _option(["--cluster", "-c"], "cluster_option", "ID", helps[1]),
        _option(["--timeout"], "timeout", "SECONDS", helps[2], kind=click.types.FloatRange(min=0.001)),
        _option(["--verbose", "-v"], "verbose", None, helps[3], is_flag=True),
        _option(["--debug"], "debug", None, helps[4], is_flag=True),
    ]


def _option(
    names: list[str], field: str, metavar: str | None, text: str, *, kind: Any = None, is_flag: bool = False
) -> click.Parameter:
    return TyperOption(
        param_decls=[f"common_{field}", *names],
        expose_value=False,
        callback=_remember(field),
        type=kind,
        metavar=metavar,
        help=text,
        is_flag=is_flag or None,
        default=False if is_flag else None,
        show_default=False,
    )


def _output_option(formats: Sequence[str]) -> click.Parameter:
    kind = TyperChoice(list(formats))
    text = f"Form of the answer; default {formats[0]}."
    option = _option(["--output", "-o"], "output", None, text, kind=kind)
    option.default = formats[0]
    return option


class Command(TyperCommand):
    """A verb.

    Args:
        formats: what `-o/--output` takes, the default one first; empty for no such option.
        optional_values: options that may stand alone, take `=VALUE`, or take the next word. Standing
            alone, they are given an empty value.
    """

    def __init__(
        self, *args: Any, formats: Sequence[str] = (), optional_values: Sequence[str] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._optional_values = optional_values
        if formats:
            self.params.append(_output_option(formats))
        self.params += common_options()

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse words as the reference client does: `--flag=false` too."""
        ctx.obj.output = None
        return super().parse_args(ctx, _rewritten(args, self.params, self._optional_values))


def _rewritten(
    args: list[str], params: Sequence[click.Parameter], optional_values: Sequence[str]
) -> list[str]:
    flags = {name for param in params if getattr(param, "is_flag", False) for name in param.opts}
    words: list[str] = []
    for index, word in enumerate(args):
        if word == "--":
            return words + args[index:]
        name, equals, value = word.partition("=")
        if equals and name in flags and value.lower() in (*TRUE_WORDS, *FALSE_WORDS):
            words += [name] if value.lower() in TRUE_WORDS else []
        elif word in optional_values and (index + 1 == len(args) or args[index + 1].startswith("-")):
            words.append(f"{word}=")
        else:
            words.append(word)
    return words


class Group(TyperGroup):
    """A noun: finds its verbs by any of their names, and says what it has when nothing is asked."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.no_args_is_help = False
        self.invoke_without_command = True
        self.params += common_options()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the verb with this name or alias."""
        return next((c for names, c in self.commands.items() if cmd_name in names.split(", ")), None)

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
        command = self.get_command(ctx, args[0])
        if command is None:
            if args[0] == "--help":
                cast("Session", ctx.obj).answer(ctx.get_help() + "\n")
                raise typer.Exit
            raise unknown_command(args[0], ctx.command_path, self.known_words())
        return args[0], command, args[1:]

    def known_words(self) -> list[str]:
        """Return all names and aliases, for suggestions."""
        return [word for names in self.commands for word in names.split(", ")]


def unknown_command(word: str, path: str, known: Sequence[str]) -> UsageError:
    """Return the error for a word that names no command."""
    close = get_close_matches(word, [name for name in known if len(name) > 1], n=3)
    suggestion = f"did you mean {' or '.join(repr(name) for name in close)}? " if close else ""
    hint = f"{suggestion}'{path} --help' lists the commands"
    return UsageError(f'unknown command "{word}" for "{path}"', hint=hint)


class Noun(typer.Typer):
    """A Typer application whose verbs may have aliases, formats and options with optional values."""

    def command(  # type: ignore[override]
        self, names: str, *, formats: Sequence[str] = (), optional_values: Sequence[str] = (), **kwargs: Any
    ) -> Callable[[Function], Function]:
        """Register a verb.

        Args:
            names: main name and aliases, separated by a comma and a blank.
            formats: what `-o/--output` takes, the default first; `TABLE_FORMATS` is usual.
            optional_values: names of options that may stand without a value.
            kwargs: as for `typer.Typer.command`.
        """
        cls = cast("type[TyperCommand]", partial(Command, formats=formats, optional_values=optional_values))
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
