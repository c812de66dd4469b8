"""Options about the answer: its form, what of it is wanted, and whether it comes again and again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast

from typer.core import TyperOption

from oscarcli.cli.kit import click
from oscarcli.cli.kit.console import DEFAULT_INTERVAL_SECONDS
from oscarcli.cli.kit.options import NAMES, TABULAR, is_given, remember, settle_layout
from oscarcli.cli.kit.session import Session
from oscarcli.errors import UsageError
from oscarcli.output.table import Column

# What `--query` can choose from; the first when no form is asked for.
DOCUMENTS = ("json", "yaml")
MIN_INTERVAL_SECONDS, MAX_INTERVAL_SECONDS = 0.1, 86_400.0
# How a command goes on: its whole answer again, or, in a pipe, what has changed since.
Watch = Literal["whole", "changes"]


def answer_options(
    formats: Sequence[str], on_terminal: str | None, watch: Watch | None, *, has_output: bool
) -> list[click.Parameter]:
    """Return the options about the answer of a command.

    Args:
        formats: that it takes, the default first; empty for none.
        on_terminal: the default there, if another one.
        watch: how it goes on; `None` when it does not.
        has_output: whether it declares `-o/--output` itself.
    """
    options: list[click.Parameter] = (
        [] if has_output or not formats else [output_option(formats, on_terminal)]
    )
    if DOCUMENTS[0] in formats:
        options.append(query_option())
    return [*options, *watch_options(watch)]


def settle_answer(context: click.Context, columns: Sequence[Column], on_terminal: str | None) -> None:
    """Let what was given, and where it goes, choose the form of the answer.

    Args:
        context: of a verb whose words are all read.
        columns: all that its table may have.
        on_terminal: the form for a person, where a pipe gets another one; `None` when both get the default.

    Raises:
        UsageError: options do not go with each other, or there is no column of a name.
    """
    session = cast("Session", context.obj)
    if on_terminal and session.out.is_terminal and not is_given(context, "common_output"):
        session.output = on_terminal
    if session.query is not None and not is_given(context, "common_output"):
        session.output = DOCUMENTS[0]
    settle_layout(context, columns)
    if is_given(context, "watch_interval") and not session.watches:
        raise UsageError("--interval goes with --watch only")
    require_document(session)


def output_option(formats: Sequence[str], on_terminal: str | None = None) -> TyperOption:
    """Return `-o/--output`, which takes one of `formats`, the first when it is not given.

    Where `text` stands for people and there is no table, `table` is another word for it.
    """
    into_session = remember("output")
    default = f"{formats[0]}; on a terminal, {on_terminal}" if on_terminal else formats[0]
    words = [*formats] if "table" in formats else [*formats, "table"]

    def callback(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        return into_session(context, parameter, value if value in formats else formats[0])

    return TyperOption(
        param_decls=["common_output", "--output", "-o"],
        expose_value=False,
        callback=callback,
        type=click.TyperChoice(words),
        metavar=f"[{'|'.join(words)}]",
        help=f"Form of the answer.  [default: {default}]",
        default=formats[0],
        show_default=False,
    )


def all_formats(formats: Sequence[str], columns: Sequence[Column]) -> tuple[str, ...]:
    """Return the forms that a command takes: what has a table has its rows and names, too."""
    more = (TABULAR[1], NAMES) if columns and TABULAR[0] in formats else ()
    return tuple(dict.fromkeys((*formats, *more)))


def query_option() -> TyperOption:
    """Return `--query`, which chooses a part of the document."""

    def callback(context: click.Context, _parameter: click.Parameter, value: Any) -> Any:
        if value is not None and not context.resilient_parsing:
            from oscarcli.output.query import Query

            cast("Session", context.obj).query = Query(value)
        return value

    return TyperOption(
        param_decls=["common_query", "--query"],
        expose_value=False,
        callback=callback,
        metavar="EXPR",
        help="Only what this JMESPath expression chooses from the JSON, which it asks for by itself.",
    )


def require_document(session: Session) -> None:
    """Raise UsageError when `--query` is to choose from what is no document."""
    if session.query is not None and session.output not in DOCUMENTS:
        raise UsageError(f"--query goes with -o {' and '.join(DOCUMENTS)} only, not with {session.output}")


# -- looking again and again ---------------------------------------------------------------------------


def watch_options(kind: Watch | None) -> list[click.Parameter]:
    """Return `--watch` and `--interval`; none for a command that does not go on."""
    if kind is None:
        return []
    in_pipe = "what has changed" if kind == "changes" else "the whole when it has changed"
    watch = TyperOption(
        param_decls=["watch_on", "--watch", "-w"],
        expose_value=False,
        callback=remember("watches"),
        help=f"Go on until Ctrl-C: in place on a terminal; in a pipe, {in_pipe}.",
        is_flag=True,
        default=False,
        show_default=False,
    )
    interval = TyperOption(
        param_decls=["watch_interval", "--interval"],
        expose_value=False,
        callback=_interval,
        type=click.FLOAT,
        metavar="SECONDS",
        help=f"Time between two looks of --watch.  [default: {DEFAULT_INTERVAL_SECONDS:g}]",
    )
    return [watch, interval]


def _interval(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    if value is not None and not MIN_INTERVAL_SECONDS <= value <= MAX_INTERVAL_SECONDS:
        text = f"{value:g} is not from {MIN_INTERVAL_SECONDS:g} to {MAX_INTERVAL_SECONDS:g} seconds"
        raise click.BadParameter(text, ctx=context, param=parameter)
    return remember("interval")(context, parameter, value)
