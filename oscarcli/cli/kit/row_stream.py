"""Rows of any number, written as they become known: for a person a table, for a program a list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from oscarcli.cli.kit.session import Session
from oscarcli.output.table import Column

Row = TypeVar("Row")

# Rows are aligned with those of the same thousand: a page of the server.
ROWS_AT_ONCE = 1000


def write_rows(
    session: Session,
    columns: Sequence[Column],
    rows: Iterator[Row],
    document: Callable[[Row], dict[str, Any]],
    *,
    has_header: bool = True,
) -> int:
    """Write rows in the form that was asked for, and return how many there were.

    Args:
        session: where they go.
        columns: of the table.
        rows: what to write.
        document: gives what a program reads of a row.
        has_header: whether the table has a header where no columns are chosen.
    """
    if not session.wants_table:
        return _write_documents(session, map(document, rows))
    count = 0
    table = session.table(columns, has_header=has_header)
    while page := list(islice(rows, ROWS_AT_ONCE)):
        session.answer(table.piece(page))
        count += len(page)
    return count


def _write_documents(session: Session, documents: Iterator[dict[str, Any]]) -> int:
    """Write a list in JSON or YAML, page by page."""
    from oscarcli.output.render import Format, to_json, to_yaml

    is_json = session.format is Format.JSON
    count = 0
    while page := list(islice(documents, ROWS_AT_ONCE)):
        if is_json:
            # All but the brackets of the list, so that pages can follow each other.
            text = to_json(page).strip().removeprefix("[").removesuffix("]").rstrip()
            session.answer(("," if count else "[") + text)
        else:
            session.answer(to_yaml(page))
        count += len(page)
    if is_json:
        session.answer("\n]\n" if count else "[]\n")
    elif not count:
        session.answer("[]\n")
    return count
