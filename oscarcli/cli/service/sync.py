"""`service sync`: a local folder and one of a service's become alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, YesOption, noun
from oscarcli.cli.kit.file_options import ExcludeOption, FollowSymlinksOption, IncludeOption, name_filter
from oscarcli.cli.kit.session import Session
from oscarcli.cli.kit.sync import (
    ACTION_COLUMNS,
    ChecksumOption,
    DeleteOption,
    DryRunOption,
    SyncOptions,
    synchronise,
)
from oscarcli.cli.kit.transfers import NoProgressOption
from oscarcli.cli.service.stored_files import ProviderOption, service_storage

if TYPE_CHECKING:
    from oscarcli.cli.kit.sync_sides import SyncSides
    from oscarcli.jobs.service_storage import ServiceStorage

app = noun("Files of a service.")


@app.command("sync", formats=TABLE_FORMATS, columns=ACTION_COLUMNS, waits=True)
def sync(
    ctx: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A local folder, or NAME:BUCKET/FOLDER; NAME: is the service's only output.",
        ),
    ],
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help="What becomes like it: a local folder, or NAME:BUCKET/FOLDER; NAME: is the only input.",
        ),
    ],
    provider: ProviderOption = None,
    dry_run: DryRunOption = False,
    delete: DeleteOption = False,
    checksum: ChecksumOption = False,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    follow_symlinks: FollowSymlinksOption = False,
    yes: YesOption = False,
    no_progress: NoProgressOption = False,
) -> None:
    """Copy what differs from a local folder to one of a service, or the other way."""
    from oscarcli.storage.location import parse_location

    session: Session = ctx.obj
    options = SyncOptions(
        dry_run,
        delete,
        checksum,
        name_filter(include, exclude),
        follow_symlinks,
        asks=not yes,
        shows_progress=not no_progress,
    )
    sides = options.sides(session, source, target, "service")
    files = service_storage(session, sides.name, restart=False)
    name, path = _remote(files, sides, provider)
    synchronise(session, files.storage(name), options.request(sides, parse_location(path)), options)


def _remote(files: ServiceStorage, sides: SyncSides, provider: str | None) -> tuple[str, str]:
    """Return the provider and the path of the remote side."""
    from oscarcli.storage.provider import only_folder, only_provider

    field = "input" if sides.is_upload else "output"
    if sides.path:
        return provider or only_provider(files.document, field), sides.path
    return only_folder(files.document, field, provider)
