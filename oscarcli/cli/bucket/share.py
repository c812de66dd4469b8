"""`bucket create`, `update` and `presign`: who may use a bucket, and one object of it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.session import Session
from oscarcli.coercion import as_mapping
from oscarcli.errors import OscarError, RefusedError, UsageError
from oscarcli.output.render import Column, Result

app = noun("Who may use a bucket.")

# What `--operation` may be called: the server's words, and the methods that its URLs are for.
OPERATIONS = {"download": "download", "get": "download", "upload": "upload", "put": "upload"}
PRESIGN_COLUMNS = (
    Column("METHOD", "method"),
    Column("EXPIRES", "expires_at", is_time=True),
    Column("URL", "url"),
)

BucketArgument = Annotated[str, typer.Argument(metavar="BUCKET_NAME", help="The bucket's name.")]
VisibilityOption = Annotated[
    str | None,
    typer.Option(
        "--visibility",
        metavar="[private|restricted|public]",
        help="Who may use it; restricted to --allowed-users.",
    ),
]
AllowedUsersOption = Annotated[
    str | None,
    typer.Option("--allowed-users", metavar="ID,...", help="Users who may use a restricted bucket."),
]


@app.command("create", formats=TABLE_FORMATS)
def create(
    ctx: typer.Context,
    bucket: BucketArgument,
    visibility: VisibilityOption = None,
    allowed_users: AllowedUsersOption = None,
) -> None:
    """Create a bucket; it is private when nothing else is said."""
    from oscarcli.api.buckets import create_bucket

    session: Session = ctx.obj
    wanted, users = _visibility(visibility), _users(allowed_users)
    if users and wanted != "restricted":
        raise UsageError("--allowed-users goes with --visibility restricted only")
    create_bucket(session.api, bucket, visibility=wanted, allowed_users=users)
    document = {"bucket": bucket, "visibility": wanted or "private", "allowed_users": users or []}
    session.done(f'Bucket "{bucket}" created', document)
    if wanted not in (None, "private"):
        _warn_of_ignored(session, bucket, str(wanted))


def _visibility(word: str | None) -> str | None:
    from oscarcli.api.buckets import VISIBILITIES

    if word is None:
        return None
    wanted = word.strip().lower()
    # The server takes any word, and then half of it treats the bucket as public.
    if wanted not in VISIBILITIES:
        raise UsageError(f'--visibility takes {", ".join(VISIBILITIES)}, not "{word}"')
    return wanted


def _users(text: str | None) -> list[str] | None:
    return None if text is None else [user.strip() for user in text.split(",") if user.strip()]


def _warn_of_ignored(session: Session, bucket: str, wanted: str) -> None:
    """Say so when the bucket is not what was asked for: buckets of the cluster's own account are not."""
    from oscarcli.api.buckets import find_bucket

    try:
        shown = find_bucket(session.api, bucket.partition("/")[0]).get("visibility")
    except OscarError as error:
        session.verbose_note(f"could not look at the new bucket: {error.message}")
        return
    if shown != wanted:
        session.warn(f'the server shows the visibility "{shown or "private"}" for bucket "{bucket}"')


@app.command("update", formats=TABLE_FORMATS)
def update(
    ctx: typer.Context,
    bucket: BucketArgument,
    visibility: VisibilityOption = None,
    allowed_users: AllowedUsersOption = None,
) -> None:
    """Change who may use a bucket; users that are not given stay as they are."""
    from oscarcli.api.buckets import find_bucket, update_bucket

    session: Session = ctx.obj
    word, given = _visibility(visibility), _users(allowed_users)
    if word is None and given is None:
        raise UsageError("say what to change: --visibility WHO or --allowed-users ID,...")
    if given is not None and word not in (None, "restricted"):
        raise UsageError("--allowed-users goes with --visibility restricted only")
    current = find_bucket(session.api, bucket)
    wanted = word or _shown_visibility(current)
    if given is not None and wanted != "restricted":
        raise UsageError(
            f'bucket "{bucket}" is {wanted}, which needs no --allowed-users',
            hint="add --visibility restricted",
        )
    users = given if given is not None else list(current.get("allowed_users") or [])
    stored = update_bucket(session.api, bucket, visibility=wanted, allowed_users=users)
    if not _is_as_wanted(stored, wanted, users):
        raise RefusedError(
            f'bucket "{bucket}" is still {_described(stored)}: the server changed nothing',
            hint="only its owner can change it; one of the cluster's own account stays private",
        )
    document = {"bucket": bucket, "visibility": wanted, "allowed_users": users}
    session.done(f'Bucket "{bucket}" updated', document)


