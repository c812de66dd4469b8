"""`help`: the pages of the manual, which are also read on the web."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

from oscarcli.cli.commands import COMMANDS, PROGRAM, root_help
from oscarcli.cli.kit.command import noun
from oscarcli.cli.kit.session import Session
from oscarcli.errors import UsageError
from oscarcli.output.manual import show_page

PAGES = Path(__file__).parents[1] / "docs"
# Marks in the pages that are for the tests: which examples they run, and what is written by a program.
MARKS = re.compile(r"^<!--.*-->\n", re.MULTILINE)
app = noun("The pages of the manual.")


def topics() -> dict[str, str]:
    """Return the name and the title of each page."""
    return {path.stem: _title(path) for path in sorted(PAGES.glob("*.md"))}


def _title(path: Path) -> str:
    with path.open(encoding="utf-8") as page:
        return page.readline().removeprefix("# ").strip()


@app.command("help")
def show_help(
    ctx: typer.Context,
    topic: Annotated[str | None, typer.Argument(metavar="TOPIC", help="A page, or a command.")] = None,
) -> None:
    """Show a page of the manual; without a topic, what there is."""
    session: Session = ctx.obj
    pages = topics()
    if topic is None:
        session.answer(root_help() + _list_of(pages))
    elif topic in pages:
        text = MARKS.sub("", (PAGES / f"{topic}.md").read_text(encoding="utf-8"))
        show_page(text, session.out, session.environ)
    else:
        words = [*pages, *(entry.name for entry in COMMANDS)]
        close = get_close_matches(topic, words)
        suggestion = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
        raise UsageError(
            f'"{topic}" is neither a page of the manual nor a command',
            hint=f"{suggestion}'{PROGRAM} help' lists both",
        )


def _list_of(pages: dict[str, str]) -> str:
    width = max(map(len, pages))
    rows = [f"  {name:<{width}}  {title}" for name, title in pages.items()]
    return "\n".join(["", f"Pages of the manual ('{PROGRAM} help TOPIC'):", *rows, ""])
