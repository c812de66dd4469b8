"""`service get-file`: files of the storage of a service come here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.file_options import ExcludeOption, IncludeOption, name_filter
from oscarcli.cli.kit.resume_options import RestartOption
from oscarcli.cli.kit.session import Session
from oscarcli.cli.kit.transfers import NoProgressOption, get_group, get_one
from oscarcli.cli.service.stored_files import (
    KeyOption,
    ProviderOption,
    hinting_at_listing,
    result_folder,
    service_storage,
)
from oscarcli.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from oscarcli.cli.service.file_arguments import Get
    from oscarcli.jobs.service_storage import ServiceStorage
    from oscarcli.storage.base import Storage, StoredObject
    from oscarcli.storage.transfer import Fetch

app = noun("Files of a service.")


@app.command(
    "get-file, gf", formats=TABLE_FORMATS, optional_values={"--download-latest-into": ()}, waits=True
)
def get_file(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SERVICE_NAME [STORAGE_PROVIDER] [REMOTE_PATH] [LOCAL_FILE]",
            help="REMOTE_PATH is BUCKET/KEY, a folder or a pattern, as 'BUCKET/out/*.txt'; when left out, "
            "the path of the service's only output. LOCAL_FILE may be a folder, or '-' for standard output.",
        ),
    ] = None,
    provider: ProviderOption = None,
    latest: Annotated[
        str | None,
        typer.Option(
            "--download-latest-into",
            metavar="[PATH]",
            help="Download the newest file in REMOTE_PATH, or in the path of the service's output, into "
            "the current folder, or into PATH with =PATH.",
        ),
    ] = None,
    key: KeyOption = False,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    no_progress: NoProgressOption = False,
    restart: RestartOption = False,
) -> None:
    """Download a file, a folder or all that a pattern matches, and print where the files are."""
    from oscarcli.cli.kit.local_paths import fetch_to
    from oscarcli.cli.service.file_arguments import parse_get
    from oscarcli.storage.base import StoredObject
    from oscarcli.storage.location import parse_location
    from oscarcli.storage.selection import select

    session: Session = ctx.obj
    wanted = parse_get(words or [], provider=provider, latest=latest)
    names = name_filter(include, exclude)
    if wanted.latest and (key or include or exclude):
        raise UsageError("--download-latest-into looks for one object: no --key, --include or --exclude then")
    files = service_storage(session, wanted.service, restart=restart)
    name, remote = _remote(files, wanted)
    storage = files.storage(name)
    if wanted.latest:
        get_one(
            session, storage, _latest_file(session, storage, wanted, remote), show_progress=not no_progress
        )
        return
    location = parse_location(remote)
    with hinting_at_listing(wanted.service, storage.provider, location):
        found = select(storage, location if wanted.remote else location.as_folder(), is_key=key)
    if not isinstance(found, StoredObject):
        get_group(session, storage, found, wanted.local, names, show_progress=not no_progress)
        return
    if include or exclude:
        raise UsageError(f'"{location}" is one object: --include and --exclude choose among several')
    get_one(session, storage, fetch_to(wanted.local, found), show_progress=not no_progress)


def _remote(files: ServiceStorage, wanted: Get) -> tuple[str, str]:
    """Return the provider and the path that are meant."""
    from oscarcli.storage.provider import default_output_path, default_output_provider

    if wanted.remote is None and not wanted.latest:
        return result_folder(files.document, wanted.provider)
    name = wanted.provider or default_output_provider(files.document)
    return name, wanted.remote or default_output_path(files.document, name)


def _latest_file(session: Session, storage: Storage, wanted: Get, remote: str) -> Fetch:
    from oscarcli.cli.kit.local_paths import fetch_to, latest_target, root_of
    from oscarcli.storage.transfer import Fetch

    found, ties = _latest(storage, wanted, remote)
    also = f"; of {ties} files with the same time, the last by name" if ties > 1 else ""
    session.verbose_note(f'the latest file is "{found.location}", of {_time_text(found)}{also}')
    if wanted.destination is None or wanted.destination == "-":
        return fetch_to(wanted.destination or wanted.local, found)
    target = latest_target(wanted.destination, found.location.name)
    return Fetch(found, target, root_of(target, wanted.destination))


def _latest(storage: Storage, wanted: Get, remote: str) -> tuple[StoredObject, int]:
    """Return the newest object of a folder, and how many have its time."""
    from oscarcli.storage.listing import latest_at
    from oscarcli.storage.location import parse_location

    try:
        return latest_at(storage, parse_location(remote))
    except NotFoundError as error:
        if wanted.remote is not None and wanted.destination is None and wanted.local is None:
            error.hint = f"a local folder needs an equals sign: --download-latest-into={wanted.remote}"
        raise


def _time_text(found: StoredObject) -> str:
    return found.modified.strftime("%Y-%m-%d %H:%M:%S UTC") if found.modified else "-"
