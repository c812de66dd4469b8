"""Buckets: `/system/buckets` (`oscar-api` 3.8, 4.16, 4.17). Their files are reached by `oscarcli.storage`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from oscarcli.api.client import Client
from oscarcli.api.responses import ServerError, endless, json_document, unconfirmed
from oscarcli.api.shapes import BUCKET, BUCKET_PAGE, PRESIGNED
from oscarcli.errors import ForbiddenError, MissingName, NotFoundError, OscarError

Bucket = dict[str, Any]

VISIBILITIES = ("private", "restricted", "public")
# The longest time a presigned URL can be good for, a week.
MAX_EXPIRY_SECONDS = 604_800
# Creating and deleting takes policies, quotas and objects along.
WRITE_SECONDS = 120.0
# A bucket's and an object's keys, in the order of the servers that have them (`oscar-api` 10).
NAME_KEYS = ("bucket_name", "bucket_path", "Name")
OBJECT_KEYS = ("object_name", "key", "name")
SIZE_KEYS = ("size_bytes", "size")
# One of them is in every page; an empty one has no objects.
PAGE_KEYS = {*NAME_KEYS, "objects", "next_page", "is_truncated", "returned_items"}


def list_buckets(client: Client) -> list[Bucket]:
    """Return the buckets that the login may see."""
    what = "list the buckets"
    response = client.request("GET", "system", "buckets", what=what)
    # Servers before 3.6.4 give administrators the storage library's own object.
    if response.text.lstrip().startswith("{"):
        answer = json_document(response, what, {"Buckets": [BUCKET]})
        if "Buckets" not in answer:
            raise OscarError(f"cannot {what}: the answer has an unexpected shape: it has no buckets")
        return list(answer["Buckets"] or [])
    buckets: list[Bucket] = json_document(response, what, [BUCKET])
    return buckets


def bucket_name(bucket: Bucket) -> str:
    """Return a bucket's name, under whichever key the server gives it."""
    return str(next((bucket[key] for key in NAME_KEYS if bucket.get(key)), ""))


def find_bucket(client: Client, name: str) -> Bucket:
    """Return a bucket from the list. Raises NotFoundError when the login sees none of that name."""
    buckets = {bucket_name(bucket): bucket for bucket in list_buckets(client)}
    if name in buckets:
        return buckets[name]
    raise NotFoundError(
        f'there is no bucket "{name}"',
        hint="'oscar-cli bucket list' shows those there are",
        missing=MissingName("bucket", name, known=tuple(buckets)),
    )


@dataclass(frozen=True)
class ObjectSelection:
    """Which objects of a bucket are wanted.

    Attributes:
        prefix: only those whose names begin so, of all pages.
        page: where to begin: a token that an earlier answer gave.
        limit: at most so many, from as many pages as it takes.
        everything: all pages; without any of these it is the server's first page.
    """

    prefix: str = ""
    page: str | None = None
    limit: int | None = None
    everything: bool = False

    @property
    def is_one_page(self) -> bool:
        """Whether a single page is the answer."""
        return not (self.prefix or self.limit is not None or self.everything)


def get_bucket(client: Client, name: str, selection: ObjectSelection) -> Bucket:
    """Return a bucket with the objects that are wanted, in the order of their names.

    `objects` is always a list. `is_truncated` tells whether there is more; then `next_page` goes on from
    there, except when the limit ends inside of a page.

    Raises:
        NotFoundError: there is no such bucket.
    """
    first: Bucket | None = None
    objects: list[dict[str, Any]] = []
    token: str | None = None
    for answer in _pages(client, name, selection.page):
        first = first or answer
        objects += [found for found in _objects(answer) if object_name(found).startswith(selection.prefix)]
        token = _next_page(answer)
        if selection.is_one_page or (selection.limit is not None and len(objects) >= selection.limit):
            break
    kept = objects[: selection.limit] if selection.limit is not None else objects
    is_cut = len(kept) < len(objects)
    bucket = {key: value for key, value in (first or {}).items() if key not in ("objects", "next_page")}
    bucket |= {"objects": kept, "is_truncated": is_cut or token is not None, "returned_items": len(kept)}
    return bucket if is_cut or token is None else {**bucket, "next_page": token}


def _pages(client: Client, name: str, page: str | None) -> Iterator[Bucket]:
    seen: set[str] = set()
    while True:
        answer = _page(client, name, page)
        following = _next_page(answer)
        if following in seen:
            raise endless(f'list the objects of bucket "{name}"')
        yield answer
        if following is None:
            return
        seen.add(following)
        page = following


