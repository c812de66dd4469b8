"""Options of commands that move several files at once, and the files that they choose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from oscarcli.storage.patterns import NameFilter

IncludeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--include", metavar="PATTERN", help="Only files that fit, as '*.jpg' or 'a/**'; repeatable."
    ),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude", metavar="PATTERN", help="No files that fit, whatever --include says; repeatable."
    ),
]
RecursiveOption = Annotated[
    bool, typer.Option("--recursive", "-r", help="Local folders with everything in them, under their names.")
]
FollowSymlinksOption = Annotated[
    bool, typer.Option("--follow-symlinks", help="Take what symbolic links in a local folder lead to.")
]


def name_filter(include: list[str] | None, exclude: list[str] | None) -> NameFilter:
    """Return which names are wanted. Raises UsageError for an empty pattern."""
    from oscarcli.errors import UsageError
    from oscarcli.storage.patterns import NameFilter

    if "" in [*(include or []), *(exclude or [])]:
        raise UsageError(
            "the pattern of --include or --exclude is empty", hint="is a variable of a script unset?"
        )
    return NameFilter(include or (), exclude or ())
