"""Lists of objects in S3, page by page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from oscarcli.errors import OscarError
from oscarcli.storage.base import StoredObject
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.location import Location
from oscarcli.storage.s3.calls import S3Calls
from oscarcli.threads import begin

MAX_PAGE_KEYS = 1000
# A page that is waited for longer, in seconds, comes over a long way: there the next one comes while this one
# is used. On a short way a second thread would only be in the way of the first, and of the first rows.
MIN_FAR_SECONDS = 0.02

Page = dict[str, Any]


def listed_objects(storage: S3Calls, bucket: str, prefix: str, size: int) -> Iterator[StoredObject]:
    """Yield the objects whose keys begin with a prefix.

    Args:
        storage: where they are.
        bucket: the bucket.
        prefix: of the keys.
        size: of a page, in keys; fewer than MAX_PAGE_KEYS when no more are wanted.

    Raises:
        OscarError: as for `Storage`, and when an answer is no list.
    """
    doing = f'list "{bucket}/{prefix}" in {storage.provider}'
    ask = partial(storage.call, doing, "list_objects_v2", Bucket=bucket, Prefix=prefix, MaxKeys=size)
    seen: set[str] = set()
    cancellation = Cancellation()
    started = _waited()
    page = ask()
    is_far = size == MAX_PAGE_KEYS and _waited() - started > MIN_FAR_SECONDS
    try:
        while True:
            entries = page_entries(page, doing)
            following = _following(page, ask, seen, cancellation)
            if following is not None and is_far:
                following = begin(following)
            for entry in entries:
                yield _stored_object(bucket, entry)
            if following is None:
                break
            page = following()
    finally:
        cancellation.cancel()
    if page["IsTruncated"]:
        raise OscarError(f"{doing}: the list goes on, and the server does not say where")


def _waited() -> float:
    """Return seconds, by a clock that stands while this thread computes."""
    return time.monotonic() - time.thread_time()


def _following(
    page: Page, ask: Callable[..., Page], seen: set[str], cancellation: Cancellation
) -> Callable[[], Page] | None:
    """Return what asks for the next page; `None` at the end, and where nothing tells of a new place."""
    token = page.get("NextContinuationToken")
    if not page["IsTruncated"] or not token or token in seen:
        return None
    seen.add(token)
    return partial(ask, ContinuationToken=token, cancellation=cancellation)


def page_entries(page: Page, doing: str) -> list[dict[str, Any]]:
    """Return what a page of a list has.

    Whatever a web server or a proxy answers with 200 passes for a page without anything in it: that every
    object has a key and a size, and whether there is more, is told by a list alone.

    Args:
        page: the answer, by boto3's names.
        doing: what it is for, for messages.

    Raises:
        OscarError: it is no list.
    """
    entries: list[dict[str, Any]] = page.get("Contents", [])
    is_list = isinstance(page.get("IsTruncated"), bool)
    if not is_list or not all(entry.get("Key") and "Size" in entry for entry in entries):
        raise OscarError(f"{doing}: the answer is no list of objects")
    return entries


def _stored_object(bucket: str, entry: dict[str, Any]) -> StoredObject:
    etag = str(entry.get("ETag", "")).strip('"') or None
    location = Location(bucket, str(entry["Key"]))
    # A listing does not tell how an object is encrypted, so its ETag is not taken for a digest.
    return StoredObject(location, int(entry["Size"]), entry.get("LastModified"), etag)
