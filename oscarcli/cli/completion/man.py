"""`completion man`: the help of all commands, and the pages of the manual, as `man` shows them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from oscarcli import __version__
from oscarcli.cli.commands import COMMON_OPTIONS, PROGRAM, TAGLINE, VERSION_OPTION
from oscarcli.cli.completion.verbs import Verb, verbs
from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.command_help import option_sections
from oscarcli.cli.kit.pages import page, topics
from oscarcli.cli.kit.session import Session
from oscarcli.errors import OscarError
from oscarcli.files import write_atomic
from oscarcli.output import roff
from oscarcli.output.render import Result

app = noun("Manual pages.")

DirectoryOption = Annotated[
    Path | None,
    typer.Option(
        "--dir",
        metavar="DIRECTORY",
        help="Write all pages below here, such as ~/.local/share/man, where man finds them.",
    ),
]


@app.command("man", formats=TABLE_FORMATS)
def man(ctx: typer.Context, directory: DirectoryOption = None) -> None:
    """Print the page of this program for man, or write it and those of the manual.

    To read it at once: oscar-cli completion man | man -l -
    """
    session: Session = ctx.obj
    if directory is None:
        session.answer(program_page())
        return
    try:
        written = [_written(path, text) for path, text in _pages(directory)]
    except OSError as error:
        raise OscarError(f'cannot write the pages below "{directory}": {error.strerror}') from error
    if session.wants_table:
        for name in written:
            session.line(name)
    else:
        session.show(Result({"written": written}))


def _written(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, text.encode())
    return str(path)


def _pages(directory: Path) -> Iterator[tuple[Path, str]]:
    yield directory / "man1" / f"{PROGRAM}.1", program_page()
    for topic in topics():
        yield directory / "man7" / f"{PROGRAM}-{topic}.7", topic_page(topic)


def program_page() -> str:
    """Return the page about the program: every command with its options, then exit codes."""
    version = f"{PROGRAM} {__version__}"
    parts = [
        roff.header(PROGRAM, 1, version),
        _name(PROGRAM, TAGLINE),
        roff.heading("SYNOPSIS"),
        roff.paragraph(f"{PROGRAM} [OPTIONS] COMMAND [ARGS]..."),
        roff.heading("OPTIONS"),
        roff.paragraph("Before or after any command:"),
        roff.definitions((*COMMON_OPTIONS, VERSION_OPTION)),
        roff.heading("COMMANDS"),
        *(_command(verb) for verb in verbs()),
        roff.heading("EXIT STATUS"),
        roff.from_markdown(page("exit-codes")),
        roff.heading("SEE ALSO"),
        roff.paragraph(", ".join(f"{PROGRAM}-{topic}(7)" for topic in topics())),
    ]
    return "".join(parts)


def topic_page(topic: str) -> str:
    """Return a page of the manual."""
    name = f"{PROGRAM}-{topic}"
    text = page(topic)
    return (
        roff.header(name, 7, f"{PROGRAM} {__version__}")
        + _name(name, topics()[topic])
        + roff.from_markdown(text)
        + roff.heading("SEE ALSO")
        + roff.paragraph(f"{PROGRAM}(1)")
    )


def _name(name: str, text: str) -> str:
    return roff.heading("NAME") + roff.paragraph(f"{name} - {text}").removeprefix(".PP\n")


def _command(verb: Verb) -> str:
    """Return the part about one command."""
    names, *paragraphs = verb.names, *_help(verb.command)
    parts = [roff.heading(f"{PROGRAM} {verb.main_usage}", level=2)]
    parts += [roff.paragraph(text) for text in paragraphs]
    if len(names) > 1:
        parts.append(roff.paragraph(f"Also: {', '.join(names[1:])}."))
    context = verb.command.context_class(verb.command, info_name=names[0])
    sections = option_sections(verb.command, context)
    rows = [row for title, records in sections.items() if title != "Common options" for row in records]
    return "".join(parts) + roff.definitions(rows)


def _help(command: Any) -> list[str]:
    text = inspect.cleandoc(command.help or "")
    return [part for part in text.split("\n\n") if part.strip()]