def _shown_visibility(bucket: dict[str, Any]) -> str:
    # Administrators see nothing for a private one.
    return str(bucket.get("visibility") or "private")


def _is_as_wanted(bucket: dict[str, Any], visibility: str, users: list[str]) -> bool:
    if _shown_visibility(bucket) != visibility:
        return False
    owner = {bucket.get("owner")}
    return visibility != "restricted" or set(bucket.get("allowed_users") or []) - owner == set(users) - owner


def _described(bucket: dict[str, Any]) -> str:
    users = ", ".join(map(str, bucket.get("allowed_users") or []))
    return f"{_shown_visibility(bucket)}{f' (to {users})' if users else ''}"


@app.command("presign", formats=("text", "json", "yaml", "table"), columns=PRESIGN_COLUMNS)
def presign(
    ctx: typer.Context,
    bucket: BucketArgument,
    file: Annotated[str, typer.Argument(metavar="FILE_NAME", help="The object's name in the bucket.")],
    operation: Annotated[
        str,
        typer.Option(
            "--operation", "-X", metavar="[download|upload]", help="What the URL is for; also GET or PUT."
        ),
    ] = "download",
    expires: Annotated[
        int, typer.Option("--expires", metavar="SECONDS", min=0, help="How long the URL is good; 0 is 900.")
    ] = 0,
    content_type: Annotated[
        str | None, typer.Option("--content-type", metavar="TYPE", help="The object's media type.")
    ] = None,
    extra_headers: Annotated[
        list[str] | None,
        typer.Option("--extra-headers", metavar="K=V,...", help="Headers that the URL's user has to send."),
    ] = None,
) -> None:
    """Print a URL that whoever has it can use to download, or upload, one object for a while."""
    from oscarcli.api import buckets

    session: Session = ctx.obj
    request = _presign_request(file, operation, expires, content_type, extra_headers or [])
    document = buckets.presign(session.api, bucket, request)
    url = document.get("url")
    if not isinstance(url, str) or not url:
        raise OscarError(f'the server answered without a URL for "{file}" in bucket "{bucket}"')
    if session.output == "text":
        session.line(url)
        _tell_headers(session, document)
    else:
        session.show(
            Result(document, PRESIGN_COLUMNS, rows=[document], name=PRESIGN_COLUMNS[-1], is_record=True)
        )


def _presign_request(
    file: str, operation: str, expires: int, content_type: str | None, extra_headers: list[str]
) -> dict[str, Any]:
    from oscarcli.api.buckets import MAX_EXPIRY_SECONDS

    wanted = OPERATIONS.get(operation.strip().lower())
    if wanted is None:
        raise UsageError(f'--operation takes download (or GET) and upload (or PUT), not "{operation}"')
    if not file.strip(" /"):
        raise UsageError("the FILE_NAME is empty")
    if expires > MAX_EXPIRY_SECONDS:
        raise UsageError(f"--expires is at most {MAX_EXPIRY_SECONDS} seconds, a week")
    given = {"expires_in": expires, "content_type": content_type, "extra_headers": _pairs(extra_headers)}
    return {"object_key": file, "operation": wanted, **{key: value for key, value in given.items() if value}}


def _pairs(words: list[str]) -> dict[str, str]:
    """Return `K=V,K=V` as a mapping. Raises UsageError for what is not `K=V`."""
    found: dict[str, str] = {}
    for pair in ",".join(words).split(",") if words else []:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise UsageError(f'--extra-headers: "{pair}" has not the form NAME=VALUE')
        found[key.strip()] = value.strip()
    return found


def _tell_headers(session: Session, document: dict[str, Any]) -> None:
    """Say what has to be sent with the URL: without, the object store refuses it."""
    for key, value in as_mapping(document.get("headers")).items():
        text = ", ".join(map(str, value)) if isinstance(value, list) else value
        session.note(f"send with it the header {key}: {text}")
