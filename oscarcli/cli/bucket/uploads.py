"""`bucket uploads`: what was begun to be uploaded and is neither an object nor gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oscarcli.cli.bucket.object_store import object_store
from oscarcli.cli.kit.command import TABLE_FORMATS, YesOption, noun
from oscarcli.cli.kit.session import Session
from oscarcli.errors import OscarError, UsageError
from oscarcli.output.render import Column, Result

if TYPE_CHECKING:
    from oscarcli.storage.s3.unfinished import UnfinishedUpload, UnfinishedUploads

app = noun("Unfinished uploads.")

UPLOAD_COLUMNS = (
    Column("NAME", "name"),
    Column("SENT (B)", "sent_bytes", is_number=True),
    Column("SIZE (B)", "size_bytes", is_number=True),
    Column("BEGUN", "started", is_time=True),
    Column("ACTIVE", "is_active"),
    Column("LOCAL FILE", "local_file"),
    Column("UPLOAD ID", "upload_id", is_name=True),
)


@app.command("uploads", formats=TABLE_FORMATS, columns=UPLOAD_COLUMNS, watch="whole")
def uploads(
    ctx: typer.Context,
    bucket: Annotated[
        str | None, typer.Argument(metavar="[BUCKET_NAME]", help="The bucket's name; all buckets without.")
    ] = None,
    remote: Annotated[
        str, typer.Argument(metavar="[REMOTE_FILE]", help="The whole name of one file in the bucket.")
    ] = "",
    clear: Annotated[bool, typer.Option("--clear", help="Abort them: what has arrived is dropped.")] = False,
    yes: YesOption = False,
) -> None:
    """List the uploads that were interrupted, also those of other programs, or clear them away.

    They take up room, and `put-file` goes on with those that it began on this machine. MinIO does not list
    what was begun before its last start by another machine; with REMOTE_FILE it does.
    """
    session: Session = ctx.obj
    if clear and (session.watches or session.output == "csv"):
        raise UsageError("--clear does not go with --watch or -o csv")
    unfinished = _unfinished(session)
    found = list(_found(session, unfinished, bucket, remote))
    if clear:
        _clear(session, unfinished, found, yes=yes)
        return
    rows = [_row(upload) for upload in found]
    session.show(Result(rows, UPLOAD_COLUMNS, empty="There is no unfinished upload"))


def _unfinished(session: Session) -> UnfinishedUploads:
    from oscarcli.storage.s3.storage import S3Storage
    from oscarcli.storage.s3.unfinished import UnfinishedUploads

    storage = object_store(session)
    assert isinstance(storage, S3Storage)
    return UnfinishedUploads(storage)


def _found(
    session: Session, unfinished: UnfinishedUploads, bucket: str | None, remote: str
) -> Iterator[UnfinishedUpload]:
    if bucket is not None:
        yield from unfinished.of(bucket, remote)
        return
    for name in _bucket_names(session, unfinished):
        try:
            yield from unfinished.of(name)
        except OscarError as error:
            session.warn(error.message)


def _bucket_names(session: Session, unfinished: UnfinishedUploads) -> Sequence[str]:
    from oscarcli.api.buckets import bucket_name, list_buckets

    shown = {bucket_name(bucket) for bucket in list_buckets(session.api)}
    return sorted(shown | {record.bucket for record, _ in unfinished.remembered()})


def _row(upload: UnfinishedUpload) -> dict[str, Any]:
    record = upload.record
    return {
        "name": _name(upload),
        "bucket": upload.bucket,
        "key": upload.key,
        "upload_id": upload.upload_id,
        "started": upload.started.isoformat() if upload.started else None,
        "sent_bytes": upload.sent_bytes,
        "size_bytes": record.size if record else None,
        "local_file": record.path if record else None,
        "is_active": upload.is_active,
    }


def _name(upload: UnfinishedUpload) -> str:
    return f"{upload.bucket}/{upload.key}"


def _clear(
    session: Session, unfinished: UnfinishedUploads, found: Sequence[UnfinishedUpload], *, yes: bool
) -> None:
    """Abort uploads, but not those that this machine is sending now."""
    from oscarcli.cli.kit.bulk import BulkDelete

    waiting = {_label(upload, found): upload for upload in found if not upload.is_active}
    for upload in found:
        if upload.is_active:
            session.note(f'"{_name(upload)}" is being sent now: its upload stays')
    if waiting and not yes:
        if not session.can_ask:
            raise UsageError("to clear uploads without being asked, say --yes")
        if not session.confirm(f"Abort {len(waiting)} unfinished uploads, of other programs, too?"):
            raise OscarError("nothing was cleared")

    def said(name: str, is_gone: bool) -> None:
        if is_gone:
            session.line(f'Aborted the upload of "{name}"')

    BulkDelete(session, "uploads", said).run(waiting, lambda name: unfinished.abort(waiting[name]))


def _label(upload: UnfinishedUpload, others: Sequence[UnfinishedUpload]) -> str:
    """Return an upload's name, with its id when there are several of the same object."""
    name = _name(upload)
    is_alone = sum(_name(other) == name for other in others) == 1
    return name if is_alone else f"{name} ({upload.upload_id})"
