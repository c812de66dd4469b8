"""`service list-files`: what is in the storage of a service."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.session import Session
from oscarcli.cli.service.stored_files import ProviderOption, service_storage
from oscarcli.output.render import Column

if TYPE_CHECKING:
    from oscarcli.storage.base import StoredObject

app = noun("The files of a service.")

# Rows of a listing are aligned with those of the same thousand: a page of the server.
ROWS_AT_ONCE = 1000
# Of pairs of a name and what is stored under it.
LIST_COLUMNS = (
    Column("NAME", lambda row: row[0]),
    Column("SIZE", lambda row: row[1].size, is_number=True),
    Column("LAST MODIFIED", lambda row: row[1].modified, is_time=True),
)


@app.command("list-files, list-file, lsf", formats=TABLE_FORMATS, columns=LIST_COLUMNS)
def list_files(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SERVICE_NAME [STORAGE_PROVIDER] REMOTE_PATH",
            help="REMOTE_PATH is BUCKET or BUCKET/FOLDER; the provider is minio.default when left out.",
        ),
    ] = None,
    provider: ProviderOption = None,
    prefix: Annotated[
        bool, typer.Option("--prefix", help="List all that begins with REMOTE_PATH, folder or not.")
    ] = False,
) -> None:
    """List files in the storage of a service: name, size in bytes, time of the last change."""
    from oscarcli.cli.service.file_arguments import parse_list
    from oscarcli.storage.listing import objects_at, relative_name
    from oscarcli.storage.location import parse_location

    session: Session = ctx.obj
    wanted = parse_list(words or [], provider=provider)
    location = parse_location(wanted.remote)
    storage = service_storage(session, wanted.service).storage(wanted.provider)
    found = storage.list(location.bucket, location.key) if prefix else objects_at(storage, location)
    rows = ((relative_name(one, location), one) for one in found)
    write = _write_rows if session.wants_table else _write_documents
    if not write(session, rows):
        session.note(f'There are no files under "{location}"')


Row = tuple[str, "StoredObject"]


def _write_rows(session: Session, rows: Iterator[Row]) -> int:
    """Write a row for each object as pages arrive; a name never moves from the start of its line."""
    count = 0
    table = session.table(LIST_COLUMNS, has_header=False)
    while page := list(islice(rows, ROWS_AT_ONCE)):
        session.answer(table.piece(page))
        count += len(page)
    return count


def _write_documents(session: Session, rows: Iterator[Row]) -> int:
    """Write a list in JSON or YAML, page by page."""
    from oscarcli.output.render import Format, to_json, to_yaml

    is_json = session.format is Format.JSON
    count = 0
    while page := list(islice(rows, ROWS_AT_ONCE)):
        documents = [_document(name, found) for name, found in page]
        if is_json:
            # All but the brackets of the list, so that pages can follow each other.
            text = to_json(documents).strip().removeprefix("[").removesuffix("]").rstrip()
            session.answer(("," if count else "[") + text)
        else:
            session.answer(to_yaml(documents))
        count += len(page)
    if is_json:
        session.answer("\n]\n" if count else "[]\n")
    elif not count:
        session.answer("[]\n")
    return count


def _document(name: str, found: StoredObject) -> dict[str, Any]:
    return {
        "name": name,
        "bucket": found.location.bucket,
        "key": found.location.key,
        "size": found.size,
        "last_modified": found.modified.isoformat().replace("+00:00", "Z") if found.modified else None,
        "etag": found.etag,
    }
