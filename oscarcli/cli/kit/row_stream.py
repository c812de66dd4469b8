"""Rows of any number, written as they become known: for a person a table, for a program a list."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from oscarcli.cli.kit.session import Session
from oscarcli.output.table import Column

Row = TypeVar("Row")

# Rows are aligned with those of the same thousand: a page of the server.
ROWS_AT_ONCE = 1000
# For each page of JSON `json` makes functions that know each other. They stay until somebody looks for such
# circles, which this program does rarely by itself.
ROWS_BETWEEN_COLLECTIONS = 50 * ROWS_AT_ONCE


def write_rows(
    session: Session,
    columns: Sequence[Column],
    rows: Iterator[Row],
    document: Callable[[Row], dict[str, Any]],
    *,
    has_header: bool = True,
    name: Column | None = None,
) -> int:
    """Write rows in the form that was asked for, and return how many there were.

    Args:
        session: where they go.
        columns: of the table.
        rows: what to write.
        document: gives what a program reads of a row.
        has_header: whether the table has a header where no columns are chosen.
        name: what is shown of a row when only names are; the first column when `None`.
    """
    from oscarcli.output.render import Format

    if session.format is Format.CSV:
        return _write_csv(session, columns, rows)
    if not session.wants_table:
        return _write_documents(session, map(document, rows))
    count = 0
    table = session.table(columns, has_header=has_header, name=name)
    while page := list(islice(rows, ROWS_AT_ONCE)):
        session.answer(table.piece(page))
        count += len(page)
    return count


def _write_csv(session: Session, columns: Sequence[Column], rows: Iterator[Row]) -> int:
    from oscarcli.output.comma_separated import to_csv
    from oscarcli.output.table import selected

    wanted = selected(columns, session.layout.columns)
    if session.layout.has_header:
        session.answer(to_csv(wanted, ()))
    count = 0
    while page := list(islice(rows, ROWS_AT_ONCE)):
        session.answer(to_csv(wanted, page, has_header=False))
        count += len(page)
    return count


def _write_documents(session: Session, documents: Iterator[dict[str, Any]]) -> int:
    """Write a list in JSON or YAML, page by page; all at once where something is chosen from it."""
    from oscarcli.output.render import Format, Result, to_json, to_yaml

    if session.query is not None:
        found = list(documents)
        session.show(Result(found))
        return len(found)
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
        if is_json and count % ROWS_BETWEEN_COLLECTIONS == 0:
            gc.collect(0)
    if is_json:
        session.answer("\n]\n" if count else "[]\n")
    elif not count:
        session.answer("[]\n")
    return count
