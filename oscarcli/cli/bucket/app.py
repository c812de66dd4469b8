"""`bucket`: the buckets of a cluster's object store, and what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from oscarcli.cli.bucket import files, share, uploads
from oscarcli.cli.kit.command import TABLE_FORMATS, YesOption, noun
from oscarcli.cli.kit.session import Session
from oscarcli.errors import OscarError, UsageError
from oscarcli.output.render import Column, Result

app = noun("Buckets and what is in them.")

BucketArgument = Annotated[str, typer.Argument(metavar="BUCKET_NAME", help="The bucket's name.")]


def _name(bucket: dict[str, Any]) -> str:
    from oscarcli.api.buckets import bucket_name

    return bucket_name(bucket)


def _object_name(found: dict[str, Any]) -> str:
    from oscarcli.api.buckets import object_name

    return object_name(found)


def _object_size(found: dict[str, Any]) -> int:
    from oscarcli.api.buckets import object_size

    return object_size(found)


LIST_COLUMNS = (
    Column("NAME", _name),
    Column("VISIBILITY", "visibility"),
    Column("ALLOWED USERS", "allowed_users"),
    Column("OWNER", "owner", is_name=True),
)
OBJECT_COLUMNS = (
    Column("NAME", _object_name),
    Column("SIZE (B)", _object_size),
    Column("LAST MODIFIED", "last_modified", is_time=True),
)
FOLDER_COLUMNS = (
    Column("NAME", "name"),
    Column("OBJECTS", "objects_count"),
    Column("SIZE (B)", "size_bytes"),
    Column("LAST MODIFIED", "last_modified", is_time=True),
)


@app.command("list, ls", formats=TABLE_FORMATS, columns=LIST_COLUMNS, watch="whole")
def list_buckets(ctx: typer.Context) -> None:
    """List the buckets."""
    from oscarcli.api import buckets

    session: Session = ctx.obj
    found = sorted(
        buckets.list_buckets(session.api), key=lambda bucket: (_name(bucket).lower(), _name(bucket))
    )
    session.show(Result(found, LIST_COLUMNS, empty="There is no bucket"))


@app.command("get, g", formats=TABLE_FORMATS, columns=(*OBJECT_COLUMNS, FOLDER_COLUMNS[1]), watch="whole")
def get(
    ctx: typer.Context,
    bucket: BucketArgument,
    prefix: Annotated[
        str, typer.Option("--prefix", metavar="TEXT", help="Only objects whose names begin so, of all pages.")
    ] = "",
    page: Annotated[
        str | None, typer.Option("--page", metavar="TOKEN", help="Go on where an earlier listing ended.")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=0, help="At most N objects; 0 is no limit.")
    ] = 0,
    everything: Annotated[bool, typer.Option("--all", help="All objects, page after page.")] = False,
    folders: Annotated[
        bool, typer.Option("--folders", help="One level of folders, with what they hold altogether.")
    ] = False,
) -> None:
    """List the objects of a bucket; without options the server's first page of them."""
    from oscarcli.api.buckets import ObjectSelection, get_bucket

    session: Session = ctx.obj
    if folders and (page or limit):
        raise UsageError("--folders adds up whole folders; it does not go with --page or --limit")
    selection = ObjectSelection(prefix, page or None, limit or None, everything or folders)
    document = get_bucket(session.api, bucket, selection)
    if folders:
        _show_folders(session, document, prefix)
        return
    empty = f'Bucket "{bucket}" has no objects{" with that prefix" if prefix else ""}'
    session.show(Result(document, OBJECT_COLUMNS, rows=document["objects"], empty=empty))
    _say_there_is_more(session, document)


def _say_there_is_more(session: Session, document: dict[str, Any]) -> None:
    if not document["is_truncated"]:
        return
    token = document.get("next_page")
    how = f'Continue listing with --page "{token}" or fetch' if token else "Raise --limit, or fetch"
    session.note(f"More objects are available. {how} everything with --all.")


def _show_folders(session: Session, document: dict[str, Any], prefix: str) -> None:
    folders, objects = one_level(document["objects"], prefix)
    view = {**document, "prefix": prefix, "folders": folders, "objects": objects}
    rows = folders + [
        {
            "name": _object_name(found),
            "size_bytes": _object_size(found),
            "last_modified": found.get("last_modified"),
        }
        for found in objects
    ]
    session.show(Result(view, FOLDER_COLUMNS, rows=rows, empty="There are no objects"))


def one_level(
    objects: Sequence[dict[str, Any]], prefix: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the folders right below a prefix, and the objects that lie in none of them.

    A folder's marker, an object whose name is `folder/`, makes the folder show but is not counted.

    Args:
        objects: everything below the prefix.
        prefix: plain text; a folder's has a slash at its end.
    """
    folders: dict[str, dict[str, Any]] = {}
    alone = []
    for found in objects:
        name = _object_name(found)
        below, slash, rest = name[len(prefix) :].partition("/")
        if not slash:
            # The marker of the folder that is looked at is not in it.
            alone += [found] if below else []
            continue
        folder = folders.setdefault(
            prefix + below + slash, {"name": prefix + below + slash, "objects_count": 0, "size_bytes": 0}
        )
        if rest:
            folder["objects_count"] += 1
            folder["size_bytes"] += _object_size(found)
            folder["last_modified"] = _later(folder.get("last_modified"), found.get("last_modified"))
    return list(folders.values()), alone


def _later(one: Any, other: Any) -> Any:
    """Return the later of a server's times, which it writes in one form, in UTC: they sort as text."""
    return max((moment for moment in (one, other) if isinstance(moment, str)), default=None)


@app.command("delete, d, del, remove, rm", formats=TABLE_FORMATS)
def delete(ctx: typer.Context, bucket: BucketArgument, yes: YesOption = False) -> None:
    """Delete a bucket with all objects in it."""
    from oscarcli.api.buckets import delete_bucket

    session: Session = ctx.obj
    if not yes and session.can_ask and not session.confirm(f'Delete bucket "{bucket}" with all its objects?'):
        raise OscarError("nothing was deleted")
    delete_bucket(session.api, bucket)
    session.done(f'Bucket "{bucket}" deleted', {"deleted": [bucket]})


app.include(share.app)
app.include(files.app)
app.include(uploads.app)
