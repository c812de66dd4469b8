"""`service get-file`: files of the storage of a service come here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.resume_options import RestartOption
from oscarcli.cli.kit.session import Session
from oscarcli.cli.kit.transfers import STANDARD_OUTPUT, NoProgressOption, get_folder, get_one
from oscarcli.cli.service.stored_files import KeyOption, ProviderOption, existing_object, service_storage
from oscarcli.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from oscarcli.cli.service.file_arguments import Get
    from oscarcli.storage.base import Storage, StoredObject
    from oscarcli.storage.transfer import Fetch

app = noun("Files of a service.")


@app.command("get-file, gf", formats=TABLE_FORMATS, optional_values={"--download-latest-into": ()})
def get_file(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SERVICE_NAME [STORAGE_PROVIDER] [REMOTE_PATH] [LOCAL_FILE]",
            help="REMOTE_PATH is BUCKET/KEY, or a folder ending in '/' for all files in it. LOCAL_FILE may "
            "be a folder, or '-' for standard output.",
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
    no_progress: NoProgressOption = False,
    restart: RestartOption = False,
) -> None:
    """Download a file from the storage of a service, and print where it is."""
    from oscarcli.cli.service.file_arguments import parse_get
    from oscarcli.storage.location import parse_location
    from oscarcli.storage.provider import default_output_path, default_output_provider

    session: Session = ctx.obj
    wanted = parse_get(words or [], provider=provider, latest=latest)
    if wanted.latest and key:
        raise UsageError("--key names one object, and --download-latest-into looks for one")
    files = service_storage(session, wanted.service, restart=restart)
    name = wanted.provider or default_output_provider(files.document)
    remote = wanted.remote or default_output_path(files.document, name)
    storage = files.storage(name)
    if not wanted.latest and not key and remote.endswith("/"):
        get_folder(session, storage, parse_location(remote), wanted.local, show_progress=not no_progress)
        return
    task = _one_file(session, storage, wanted, remote)
    get_one(session, storage, task, show_progress=not no_progress)


def _one_file(session: Session, storage: Storage, wanted: Get, remote: str) -> Fetch:
    from oscarcli.cli.kit.local_paths import latest_target, root_of, target_file
    from oscarcli.storage.location import parse_object
    from oscarcli.storage.transfer import Fetch

    if wanted.latest:
        found, ties = _latest(storage, wanted, remote)
        also = f"; of {ties} files with the same time, the last by name" if ties > 1 else ""
        session.verbose_note(f'the latest file is "{found.location}", of {_time_text(found)}{also}')
    else:
        location = parse_object(remote, is_key=True)
        found = existing_object(storage, wanted.service, location)
    if wanted.local == "-" or wanted.destination == "-":
        return Fetch(found, STANDARD_OUTPUT)
    if wanted.destination is not None:
        target = latest_target(wanted.destination, found.location.name)
        return Fetch(found, target, root_of(target, wanted.destination))
    target = target_file(wanted.local, found.location.name)
    return Fetch(found, target, root_of(target, wanted.local))


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
