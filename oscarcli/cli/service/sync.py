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
    SyncManners,
    synchronise,
)
from oscarcli.cli.kit.transfers import NoProgressOption
from oscarcli.cli.service.stored_files import ProviderOption, service_storage

if TYPE_CHECKING:
    from oscarcli.cli.kit.sync_sides import SyncSides
    from oscarcli.jobs.service_storage import ServiceStorage

app = noun("Files of a service.")


@app.command("sync", formats=TABLE_FORMATS, columns=ACTION_COLUMNS)
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
    from oscarcli.cli.kit.sync_sides import parse_sides
    from oscarcli.storage.location import parse_location
    from oscarcli.storage.sync import SyncRequest

    session: Session = ctx.obj
    manners = SyncManners(is_dry=dry_run, asks=not yes, shows_progress=not no_progress)
    manners.check(session, deletes=delete)
    sides = parse_sides(source, target, "service")
    names = name_filter(include, exclude)
    files = service_storage(session, sides.name, restart=False)
    name, path = _remote(files, sides, provider)
    request = SyncRequest(
        sides.local,
        parse_location(path).as_folder(),
        sides.is_upload,
        names,
        checks_content=checksum,
        deletes=delete,
        follow_symlinks=follow_symlinks,
    )
    synchronise(session, files.storage(name), request, manners)


def _remote(files: ServiceStorage, sides: SyncSides, provider: str | None) -> tuple[str, str]:
    """Return the provider and the path of the remote side."""
    from oscarcli.storage.provider import DEFAULT_PROVIDER, only_folder

    if sides.path:
        return provider or DEFAULT_PROVIDER, sides.path
    return only_folder(files.document, "input" if sides.is_upload else "output", provider)
