"""`bucket put-file`, `get-file` and `delete-file`: files of a bucket, without a service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from oscarcli.cli.bucket.object_store import object_store
from oscarcli.cli.kit.command import TABLE_FORMATS, YesOption, noun
from oscarcli.cli.kit.file_options import (
    ExcludeOption,
    FollowSymlinksOption,
    IncludeOption,
    RecursiveOption,
    name_filter,
)
from oscarcli.cli.kit.resume_options import RestartOption
from oscarcli.cli.kit.session import Session
from oscarcli.cli.kit.sync import (
    ACTION_COLUMNS,
    ChecksumOption,
    DeleteOption,
    DryRunOption,
    SyncOptions,
    synchronise,
)
from oscarcli.cli.kit.transfers import NoProgressOption, get_group, get_one, places_of, put_all
from oscarcli.errors import NotFoundError, UsageError
from oscarcli.output.render import Result

if TYPE_CHECKING:
    from oscarcli.storage.location import Location
    from oscarcli.storage.transfer import Upload

app = noun("The files of a bucket.")

BucketArgument = Annotated[str, typer.Argument(metavar="BUCKET_NAME", help="The bucket's name.")]
RemoteArgument = Annotated[str, typer.Argument(metavar="REMOTE_FILE", help="The file's name in the bucket.")]
SourceArgument = Annotated[
    str,
    typer.Argument(metavar="SOURCE", help="A local folder, or BUCKET:FOLDER; BUCKET: is the whole bucket."),
]
TargetArgument = Annotated[
    str, typer.Argument(metavar="TARGET", help="What becomes like it: BUCKET:FOLDER, or a local folder.")
]
WHOLE_BUCKET = "/"
KeyOption = Annotated[
    bool, typer.Option("--key", help="The name is that of one object, whatever characters it has.")
]


@app.command("put-file, pf", formats=TABLE_FORMATS, waits=True)
def put_file(
    ctx: typer.Context,
    bucket: BucketArgument,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="LOCAL_FILE... REMOTE_FILE",
            help="Local files, 'DIR/' for what is in a folder, globs, or '-' for standard input. REMOTE_FILE "
            "is a name in the bucket, or a folder ending in '/'; of a single word the file's own name.",
        ),
    ],
    recursive: RecursiveOption = False,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    follow_symlinks: FollowSymlinksOption = False,
    no_progress: NoProgressOption = False,
    restart: RestartOption = False,
) -> None:
    """Upload files to a bucket."""
    from oscarcli.cli.kit.upload_sources import upload_batch, upload_sources

    session: Session = ctx.obj
    local, remote = (words[:-1], words[-1]) if len(words) > 1 else (words, WHOLE_BUCKET)
    names = name_filter(include, exclude)
    sources = upload_sources(local, recursive=recursive)
    batch = upload_batch(sources, _place(bucket, remote), names, follow_symlinks=follow_symlinks)
    storage = object_store(session, restart=restart)
    uploaded: list[Upload] = []
    take = None if session.wants_table else uploaded.append
    try:
        put_all(session, storage, batch, show_progress=not no_progress, done=take)
    finally:
        # Also when some failed: what is there is there.
        if uploaded:
            session.show(Result({"bucket": bucket, "uploaded": places_of(storage, uploaded)}))


@app.command("get-file, gf", formats=TABLE_FORMATS, waits=True)
def get_file(
    ctx: typer.Context,
    bucket: BucketArgument,
    remote: RemoteArgument,
    local: Annotated[
        str | None,
        typer.Argument(metavar="[LOCAL_FILE]", help="File or folder to write to, or '-' for stdout."),
    ] = None,
    key: KeyOption = False,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    no_progress: NoProgressOption = False,
    restart: RestartOption = False,
) -> None:
    """Download a file of a bucket, a folder or all that a pattern matches, and print where the files are."""
    from oscarcli.cli.kit.local_paths import fetch_to
    from oscarcli.storage.base import StoredObject
    from oscarcli.storage.selection import select

    session: Session = ctx.obj
    place = _place(bucket, remote, is_key=key)
    names = name_filter(include, exclude)
    storage = object_store(session, restart=restart)
    with _hinting_at_listing(place):
        found = select(storage, place, is_key=key)
    if not isinstance(found, StoredObject):
        get_group(session, storage, found, local, names, show_progress=not no_progress)
        return
    if include or exclude:
        raise UsageError(f'"{place}" is one object: --include and --exclude choose among several')
    get_one(session, storage, fetch_to(local, found), show_progress=not no_progress)


@app.command("delete-file, df, remove-file, rmf", formats=TABLE_FORMATS)
def delete_file(
    ctx: typer.Context,
    bucket: BucketArgument,
    remote: RemoteArgument,
    key: KeyOption = False,
    yes: YesOption = False,
) -> None:
    """Delete a file of a bucket, or all that a pattern matches."""
    from oscarcli.cli.kit.delete_objects import delete_objects
    from oscarcli.storage.location import require_object
    from oscarcli.storage.patterns import has_magic

    session: Session = ctx.obj
    location = _place(bucket, remote, is_key=key)
    location = require_object(location, is_key=key or has_magic(location.key))
    with _hinting_at_listing(location):
        delete_objects(session, object_store(session), location, str, is_key=key, yes=yes)


@app.command("sync", formats=TABLE_FORMATS, columns=ACTION_COLUMNS, waits=True)
def sync(
    ctx: typer.Context,
    source: SourceArgument,
    target: TargetArgument,
    dry_run: DryRunOption = False,
    delete: DeleteOption = False,
    checksum: ChecksumOption = False,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    follow_symlinks: FollowSymlinksOption = False,
    yes: YesOption = False,
    no_progress: NoProgressOption = False,
) -> None:
    """Copy what differs from a local folder to one of a bucket, or the other way."""
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
    sides = options.sides(session, source, target, "bucket")
    place = _place(sides.name, sides.path or WHOLE_BUCKET)
    synchronise(session, object_store(session), options.request(sides, place), options)


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


@contextmanager
def _hinting_at_listing(location: Location) -> Iterator[None]:
    """Add to a NotFoundError how to look for an object."""
    try:
        yield
    except NotFoundError as error:
        hint = f"'oscar-cli bucket get {location.bucket} --all' shows what is there"
        error.hint = error.hint or hint
        raise
