"""`service delete-file`: objects less in the storage of a service."""

from __future__ import annotations

from typing import Annotated

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, YesOption, noun
from oscarcli.cli.kit.session import Session
from oscarcli.cli.service.stored_files import KeyOption, ProviderOption, hinting_at_listing, service_storage

app = noun("Files of a service.")


@app.command("delete-file, df, del-fil, remove-file, rmf", formats=TABLE_FORMATS)
def delete_file(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SERVICE_NAME STORAGE_PROVIDER REMOTE_FILE",
            help="REMOTE_FILE is BUCKET/KEY, or a pattern, as 'BUCKET/out/*.txt'.",
        ),
    ] = None,
    provider: ProviderOption = None,
    key: KeyOption = False,
    yes: YesOption = False,
) -> None:
    """Delete a file from the storage of a service, or all that a pattern matches."""
    from oscarcli.cli.kit.delete_objects import delete_objects
    from oscarcli.cli.service.file_arguments import parse_delete
    from oscarcli.storage.location import parse_location, require_object
    from oscarcli.storage.patterns import has_magic

    session: Session = ctx.obj
    wanted = parse_delete(words or [], provider=provider)
    location = parse_location(wanted.remote)
    location = require_object(location, is_key=key or has_magic(location.key))
    storage = service_storage(session, wanted.service).storage(wanted.provider)
    with hinting_at_listing(wanted.service, storage.provider, location):
        delete_objects(
            session,
            storage,
            location,
            lambda place: f"{storage.provider}:{place}",
            is_key=key,
            yes=yes,
        )
