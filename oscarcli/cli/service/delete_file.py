"""`service delete-file`: an object less in the storage of a service."""

from __future__ import annotations

from typing import Annotated

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.session import Session
from oscarcli.cli.service.stored_files import KeyOption, ProviderOption, existing_object, service_storage

app = noun("Files of a service.")


@app.command("delete-file, df, del-fil, remove-file, rmf", formats=TABLE_FORMATS)
def delete_file(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SERVICE_NAME STORAGE_PROVIDER REMOTE_FILE", help="REMOTE_FILE is BUCKET/KEY."
        ),
    ] = None,
    provider: ProviderOption = None,
    key: KeyOption = False,
) -> None:
    """Delete a file from the storage of a service."""
    from oscarcli.cli.service.file_arguments import parse_delete
    from oscarcli.storage.location import parse_object

    session: Session = ctx.obj
    wanted = parse_delete(words or [], provider=provider)
    location = parse_object(wanted.remote, is_key=key)
    storage = service_storage(session, wanted.service).storage(wanted.provider)
    # A delete alone does not tell whether there was anything to delete.
    existing_object(storage, wanted.service, location)
    storage.remove(location)
    place = f"{storage.provider}:{location}"
    session.done(f'Deleted "{place}"', {"deleted": [place]})
