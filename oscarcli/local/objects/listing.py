"""Pages of a bucket: objects by key, folded into common prefixes where a delimiter is given."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from oscarcli.local.objects import index, piece_index
from oscarcli.local.objects.model import MultipartUpload, ObjectRecord, Page

_FIRST_SURROGATE = 0xD800
_AFTER_SURROGATES = 0xE000
_LAST_CODE_POINT = 0x10FFFF
# Identifiers are hexadecimal.
_AFTER_IDENTIFIERS = "~"


def list_objects(
    connection: sqlite3.Connection, bucket: str, *, prefix: str, delimiter: str, after: str, limit: int
) -> Page:
    """Return the next page.

    Args:
        connection: to the index.
        bucket: must exist.
        prefix: only keys that begin so.
        delimiter: keys that hold it after the prefix are folded into one entry that ends with it.
        after: only entries (keys or common prefixes) that come after this name.
        limit: most entries.
    """
    objects: list[ObjectRecord] = []
    prefixes: list[str] = []
    last = ""
    for entry in _entries(connection, bucket, prefix, delimiter, after, limit):
        if len(objects) + len(prefixes) == limit:
            return Page(tuple(objects), tuple(prefixes), truncated=limit > 0, last=last)
        if isinstance(entry, str):
            prefixes.append(entry)
            last = entry
        else:
            objects.append(entry)
            last = entry.key
    return Page(tuple(objects), tuple(prefixes), truncated=False, last=last)


def _entries(
    connection: sqlite3.Connection, bucket: str, prefix: str, delimiter: str, after: str, batch: int
) -> Iterator[ObjectRecord | str]:
    stop = successor(prefix)
    start, is_after = (after, True) if after >= prefix else (prefix, False)
    folder = common_prefix(after, prefix, delimiter)
    if folder:
        # The page before ended in this folder: all of it is behind us.
        beyond = successor(folder)
        if beyond is None:
            return
        start, is_after = beyond, False
    while True:
        found = ""
        rows = list(index.scan_objects(connection, bucket, start, stop, after=is_after, limit=batch + 1))
        for item in rows:
            if found and item.key.startswith(found):
                continue
            found = common_prefix(item.key, prefix, delimiter)
            yield found or item
        if len(rows) <= batch:
            return
        beyond = successor(found) if found else rows[-1].key
        if beyond is None:
            return
        start, is_after = beyond, not found


def list_uploads(
    connection: sqlite3.Connection,
    bucket: str,
    *,
    prefix: str,
    delimiter: str,
    after: tuple[str, str],
    limit: int,
) -> tuple[list[MultipartUpload], list[str], bool]:
    """Return (uploads, common prefixes, truncated) after `after`, a key and an upload's identifier.

    An empty identifier leaves out all uploads of that key.
    """
    key, identifier = (after[0], after[1] or _AFTER_IDENTIFIERS) if after[0] >= prefix else (prefix, "")
    uploads: list[MultipartUpload] = []
    prefixes: list[str] = []
    for upload in piece_index.scan_uploads(connection, bucket, key, successor(prefix), identifier):
        folder = common_prefix(upload.key, prefix, delimiter)
        if folder and (folder in prefixes or folder <= after[0]):
            continue
        if len(uploads) + len(prefixes) == limit:
            return uploads, prefixes, limit > 0
        if folder:
            prefixes.append(folder)
        else:
            uploads.append(upload)
    return uploads, prefixes, False


def common_prefix(key: str, prefix: str, delimiter: str) -> str:
    """Return the key up to and with the first delimiter after the prefix, "" when there is none."""
    if not delimiter or not key.startswith(prefix):
        return ""
    end = key.find(delimiter, len(prefix))
    return "" if end < 0 else key[: end + len(delimiter)]


def successor(prefix: str) -> str | None:
    """Return the first string after all that begin with `prefix`, None when there is none."""
    for position in range(len(prefix) - 1, -1, -1):
        code = ord(prefix[position]) + 1
        if code == _FIRST_SURROGATE:
            code = _AFTER_SURROGATES
        if code <= _LAST_CODE_POINT:
            return prefix[:position] + chr(code)
    return None