def _page(client: Client, name: str, page: str | None) -> Bucket:
    what = f'list the objects of bucket "{name}"'
    params = {"page": page} if page else None
    try:
        response = client.request("GET", "system", "buckets", name, what=what, params=params)
    except (ServerError, ForbiddenError) as error:
        if page is None:
            raise _missing_or(client, name, error) from error
        raise
    found: Bucket = json_document(response, what, BUCKET_PAGE)
    if not found.keys() & PAGE_KEYS:
        raise OscarError(f"cannot {what}: the answer has an unexpected shape: it is about no bucket")
    if found.get("is_truncated") and not found.get("next_page"):
        raise OscarError(f"cannot {what}: the answer ends in the middle: there is more, and no way to get it")
    return found


def _missing_or(client: Client, name: str, error: OscarError) -> OscarError:
    """Return what a failure means: the server has no 404 for a bucket that does not exist."""
    if isinstance(error, ForbiddenError):
        error.hint = "the server answers the same when there is no such bucket"
        return error
    try:
        find_bucket(client, name)
    except NotFoundError as missing:
        return missing
    except OscarError:
        pass
    return error


def _next_page(answer: Bucket) -> str | None:
    token = answer.get("next_page")
    return str(token) if token and answer.get("is_truncated") is not False else None


def _objects(answer: Bucket) -> list[dict[str, Any]]:
    return [found for found in answer.get("objects") or [] if isinstance(found, dict)]


def object_name(found: Mapping[str, Any]) -> str:
    """Return an object's name, under whichever key the server gives it."""
    return str(next((found[key] for key in OBJECT_KEYS if found.get(key)), ""))


def object_size(found: Mapping[str, Any]) -> int:
    """Return an object's size in bytes; 0 when the server does not tell."""
    size = next((found[key] for key in SIZE_KEYS if found.get(key) is not None), 0)
    return size if isinstance(size, int) else 0


def create_bucket(
    client: Client, name: str, *, visibility: str | None = None, allowed_users: list[str] | None = None
) -> None:
    """Create a bucket.

    Args:
        client: the cluster.
        name: `BUCKET`, or `BUCKET/FOLDER` to have a folder in it.
        visibility: one of `VISIBILITIES`; the server takes private by itself, and any word as it comes.
        allowed_users: ids of users who may use a restricted bucket.

    Raises:
        RefusedError: the name is taken, by anybody, or is no name for a bucket.
    """
    body = _body(name, visibility, allowed_users)
    what = f'create bucket "{name}"'
    response = client.request("POST", "system", "buckets", what=what, json=body, read_timeout=WRITE_SECONDS)
    error = unconfirmed(response, what)
    if error is not None and not _has_bucket(client, name):
        raise error


def update_bucket(client: Client, name: str, *, visibility: str, allowed_users: list[str]) -> Bucket:
    """Change who may use a bucket and return what the server lists afterwards.

    It answers success also where it changes nothing, for one who is not the owner for instance: compare.
    """
    body = _body(name, visibility, allowed_users if visibility == "restricted" else None)
    what = f'update bucket "{name}"'
    client.request("PUT", "system", "buckets", what=what, json=body, read_timeout=WRITE_SECONDS)
    return find_bucket(client, name)


def _body(name: str, visibility: str | None, allowed_users: list[str] | None) -> dict[str, Any]:
    given = {"visibility": visibility, "allowed_users": allowed_users}
    return {"bucket_name": name, **{key: value for key, value in given.items() if value is not None}}


def delete_bucket(client: Client, name: str) -> None:
    """Delete a bucket with all objects in it. Raises NotFoundError when there is none."""
    what = f'delete bucket "{name}"'
    response = client.request("DELETE", "system", "buckets", name, what=what, read_timeout=WRITE_SECONDS)
    error = unconfirmed(response, what)
    if error is not None and _has_bucket(client, name):
        raise error


def _has_bucket(client: Client, name: str) -> bool:
    return name.partition("/")[0] in map(bucket_name, list_buckets(client))


def presign(client: Client, bucket: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a URL that gives whoever has it one object for a while, or takes one.

    Args:
        client: the cluster.
        bucket: the bucket.
        request: `object_key`, `operation` ("upload" or "download"), and where wanted `expires_in` in
            seconds, `content_type`, `extra_headers`.

    Raises:
        NotFoundError: there is no such bucket.
    """
    what = f'presign "{request.get("object_key")}" in bucket "{bucket}"'
    response = client.request("POST", "system", "buckets", bucket, "presign", what=what, json=request)
    found: dict[str, Any] = json_document(response, what, PRESIGNED)
    return found
