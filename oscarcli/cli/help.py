"""`help`: the pages of the manual, which are also read on the web."""

from __future__ import annotations

from typing import Annotated

import typer

from oscarcli.cli.commands import COMMANDS, PROGRAM, all_commands, root_help
from oscarcli.cli.kit.command import noun
from oscarcli.cli.kit.destructive import close_words
from oscarcli.cli.kit.pages import list_of_pages, page, topics
from oscarcli.cli.kit.session import Session
from oscarcli.errors import UsageError
from oscarcli.output.manual import show_page

app = noun("The pages of the manual.")


@app.command("help")
def show_help(
    ctx: typer.Context,
    topic: Annotated[str | None, typer.Argument(metavar="TOPIC", help="A page, or a command.")] = None,
) -> None:
    """Show a page of the manual; without a topic, what there is."""
    session: Session = ctx.obj
    if topic is None:
        session.answer(root_help() + all_commands() + list_of_pages(PROGRAM))
        return
    known = topics()
    if topic not in known:
        close = close_words(topic, [*known, *(entry.name for entry in COMMANDS)])
        suggestion = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
        raise UsageError(
            f'"{topic}" is neither a page of the manual nor a command',
            hint=f"{suggestion}'{PROGRAM} help' lists both",
        )
    show_page(page(topic), session.out, session.environ)
