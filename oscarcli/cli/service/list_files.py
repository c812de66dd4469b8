"""`service list-files`: what is in the storage of a service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.file_options import ExcludeOption, IncludeOption, name_filter
from oscarcli.cli.kit.session import Session
from oscarcli.cli.service.stored_files import ProviderOption, result_folder, service_storage
from oscarcli.output.render import Column
from oscarcli.timestamps import exact

if TYPE_CHECKING:
    from oscarcli.storage.base import Storage, StoredObject
    from oscarcli.storage.location import Location

app = noun("The files of a service.")

# Of pairs of a name and what is stored under it.
LIST_COLUMNS = (
    Column("NAME", lambda row: row[0]),
    Column("SIZE", lambda row: row[1].size, is_number=True),
    Column("LAST MODIFIED", lambda row: row[1].modified, is_time=True),
)


@app.command("list-files, list-file, lsf", formats=TABLE_FORMATS, columns=LIST_COLUMNS, watch="whole")
def list_files(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SERVICE_NAME [STORAGE_PROVIDER] [REMOTE_PATH]",
            help="REMOTE_PATH is BUCKET, BUCKET/FOLDER or a pattern, as 'BUCKET/out/*.txt'; when left out, "
            "the path of the service's only output.",
        ),
    ] = None,
    provider: ProviderOption = None,
    prefix: Annotated[
        bool, typer.Option("--prefix", help="List all that begins with REMOTE_PATH, folder or not.")
    ] = False,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
) -> None:
    """List files in the storage of a service: name, size in bytes, time of the last change."""
    from oscarcli.cli.kit.row_stream import write_rows
    from oscarcli.cli.service.file_arguments import parse_list
    from oscarcli.storage.location import parse_location

    session: Session = ctx.obj
    wanted = parse_list(words or [], provider=provider)
    names = name_filter(include, exclude)
    files = service_storage(session, wanted.service)
    if wanted.remote is None or wanted.provider is None:
        name, remote = result_folder(files.document, wanted.provider)
        session.note(f'the files of "{name}:{remote}"')
    else:
        name, remote = wanted.provider, wanted.remote
    location = parse_location(remote)
    rows = _rows(files.storage(name), location, is_prefix=prefix)
    chosen = (row for row in rows if names.takes(row[0]))
    if not write_rows(session, LIST_COLUMNS, chosen, _document, has_header=False):
        session.note(f'There are no files under "{location}"')


def _rows(storage: Storage, location: Location, *, is_prefix: bool) -> Iterator[tuple[str, StoredObject]]:
    """Yield objects and their names in the folder: of the place to the letter, else of a pattern."""
    from oscarcli.storage.listing import objects_at, relative_name
    from oscarcli.storage.patterns import has_magic

    is_empty = True
    found = storage.list(location.bucket, location.key) if is_prefix else objects_at(storage, location)
    for one in found:
        is_empty = False
        yield relative_name(one, location), one
    if is_empty and not is_prefix and has_magic(location.key):
        from oscarcli.storage.selection import matching

        group = matching(location)
        for one in group.objects(storage):
            yield group.name_of(one), one


def _document(row: tuple[str, StoredObject]) -> dict[str, Any]:
    name, found = row
    return {
        "name": name,
        "bucket": found.location.bucket,
        "key": found.location.key,
        "size": found.size,
        "last_modified": exact(found.modified) if found.modified else None,
        "etag": found.etag,
    }
