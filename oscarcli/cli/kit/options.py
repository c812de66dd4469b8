"""Options that many commands have: those of every command, and those about the look of a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

from typer.core import TyperOption

from oscarcli.cli.commands import COMMON_OPTIONS
from oscarcli.cli.kit import click
from oscarcli.cli.kit.session import Session
from oscarcli.errors import UsageError
from oscarcli.output.table import AS_USUAL, Column, column_name, selected

MAX_TIMEOUT_SECONDS = 1e6
# What has a header and columns.
TABULAR = ("table", "csv")
# The form that is the names of a table's rows.
NAMES = "name"


class CommonOption(TyperOption):
    """An option that every command has. Its value goes into the session, not to the verb."""


class TableOption(TyperOption):
    """An option about a table, for every command that shows one; `choices` are names of columns."""

    choices: Sequence[str] = ()


def remember(name: str) -> Callable[[Any, Any, Any], Any]:
    """Return an option callback that puts a given value into the session."""

    def callback(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        if name == "timeout" and value is not None and not 0 < value <= MAX_TIMEOUT_SECONDS:
            text = f"{value:g} is not a number of seconds above 0"
            raise click.BadParameter(text, ctx=context, param=parameter)
        if name == "config_option" and value == "":
            raise click.BadParameter("a path is needed", ctx=context, param=parameter)
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
        _option(["--timeout"], "timeout", "SECONDS", helps[2], kind=click.FLOAT),
        _option(["--verbose", "-v"], "verbose", None, helps[3], is_flag=True),
        _option(["--debug"], "debug", None, helps[4], is_flag=True),
    ]


def _option(
    names: list[str], field: str, metavar: str | None, text: str, *, kind: Any = None, is_flag: bool = False
) -> CommonOption:
    return CommonOption(
        param_decls=[f"common_{field}", *names],
        expose_value=False,
        callback=remember(field),
        type=kind,
        metavar=metavar,
        help=text,
        is_flag=is_flag or None,
        default=False if is_flag else None,
        show_default=False,
    )


# -- tables --------------------------------------------------------------------------------------------


def table_options(columns: Sequence[Column]) -> list[click.Parameter]:
    """Return the options about a table with these columns; none when there are no columns."""
    if not columns:
        return []
    known = list(dict.fromkeys(column_name(column.title) for column in columns))
    names = ", ".join(known)

    def chosen(text: str) -> tuple[str, ...]:
        wanted = tuple(name.strip() for name in text.split(",") if name.strip())
        if not wanted:
            raise UsageError(f"--columns: name some of {names}")
        return wanted

    chooser = TableOption(
        param_decls=["table_columns", "--columns"],
        expose_value=False,
        callback=_arrange("columns", chosen),
        metavar="NAME,...",
        help=f"Only these columns, of {names}.",
    )
    chooser.choices = known
    options: list[click.Parameter] = [
        chooser,
        _table_flag(["--no-headers"], "has_header", False, "No line of titles."),
        _table_flag(["--quiet", "-q"], "names_only", True, "Only the name of each row."),
    ]
    if any(column.is_time for column in columns):
        text = "On a terminal, times as distances, such as 3 minutes ago."
        options.append(_table_flag(["--relative"], "is_relative", True, text))
    return options


def _table_flag(names: list[str], field: str, setting: bool, text: str) -> TableOption:
    return TableOption(
        param_decls=[f"table_{field}", *names],
        expose_value=False,
        callback=_arrange(field, lambda _: setting),
        help=text,
        is_flag=True,
        default=False,
        show_default=False,
    )


def _arrange(field: str, setting: Callable[[Any], Any]) -> Callable[[Any, Any, Any], Any]:
    """Return an option callback that puts what a given value means into the session's layout."""

    def callback(context: click.Context, _parameter: click.Parameter, value: Any) -> Any:
        if value not in (None, False) and not context.resilient_parsing:
            session = cast("Session", context.obj)
            session.layout = replace(session.layout, **{field: setting(value)})
        return value

    return callback


def settle_layout(context: click.Context, columns: Sequence[Column]) -> None:
    """Let options about a table choose the table.

    Args:
        context: of a verb whose words are all read.
        columns: all that its table may have; what has other ones in CSV checks them when it writes them.

    Raises:
        UsageError: another form of the answer was asked for, too, or a column that there is not.
    """
    session = cast("Session", context.obj)
    if context.resilient_parsing:
        return
    if session.output == NAMES:
        session.output, session.layout = TABULAR[0], replace(session.layout, names_only=True)
    if session.layout == AS_USUAL:
        return
    if not is_given(context, "common_output"):
        session.output = TABULAR[0]
    fits = TABULAR[:1] if session.layout.names_only or session.layout.is_relative else TABULAR
    if session.output not in fits:
        options = [param for param in context.command.params if isinstance(param, TableOption)]
        given = ", ".join(param.opts[0] for param in options if is_given(context, str(param.name)))
        raise UsageError(f"{given}: this goes with -o {' and '.join(fits)} only, not with {session.output}")
    if session.output == TABULAR[0]:
        selected(columns, session.layout.columns)


def is_given(context: click.Context, name: str) -> bool:
    """Tell whether a parameter was given on the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
