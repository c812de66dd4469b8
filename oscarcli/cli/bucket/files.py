"""`bucket put-file`, `get-file` and `delete-file`: files of a bucket, without a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.resume_options import RestartOption, transfer_journals
from oscarcli.cli.kit.session import Session
from oscarcli.cli.kit.transfers import (
    STANDARD_OUTPUT,
    NoProgressOption,
    get_folder,
    get_one,
    places_of,
    put_all,
)
from oscarcli.errors import NotFoundError, UsageError
from oscarcli.output.render import Result

if TYPE_CHECKING:
    from oscarcli.storage.base import Storage, StoredObject
    from oscarcli.storage.location import Location

app = noun("The files of a bucket.")

BucketArgument = Annotated[str, typer.Argument(metavar="BUCKET_NAME", help="The bucket's name.")]
RemoteArgument = Annotated[str, typer.Argument(metavar="REMOTE_FILE", help="The file's name in the bucket.")]
WHOLE_BUCKET = "/"
KeyOption = Annotated[
    bool, typer.Option("--key", help="The name is that of one object, also when it ends in '/'.")
]


@app.command("put-file, pf", formats=TABLE_FORMATS)
def put_file(
    ctx: typer.Context,
    bucket: BucketArgument,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="LOCAL_FILE... REMOTE_FILE",
            help="Local files, globs, or '-' for standard input. REMOTE_FILE is a name in the bucket, or a "
            "folder ending in '/'; of a single word the file's own name.",
        ),
    ],
    no_progress: NoProgressOption = False,
    restart: RestartOption = False,
) -> None:
    """Upload files to a bucket."""
    from oscarcli.cli.kit.local_paths import local_files, upload_targets
    from oscarcli.storage.transfer import Upload

    session: Session = ctx.obj
    local, remote = (words[:-1], words[-1]) if len(words) > 1 else (words, WHOLE_BUCKET)
    sources = local_files(local)
    targets = upload_targets(sources, _place(bucket, remote))
    tasks = [Upload(*pair) for pair in zip(sources, targets, strict=True)]
    storage = _storage(session, restart=restart)
    uploaded: list[Upload] = []
    try:
        put_all(session, storage, tasks, show_progress=not no_progress, done=uploaded.append)
    finally:
        # Also when some failed: what is there is there.
        if uploaded and not session.wants_table:
            session.show(Result({"bucket": bucket, "uploaded": places_of(storage, uploaded)}))


@app.command("get-file, gf", formats=TABLE_FORMATS)
def get_file(
    ctx: typer.Context,
    bucket: BucketArgument,
    remote: RemoteArgument,
    local: Annotated[
        str | None,
        typer.Argument(metavar="[LOCAL_FILE]", help="File or folder to write to, or '-' for stdout."),
    ] = None,
    key: KeyOption = False,
    no_progress: NoProgressOption = False,
    restart: RestartOption = False,
) -> None:
    """Download a file of a bucket, or a folder (ending in '/'), and print where it is."""
    from oscarcli.cli.kit.local_paths import root_of, target_file
    from oscarcli.storage.transfer import Fetch

    session: Session = ctx.obj
    place = _place(bucket, remote, is_key=key)
    if place.is_folder and not key:
        get_folder(session, _storage(session, restart=restart), place, local, show_progress=not no_progress)
        return
    storage = _storage(session, restart=restart)
    found = _existing(storage, place)
    if local == "-":
        task = Fetch(found, STANDARD_OUTPUT)
    else:
        target = target_file(local, found.location.name)
        task = Fetch(found, target, root_of(target, local))
    get_one(session, storage, task, show_progress=not no_progress)


@app.command("delete-file, df, remove-file, rmf", formats=TABLE_FORMATS)
def delete_file(
    ctx: typer.Context, bucket: BucketArgument, remote: RemoteArgument, key: KeyOption = False
) -> None:
    """Delete a file of a bucket."""
    from oscarcli.storage.location import require_object

    session: Session = ctx.obj
    location = require_object(_place(bucket, remote, is_key=key), is_key=key)
    storage = _storage(session)
    # A delete alone does not tell whether there was anything to delete.
    _existing(storage, location)
    storage.remove(location)
    session.done(f'Deleted "{location}"', {"deleted": [str(location)]})


def _place(bucket: str, name: str, *, is_key: bool = False) -> Location:
    """Return the place of a name in a bucket: the key to the letter, but `/` alone is the bucket itself."""
    from oscarcli.storage.location import Location, place_in

    if not bucket.strip() or "/" in bucket:
        raise UsageError(f'"{bucket}" is not the name of a bucket')
    if not name:
        raise UsageError("the name of the remote file is empty", hint="is a variable of a script unset?")
    if name == WHOLE_BUCKET and not is_key:
        return Location(bucket.strip())
    return place_in(bucket.strip(), name)


def _storage(session: Session, *, restart: bool = False) -> Storage:
    """Return the cluster's own object store, with the keys that it gives this login."""
    from oscarcli.jobs.service_storage import storage_at
    from oscarcli.storage.provider import DEFAULT_PROVIDER

    return storage_at(
        session.api,
        DEFAULT_PROVIDER,
        {},
        tls=session.cluster.tls,
        timeout=session.timeout,
        tell=session.note,
        note=session.verbose_note,
        journals=transfer_journals(session, restart=restart),
    )


def _existing(storage: Storage, location: Location) -> StoredObject:
    try:
        return storage.stat(location)
    except NotFoundError as error:
        hint = f"'oscar-cli bucket get {location.bucket} --all' shows what is there"
        raise NotFoundError(error.message, hint=hint) from error
